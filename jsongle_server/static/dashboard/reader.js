/**
 * Reads a chart at a time: under the pointer, or by keyboard through a range input that lies over the plot, so that
 * arrow keys and what reads the page out work as in any other range.
 */

import { make } from "./dom.js";
import { nearest } from "./plots.js";

/**
 * @typedef {import("./plots.js").Plot} Plot
 * @typedef {import("./chart-words.js").Reading} Reading
 */

/** How many of the keys that go by a page it takes from one end to the other. */
const PAGES = 15;

export class Reader {
    #plotElement;
    #onPick;
    #input;
    #box = make("div", { class: "readout", hidden: true, "aria-hidden": "true" });
    /** @type {Plot | undefined} */
    #plot;
    /** @type {(at: number) => number} */
    #x = () => 0;
    /** @type {(index: number) => Reading} */
    #read = () => ({ time: "", rows: [] });
    /** @type {number | null} The time that is read, in ms since the epoch. */
    #at = null;

    /**
     * @param {HTMLElement} plotElement
     * @param {{label: string, onPick: (at: number | null) => void}} options
     */
    constructor(plotElement, { label, onPick }) {
        this.#plotElement = plotElement;
        this.#onPick = onPick;
        const range = { type: "range", min: 0, max: 0, disabled: true };
        this.#input = make("input", { ...range, class: "plot-reader", "aria-label": label });
        plotElement.append(this.#input, this.#box);
        plotElement.addEventListener("pointermove", (event) => this.#point(event.clientX));
        plotElement.addEventListener("pointerdown", (event) => this.#point(event.clientX));
        plotElement.addEventListener("pointerleave", () => this.#pick(null));
        this.#input.addEventListener("input", () => this.#pickIndex(Number(this.#input.value)));
        this.#input.addEventListener("focus", () => this.#focus());
        this.#input.addEventListener("blur", () => this.#pick(null));
        this.#input.addEventListener("keydown", (event) => this.#key(event));
    }

    /**
     * Goes on reading in a newer state of the plot.
     *
     * @param {Plot} plot
     * @param {(at: number) => number} x from times to pixels
     * @param {(index: number) => Reading} read
     */
    follow(plot, x, read) {
        this.#plot = plot;
        this.#x = x;
        this.#read = read;
        this.#input.disabled = plot.times.length === 0;
        this.#input.max = String(Math.max(0, plot.times.length - 1));
        if (this.#at === null) {
            this.#input.value = this.#input.max;
        } else {
            this.#show();
        }
    }

    #focus() {
        if (this.#input.matches(":focus-visible")) {
            this.#pickIndex(Number(this.#input.value));
        }
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const page = Math.max(1, Math.round(Number(this.#input.max) / PAGES));
        const step = { PageUp: page, PageDown: -page }[event.key];
        if (event.key === "Escape") {
            this.#pick(null);
        } else if (step !== undefined) {
            event.preventDefault();
            this.#input.value = String(Number(this.#input.value) + step);
            this.#pickIndex(Number(this.#input.value));
        }
    }

    /** @param {number} clientX */
    #point(clientX) {
        const plot = this.#plot;
        if (plot === undefined || plot.times.length === 0) {
            return;
        }
        const [left, right] = [this.#x(plot.from), this.#x(plot.to)];
        const share = (clientX - this.#plotElement.getBoundingClientRect().left - left) / (right - left);
        this.#pick(plot.from + share * (plot.to - plot.from) - plot.width / 2);
    }

    /** @param {number} index */
    #pickIndex(index) {
        this.#pick(this.#plot?.times[index] ?? null);
    }

    /** @param {number | null} at */
    #pick(at) {
        this.#at = at;
        this.#show();
        this.#onPick(at);
    }

    #show() {
        const plot = this.#plot;
        const index = plot === undefined || this.#at === null ? -1 : nearest(plot.times, this.#at);
        this.#box.hidden = index < 0;
        if (plot === undefined || index < 0) {
            return;
        }
        const { time, rows } = this.#read(index);
        this.#input.value = String(index);
        const said = [time, ...rows.map(({ name, text }) => `${name} ${text}`)];
        this.#input.setAttribute("aria-valuetext", said.join(", "));
        this.#box.replaceChildren(
            make("p", {}, time),
            ...rows.map(({ name, colour, text }) => make("p", {}, ...named(name, colour), make("b", {}, text))),
        );
        this.#place(plot, index);
    }

    /**
     * Puts the box beside what is read, on the side that has the room.
     *
     * @param {Plot} plot
     * @param {number} index
     */
    #place(plot, index) {
        const x = this.#x(/** @type {number} */ (plot.times[index]) + plot.width / 2);
        const isRight = x > this.#plotElement.clientWidth / 2;
        this.#box.style.left = isRight ? "auto" : `${x + 10}px`;
        this.#box.style.right = isRight ? `${this.#plotElement.clientWidth - x + 10}px` : "auto";
    }
}

/**
 * The name of a series, behind its colour.
 *
 * @param {string} name
 * @param {number} colour
 */
export function named(name, colour) {
    return [make("span", { class: `swatch colour-${colour}` }), make("span", {}, name)];
}
