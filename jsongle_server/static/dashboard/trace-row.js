/** One envelope as a row of the tracer. */

import { make } from "./dom.js";
import { brief, bytes, clock, count } from "./format.js";

/**
 * @typedef {object} Trace
 * @property {string} at ISO 8601
 * @property {"from" | "to"} direction from a client, or to it
 * @property {string} session
 * @property {string | null} uid
 * @property {number} size in bytes
 * @property {{id?: string, from?: string, to?: string, jsongle: Record<string, unknown>, elided: string[]}} envelope
 */

/** What says more about an action, in this order. */
const DETAILS = ["query", "namespace", "event", "reason"];
const COLUMNS = 7;

/**
 * @param {Trace} trace
 * @returns {HTMLElement}
 */
export function traceRow({ at, direction, session, uid, size, envelope }) {
    const { id = "", from = "", to = "", jsongle, elided } = envelope;
    const isIn = direction === "from";
    const details = DETAILS.filter((name) => jsongle[name] !== undefined).map((name) => String(jsongle[name]));
    const ids = ["sid", "transaction"].filter((name) => jsongle[name] !== undefined).map((name) => `${name} ${jsongle[name]}`);
    return make(
        "tr",
        { "data-testid": "trace-row", class: isIn ? "is-in" : "is-out" },
        make("td", { class: "number" }, clock(Date.parse(at))),
        make("td", { class: "direction", title: isIn ? "from the client to the server" : "from the server to the client" }, isIn ? "→ in" : "← out"),
        make("td", {}, name(uid ?? "", session)),
        make("td", { title: [`id ${id}`, ...ids].join("\n") }, make("b", {}, String(jsongle.action)), ` ${details.join(" · ")}`),
        make("td", {}, make("span", { class: "way" }, name(from), make("span", {}, "→"), name(to))),
        make("td", { class: "number" }, bytes(size)),
        make("td", { class: "elided", title: elided.join(", ") }, elided.join(", ")),
    );
}

/**
 * @param {number} missed
 * @returns {HTMLElement}
 */
export function missedRow(missed) {
    return noteRow(`${count(missed)} missed: more came by than can be shown`);
}

/**
 * @param {string} text
 * @returns {HTMLElement}
 */
export function noteRow(text) {
    return make("tr", { class: "trace-note" }, make("td", { colspan: COLUMNS }, text));
}

/**
 * Somebody's name: a user id where there is one, an identity otherwise.
 *
 * @param {string} text
 * @param {string} [identity]
 */
function name(text, identity = text) {
    return make("bdi", { title: identity }, brief(text || identity) || "–");
}
