// Who the client says it is, and with which token (protocol section 3).

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeServer, FakeSocket, comeBack, makeClient, online, settled } from "./fake-socket.js";

/** @typedef {import("../../jsongle_server/static/jsongle-client.js").JSONgleError} JSONgleError */

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

const expiring = (/** @type {FakeServer} */ server) =>
    server.say({ action: "session-event", namespace: "session", event: "token-expiring", description: {} });

test("the hello has uid, name, whatever else there is, and the token", async () => {
    const { server } = await online({ dn: "Alice", info: { mood: "fine", uid: "mallory" }, token: "secret" });
    assert.deepEqual(server.hellos, [{ mood: "fine", uid: "alice", dn: "Alice", token: "secret", resume: true }]);
});

test("after the hello it knows itself and its server, and is online", async () => {
    const { client, of } = await online();
    assert.deepEqual([client.id, client.serverId, client.serverVersion], ["session-1", "barracuda", "1.2.3"]);
    assert.deepEqual(of("state").map(({ state }) => state), ["connecting", "online"]);
});

test("the subprotocol is offered", async () => {
    await online();
    assert.equal(FakeSocket.made[0].protocol, "jsongle");
});

test("a function is asked for a token at each hello", async () => {
    let count = 0;
    const { server } = await online({ token: async () => `token ${(count += 1)}` });
    server.cut();
    await comeBack(server, mock.timers);
    assert.deepEqual(server.hellos.map(({ token }) => token), ["token 1", "token 2"]);
});

test("a token that is about to expire is replaced, over the same connection and without opting in again", async () => {
    let count = 0;
    const { server, of } = await online({ token: () => `token ${(count += 1)}` });
    expiring(server);
    await settled();
    assert.deepEqual(server.hellos.at(-1), { uid: "alice", token: "token 2" });
    assert.equal(FakeSocket.made.length, 1);
    assert.equal(of("online").length, 1);
});

test("where no fresh token can be had, the session stays until its token expires", async () => {
    let count = 0;
    const token = () => {
        count += 1;
        if (count === 2) {
            throw new Error("offline");
        }
        return `token ${count}`;
    };
    const { client, server } = await online({ token });
    expiring(server);
    await settled();
    assert.equal(client.state, "online");
    server.hasLost = true;
    server.cut(4005, "the token has expired");
    await comeBack(server, mock.timers);
    assert.equal(server.hellos.at(-1)?.token, "token 3");
});

test("a token of one's own that has expired ends the client, with an error that says so", async () => {
    const { client, server, of } = await online({ token: "old" });
    server.cut(4005);
    assert.equal(client.state, "closed");
    const { message, closeCode } = of("state").at(-1).error;
    assert.deepEqual([message, closeCode], ["The token has expired", 4005]);
});

test("a hello that is refused ends the client, and connect() with the server's code", async () => {
    const server = new FakeServer();
    const { client } = makeClient();
    server.refuse = () => 400001;
    const connected = client.connect();
    const refused = assert.rejects(connected, { name: "JSONgleError", code: 400001, details: "no" });
    await Promise.all([refused, server.greet()]);
    assert.equal(client.state, "closed");
    assert.deepEqual(FakeSocket.made[0].closedWith, [1000]);
});

test("a refused token ends the client where there is no other", async () => {
    const server = new FakeServer();
    const { client } = makeClient({ token: "bad" });
    server.refuse = () => 401001;
    await Promise.all([assert.rejects(client.connect(), { code: 401001 }), server.greet()]);
});

test("a refused token is replaced where the function gives another", async () => {
    const server = new FakeServer();
    const tokens = ["bad", "good"];
    const { client } = makeClient({ token: () => `${tokens.shift()}` });
    server.refuse = ({ token }) => (token === "bad" ? 401001 : undefined);
    client.connect();
    await server.greet();
    assert.equal(client.state, "online");
});

test("a refused token ends the client where the function gives the same again", async () => {
    const server = new FakeServer();
    const { client } = makeClient({ token: () => "bad" });
    server.refuse = () => 401001;
    await Promise.all([assert.rejects(client.connect(), { code: 401001 }), server.greet()]);
    assert.equal(server.hellos.length, 2 - 1);
});

test("three refused tokens: what the server closes with 1008 is told as the refusal", async () => {
    const server = new FakeServer();
    let count = 0;
    const { client } = makeClient({ token: () => `bad ${(count += 1)}` });
    server.refuse = () => {
        if (count === 3) {
            queueMicrotask(() => server.cut(1008, "too many refused tokens"));
        }
        return count < 3 ? 401001 : 503001;
    };
    const connected = client.connect();
    await Promise.all([assert.rejects(connected, { code: 401001 }), server.greet()]);
});

