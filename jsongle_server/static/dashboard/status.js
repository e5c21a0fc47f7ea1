/** How the page's own connection is: live, or since when not, and what it waits for. */

import { byId, setText } from "./dom.js";

/** @typedef {import("./stream.js").StreamState} StreamState */

/**
 * The state in words, without the countdown.
 *
 * @param {StreamState} state
 */
export function wordsOf({ name, ended = false }) {
    if (name === "live") {
        return "live";
    }
    if (name === "closed" || name === "refused") {
        return "signed out";
    }
    if (ended) {
        return "server stopped";
    }
    return name === "connecting" ? "connecting" : "reconnecting";
}

export class Status {
    #badge = byId("state", HTMLElement);
    #words = byId("state-words", HTMLElement);
    #countdown = byId("state-countdown", HTMLElement);
    #banner = byId("banner", HTMLElement);
    #reason = byId("banner-reason", HTMLElement);
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #timer;

    /** @param {() => void} onHurry somebody does not want to wait */
    constructor(onHurry) {
        byId("hurry", HTMLButtonElement).addEventListener("click", onHurry);
    }

    /** @param {StreamState} state */
    show(state) {
        clearInterval(this.#timer);
        this.#badge.dataset.state = state.name;
        setText(this.#words, wordsOf(state));
        setText(this.#countdown, "");
        if (state.name === "live") {
            this.#banner.hidden = true;
        } else if (state.name === "waiting") {
            this.#banner.hidden = false;
            setText(this.#reason, `${state.reason}. What is shown is what was known before.`);
            this.#count(state.until ?? Date.now());
        }
    }

    /** @param {number} until in ms since the epoch */
    #count(until) {
        const tick = () => {
            const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
            setText(this.#countdown, ` · again in ${seconds} s`);
        };
        tick();
        this.#timer = setInterval(tick, 1000);
    }
}
