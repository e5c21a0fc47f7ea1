// Rooms, texts and their marks, events, queries (protocol sections 4 and 5).

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeServer, online, settled } from "./fake-socket.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

const BOB = { id: "b", uid: "bob" };
const CAROL = { id: "c", uid: "carol" };

/** A client in a room with Bob. */
async function inTea() {
    const made = await online();
    made.server.handle = ({ jsongle: { query, transaction, description } }) =>
        made.server.say({ action: "iq-result", query, transaction, description: { ...description, members: [BOB] } });
    await made.client.join("tea");
    return made;
}

/** Refuses whatever is asked. @param {FakeServer} server @param {number} errorCode */
function refuseAll(server, errorCode) {
    server.handle = ({ jsongle: { query, transaction } }) =>
        server.say({ action: "iq-error", query, transaction, description: { errorCode, errorDetails: "no" } });
}

test("join() gives who is there, and the room is known from then on", async () => {
    const { client, of } = await inTea();
    assert.deepEqual(await client.join("tea"), [BOB]);
    assert.equal(client.rooms.get("tea")?.kind, "room");
    assert.deepEqual([...(client.rooms.get("tea")?.members.values() ?? [])], [BOB]);
    assert.deepEqual([of("joined"), of("left")], [[], []]);
});

test("joinMuc() joins a room of the other kind", async () => {
    const { client, server } = await online();
    await client.joinMuc("stage", { dn: "A" });
    assert.deepEqual(server.frames[0].jsongle.description, { rid: "stage", dn: "A" });
    assert.equal(client.rooms.get("stage")?.kind, "muc");
});

test("half a character in a text goes as U+FFFD, and a whole one as it is", async () => {
    const { client, server } = await online();
    client.sendText("\ud83d", "\udc4d cut \ud83d\udc4d, \\ud83d\n", { dn: ["\ud83d"], "\udc4d": "\\\ud83d" });
    const [{ to, jsongle: { description } }] = server.frames;
    const content = "\ufffd cut \ud83d\udc4d, \\ud83d\n";
    assert.deepEqual([to, description], ["\ufffd", { dn: ["\ufffd"], "\ufffd": "\\\ufffd", content }]);
});

test("joined and left keep the room, before they are told", async () => {
    const { client, server, of } = await inTea();
    /** @type {string[][]} */
    const seen = [];
    const look = () => seen.push([...(client.rooms.get("tea")?.members.keys() ?? [])]);
    client.on("joined", look);
    client.on("left", look);
    const say = (/** @type {string} */ event, /** @type {object} */ member) =>
        server.say({ action: "session-event", namespace: "room", event, description: { rid: "tea", member } });
    say("joined", CAROL);
    say("left", BOB);
    assert.deepEqual(seen, [["b", "c"], ["c"]]);
    assert.deepEqual(of("joined"), [{ rid: "tea", kind: "room", member: CAROL }]);
    assert.deepEqual(of("left"), [{ rid: "tea", kind: "room", member: BOB }]);
});

test("members() gives who is there, and corrects the room", async () => {
    const { client, server, of } = await inTea();
    server.handle = ({ jsongle: { query, transaction } }) =>
        server.say({ action: "iq-result", query, transaction, description: { rid: "tea", members: [CAROL] } });
    assert.deepEqual(await client.members("tea"), [CAROL]);
    assert.deepEqual([of("left").length, of("joined").length], [1, 1]);
    assert.deepEqual([...(client.rooms.get("tea")?.members.keys() ?? [])], ["c"]);
});

test("leave() forgets the room, also one that it is not in any more", async () => {
    const { client, server } = await inTea();
    await client.leave("tea");
    assert.equal(client.rooms.size, 0);
    const other = await inTea();
    refuseAll(other.server, 404002);
    await assert.rejects(other.client.leave("tea"), { code: 404002 });
    assert.equal(other.client.rooms.size, 0);
    assert.equal(server.heard("iq-set").length, 2);
});

test("a room that an administrator has emptied is forgotten, and told of", async () => {
    const { client, server, of } = await inTea();
    const description = { reason: "room-emptied", rid: "tea" };
    server.say({ action: "session-event", namespace: "session", event: "server-message", description });
    assert.equal(client.rooms.size, 0);
    assert.deepEqual(of("notice"), [{ description }]);
});

test("what is refused is rejected with the server's code", async () => {
    const { client, server } = await online();
    refuseAll(server, 403001);
    await assert.rejects(client.join("tea"), { name: "JSONgleError", code: 403001, details: "no", reason: "refused" });
    assert.equal(client.rooms.size, 0);
});

test("what is not answered is rejected in time, and a room that is joined too late is known all the same", async () => {
    const { client, server } = await online();
    server.handle = (frame) => frame.jsongle.query === "ping" && server.answer(frame);
    const joined = client.join("tea");
    mock.timers.tick(10_000);
    await assert.rejects(joined, { reason: "timeout" });
    server.answer(server.frames[0]);
    assert.deepEqual([...client.rooms.keys()], ["tea"]);
});

test("ping() gives the server's time", async () => {
    const { client } = await online();
    assert.equal(await client.ping(), "now");
});

test("a text is acked by the server, then marked by its reader", async () => {
    const { client, server, of } = await online();
    const { id, received } = client.sendText("bob", "hi", { namespace: "muc", lang: "en" });
    assert.equal(await received, "then");
    const mark = (/** @type {string} */ type) => {
        const description = { mid: id, type, acknowledged: "later" };
        server.say({ action: "session-event", event: "ack", description }, { from: "bob" });
    };
    mark("received");
    mark("read");
    const [frame] = server.frames;
    assert.deepEqual([frame.id, frame.to], [id, "bob"]);
    const description = { content: "hi", lang: "en" };
    assert.deepEqual(frame.jsongle, { action: "session-text", namespace: "muc", description });
    assert.deepEqual(of("ack"), [
        { mid: id, type: "server", at: "then", from: "barracuda" },
        { mid: id, type: "delivered", at: "later", from: "bob" },
        { mid: id, type: "read", at: "later", from: "bob" },
    ]);
});

