/**
 * The event stream of the server, kept open: reads it by fetch, and opens it again when it was lost.
 *
 * Must not know what the events mean, nor what is shown of its state.
 */

import { EventParser } from "./sse.js";

/**
 * @typedef {"closed" | "connecting" | "live" | "waiting" | "refused"} StreamStateName
 *
 * @typedef {object} StreamState
 * @property {StreamStateName} name `waiting`: for the next attempt; `refused`: for good, until it is opened again
 * @property {number} [until] when the next attempt is made, in ms since the epoch
 * @property {string} [reason] why it waits or was refused
 * @property {boolean} [ended] whether it was the server that ended the last stream, in good order
 * @property {number} [status] the HTTP status that it was refused with
 *
 * @typedef {Record<string, string>} Parameters
 *
 * @typedef {object} StreamOptions
 * @property {string} address of the stream, relative to the page's
 * @property {() => string} token gives the token, anew for each attempt
 * @property {(name: string, data: any) => void} onEvent
 * @property {(state: StreamState) => void} onState
 * @property {typeof globalThis.fetch} [fetch]
 * @property {() => number} [random] gives a number from 0 to 1
 */

/** The least and the most time between two attempts, in ms; the most doubles with each attempt, up to `most`. */
export const BACKOFF = Object.freeze({ least: 250, first: 1000, most: 15_000 });

/** After how long without a byte a stream counts as lost, in ms. The server sends something every two seconds. */
export const SILENCE = 15_000;

/** How long a stream has to last for the next attempts to begin with short waits again, in ms. */
export const STEADY = 5_000;

const REFUSED = [401, 403];
const LONGEST_WAIT = 120_000;

/**
 * How long to wait before an attempt: a random time, so that not all pages come back at once.
 *
 * @param {number} attempt 0 for the first one after a loss
 * @param {number} random from 0 to 1
 * @returns {number} in ms
 */
export function backoff(attempt, random) {
    const ceiling = Math.min(BACKOFF.most, BACKOFF.first * 2 ** Math.min(attempt, 16));
    return Math.max(BACKOFF.least, Math.round(random * ceiling));
}

/** Why a stream ended, and what follows from it. */
class Lost extends Error {
    /**
     * @param {string} message
     * @param {{ended?: boolean, status?: number, retryAfter?: number}} [details] `retryAfter` in ms
     */
    constructor(message, { ended = false, status, retryAfter = 0 } = {}) {
        super(message);
        this.ended = ended;
        this.status = status;
        this.retryAfter = retryAfter;
    }
}

/** One stream at a time, opened again with other parameters whenever they change. */
export class LiveStream {
    #options;
    #fetch;
    #random;
    #ended = false;
    #attempt = 0;
    /** @type {AbortController | undefined} */
    #current;
    /** @type {(() => void) | undefined} */
    #wake;

    /** @param {StreamOptions} options */
    constructor(options) {
        this.#options = options;
        this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
        this.#random = options.random ?? Math.random;
    }

    /**
     * Opens the stream, in place of the one that is open.
     *
     * @param {Parameters} parameters of its address; those that are empty are left out
     */
    open(parameters) {
        const isSwitch = this.#current !== undefined && this.#attempt === 0;
        this.#stop();
        this.#attempt = 0;
        const current = new AbortController();
        this.#current = current;
        if (!isSwitch) {
            this.#tell({ name: "connecting" });
        }
        void this.#keepOpen(addressOf(this.#options.address, parameters), current);
    }

    /** Closes the stream, and does not open it again. */
    close() {
        this.#stop();
        this.#tell({ name: "closed" });
    }

    /** Makes the next attempt now, where one is waited for. */
    hurry() {
        this.#wake?.();
    }

