// Connections that are made, lost, given up and made again (protocol section 1).

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeServer, FakeSocket, comeBack, makeClient, online, settled } from "./fake-socket.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

/** The pauses before further attempts, in milliseconds, while each attempt fails. */
function pausesOf(/** @type {any} */ options, /** @type {number} */ count, code = 1006) {
    const { client, of } = makeClient(options);
    client.connect();
    for (let attempt = 0; attempt < count; attempt += 1) {
        FakeSocket.made.at(-1)?.end(code);
        mock.timers.tick(60_000);
    }
    client.close();
    return of("state").map(({ retryIn }) => retryIn).filter((retryIn) => retryIn > 0);
}

test("pauses are drawn from twice as much each time, up to a limit", () => {
    const most = pausesOf({ random: () => 1 }, 8);
    assert.deepEqual(most, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    const half = pausesOf({ random: () => 0.5, backoff: { first: 100, most: 300 } }, 4);
    assert.deepEqual(half, [50, 100, 150, 150]);
});

test("a full server is given the longest pause at once", () => {
    assert.deepEqual(pausesOf({ random: () => 1 }, 2, 1013), [15_000, 15_000]);
});

test("pauses stay long as long as connections do not last", async () => {
    const { server, of } = await online();
    const retries = () => of("state").filter(({ retryIn }) => retryIn > 0).map(({ retryIn }) => retryIn);
    for (let times = 0; times < 3; times += 1) {
        server.cut();
        await comeBack(server, mock.timers);
    }
    mock.timers.tick(14_999);
    server.cut();
    await comeBack(server, mock.timers);
    mock.timers.tick(14_999);
    mock.timers.tick(1);
    server.say({ action: "session-event", event: "x", description: {} });
    server.cut();
    assert.deepEqual(retries(), [250, 500, 1000, 2000, 250]);
});

for (const code of [1001, 1002, 1006, 1011, 1012, 1013, 4001, 4003]) {
    test(`after ${code} it connects again`, async () => {
        const { client, server, of } = await online();
        server.cut(code, "why");
        assert.deepEqual([of("state").at(-1).code, of("state").at(-1).reason], [code, "why"]);
        assert.equal(client.state, "reconnecting");
        await comeBack(server, mock.timers);
        assert.equal(client.state, "online");
    });
}

for (const code of [1003, 1007, 1008, 1009, 4002, 4004]) {
    test(`after ${code} it does not connect again, and says why`, async () => {
        const { client, server, of } = await online();
        server.cut(code, "why");
        mock.timers.tick(600_000);
        assert.equal(FakeSocket.made.length, 1);
        const { state, code: told, error } = of("state").at(-1);
        assert.deepEqual([state, told, error.closeCode], ["closed", code, code]);
        assert.equal(client.state, "closed");
    });
}

test("connect() resolves however many attempts it takes, and may be called again", async () => {
    const server = new FakeServer();
    const { client } = makeClient();
    const connected = client.connect();
    assert.equal(client.connect(), connected);
    FakeSocket.made[0].end();
    await comeBack(server, mock.timers);
    await connected;
    assert.equal(FakeSocket.made.length, 2);
});

test("an address that cannot be connected to ends the client", async () => {
    class Refusing {
        constructor() {
            throw new SyntaxError("bad address");
        }
    }
    const { client } = makeClient({ WebSocket: /** @type {any} */ (Refusing) });
    await assert.rejects(client.connect(), /Cannot connect to ws:\/\/test: bad address/);
    assert.equal(client.state, "closed");
});

test("a connection on which nothing comes is closed, and another made", () => {
    const { client } = makeClient();
    client.connect();
    mock.timers.tick(10_000);
    mock.timers.tick(250);
    assert.equal(FakeSocket.made.length, 2);
    assert.deepEqual(FakeSocket.made[0].closedWith, [undefined]);
});

test("silence is answered by a ping, a ping without an answer by another connection", async () => {
    const { client, server, of } = await online();
    server.handle = () => {};
    mock.timers.tick(15_000);
    assert.deepEqual(server.heard("iq-set").map(({ jsongle }) => jsongle.query), ["ping"]);
    mock.timers.tick(10_000);
    assert.equal(client.state, "reconnecting");
    assert.equal(of("state").at(-1).reason, "the server is silent");
    mock.timers.tick(250);
    assert.equal(FakeSocket.made.length, 2);
});

test("whatever is heard puts the ping off", async () => {
    const { client, server } = await online();
    for (let times = 0; times < 10; times += 1) {
        mock.timers.tick(14_000);
        server.say({ action: "session-event", event: "x", description: {} }, { from: "bob" });
    }
    assert.equal(server.heard("iq-set").length, 0);
    mock.timers.tick(15_000); // it is answered
    mock.timers.tick(14_000);
    assert.equal(client.state, "online");
});

test("without heartbeat nobody asks", async () => {
    const { server } = await online({ heartbeat: 0 });
    mock.timers.tick(600_000);
    assert.deepEqual(server.frames, []);
});

test("a connection that is given up is not closed, since its close frame could end the session", async () => {
    const { client, server } = await online();
    server.handle = () => {};
    const dead = FakeSocket.made[0];
    mock.timers.tick(15_000); // it asks
    mock.timers.tick(10_000); // and is not answered
    await comeBack(server, mock.timers);
    assert.deepEqual(dead.closedWith, []);
    assert.equal(client.state, "online");
    dead.end(4002); // the server tells the old one that the session has moved
    const jsongle = { action: "session-event", event: "x", description: {} };
    dead.say({ id: "x", from: "barracuda", to: "x", jsongle });
    assert.equal(client.state, "online");
    client.close();
    assert.deepEqual(dead.closedWith, []);
});

test("of connections that are given up only so many are left open", async () => {
    const { client, server } = await online();
    for (let times = 0; times < 9; times += 1) {
        server.handle = () => {};
        mock.timers.tick(15_000);
        mock.timers.tick(10_000);
        await comeBack(server, mock.timers);
    }
    assert.deepEqual(FakeSocket.made.map(({ closedWith }) => closedWith.length), [1, ...Array(9).fill(0)]);
    client.close();
    assert.ok(FakeSocket.made.every(({ closedWith }) => closedWith.length === 1));
});

test("when the hello of a connection that was given up arrives late, the client takes its session back", async () => {
    const { client, server } = await online();
    server.cut();
    mock.timers.tick(15_000);
    const stray = /** @type {FakeSocket} */ (FakeSocket.made.at(-1));
    const jsongle = { action: "iq-get", query: "session-hello", transaction: "t", description: {} };
    stray.say({ id: "g", from: "barracuda", to: "x", jsongle });
    await settled();
    mock.timers.tick(10_000); // its answer is not heard
    await comeBack(server, mock.timers);
    server.cut(4002);
    assert.equal(client.state, "reconnecting");
    await comeBack(server, mock.timers);
    server.cut(4002);
    assert.equal(client.state, "closed");
});

test("close() ends all: connection, timers, whoever waits; and says nothing more", async () => {
    const { client, server, told } = await online();
    server.handle = () => {};
    const { received } = client.sendText("bob", "hello");
    const call = client.call("bob");
    const socket = FakeSocket.made[0];
    client.close();
    assert.deepEqual(socket.closedWith, [1000]);
    await assert.rejects(received, { reason: "closed" });
    assert.equal(call.reason, "lost");
    const count = told.length;
    socket.end(1000);
    mock.timers.tick(600_000);
    client.close();
    assert.equal(told.length, count);
    assert.equal(FakeSocket.made.length, 1);
    assert.throws(() => client.send("bob", { action: "session-event" }), { reason: "closed" });
    await assert.rejects(client.join("tea"), { reason: "closed" });
});

test("close() while the client waits to connect again, or before it ever did, ends it as well", async () => {
    const { client, server } = await online();
    server.cut();
    client.close();
    mock.timers.tick(600_000);
    assert.equal(FakeSocket.made.length, 1);
    const { client: other } = makeClient();
    other.close();
    await assert.rejects(other.connect(), { reason: "closed" });
    assert.equal(FakeSocket.made.length, 0);
});

test("a listener may close the client at any moment", async () => {
    for (const moment of ["connecting", "online", "reconnecting"]) {
        const server = new FakeServer();
        const { client, of } = makeClient();
        client.on("state", ({ state }) => state === moment && client.close());
        client.connect();
        if (FakeSocket.made.length > 0) {
            await server.greet();
            server.cut();
        }
        mock.timers.tick(60_000);
        assert.equal(client.state, "closed");
        assert.equal(of("state").filter(({ state }) => state === "closed").length, 1);
    }
});

test("nobody is told of rejections that nobody waits for", async () => {
    /** @type {unknown[]} */
    const complaints = [];
    const complain = (/** @type {unknown} */ error) => void complaints.push(error);
    process.on("unhandledRejection", complain);
    const { client, server } = await online();
    server.handle = () => {};
    client.sendText("bob", "hello");
    client.leave("tea");
    client.close();
    makeClient().client.close();
    mock.timers.reset();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", complain);
    assert.deepEqual(complaints, []);
});

test("what is not JSONgle is left aside", async () => {
    const { client, server, told } = await online();
    const count = told.length;
    for (const data of ["", "nonsense", "[]", "null", '{"jsongle":{}}', '{"jsongle":{"action":"x-new"}}']) {
        server.socket?.onmessage?.({ data });
    }
    assert.equal(told.length, count);
    assert.equal(client.state, "online");
});

test("a network that is back ends the pause, and puts the connection to the test", async () => {
    const window = new EventTarget();
    const names = /** @type {const} */ (["addEventListener", "removeEventListener"]);
    for (const name of names) {
        Object.defineProperty(globalThis, name, { value: window[name].bind(window), configurable: true });
    }
    const { client, server } = await online();
    window.dispatchEvent(new Event("online"));
    assert.deepEqual(server.heard("iq-set").map(({ jsongle }) => jsongle.query), ["ping"]);
    server.cut();
    window.dispatchEvent(new Event("online"));
    assert.equal(FakeSocket.made.length, 2);
    window.dispatchEvent(new Event("online"));
    assert.equal(FakeSocket.made.length, 2);
    client.close();
    window.dispatchEvent(new Event("online"));
    assert.equal(FakeSocket.made.length, 2);
    for (const name of names) {
        Reflect.deleteProperty(globalThis, name);
    }
});

test("retry() ends a pause, and nothing else: a client that is closed or never began does not connect", async () => {
    const { client: idle } = makeClient();
    idle.retry();
    assert.deepEqual([idle.state, FakeSocket.made.length], ["idle", 0]);
    const { client, server } = await online();
    server.cut();
    client.retry();
    client.retry();
    assert.equal(FakeSocket.made.length, 2);
    mock.timers.tick(9_999); // the pause that was cut short does not come on top
    assert.equal(FakeSocket.made.length, 2);
    client.close();
    client.retry();
    assert.deepEqual([client.state, FakeSocket.made.length], ["closed", 2]);
});

test("an answer that is late on a dead line is waited for: what was asked is asked again over the next", async () => {
    const { client, server } = await online();
    const socket = /** @type {FakeSocket} */ (server.socket);
    socket.read = () => {}; // the line is dead, but for what is on its way
    const { received } = client.sendText("bob", "hello");
    const asked = client.members("tea");
    server.say({ action: "session-event", event: "x", description: {} }, { from: "bob" });
    mock.timers.tick(10_000); // no answer: a ping, ahead of the heartbeat
    assert.deepEqual(socket.sent.map(({ jsongle }) => jsongle.query).slice(1), [undefined, "room-members", "ping"]);
    mock.timers.tick(10_000);
    assert.equal(client.state, "reconnecting");
    await comeBack(server, mock.timers);
    assert.deepEqual([await received, await asked], ["then", []]);
});

test("a server that goes on talking, but answers nothing, is given up like one that is silent", async () => {
    const { client, server, of } = await online();
    const socket = /** @type {FakeSocket} */ (server.socket);
    socket.read = () => {}; // nothing gets through in this direction
    const { received } = client.sendText("bob", "hello");
    for (let second = 1; second <= 19; second += 1) {
        mock.timers.tick(1_000);
        server.say({ action: "session-event", event: "x", description: {} }, { from: "bob" });
    }
    assert.equal(client.state, "online");
    mock.timers.tick(1_000);
    assert.deepEqual([client.state, of("state").at(-1).reason], ["reconnecting", "the server does not answer"]);
    await comeBack(server, mock.timers);
    assert.equal(await received, "then");
});

test("an answer that is late is given up once the server has answered what was asked later", async () => {
    const { client, server, of } = await online();
    server.handle = () => {};
    const refused = client.sendText("bob", "refused").received;
    const late = client.sendText("bob", "late").received;
    mock.timers.tick(10_000);
    const [, answered, ping] = server.frames;
    server.answer(answered); // the line was slow
    server.answer(ping);
    await assert.rejects(refused, { reason: "timeout" });
    assert.equal(await late, "then");
    assert.equal(server.frames.length, 3);
    mock.timers.tick(10_000);
    assert.deepEqual([client.state, of("state").length], ["online", 2]);
});

test("without heartbeat an answer that is late is given up at once", async () => {
    const { client, server } = await online({ heartbeat: 0 });
    server.handle = () => {};
    const { received } = client.sendText("bob", "hello");
    mock.timers.tick(10_000);
    await assert.rejects(received, { reason: "timeout" });
    assert.equal(server.frames.length, 1);
});
