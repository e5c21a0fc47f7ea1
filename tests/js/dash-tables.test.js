// The lists of sessions and rooms.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Rows } from "../../jsongle_server/static/dashboard/rows.js";
import { Tables } from "../../jsongle_server/static/dashboard/tables.js";
import { FakeElement, openPage } from "./fake-page.js";

const NOW = Date.parse("2026-11-22T14:10:00.000Z");
const MARKUP = '<img src=x onerror="alert(1)">';

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    page = openPage("dashboard");
});

/** A list, and what was done to its rows. */
function list() {
    const { document } = page;
    /** @type {FakeElement} */
    const parent = document.createElement("div");
    parent.setAttribute("tabindex", "0");
    /** @type {string[]} */
    const updated = [];
    const rows = new Rows(/** @type {any} */ (parent), {
        key: (/** @type {{id: string, n: number}} */ { id }) => id,
        create: () => document.createElement("p"),
        update: (row, { id, n }) => {
            const button = document.createElement("button");
            button.append(`${id}${n}`);
            row.replaceChildren(button);
            updated.push(id);
        },
    });
    const show = (/** @type {string} */ text) =>
        rows.show((text.match(/[a-z]\d/g) ?? []).map(([id = "", n]) => ({ id, n: Number(n) })));
    return { parent, updated, show, texts: () => parent.textContent };
}

test("rows follow their values, in their order", () => {
    const { show, texts } = list();
    for (const values of ["a1b1c1", "b1c1d1", "d1a1c2b1", "", "z1"]) {
        show(values);
        assert.equal(texts(), values);
    }
});

test("a row that stays is not touched, whatever comes and goes around it", () => {
    const { show, updated, parent } = list();
    show("a1b1c1");
    const [, second] = parent.children;
    updated.length = 0;
    parent.inserted = 0;
    show("b1c2d1");
    assert.equal(parent.children[0], second);
    assert.deepEqual([updated, parent.inserted], [["c", "d"], 1]);
});

test("the focus goes to a neighbour when its row goes, and to the list when there is none", () => {
    const { show, parent } = list();
    show("a1b1c1");
    parent.children[1]?.querySelector("button")?.focus();
    show("a1c1");
    assert.equal(page.document.activeElement.textContent, "c1");
    show("a1");
    assert.equal(page.document.activeElement.textContent, "a1");
    show("");
    assert.equal(page.document.activeElement, parent);
});

/** The tables, and what was asked of them. */
function tables() {
    let now = NOW;
    /** @type {[string, unknown][]} */
    const asked = [];
    const shown = new Tables({
        now: () => now,
        onEnd: ({ id }) => asked.push(["end", id]),
        onEmpty: ({ rid }) => asked.push(["empty", rid]),
    });
    const pass = (/** @type {number} */ seconds) => {
        now += seconds * 1000;
        shown.age();
    };
    return { shown, asked, pass };
}

const SESSION = Object.freeze({
    id: "8e784de9-1234-4abc-8def-0123456789ab",
    uid: "ann",
    dn: "Ann",
    state: "identified",
    address: "192.0.2.1",
    connected: "2026-11-22T14:00:00.000Z",
    rooms: ["tea", "a", "b", "c"],
    roomCount: 6,
});
const ROOM = Object.freeze({
    rid: "tea",
    kind: "muc",
    created: "2026-11-22T12:05:00.000Z",
    members: [{ id: "8e784de9-1234-4abc-8def-0123456789ab", uid: "ann", dn: null }],
    memberCount: 1,
});

/** The texts of a row's cells. @param {FakeElement | undefined} row */
const cellsOf = (row) => row?.children.map(({ textContent }) => textContent);

test("a session has who it is, its state, where it comes from, for how long, and its first rooms", () => {
    tables().shown.showSessions({ sessions: [SESSION], count: 1 });
    assert.deepEqual(cellsOf(page.part("session-rows").children[0]), [
        "Annann",
        "identified",
        "192.0.2.1",
        "10 min",
        "tea, a, b, c +2",
        "End",
    ]);
});

test("who has no name is called by his user id, and who has none by his identity", () => {
    const sessions = [{ ...SESSION, dn: null }, { ...SESSION, id: `f${SESSION.id.slice(1)}`, dn: "", uid: null }];
    tables().shown.showSessions({ sessions, count: 2 });
    assert.deepEqual(page.part("session-rows").children.map((/** @type {FakeElement} */ row) => cellsOf(row)?.[0]), [
        "ann",
        "fe784de9…",
    ]);
});

test("a state that the page does not know is shown as it is", () => {
    tables().shown.showSessions({ sessions: [{ ...SESSION, state: "asleep" }], count: 1 });
    assert.equal(cellsOf(page.part("session-rows").children[0])?.[1], "asleep");
});

test("a room has its kind, its members, and since when it is there", () => {
    tables().shown.showRooms({ rooms: [ROOM, { ...ROOM, rid: "coffee", kind: "room" }], count: 2 });
    const [muc, room] = page.part("room-rows").children.map(cellsOf);
    assert.deepEqual([muc[0], muc[1], muc[2]], ["teamulti-user room", "1 ann", "2 h 5 min"]);
    assert.equal(room[0], "coffeeroom");
});

test("names of users and rooms stay texts, whatever is in them", () => {
    const { shown } = tables();
    const session = { ...SESSION, dn: MARKUP, uid: MARKUP, address: MARKUP, rooms: [MARKUP], roomCount: 1 };
    shown.showSessions({ sessions: [session], count: 1 });
    shown.showRooms({ rooms: [{ ...ROOM, rid: MARKUP, members: [{ id: "x", uid: "x", dn: MARKUP }] }], count: 1 });
    for (const [id, times] of /** @type {[string, number][]} */ ([["session-rows", 4], ["room-rows", 2]])) {
        const body = page.part(id);
        assert.equal(body.textContent.split(MARKUP).length - 1, times);
        assert.equal(body.querySelector("img"), null);
    }
});

test("the times go on", () => {
    const { shown, pass } = tables();
    shown.showSessions({ sessions: [SESSION], count: 1 });
    pass(3600);
    assert.equal(cellsOf(page.part("session-rows").children[0])?.[3], "1 h 10 min");
});

test("the buttons ask about what is in their row now, and say about whom", () => {
    const { shown, asked } = tables();
    shown.showSessions({ sessions: [SESSION], count: 1 });
    shown.showSessions({ sessions: [{ ...SESSION, dn: "Anna" }], count: 1 });
    shown.showRooms({ rooms: [ROOM], count: 1 });
    const buttons = ["session-rows", "room-rows"].map((id) => page.part(id).querySelector("button"));
    assert.deepEqual(
        buttons.map((button) => button.getAttribute("aria-label")),
        ["End the session of Anna", "Empty the room tea"],
    );
    buttons.forEach((button) => button.click());
    assert.deepEqual(asked, [["end", SESSION.id], ["empty", "tea"]]);
});

test("it is said how many there are, and where not all are shown", () => {
    const { shown } = tables();
    shown.showSessions({ sessions: [SESSION], count: 1200 });
    shown.showRooms({ rooms: [], count: 0 });
    assert.deepEqual(["session-count", "room-count"].map((id) => page.part(id).textContent), ["1 of 1,200 shown", "0"]);
    assert.deepEqual(["session-none", "room-none"].map((id) => page.part(id).hidden), [true, false]);
});