    #stop() {
        const current = this.#current;
        this.#current = undefined;
        current?.abort();
        this.#wake?.();
    }

    /** @param {StreamState} state */
    #tell(state) {
        this.#options.onState(state);
    }

    /**
     * @param {string} address
     * @param {AbortController} current
     */
    async #keepOpen(address, current) {
        while (this.#current === current) {
            const lost = await this.#readOnce(address, current);
            if (this.#current !== current) {
                return;
            }
            if (lost.status !== undefined && REFUSED.includes(lost.status)) {
                this.#current = undefined;
                this.#tell({ name: "refused", status: lost.status, reason: lost.message });
                return;
            }
            this.#ended = lost.ended || (this.#ended && this.#attempt > 0);
            const delay = Math.max(lost.retryAfter, backoff(this.#attempt, this.#random()));
            this.#attempt += 1;
            this.#tell({ name: "waiting", until: Date.now() + delay, reason: lost.message, ended: this.#ended });
            await this.#wait(delay);
            if (this.#current === current) {
                this.#tell({ name: "connecting", ended: this.#ended });
            }
        }
    }

    /**
     * @param {string} address
     * @param {AbortController} current
     * @returns {Promise<Lost>}
     */
    async #readOnce(address, current) {
        const silence = new Silence();
        const signal = AbortSignal.any([current.signal, silence.signal]);
        try {
            const headers = { Authorization: `Bearer ${this.#options.token()}`, Accept: "text/event-stream" };
            const response = await this.#fetch(address, { headers, signal, cache: "no-store" });
            const body = await bodyOf(response);
            await this.#read(body, current, silence);
            return new Lost("The server has ended the stream", { ended: true });
        } catch (error) {
            if (silence.signal.aborted) {
                return new Lost(`Nothing heard for ${SILENCE / 1000} seconds`);
            }
            return error instanceof Lost ? error : new Lost(explain(error));
        } finally {
            silence.end();
        }
    }

    /**
     * @param {ReadableStream<Uint8Array>} body
     * @param {AbortController} current
     * @param {Silence} silence
     */
    async #read(body, current, silence) {
        const parser = new EventParser();
        const reader = body.getReader();
        const since = Date.now();
        let isFirst = true;
        for (;;) {
            const { done, value } = await reader.read();
            if (done || this.#current !== current) {
                return;
            }
            silence.restart();
            if (isFirst) {
                isFirst = false;
                this.#tell({ name: "live" });
            }
            if (this.#attempt > 0 && Date.now() - since >= STEADY) {
                this.#attempt = 0;
            }
            for (const { name, data } of parser.feed(value)) {
                this.#deliver(name, JSON.parse(data));
                if (this.#current !== current) {
                    return;
                }
            }
        }
    }

    /**
     * @param {string} name
     * @param {unknown} data
     */
    #deliver(name, data) {
        try {
            this.#options.onEvent(name, data);
        } catch (error) {
            // A fault of the page is not one of the stream: it shows in the console, and the next event may do better.
            queueMicrotask(() => {
                throw error;
            });
        }
    }

    /** @param {number} delay in ms */
    async #wait(delay) {
        await new Promise((resolve) => {
            const timer = setTimeout(resolve, delay);
            this.#wake = () => {
                clearTimeout(timer);
                resolve(undefined);
            };
        });
    }
}

/** Ends a stream that has fallen silent: a dead network is not told of otherwise. */
class Silence {
    #controller = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    constructor() {
        this.restart();
    }

    get signal() {
        return this.#controller.signal;
    }

    restart() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#controller.abort(), SILENCE);
    }

    /** Ends the request as well, which otherwise would go on to be received where its stream could not be read. */
    end() {
        clearTimeout(this.#timer);
        this.#controller.abort();
    }
}

/**
 * @param {string} address
 * @param {Parameters} parameters
 */
function addressOf(address, parameters) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ""));
    return query.size > 0 ? `${address}?${query}` : address;
}

/**
 * The stream in a response.
 *
 * @param {Response} response
 * @throws {Lost} there is none in it
 */
async function bodyOf(response) {
    const type = response.headers.get("Content-Type") ?? "";
    if (response.ok && response.body !== null && type.startsWith("text/event-stream")) {
        return response.body;
    }
    const retryAfter = Math.min(LONGEST_WAIT, 1000 * (Number(response.headers.get("Retry-After")) || 0));
    const answer = await response.json().catch(() => null);
    const said = typeof answer?.errorMsg === "string" ? answer.errorMsg : `${response.status} ${response.statusText}`;
    const message = response.ok ? "What answers here is not the event stream of a JSONgle server" : said.trim();
    throw new Lost(message, { status: response.status, retryAfter });
}

/**
 * What became of a stream, from what was raised: browsers say of network errors only that there was one.
 *
 * @param {unknown} error
 */
function explain(error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
        return `The stream cannot be read: ${error.message}`;
    }
    return "The server cannot be reached";
}