test("nobody but the server acks for the server", async () => {
    const { client, server, of } = await online();
    server.handle = () => {};
    const { id, received } = client.sendText("bob", "hi");
    const description = { mid: id, type: "server-received", acknowledged: "now" };
    server.say({ action: "session-event", event: "ack", description }, { from: "bob" });
    server.say({ action: "iq-result", query: "x", transaction: id, description: {} }, { from: "bob" });
    const ping = client.ping();
    const { transaction } = server.frames[1].jsongle;
    server.say({ action: "iq-result", query: "ping", transaction, description: { now: "forged" } }, { from: "bob" });
    assert.deepEqual(of("ack"), []);
    client.close();
    await assert.rejects(received, { reason: "closed" });
    await assert.rejects(ping, { reason: "closed" });
});

test("a text that is refused is rejected, and told as an error", async () => {
    const { client, server, of } = await online();
    server.handle = ({ id: mid }) =>
        server.say({ action: "session-error", description: { errorCode: 404002, errorDetails: "nobody", mid } });
    const { id, received } = client.sendText("bob", "hi");
    await assert.rejects(received, { code: 404002 });
    assert.deepEqual(of("error"), [{ code: 404002, details: "nobody", mid: id }]);
});

test("a text that comes is told with all there is, and can be marked with the library's words", async () => {
    const { client, server, of } = await online();
    const jsongle = { action: "session-text", namespace: "message", description: { content: "hi" } };
    server.say(jsongle, { id: "m", from: "bob" });
    const [text] = of("text");
    assert.deepEqual([text.id, text.from, text.content, text.namespace], ["m", "bob", "hi", "message"]);
    assert.deepEqual(text.envelope, server.log[0]);
    client.acknowledge(text, "delivered");
    client.acknowledge(text, "read");
    const said = server.heard("session-event").map(({ to, jsongle: { event, description } }) => {
        return [to, event, description.mid, description.type];
    });
    assert.deepEqual(said, [["bob", "ack", "m", "received"], ["bob", "ack", "m", "read"]]);
});

test("custom messages and events go and come", async () => {
    const { client, server, of } = await online();
    await client.sendCustom("bob", { a: 1 }).received;
    client.sendEvent("bob", "typing", { state: "composing" });
    server.say({ action: "session-custom", description: { b: 2 } }, { from: "bob" });
    const description = { state: "active" };
    const jsongle = { action: "session-event", namespace: "message", event: "typing", description };
    server.say(jsongle, { from: "bob" });
    const [event] = server.heard("session-event");
    assert.deepEqual(event.jsongle, { ...jsongle, description: { state: "composing" } });
    assert.deepEqual(of("custom")[0].description, { b: 2 });
    const told = { from: "bob", namespace: "message", event: "typing", description: { state: "active" } };
    assert.deepEqual(of("event"), [told]);
});

test("others can be asked, and answer", async () => {
    const { client, server, of } = await online();
    const answer = client.request("bob", "mood", { now: true }, { action: "iq-get" });
    const [{ to, jsongle }] = server.frames;
    assert.deepEqual([to, jsongle.action, jsongle.query], ["bob", "iq-get", "mood"]);
    const { transaction } = server.frames[0].jsongle;
    server.handle = () => {};
    const again = client.request("bob", "mood");
    const second = server.frames[1].jsongle.transaction;
    const refused = { action: "iq-error", query: "mood", transaction: second, description: { errorCode: 1 } };
    server.say(refused, { from: "b" });
    await assert.rejects(again, { code: 1 });
    assert.notEqual(transaction, second);
    await answer;
    server.say({ action: "iq-get", query: "mood", transaction: "t", description: {} }, { from: "bob" });
    of("request")[0].answer({ mood: "fine" });
    of("request")[0].refuse(404001, "what?");
    const said = server.frames.slice(2).map(({ to: whom, jsongle: { action, transaction: t } }) => [whom, action, t]);
    assert.deepEqual(said, [["bob", "iq-result", "t"], ["bob", "iq-error", "t"]]);
});

test("send() writes whatever is given, with an id where there is none, and never a sender", async () => {
    const { client, server } = await online();
    const jsongle = { action: "session-event", event: "x", description: {} };
    const id = client.send("bob", jsongle, { namespace: "n", from: "mallory", to: "carol", extra: [1] });
    client.send("bob", jsongle, { id: "mine" });
    assert.deepEqual(server.frames, [
        { id, to: "bob", namespace: "n", extra: [1], jsongle },
        { id: "mine", to: "bob", jsongle },
    ]);
});

test("what cannot be written fails where it is said, and leaves nothing behind", async () => {
    const { client, server } = await online();
    /** @type {any} */
    const circle = {};
    circle.circle = circle;
    assert.throws(() => client.sendEvent("bob", "x", circle), TypeError);
    await assert.rejects(client.sendText("bob", circle).received, TypeError);
    assert.deepEqual(server.frames, []);
});

test("every message is told, and on() can be undone", async () => {
    const { client, server } = await online();
    /** @type {string[]} */
    const heard = [];
    const stop = client.on("message", ({ envelope }) => void heard.push(envelope.jsongle.action));
    client.addEventListener("message", (event) => heard.push(event.type));
    server.say({ action: "session-text", description: {} }, { from: "bob" });
    stop();
    server.say({ action: "session-text", description: {} }, { from: "bob" });
    await settled();
    assert.deepEqual(heard, ["session-text", "message", "message"]);
});
