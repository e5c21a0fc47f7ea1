/**
 * Reads server-sent events out of bytes (WHATWG HTML section 9.2, "Server-sent events").
 *
 * EventSource would do so by itself, but sends no Authorization header. Must not know where the bytes come from.
 */

/** @typedef {{name: string, data: string}} ServerSentEvent */

const MOST_CHARACTERS = 32 * 1024 * 1024;

/** Collects bytes, in pieces of any size, into events. The fields `id` and `retry` are passed over. */
export class EventParser {
    #decoder = new TextDecoder();
    #most;
    /** @type {string[]} What there is of the line that has not ended yet. */
    #pieces = [];
    /** @type {string[]} */
    #data = [];
    #name = "";
    #held = 0;
    #endedInReturn = false;

    /** @param {{most?: number}} [options] `most`: the longest event, in characters. */
    constructor({ most = MOST_CHARACTERS } = {}) {
        this.#most = most;
    }

    /**
     * Takes the next bytes of the stream.
     *
     * @param {Uint8Array} bytes
     * @returns {ServerSentEvent[]} the events that end in them
     * @throws {RangeError} an event is longer than it may be
     */
    feed(bytes) {
        /** @type {ServerSentEvent[]} */
        const events = [];
        const text = this.#decoder.decode(bytes, { stream: true });
        let start = 0;
        // A carriage return ends a line at once; a line feed that follows it, here or in the next bytes, ends no other.
        for (const { 0: end, index } of text.matchAll(/\r\n?|\n/g)) {
            const isRestOfEnd = this.#endedInReturn && index === 0 && end === "\n";
            this.#endedInReturn = false;
            if (!isRestOfEnd) {
                this.#hold(text.slice(start, index));
                this.#endLine(events);
            }
            start = index + end.length;
        }
        if (text !== "") {
            this.#endedInReturn = text.endsWith("\r");
        }
        this.#hold(text.slice(start));
        return events;
    }

    /** @param {string} piece */
    #hold(piece) {
        this.#held += piece.length;
        if (this.#held > this.#most) {
            throw new RangeError(`An event of more than ${this.#most} characters`);
        }
        if (piece !== "") {
            this.#pieces.push(piece);
        }
    }

    /** @param {ServerSentEvent[]} events */
    #endLine(events) {
        const line = this.#pieces.join("");
        this.#pieces = [];
        if (line === "") {
            this.#endEvent(events);
            return;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
        if (field === "event") {
            this.#name = value;
        } else if (field === "data") {
            this.#data.push(value);
        }
    }

    /** @param {ServerSentEvent[]} events */
    #endEvent(events) {
        if (this.#data.length > 0) {
            events.push({ name: this.#name || "message", data: this.#data.join("\n") });
        }
        this.#data = [];
        this.#name = "";
        this.#held = 0;
    }
}
