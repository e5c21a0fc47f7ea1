/** The tables of sessions and rooms: who is here, and where. */

import { byId, make, setText } from "./dom.js";
import { brief, count, date, duration } from "./format.js";
import { Rows } from "./rows.js";

/**
 * @typedef {object} SessionView
 * @property {string} id
 * @property {string | null} uid
 * @property {string | null} dn
 * @property {string} state
 * @property {string} address
 * @property {string} connected ISO 8601
 * @property {string[]} rooms the first of them
 * @property {number} roomCount
 *
 * @typedef {object} RoomView
 * @property {string} rid
 * @property {string} kind
 * @property {string} created ISO 8601
 * @property {{id: string, uid: string, dn: string | null}[]} members the first of them
 * @property {number} memberCount
 *
 * @typedef {object} TableOptions
 * @property {() => number} now gives the server's time, in ms since the epoch
 * @property {(session: SessionView) => void} onEnd
 * @property {(room: RoomView) => void} onEmpty
 */

/** @type {Readonly<Record<string, string>>} */
const STATES = Object.freeze({ awaiting_hello: "no hello", identified: "identified", detached: "detached" });

/** How many names are shown of a list of them. */
const NAMES = 4;

export class Tables {
    #now;
    #sessions;
    #rooms;
    #bodies = [byId("session-rows", HTMLElement), byId("room-rows", HTMLElement)];

    /** @param {TableOptions} options */
    constructor({ now, onEnd, onEmpty }) {
        this.#now = now;
        const [sessions, rooms] = this.#bodies;
        this.#sessions = new Rows(/** @type {HTMLElement} */ (sessions), this.#sessionKind(onEnd));
        this.#rooms = new Rows(/** @type {HTMLElement} */ (rooms), this.#roomKind(onEmpty));
    }

    /** @param {{sessions: SessionView[], count: number}} found */
    showSessions({ sessions, count: all }) {
        this.#sessions.show(sessions);
        sayCount("session", sessions.length, all);
    }

    /** @param {{rooms: RoomView[], count: number}} found */
    showRooms({ rooms, count: all }) {
        this.#rooms.show(rooms);
        sayCount("room", rooms.length, all);
    }

    /** Lets the times since something go on. */
    age() {
        for (const time of this.#bodies.flatMap((body) => [...body.getElementsByTagName("time")])) {
            setText(time, this.#since(time.dateTime));
        }
    }

    /** @param {string} at ISO 8601 */
    #since(at) {
        return duration((this.#now() - Date.parse(at)) / 1000);
    }

    /** @param {string} at ISO 8601 */
    #time(at) {
        return make("time", { datetime: at, title: date(Date.parse(at)) }, this.#since(at));
    }

    /**
     * @param {(session: SessionView) => void} onEnd
     * @returns {import("./rows.js").RowKind<SessionView>}
     */
    #sessionKind(onEnd) {
        return {
            key: ({ id }) => id,
            create: ({ id }) =>
                make("tr", { "data-testid": "session-row", "data-id": id }, ...cells(5), endCell("end-session")),
            update: (row, session) => {
                const name = nameOf(session);
                fill(row, [
                    [bdi(name, "name"), ...(session.dn && session.uid ? [bdi(session.uid, "more")] : [])],
                    [make("span", { class: `state state-${session.state}` }, STATES[session.state] ?? session.state)],
                    [bdi(session.address)],
                    [this.#time(session.connected)],
                    names(session.rooms, session.roomCount),
                ]);
                button(row, "End", `End the session of ${name}`, () => onEnd(session));
            },
        };
    }

    /**
     * @param {(room: RoomView) => void} onEmpty
     * @returns {import("./rows.js").RowKind<RoomView>}
     */
    #roomKind(onEmpty) {
        return {
            key: ({ rid }) => rid,
            create: ({ rid }) =>
                make("tr", { "data-testid": "room-row", "data-rid": rid }, ...cells(3), endCell("end-room")),
            update: (row, room) => {
                const { rid, kind, created, members, memberCount } = room;
                const number = make("b", { class: "number" }, count(memberCount));
                fill(row, [
                    [bdi(rid, "name"), make("span", { class: "more" }, kind === "muc" ? "multi-user room" : "room")],
                    [number, " ", ...names(members.map(nameOf), memberCount)],
                    [this.#time(created)],
                ]);
                button(row, "Empty", `Empty the room ${rid}`, () => onEmpty(room));
            },
        };
    }
}

/**
 * What to call somebody.
 *
 * @param {{id: string, uid: string | null, dn: string | null}} who
 */
export function nameOf({ id, uid, dn }) {
    return dn || uid || brief(id);
}

/**
 * Some names, and how many there are besides.
 *
 * @param {string[]} known the first of them
 * @param {number} all how many there are
 * @returns {(Node | string)[]}
 */
function names(known, all) {
    const shown = known.slice(0, NAMES).flatMap((name, index) => (index > 0 ? [", ", bdi(name)] : [bdi(name)]));
    return all > NAMES ? [...shown, ` +${count(all - NAMES)}`] : shown;
}

/**
 * Text from a user: apart from what is around it, whichever way it is written.
 *
 * @param {string} text
 * @param {string} [className]
 */
function bdi(text, className) {
    return make("bdi", { class: className, title: text }, text);
}

/** @param {number} number */
function cells(number) {
    return Array.from({ length: number }, () => make("td"));
}

/** @param {string} testId */
function endCell(testId) {
    return make("td", { class: "end" }, make("button", { type: "button", class: "quiet", "data-testid": testId }));
}

/**
 * @param {HTMLElement} row
 * @param {(Node | string)[][]} contents of its cells
 */
function fill(row, contents) {
    contents.forEach((content, index) => row.children[index]?.replaceChildren(...content));
}

/**
 * @param {HTMLElement} row
 * @param {string} text
 * @param {string} label
 * @param {() => void} action
 */
function button(row, text, label, action) {
    const element = row.querySelector("button");
    if (element !== null) {
        setText(element, text);
        element.setAttribute("aria-label", label);
        element.onclick = action;
    }
}

/**
 * @param {"session" | "room"} kind
 * @param {number} shown
 * @param {number} all
 */
function sayCount(kind, shown, all) {
    const text = shown < all ? `${count(shown)} of ${count(all)} shown` : count(all);
    setText(byId(`${kind}-count`, HTMLElement), text);
    byId(`${kind}-none`, HTMLElement).hidden = shown > 0;
}
