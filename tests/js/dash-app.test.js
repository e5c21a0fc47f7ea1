// The whole dashboard, before a server that answers fetch: what it asks, what it keeps, and what it says.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeEvents, settled } from "./dash-fakes.js";
import { openPage } from "./fake-page.js";

const TOKEN = "0123456789abcdef";
const MARKUP = "<img src=x onerror=alert(1)>";
const NOW = "2026-11-22T14:10:00.000Z";
const LEVELS = ["debug", "info"];
const SERVER = { id: "barracuda", version: "1.2.3", started: NOW, level: "info", levels: LEVELS, phase: "ready" };
const SESSION = { id: "s-1", uid: "ann", dn: MARKUP, state: "identified", address: "::1", connected: NOW };
const ROOM = { rid: MARKUP, kind: "room", created: NOW, members: [], memberCount: 2 };

/** @type {ReturnType<typeof openPage>} */
let page;
let pages = 0;

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse(NOW) });
});

/** Loads the page. @param {Record<string, string>} [kept] what the tab has kept */
async function load(kept = {}) {
    page = openPage("dashboard");
    const server = new FakeEvents();
    const sessionStorage = {
        getItem: (/** @type {string} */ key) => kept[key] ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (kept[key] = value),
        removeItem: (/** @type {string} */ key) => void delete kept[key],
    };
    const ResizeObserver = class {
        observe() {}
    };
    Object.assign(globalThis, { fetch: server.fetch, sessionStorage, ResizeObserver });
    pages += 1;
    await import(`../../jsongle_server/static/dashboard/app.js?${pages}`);
    await settled();
    return { server, kept };
}

/** The page with a token that its server has taken. */
async function loaded() {
    const { server, kept } = await load({ "jsongle-admin-token": TOKEN });
    await tell(server, "server", SERVER);
    return { server, kept };
}

