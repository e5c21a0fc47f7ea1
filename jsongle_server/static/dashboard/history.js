/** The samples of the last 15 minutes, as the server and the page have seen them. */

/**
 * @typedef {object} SentSample What the server sends of one moment.
 * @property {string} at ISO 8601
 * @property {number} connections
 * @property {Record<string, number>} sessions by state
 * @property {number} rooms
 * @property {number} calls
 * @property {number} received messages from clients, a second
 * @property {number} sent messages to clients, a second
 * @property {Record<string, number>} errors by code, since the sample before
 * @property {{p50: number, p99: number} | null} relay in seconds; null where nothing was relayed
 * @property {number} memory in bytes
 *
 * @typedef {Omit<SentSample, "at"> & {at: number}} Sample The same with its time in ms since the epoch.
 */

/** How far back it goes, in ms. */
export const SPAN = 15 * 60 * 1000;

/** How many samples are kept at most, whatever their times say. */
export const MOST_SAMPLES = 2000;

/** After how many intervals without a sample there is a gap. */
const GAP = 2.5;

export class History {
    /** @type {Sample[]} Oldest first. */
    samples = [];
    /** The time between two samples, in ms. */
    interval = 2000;
    #clock;
    /** How far the server's clock is ahead of the page's, in ms. */
    #ahead = 0;

    /** @param {() => number} [clock] gives the page's time in ms since the epoch */
    constructor(clock = Date.now) {
        this.#clock = clock;
    }

    /** The server's time now, in ms since the epoch: goes on while nothing is heard of it. */
    get now() {
        return this.#clock() + this.#ahead;
    }

    /** Between samples that are farther apart than this, in ms, the server was away. */
    get gap() {
        return GAP * this.interval;
    }

    /** @returns {Sample | undefined} */
    get latest() {
        return this.samples.at(-1);
    }

    /**
     * Takes what the server remembers; what the page has seen before that stays, for a server that was started anew
     * remembers nothing.
     *
     * @param {SentSample[]} sent oldest first
     * @param {number} interval in seconds
     */
    refill(sent, interval) {
        this.interval = interval * 1000;
        const samples = sent.map(timed);
        const first = samples[0]?.at ?? Infinity;
        this.samples = this.samples.filter(({ at }) => at < first).concat(samples);
        this.#settle();
    }

    /** @param {SentSample} sent */
    add(sent) {
        this.samples.push(timed(sent));
        this.#settle();
    }

    clear() {
        this.samples = [];
    }

    #settle() {
        const { latest } = this;
        if (latest !== undefined) {
            this.#ahead = latest.at - this.#clock();
        }
        const since = this.now - SPAN;
        this.samples = this.samples.filter(({ at }) => at >= since).slice(-MOST_SAMPLES);
    }
}

/**
 * @param {SentSample} sent
 * @returns {Sample}
 */
function timed(sent) {
    return { ...sent, at: Date.parse(sent.at) };
}
