/**
 * The message tracer: shows the envelopes that go through the server, without what is in them.
 *
 * It is off until it is switched on, and off again once the page has been hidden for a while, so that no forgotten tab
 * has the server tell it of every message. What is shown, and what waits to be shown, is bounded.
 */

import { byId, debounce, setText } from "./dom.js";
import { count } from "./format.js";
import { missedRow, noteRow, traceRow } from "./trace-row.js";

/** @typedef {import("./trace-row.js").Trace} Trace */

/** How many rows are kept, on the page and while it is paused. */
export const MOST_ROWS = 500;

/** After how long out of sight it stops, in ms. */
export const HIDDEN = 5 * 60 * 1000;

const NOTHING_YET = "Nothing has come by yet.";
const OFF = "Tracing is off: it costs the server a little for each message.";

const TYPING = 400;
const NEAR_END = 40;

export class Tracer {
    #toggle = byId("trace-toggle", HTMLButtonElement);
    #pause = byId("trace-pause", HTMLButtonElement);
    #match = byId("trace-match", HTMLInputElement);
    #body = byId("trace-rows", HTMLElement);
    #scroller = byId("trace-scroller", HTMLElement);
    #empty = byId("trace-none", HTMLElement);
    #onChange;
    /** @type {HTMLElement[]} Rows that are not on the page yet. */
    #waiting = [];
    #isPaused = false;
    #isDue = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #hiddenTimer;

    /** @param {() => void} onChange it was switched, or looks for something else */
    constructor(onChange) {
        this.#onChange = onChange;
        this.#toggle.addEventListener("click", () => this.#switch(!this.isOn));
        this.#pause.addEventListener("click", () => this.#setPaused(!this.#isPaused));
        byId("trace-clear", HTMLButtonElement).addEventListener("click", () => this.clear());
        const changed = debounce(() => this.isOn && onChange(), TYPING);
        this.#match.addEventListener("input", changed);
        document.addEventListener("visibilitychange", () => this.#watchHidden());
    }

    get isOn() {
        return this.#toggle.getAttribute("aria-pressed") === "true";
    }

    /** What an envelope must have in it; empty: all are shown. */
    get match() {
        return this.#match.value.trim();
    }

    /** @param {Trace} trace */
    add(trace) {
        this.#put(traceRow(trace));
    }

    /** @param {number} missed how many the server did not send */
    miss(missed) {
        this.#put(missedRow(missed));
    }

    clear() {
        this.#waiting = [];
        this.#body.replaceChildren();
        this.#showState();
    }

    /** Switches it off, without telling anybody. */
    stop() {
        clearTimeout(this.#hiddenTimer);
        this.#toggle.setAttribute("aria-pressed", "false");
        this.#setPaused(false);
    }

    /** @param {boolean} isOn */
    #switch(isOn) {
        this.stop();
        this.#toggle.setAttribute("aria-pressed", String(isOn));
        this.#showState();
        this.#onChange();
    }

    /** @param {boolean} isPaused */
    #setPaused(isPaused) {
        this.#isPaused = isPaused;
        this.#pause.setAttribute("aria-pressed", String(isPaused));
        this.#showSoon();
        this.#showState();
    }

    #watchHidden() {
        clearTimeout(this.#hiddenTimer);
        if (!document.hidden) {
            this.#showSoon();
        } else if (this.isOn) {
            this.#hiddenTimer = setTimeout(() => {
                this.#switch(false);
                this.#put(noteRow(`Tracing was switched off: the page was hidden for ${HIDDEN / 60_000} minutes`));
            }, HIDDEN);
        }
    }

    /** @param {HTMLElement} row */
    #put(row) {
        this.#waiting.push(row);
        if (this.#waiting.length > MOST_ROWS) {
            this.#waiting.shift();
        }
        this.#showSoon();
    }

    #showSoon() {
        if (!this.#isDue && !document.hidden) {
            this.#isDue = true;
            requestAnimationFrame(() => {
                this.#isDue = false;
                this.#show();
            });
        }
    }

    #show() {
        if (!this.#isPaused && this.#waiting.length > 0) {
            const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
            const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
            this.#body.append(...this.#waiting);
            this.#waiting = [];
            while (this.#body.childElementCount > MOST_ROWS) {
                this.#body.firstElementChild?.remove();
            }
            if (isAtEnd) {
                this.#scroller.scrollTop = this.#scroller.scrollHeight;
            }
        }
        this.#showState();
    }

    #showState() {
        const waiting = this.#isPaused && this.#waiting.length > 0 ? ` (${count(this.#waiting.length)} new)` : "";
        setText(this.#toggle, this.isOn ? "Stop tracing" : "Start tracing");
        setText(this.#pause, this.#isPaused ? `Resume${waiting}` : "Pause");
        this.#pause.disabled = !this.isOn;
        this.#empty.hidden = this.#body.childElementCount > 0;
        setText(this.#empty, this.isOn ? NOTHING_YET : OFF);
    }
}
