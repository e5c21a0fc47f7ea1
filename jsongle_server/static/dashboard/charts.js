/** The seven charts of the page: what each shows, and when they are drawn. */

import { Chart } from "./chart.js";
import { CodeColours } from "./codes.js";
import { bytes, compact, count, latency, orDash, rate } from "./format.js";
import { errorBars, lastKnown, lines } from "./plots.js";
import { axis, byteAxis } from "./scale.js";

/**
 * @typedef {import("./chart.js").ChartKind} ChartKind
 * @typedef {import("./history.js").History} History
 * @typedef {import("./history.js").Sample} Sample
 */

const WHOLE = { least: 1 };

/** Of how many samples the last latency that is known is that of now: it is known only where something was relayed. */
const RECENT = 15;

/** @param {number} highest */
const wholeAxis = (highest) => axis(highest, WHOLE);

/** @param {string} state */
const inState = (state) => (/** @type {Sample} */ { sessions }) => sessions[state] ?? 0;

/** @param {"p50" | "p99"} name */
const relayed = (name) => (/** @type {Sample} */ { relay }) => relay?.[name] ?? null;

/**
 * @param {History} history
 * @param {(sample: Sample) => number | null} read
 * @param {(value: number) => string} format
 */
function latest({ latest: sample }, read, format) {
    return orDash(sample && read(sample), format);
}

/** @type {ChartKind} */
const CONNECTIONS = {
    id: "connections",
    title: "Connections",
    about: "Open WebSocket connections, and sessions by state: said hello, not yet, or waiting for their client",
    plot: (history) =>
        lines(history, [
            { name: "open", title: "Open WebSocket connections", colour: 1, value: ({ connections }) => connections },
            { name: "identified", title: "Sessions that have said hello", colour: 2, value: inState("identified") },
            { name: "awaiting hello", title: "Sessions that have not", colour: 3, value: inState("awaiting_hello") },
            { name: "detached", title: "Sessions that wait for their client", colour: 4, value: inState("detached") },
        ]),
    axis: wholeAxis,
    format: compact,
    figure: (history) => latest(history, ({ connections }) => connections, count),
    note: () => "open",
};

/** @type {ChartKind} */
const ROOMS = {
    id: "rooms",
    title: "Rooms",
    about: "Rooms with members in them",
    plot: (history) => lines(history, [{ name: "rooms", title: "Rooms", colour: 1, value: ({ rooms }) => rooms }]),
    axis: wholeAxis,
    format: compact,
    figure: (history) => latest(history, ({ rooms }) => rooms, count),
    note: () => "with members",
    isFilled: true,
};

/** @type {ChartKind} */
const CALLS = {
    id: "calls",
    title: "Calls",
    about: "Live calls, from the first ring to the end",
    plot: (history) => lines(history, [{ name: "calls", title: "Live calls", colour: 2, value: ({ calls }) => calls }]),
    axis: wholeAxis,
    format: compact,
    figure: (history) => latest(history, ({ calls }) => calls, count),
    note: () => "live",
    isFilled: true,
};

/** @type {ChartKind} */
const MESSAGES = {
    id: "messages",
    title: "Messages",
    about: "Messages a second: in from clients, out to clients",
    plot: (history) =>
        lines(history, [
            { name: "in", title: "Messages from clients, a second", colour: 1, value: ({ received }) => received },
            { name: "out", title: "Messages to clients, a second", colour: 2, value: ({ sent }) => sent },
        ]),
    axis,
    format: (value) => `${rate(value)}/s`,
    figure: (history) => latest(history, ({ received, sent }) => received + sent, rate),
    note: () => "a second",
};

/** @type {ChartKind} */
const LATENCY = {
    id: "latency",
    title: "Relay latency",
    about: "From reading a message to having written it to all its recipients",
    plot: (history) => ({
        ...lines(history, [
            { name: "p50", title: "Half of the messages took no longer", colour: 1, value: relayed("p50") },
            { name: "p99", title: "99 of 100 messages took no longer", colour: 3, value: relayed("p99") },
        ]),
        recent: RECENT,
    }),
    axis,
    format: latency,
    figure: ({ samples }) => orDash(lastKnown(samples.map(relayed("p99")), RECENT), latency),
    note: () => "p99",
};

/** @type {ChartKind} */
const MEMORY = {
    id: "memory",
    title: "Memory",
    about: "Memory of the server's process that is in RAM (resident set size)",
    plot: (history) =>
        lines(history, [{ name: "resident", title: "Resident set size", colour: 3, value: ({ memory }) => memory }]),
    axis: byteAxis,
    format: bytes,
    figure: (history) => latest(history, ({ memory }) => memory, bytes),
    note: () => "resident",
    isFilled: true,
};

/** @returns {ChartKind} */
function errorsKind() {
    const colours = new CodeColours();
    const sum = (/** @type {Sample} */ { errors }) => Object.values(errors).reduce((all, some) => all + some, 0);
    return {
        id: "errors",
        title: "Errors",
        about: "Errors that clients were told, by code, in each 15 seconds",
        plot: (history) => errorBars(history, colours),
        axis: wholeAxis,
        format: compact,
        figure: ({ samples }) => count(samples.reduce((all, sample) => all + sum(sample), 0)),
        note: () => "in 15 minutes",
    };
}

/** All charts over one history, drawn together, once a frame at most, and only while the page is to be seen. */
export class Charts {
    #history;
    #charts;
    #isDue = false;
    /** @type {number | null} The time that somebody looks at, in ms since the epoch. */
    #at = null;

    /**
     * @param {HTMLElement} parent
     * @param {History} history
     */
    constructor(parent, history) {
        this.#history = history;
        const kinds = [CONNECTIONS, ROOMS, CALLS, MESSAGES, errorsKind(), LATENCY, MEMORY];
        const listeners = {
            onPick: (/** @type {number | null} */ at) => this.#mark(at),
            onResize: () => this.refresh(),
        };
        this.#charts = kinds.map((kind) => new Chart(kind, listeners));
        parent.append(...this.#charts.map(({ element }) => element));
        document.addEventListener("visibilitychange", () => this.refresh());
    }

    /** Has them drawn soon. */
    refresh() {
        if (!this.#isDue && !document.hidden) {
            this.#isDue = true;
            requestAnimationFrame(() => {
                this.#isDue = false;
                this.#charts.forEach((chart) => chart.show(this.#history));
                this.#mark(this.#at);
            });
        }
    }

    /** @param {number | null} at */
    #mark(at) {
        this.#at = at;
        this.#charts.forEach((chart) => chart.mark(at));
    }
}
