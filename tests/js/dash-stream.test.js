// The event stream that is kept open.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { BACKOFF, LiveStream, SILENCE, STEADY, backoff } from "../../jsongle_server/static/dashboard/stream.js";
import { FakeEvents, settled } from "./dash-fakes.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

async function opened(parameters = {}, token = () => "secret") {
    const server = new FakeEvents();
    /** @type {import("../../jsongle_server/static/dashboard/stream.js").StreamState[]} */
    const states = [];
    /** @type {[string, unknown][]} */
    const events = [];
    const stream = new LiveStream({
        address: "events",
        token,
        fetch: server.fetch,
        random: () => 1,
        onEvent: (name, data) => events.push([name, data]),
        onState: (state) => states.push(state),
    });
    stream.open(parameters);
    await settled();
    return { server, stream, states, events, names: () => states.map(({ name }) => name) };
}

/** @param {number} delay in ms */
async function pass(delay) {
    mock.timers.tick(delay);
    await settled();
}

const HELLO = 'event: server\ndata: {"id": "x"}\n\n';

test("events arrive by name, as what their JSON says", async () => {
    const { server, events, names } = await opened();
    server.last.push(`${HELLO}event: level\ndata: {"level": "debug"}\n\n`);
    await settled();
    assert.deepEqual(events, [["server", { id: "x" }], ["level", { level: "debug" }]]);
    assert.deepEqual(names(), ["connecting", "live"]);
});

test("the token goes into a header and never into the address", async () => {
    const { server } = await opened({ find: "a b&c", trace: "", match: "ü" });
    assert.equal(new Headers(server.last.init.headers).get("Authorization"), "Bearer secret");
    assert.equal(server.last.address, "events?find=a+b%26c&match=%C3%BC");
});

test("a stream that is lost is opened again, after longer and longer waits up to a bound", async () => {
    const { server, states } = await opened();
    const waits = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
        server.last.cut();
        await settled();
        const wait = /** @type {number} */ (states.at(-1)?.until) - Date.now();
        waits.push(wait);
        await pass(wait);
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    assert.equal(server.requests.length, 8);
});

test("after a stream that has lasted, waits are short again; after one that has not, they are not", async () => {
    const { server, states } = await opened();
    server.last.cut();
    await settled();
    await pass(1000);
    server.last.push(HELLO);
    await settled();
    server.last.cut();
    await settled();
    assert.equal(/** @type {number} */ (states.at(-1)?.until) - Date.now(), 2000);
    await pass(2000);
    server.last.push(HELLO);
    await settled();
    await pass(STEADY);
    server.last.push(HELLO);
    await settled();
    server.last.cut();
    await settled();
    assert.equal(/** @type {number} */ (states.at(-1)?.until) - Date.now(), 1000);
});

test("it is known whether the server has ended the stream, also while it cannot be reached afterwards", async () => {
    const { server, states } = await opened();
    server.last.push(HELLO);
    server.last.end();
    await settled();
    assert.equal(states.at(-1)?.ended, true);
    server.next.push(() => new TypeError("refused"));
    await pass(1000);
    assert.deepEqual([states.at(-1)?.name, states.at(-1)?.ended], ["waiting", true]);
    await pass(2000);
    server.last.push(HELLO);
    server.last.cut();
    await settled();
    assert.equal(states.at(-1)?.ended, true, "still the same outage");
});

test("a refused token ends it until it is opened again", async () => {
    for (const status of [401, 403]) {
        const { server, stream, states } = await opened();
        server.next.push(() => Response.json({ errorMsg: "No." }, { status }));
        stream.open({});
        await settled();
        assert.deepEqual(states.at(-1), { name: "refused", status, reason: "No." });
        await pass(60_000);
        assert.equal(server.requests.length, 2);
    }
});

test("a busy server is asked again no earlier than it says", async () => {
    const { server, stream, states } = await opened();
    server.next.push(() => Response.json({ errorMsg: "Full" }, { status: 503, headers: { "Retry-After": "30" } }));
    stream.open({});
    await settled();
    const { until, reason } = /** @type {{until: number, reason: string}} */ (states.at(-1));
    assert.deepEqual([until - Date.now(), reason], [30_000, "Full"]);
});

