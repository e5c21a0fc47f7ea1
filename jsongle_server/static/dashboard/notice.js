/** Says what came of something, for a moment, at the edge of the page. */

import { byId, setText } from "./dom.js";

/** How long it is to be read, in ms. */
const SHOWN = 6000;

export class Notice {
    #element = byId("notice", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /** @param {string} text */
    say(text) {
        this.#show(text, "done");
    }

    /** @param {string} text */
    warn(text) {
        this.#show(text, "failed");
    }

    /**
     * @param {string} text
     * @param {"done" | "failed"} kind
     */
    #show(text, kind) {
        clearTimeout(this.#timer);
        this.#element.dataset.kind = kind;
        setText(this.#element, text);
        this.#timer = setTimeout(() => setText(this.#element, ""), SHOWN);
    }
}
