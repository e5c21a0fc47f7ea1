/** One envelope as a row of the tracer. */

import { MEANINGS } from "./codes.js";
import { make } from "./dom.js";
import { brief, bytes, clock, count } from "./format.js";

/**
 * @typedef {object} Trace
 * @property {string} at ISO 8601
 * @property {"from" | "to"} direction from a client, or to it
 * @property {string} session
 * @property {string | null} uid
 * @property {number} size in bytes
 * @property {{id?: string, from?: string, to?: string, jsongle?: Record<string, unknown>, elided?: string[]}} envelope
 * @property {number} [error] the code of an error that it tells of
 */

/** What says more about an action, in this order. */
const DETAILS = ["query", "namespace", "event", "reason", "status"];
/** What it belongs to. */
const IDS = ["sid", "transaction"];
const COLUMNS = 7;

/**
 * @param {Trace} trace
 * @returns {HTMLElement}
 */
export function traceRow({ at, direction, session, uid, size, envelope, error }) {
    const { id = "", from = "", to = "", jsongle = {}, elided = [] } = envelope;
    const isIn = direction === "from";
    const said = (/** @type {string} */ name) => jsongle[name] !== undefined;
    const details = DETAILS.filter(said).map((name) => String(jsongle[name]));
    const ids = IDS.filter(said).map((name) => `${name} ${jsongle[name]}`);
    const what = ` ${details.join(" · ")}`;
    const action = String(jsongle.action ?? "–");
    const way = isIn ? "from the client to the server" : "from the server to the client";
    return make(
        "tr",
        { "data-testid": "trace-row", class: isIn ? "is-in" : "is-out" },
        make("td", { class: "number" }, clock(Date.parse(at))),
        make("td", { class: "direction", title: way }, isIn ? "→ in" : "← out"),
        make("td", {}, name(uid ?? "", session)),
        make("td", { title: [`id ${id}`, ...ids].join("\n") }, make("b", {}, action), what, ...code(error)),
        make("td", {}, make("span", { class: "way" }, name(from), make("span", {}, "→"), name(to))),
        make("td", { class: "number" }, bytes(size)),
        make("td", { class: "elided", title: elided.join(", ") }, elided.join(", ")),
    );
}

/** @param {number | undefined} error */
function code(error) {
    return error === undefined ? [] : [make("span", { class: "code", title: MEANINGS[error] }, String(error))];
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