test("a stream that has fallen silent is lost, and one that has not is not", async () => {
    const { server, states, names } = await opened();
    server.last.push(HELLO);
    await settled();
    await pass(SILENCE - 1);
    server.last.push(": still here\n\n");
    await settled();
    await pass(SILENCE - 1);
    assert.equal(names().at(-1), "live");
    await pass(1);
    assert.equal(states.at(-1)?.reason, "Nothing heard for 15 seconds");
    assert.equal(server.last.init.signal?.aborted, true);
});

test("what cannot be read is said, and its request is given up", async () => {
    const { server, states } = await opened();
    server.last.push("data: {\n\n");
    await settled();
    assert.match(states.at(-1)?.reason ?? "", /^The stream cannot be read/);
    assert.equal(server.last.init.signal?.aborted, true);
});

test("an answer that is no stream is not taken for one", async () => {
    const { server, stream, states } = await opened();
    server.next.push(() => new Response("<p>hello</p>", { headers: { "Content-Type": "text/html" } }));
    stream.open({});
    await settled();
    assert.match(states.at(-1)?.reason ?? "", /not the event stream/);
});

test("other parameters take the place of the stream, and the page does not seem to lose it", async () => {
    const { server, stream, names, events } = await opened();
    server.last.push(HELLO);
    await settled();
    stream.open({ find: "x" });
    await settled();
    const [first, second] = server.requests;
    assert.equal(first?.init.signal?.aborted, true);
    second?.push(HELLO);
    await settled();
    assert.deepEqual([names(), events.length], [["connecting", "live", "live"], 2]);
});

test("closed is closed, and does not come back", async () => {
    const { server, stream, names } = await opened();
    stream.close();
    await pass(60_000);
    assert.deepEqual([names(), server.requests.length], [["connecting", "closed"], 1]);
});

test("the next attempt is made at once for somebody who does not want to wait", async () => {
    const { server, stream } = await opened();
    server.last.cut();
    await settled();
    stream.hurry();
    await settled();
    assert.equal(server.requests.length, 2);
});

test("a token is asked for at each attempt", async () => {
    const tokens = ["first", "second"];
    const { server } = await opened({}, () => tokens.shift() ?? "");
    server.last.cut();
    await settled();
    await pass(1000);
    const headers = server.requests.map(({ init }) => new Headers(init.headers).get("Authorization"));
    assert.deepEqual(headers, ["Bearer first", "Bearer second"]);
});

test("a server that asks for a longer wait than two minutes is asked again all the same", async () => {
    const { server, stream, states } = await opened();
    server.next.push(() => Response.json({}, { status: 503, statusText: "Busy", headers: { "Retry-After": "86400" } }));
    stream.open({});
    await settled();
    assert.deepEqual([Number(states.at(-1)?.until) - Date.now(), states.at(-1)?.reason], [120_000, "503 Busy"]);
});

test("a page that fails over one event hears the next", async () => {
    /** @type {(() => void)[]} */
    const later = [];
    const queue = mock.method(globalThis, "queueMicrotask", (/** @type {() => void} */ fail) => void later.push(fail));
    const { server, events, names } = await opened();
    events.push = (...pairs) => {
        Array.prototype.push.apply(events, pairs);
        throw new Error("the page's own");
    };
    server.last.push(`${HELLO}${HELLO}`);
    await settled();
    queue.mock.restore();
    assert.equal(later.length, 2);
    later.forEach((fail) => assert.throws(fail, /the page's own/, "it shows in the console"));
    assert.deepEqual([events.length, names().at(-1)], [2, "live"]);
});

test("a stream that an event closes tells of no further one", async () => {
    const { server, stream, events } = await opened();
    events.push = (...pairs) => {
        stream.close();
        return Array.prototype.push.apply(events, pairs);
    };
    server.last.push(`${HELLO}${HELLO}`);
    await settled();
    assert.equal(events.length, 1);
});

test("a wait is random, and never shorter than the least nor longer than the most", () => {
    assert.equal(backoff(0, 0), BACKOFF.least);
    assert.equal(backoff(1, 0.5), 1000);
    assert.equal(backoff(1e9, 1), BACKOFF.most);
});
