/**
 * Who is typing: told not too often, and believed not too long.
 *
 * @module typing
 */

/** Milliseconds between two notes that somebody goes on typing. */
export const TELL_EVERY = 3_000;

/** Milliseconds after which somebody who was typing, and of whom nothing more was heard, is not any more. */
export const BELIEVE_FOR = 6_000;

/** Tells others that this side is typing. */
export class TypingTeller {
    #tell;
    #now;
    #toldAt = -Infinity;

    /**
     * @param {(isTyping: boolean) => void} tell  sends the note.
     * @param {() => number} [now]  gives the time in milliseconds.
     */
    constructor(tell, now = Date.now) {
        this.#tell = tell;
        this.#now = now;
    }

    /**
     * Takes note of what stands in the field now.
     *
     * @param {string} text
     */
    typed(text) {
        const isTyping = text.trim() !== "";
        if (isTyping && this.#now() - this.#toldAt >= TELL_EVERY) {
            this.#toldAt = this.#now();
            this.#tell(true);
        } else if (!isTyping) {
            this.stop();
        }
    }

    /** The field was emptied: tells so, where anything was told. */
    stop() {
        if (this.#toldAt > -Infinity) {
            this.#toldAt = -Infinity;
            this.#tell(false);
        }
    }

    /** The text was sent, which says by itself that nobody is typing it any more. */
    sent() {
        this.#toldAt = -Infinity;
    }
}

/** Whether the other side is typing. */
export class TypingWatch {
    #show;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /** @param {(isTyping: boolean) => void} show */
    constructor(show) {
        this.#show = show;
    }

    /** @param {boolean} isTyping  what the other side says. */
    heard(isTyping) {
        clearTimeout(this.#timer);
        this.#timer = isTyping ? setTimeout(() => this.#show(false), BELIEVE_FOR) : undefined;
        this.#show(isTyping);
    }
}
