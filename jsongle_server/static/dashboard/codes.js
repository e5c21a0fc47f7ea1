/** What the error codes of the protocol mean (protocol section 8), and which colour each has in a chart. */

/** @type {Readonly<Record<string, string>>} */
export const MEANINGS = Object.freeze({
    400001: "bad or missing parameter",
    400002: "no usable jsongle object",
    400003: "not a JSON object",
    401001: "token missing or refused",
    403001: "room full",
    403002: "hello first",
    403003: "not your identity",
    403004: "too many rooms",
    403005: "not allowed by the token, or blocked",
    403006: "not your call",
    404001: "unknown query",
    404002: "not a member, or no such recipient",
    404003: "nobody else in the room",
    405001: "action not supported",
    409001: "room is of the other kind",
    429001: "too fast",
    500001: "internal error",
    503001: "temporarily unavailable",
});

/** How many codes have a colour of their own; the others share the next one. */
export const OWN_COLOURS = 5;

/** Gives codes their colours, and leaves them theirs for as long as they are there. */
export class CodeColours {
    /** @type {Map<string, number>} */
    #colours = new Map();

    /**
     * @param {string[]} codes all that are there now
     * @returns {Map<string, number>} each with its colour, from 1; those that share one have `OWN_COLOURS + 1`
     */
    of(codes) {
        for (const code of this.#colours.keys()) {
            if (!codes.includes(code)) {
                this.#colours.delete(code);
            }
        }
        const taken = new Set(this.#colours.values());
        const own = Array.from({ length: OWN_COLOURS }, (_, index) => index + 1);
        const free = own.filter((colour) => !taken.has(colour));
        for (const code of codes) {
            const colour = this.#colours.has(code) ? undefined : free.shift();
            if (colour !== undefined) {
                this.#colours.set(code, colour);
            }
        }
        return new Map(codes.map((code) => [code, this.#colours.get(code) ?? OWN_COLOURS + 1]));
    }
}