test("a server that is full for now is tried again", async () => {
    const server = new FakeServer();
    const { client } = makeClient();
    client.connect();
    server.refuse = () => 503001;
    await server.greet();
    server.cut(1013);
    server.refuse = () => undefined;
    await comeBack(server, mock.timers);
    assert.equal(client.state, "online");
});

test("a token that cannot be had at first is asked for again", async () => {
    const server = new FakeServer();
    let count = 0;
    const token = () => (++count === 1 ? Promise.reject(new Error("offline")) : "good");
    const { client, of } = makeClient({ token });
    client.connect();
    await server.greet();
    assert.equal(of("state").at(-1).reason, "no token: offline");
    assert.deepEqual(FakeSocket.made[0].closedWith, [undefined]);
    await comeBack(server, mock.timers);
    assert.equal(client.state, "online");
});

test("a token that comes when its connection is gone is not shown to anybody", async () => {
    const server = new FakeServer();
    let give = (/** @type {string} */ _token) => {};
    const { client } = makeClient({ token: () => new Promise((resolve) => (give = resolve)) });
    client.connect();
    const socket = await server.greet();
    client.close();
    give("late");
    await settled();
    assert.deepEqual(socket.sent, []);
});

test("ICE servers come with the hello, when they change, and when they are asked for", async () => {
    const { client, server, of } = await online();
    const one = [{ urls: "stun:one" }];
    const two = [{ urls: "stun:two" }];
    const jsongle = { action: "session-event", namespace: "session", event: "ice-servers" };
    server.say({ ...jsongle, description: { iceServers: one } });
    assert.deepEqual(client.iceServers, one);
    server.handle = ({ jsongle: { query, transaction } }) =>
        server.say({ action: "iq-result", query, transaction, description: { iceServers: two, ttl: 60 } });
    assert.deepEqual(await client.refreshIceServers(), two);
    server.say({ action: "ack", status: "success", description: { iceServers: one } });
    assert.deepEqual(of("iceservers").map(({ iceServers }) => iceServers), [one, two, one]);
});

test("ICE servers of the hello are there when the client says that it is online", async () => {
    const server = new FakeServer();
    const { client, of } = makeClient();
    server.iceServers = [{ urls: "stun:one" }];
    /** @type {unknown[]} */
    const seen = [];
    client.on("state", ({ state }) => state === "online" && seen.push(client.iceServers));
    client.connect();
    await server.greet();
    assert.deepEqual(seen, [server.iceServers]);
    assert.deepEqual(of("iceservers"), [{ iceServers: server.iceServers }]);
});

test("a fresh token that is refused is replaced by another, or else the session stays as it is", async () => {
    const tokens = ["first", "bad", "good", "bad", "bad"];
    const { client, server, of } = await online({ token: () => `${tokens.shift()}` });
    server.refuse = ({ token }) => (token === "bad" ? 401001 : undefined);
    expiring(server);
    await settled();
    assert.deepEqual(server.hellos.map(({ token }) => token), ["first", "bad", "good"]);
    expiring(server);
    await settled();
    assert.deepEqual(server.hellos.map(({ token }) => token), ["first", "bad", "good", "bad"]);
    assert.equal(client.state, "online");
    assert.deepEqual(of("error").map(({ code }) => code), [401001, 401001]);
});

test("a refusal that was put right is not what a later end is told as", async () => {
    const tokens = ["first", "bad", "good"];
    const { server, of } = await online({ token: () => `${tokens.shift()}` });
    server.refuse = ({ token }) => (token === "bad" ? 401001 : undefined);
    expiring(server);
    await settled();
    server.cut(1008, "too many messages");
    const { error } = of("state").at(-1);
    assert.deepEqual([error.code, error.closeCode], [undefined, 1008]);
});

test("an ack that says nothing is good enough: the identity is the one of the greeting", async () => {
    const { client } = makeClient();
    client.connect();
    const [socket] = FakeSocket.made;
    const say = (/** @type {object} */ jsongle) => socket.say({ id: "1", from: "barracuda", to: "who-1", jsongle });
    say({ action: "iq-get", query: "session-hello", transaction: "1", description: { version: "1.0.0" } });
    await settled();
    say({ action: "ack", status: "success", transaction: "1" });
    assert.deepEqual([client.state, client.id, client.iceServers], ["online", "who-1", []]);
});