/** @param {FakeEvents} server @param {string} name @param {unknown} data */
async function tell(server, name, data) {
    server.last.push(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    await settled();
    page.draw();
}

/** Has somebody offer a token. */
async function offer(token = TOKEN) {
    page.type("token", token);
    page.submit("token-form");
    await settled();
}

/** @param {string} id */
const textOf = (id) => page.part(id).textContent;

test("without a token nothing is asked of the server, but a token of the user", async () => {
    const { server } = await load();
    assert.deepEqual([server.requests.length, page.part("gate").hidden, page.part("page").hidden], [0, false, true]);
});

test("a token is kept once the server has taken it, for this tab alone and in no address", async () => {
    const { server, kept } = await load();
    await offer();
    assert.deepEqual(kept, {});
    await tell(server, "server", SERVER);
    assert.deepEqual(kept, { "jsongle-admin-token": TOKEN });
    assert.deepEqual([page.part("gate").hidden, page.part("token").value], [true, ""]);
    page.type("find", "ann");
    mock.timers.tick(300);
    page.part("trace-toggle").click();
    await settled();
    const addresses = server.requests.map(({ address }) => address);
    assert.deepEqual(addresses, ["events", "events?find=ann", "events?find=ann&trace=on"]);
    for (const { init } of server.requests) {
        assert.equal(new Headers(init.headers).get("Authorization"), `Bearer ${TOKEN}`);
    }
});

test("a page that is loaded again asks for no token", async () => {
    const { server } = await load({ "jsongle-admin-token": TOKEN });
    assert.deepEqual([server.requests.length, page.part("gate").hidden], [1, true]);
});

test("what cannot be a token is not sent, and it is said what one is", async () => {
    const { server } = await load();
    await offer("too short");
    assert.equal(server.requests.length, 0);
    assert.match(textOf("token-problem"), /at least 16 characters/);
});

test("a token that is refused is forgotten, and the door says why", async () => {
    const said = /** @type {[number, RegExp][]} */ ([[401, /does not take this token/], [403, /no admin token/]]);
    for (const [status, words] of said) {
        const { server, kept } = await loaded();
        await tell(server, "sessions", { sessions: [{ ...SESSION, rooms: [], roomCount: 0 }], count: 1 });
        server.next.push(() => Response.json({ errorMsg: "no" }, { status }));
        page.part("trace-toggle").click();
        await settled();
        assert.deepEqual([kept, page.part("gate").hidden, page.part("page").hidden], [{}, false, true]);
        assert.match(textOf("token-problem"), words);
        assert.deepEqual([page.part("session-rows").childElementCount, page.document.title], [0, "JSONgle dashboard"]);
        mock.timers.tick(3_600_000);
        await settled();
        assert.equal(server.requests.length, 2, "it is not tried again by itself");
    }
});

test("at the door a server that is too busy is waited for, with its own words", async () => {
    const { server } = await load();
    const headers = { "Retry-After": "1" };
    server.next.push(() => Response.json({ errorMsg: "Too many streams" }, { status: 503, headers }));
    await offer();
    assert.equal(textOf("token-problem"), "Too many streams. Trying again.");
    mock.timers.tick(1000);
    await settled();
    await tell(server, "server", SERVER);
    assert.equal(page.part("gate").hidden, true);
});

test("once it was there, a server that is away leaves what was known, and a banner", async () => {
    const { server } = await loaded();
    server.last.cut();
    await settled();
    assert.deepEqual([page.part("page").hidden, page.part("banner").hidden], [false, false]);
    assert.equal(textOf("server-name"), "barracuda");
    page.window.dispatchEvent(new Event("online"));
    await settled();
    assert.equal(server.requests.length, 2);
});

test("a page that is seen again does not wait for its next attempt", async () => {
    const { server } = await loaded();
    server.last.cut();
    await settled();
    page.hide(true);
    await settled();
    assert.equal(server.requests.length, 1);
    page.hide(false);
    await settled();
    assert.equal(server.requests.length, 2);
});

test("each event shows where it belongs, and those of a later server are passed over", async () => {
    const { server } = await loaded();
    const none = { rooms: 0, calls: 0, received: 0, sent: 0, memory: 0 };
    const sample = { at: NOW, connections: 7, sessions: {}, errors: {}, relay: null, ...none };
    await tell(server, "history", { samples: [sample], interval: 2 });
    assert.equal(page.part("charts").querySelector(".figure").textContent, "7");
    await tell(server, "sample", { ...sample, connections: 8 });
    assert.equal(page.part("charts").querySelector(".figure").textContent, "8");
    await tell(server, "sessions", { sessions: [{ ...SESSION, rooms: [], roomCount: 0 }], count: 1 });
    await tell(server, "rooms", { rooms: [ROOM], count: 1 });
    await tell(server, "level", { level: "debug" });
    await tell(server, "trace", { at: NOW, direction: "to", session: "s-1", uid: null, size: 1, envelope: {} });
    await tell(server, "missed", { trace: 3 });
    await tell(server, "tomorrow", {});
    assert.deepEqual(
        ["session-rows", "room-rows", "trace-rows"].map((id) => page.part(id).childElementCount),
        [1, 1, 2],
    );
    assert.deepEqual([page.part("level").value, textOf("state-words")], ["debug", "live"]);
});

test("a session is ended once it was confirmed, and its user's name is said as text", async () => {
    const { server } = await loaded();
    await tell(server, "sessions", { sessions: [{ ...SESSION, rooms: [], roomCount: 0 }], count: 1 });
    page.part("session-rows").querySelector("button").click();
    assert.deepEqual(page.part("confirm-name").childNodes, [MARKUP]);
    server.next.push(() => Response.json({}));
    page.part("confirm-action").click();
    await settled();
    assert.deepEqual([server.last.init.method, server.last.address], ["DELETE", "sessions/s-1"]);
    assert.deepEqual(page.part("notice").childNodes, [`The session of ${MARKUP} has ended.`]);
});

test("a room is emptied once it was confirmed", async () => {
    const { server } = await loaded();
    await tell(server, "rooms", { rooms: [ROOM], count: 1 });
    page.part("room-rows").querySelector("button").click();
    assert.match(textOf("confirm-text"), /\(2 now\)/);
    server.next.push(() => Response.json({ count: 2 }));
    page.part("confirm-action").click();
    await settled();
    assert.equal(server.last.init.method, "DELETE");
    assert.equal(server.last.address, `rooms?rid=${encodeURIComponent(MARKUP)}`);
    assert.equal(textOf("notice"), `2 have left the room ${MARKUP}.`);
});

test("a level that the server does not take stays as it was, and it is said why", async () => {
    const { server } = await loaded();
    const level = page.part("level");
    for (const [answer, value, words] of /** @type {[Response, string, string][]} */ ([
        [Response.json({}), "debug", "The log level is debug."],
        [Response.json({ errorMsg: "No." }, { status: 400 }), "info", "The log level stays: No."],
    ])) {
        server.next.push(() => answer);
        level.value = "debug";
        level.dispatchEvent(new Event("change"));
        await settled();
        assert.deepEqual([level.value, textOf("notice")], [value, words]);
    }
});

test("what is forgotten is gone: the token, the stream, and what it showed", async () => {
    const { server, kept } = await loaded();
    await tell(server, "rooms", { rooms: [ROOM], count: 1 });
    page.part("forget").click();
    await settled();
    assert.deepEqual([kept, server.last.init.signal?.aborted, page.part("room-rows").childElementCount], [{}, true, 0]);
    assert.deepEqual([page.part("gate").hidden, textOf("token-problem")], [false, ""]);
});

test("times on the page go on while nothing is heard", async () => {
    const { server } = await loaded();
    await tell(server, "rooms", { rooms: [ROOM], count: 1 });
    server.last.cut();
    mock.timers.tick(60_000);
    assert.match(textOf("server-facts"), /up 1 min/);
    assert.equal(page.part("room-rows").querySelector("time").textContent, "1 min");
});
