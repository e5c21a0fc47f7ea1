// Sessions that outlive their connections (protocol section 7).

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeServer, FakeSocket, comeBack, makeClient, online, settled } from "./fake-socket.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

/** What the texts said. @param {FakeServer} server */
const contents = (server) => server.heard("session-text").map(({ jsongle }) => jsongle.description.content);

test("the first hello opts in, and a later one says what was seen last", async () => {
    const { server } = await online();
    server.say({ action: "session-event", event: "x", description: {} }, { from: "bob" });
    server.cut();
    await comeBack(server, mock.timers);
    assert.deepEqual(server.hellos.map(({ resume }) => resume), [true, { token: "t1.1", seq: 1 }]);
});

test("a fresh token is used each time", async () => {
    const { server } = await online();
    for (let times = 0; times < 3; times += 1) {
        server.cut();
        await comeBack(server, mock.timers);
    }
    assert.deepEqual(server.hellos.slice(1).map(({ resume }) => resume.token), ["t1.1", "t1.2", "t1.3"]);
});

test("the identity stays over a resume", async () => {
    const { client, server, of } = await online();
    server.cut();
    await comeBack(server, mock.timers);
    assert.equal(client.id, "session-1");
    assert.deepEqual(of("online"), [{ resumed: false }, { resumed: true }]);
});

test("frames that the server has not read are sent again, and what was sent while away follows", async () => {
    const { client, server } = await online();
    const socket = /** @type {FakeSocket} */ (server.socket);
    client.sendText("bob", "read");
    socket.read = () => {}; // what is written from now on is lost
    client.sendText("bob", "lost");
    server.cut();
    client.sendText("bob", "queued");
    await comeBack(server, mock.timers);
    assert.deepEqual(contents(server), ["read", "lost", "queued"]);
});

test("an envelope that was seen is not heard again", async () => {
    const { server, of } = await online();
    server.say({ action: "session-text", description: { content: "a" } }, { from: "bob" });
    const [seen] = server.log;
    server.say({ action: "session-text", description: { content: "b" } }, { from: "bob" });
    server.socket?.say(seen);
    assert.deepEqual(of("text").map(({ content }) => content), ["a", "b"]);
});

test("hellos with a fresh token do not count as frames", async () => {
    const { client, server } = await online({ token: () => "fresh" });
    server.say({ action: "session-event", namespace: "session", event: "token-expiring", description: {} });
    await settled();
    server.cut();
    client.sendText("bob", "one");
    await comeBack(server, mock.timers);
    assert.deepEqual(contents(server), ["one"]);
});

for (const [name, cutReads] of /** @type {[string, boolean][]} */ ([["after", true], ["before", false]])) {
    test(`a conversation that is cut ${name} the server reads, at every point, loses and doubles nothing`, async () => {
        const texts = Array.from({ length: 8 }, (_, index) => `text ${index}`);
        for (let first = 0; first < 8; first += 1) {
            for (let second = first; second < 8; second += 1) {
                mock.timers.reset();
                mock.timers.enable({ apis: ["setTimeout", "Date"] });
                const { client, server, of } = await online();
                for (const [index, text] of texts.entries()) {
                    if ((index === first || index === second) && server.socket !== undefined) {
                        if (!cutReads) {
                            server.socket.read = () => {};
                        }
                        client.sendText("bob", text);
                        server.cut();
                        server.say({ action: "session-text", description: { content: text } }, { from: "bob" });
                        if (index % 2 === 0) {
                            await comeBack(server, mock.timers);
                        }
                        continue;
                    }
                    client.sendText("bob", text);
                    server.say({ action: "session-text", description: { content: text } }, { from: "bob" });
                }
                if (server.socket === undefined) {
                    await comeBack(server, mock.timers);
                }
                await settled();
                assert.deepEqual(contents(server), texts);
                assert.deepEqual(of("text").map(({ content }) => content), texts);
                assert.equal(of("ack").length, texts.length);
                client.close();
            }
        }
    });
}

test("a session that is lost: rooms are joined again, and only then it is told", async () => {
    const { client, server, of } = await online();
    client.join("tea", { dn: "A" });
    client.joinMuc("stage");
    await settled();
    server.cut();
    server.hasLost = true;
    const before = server.frames.length;
    client.sendText("tea", "queued");
    server.handle = () => {};
    await comeBack(server, mock.timers);
    const said = server.frames.slice(before).map(({ jsongle: { action, query, description } }) => {
        return [query ?? action, description.rid];
    });
    assert.deepEqual(said, [["join", "tea"], ["muc-join", "stage"], ["session-text", undefined]]);
    assert.equal(server.frames[before].jsongle.description.dn, "A");
    assert.equal(of("online").length, 1);
    server.frames.slice(before).forEach((frame) => server.answer(frame));
    await settled();
    assert.deepEqual(of("online").at(-1), { resumed: false });
    assert.equal(client.id, "session-2");
});

test("a session that is lost: members are told of by who is gone and who is new", async () => {
    const { client, server, of } = await online();
    const members = [{ id: "b-1", uid: "bob" }, { id: "c-1", uid: "carol" }];
    server.handle = ({ jsongle: { query, transaction } }) =>
        server.say({ action: "iq-result", query, transaction, description: { rid: "tea", members } });
    await client.join("tea");
    members[0] = { id: "b-2", uid: "bob" };
    server.cut();
    server.hasLost = true;
    await comeBack(server, mock.timers);
    await settled();
    assert.deepEqual(of("left").map(({ member }) => member.id), ["b-1"]);
    assert.deepEqual(of("joined").map(({ member }) => member.id), ["b-2"]);
    assert.deepEqual([...(client.rooms.get("tea")?.members.keys() ?? [])], ["b-2", "c-1"]);
});

test("a session that is lost: a room that cannot be joined again is gone, and is told as an error", async () => {
    const { client, server, of } = await online();
    await client.join("tea");
    const description = { errorCode: 403001, errorDetails: "full" };
    server.handle = ({ jsongle: { query, transaction } }) =>
        server.say({ action: "iq-error", query, transaction, description });
    server.cut();
    server.hasLost = true;
    await comeBack(server, mock.timers);
    await settled();
    assert.deepEqual(of("error"), [{ code: 403001, details: "full", rid: "tea" }]);
    assert.equal(client.rooms.size, 0);
    assert.equal(of("online").length, 2);
});

test("a session that is lost: a room of which nothing is heard is gone until its answer comes after all", async () => {
    const { client, server, of } = await online();
    await client.join("tea");
    server.handle = (frame) => frame.jsongle.query === "ping" && server.answer(frame);
    server.cut();
    server.hasLost = true;
    await comeBack(server, mock.timers);
    mock.timers.tick(10_000);
    await settled();
    assert.deepEqual(of("error"), [{ code: undefined, details: "There was no answer in time", rid: "tea" }]);
    assert.deepEqual([client.rooms.size, of("online").length], [0, 2]);
    server.frames.filter(({ jsongle }) => jsongle.query === "join").forEach((frame) => server.answer(frame));
    assert.equal(client.rooms.size, 1);
});

test("a session that is lost: what may have been read is rejected, calls are over", async () => {
    const { client, server } = await online();
    server.handle = () => {};
    const { received } = client.sendText("bob", "hello");
    const asked = client.members("tea");
    const call = client.call("bob");
    server.cut();
    server.hasLost = true;
    call.candidate(null);
    await Promise.all([
        assert.rejects(received, { name: "JSONgleError", reason: "lost" }),
        assert.rejects(asked, { reason: "lost" }),
        comeBack(server, mock.timers),
    ]);
    assert.deepEqual([call.state, call.reason], ["ended", "lost"]);
    assert.equal(server.heard("transport-info").length, 0);
});

test("who does not resume begins anew each time, and sends what was queued", async () => {
    const { client, server, of } = await online({ resume: false });
    client.sendText("bob", "one");
    server.cut();
    client.sendText("bob", "two");
    await comeBack(server, mock.timers);
    assert.deepEqual(contents(server), ["one", "two"]);
    assert.deepEqual(server.hellos.map(({ resume }) => resume), [undefined, undefined]);
    assert.deepEqual(of("online"), [{ resumed: false }, { resumed: false }]);
});

test("away, as much is queued as may be kept: one message more fails, and nothing before it is lost", async () => {
    const { client, server } = await online({ maxUnacknowledged: 4 });
    server.cut();
    const sent = [1, 2, 3, 4].map((number) => client.sendText("bob", number));
    assert.throws(() => client.sendEvent("bob", "x"), { name: "JSONgleError", reason: "full" });
    await assert.rejects(client.sendText("bob", 5).received, { reason: "full" });
    await assert.rejects(client.leave("tea"), { reason: "full" });
    await comeBack(server, mock.timers);
    assert.deepEqual(contents(server), [1, 2, 3, 4]);
    await Promise.all(sent.map(({ received }) => received));
});

test("online, whatever the server answers frees what was sent before it", async () => {
    const { client } = await online({ maxUnacknowledged: 4 });
    for (let number = 0; number < 50; number += 1) {
        client.sendText("bob", number);
    }
    client.sendEvent("bob", "x");
    await client.ping();
    [1, 2, 3].forEach(() => client.sendEvent("bob", "x"));
});

test("online, a ping of the client's own shows what was read where nothing else is answered", async () => {
    const { client, server } = await online({ maxUnacknowledged: 8 });
    for (let number = 0; number < 100; number += 1) {
        client.sendEvent("bob", "x");
    }
    assert.equal(server.heard("session-event").length, 100);
    assert.ok(server.heard("iq-set").length <= 34, `${server.heard("iq-set").length} pings`);
});

test("online, a server that answers nothing is sent no more than may be kept", async () => {
    const { client, server } = await online({ maxUnacknowledged: 8 });
    server.handle = () => {};
    const flood = () => Array.from({ length: 100 }, () => client.sendEvent("bob", "x"));
    assert.throws(flood, { reason: "full" });
    assert.equal(server.heard("session-event").length, 7);
});

test("what is sent before there is a session goes out at its beginning", async () => {
    const server = new FakeServer();
    const { client } = makeClient();
    const joined = client.join("tea");
    client.connect();
    client.sendText("tea", "hello");
    await server.greet();
    assert.deepEqual(await joined, []);
    assert.deepEqual(server.frames.map(({ to }) => to), ["barracuda", "tea"]);
});

test("time without a connection does not count against an answer", async () => {
    const { client, server } = await online();
    server.handle = () => {};
    const answer = client.members("tea");
    mock.timers.tick(9_000);
    server.cut();
    mock.timers.tick(60_000);
    const [frame] = server.frames;
    await server.greet();
    mock.timers.tick(9_000);
    server.answer(frame);
    assert.deepEqual(await answer, []);
});
