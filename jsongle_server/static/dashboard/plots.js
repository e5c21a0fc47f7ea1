/** From samples to what a chart draws. Must not know how it is drawn. */

import { MEANINGS, OWN_COLOURS } from "./codes.js";
import { SPAN } from "./history.js";

/**
 * @typedef {import("./history.js").History} History
 * @typedef {import("./history.js").Sample} Sample
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {string} title what the name means
 * @property {number} colour from 1
 * @property {(number | null)[]} values one for each time of the plot; null where there is none
 *
 * @typedef {object} Plot
 * @property {number} from where the time axis begins, in ms since the epoch
 * @property {number} to where it ends
 * @property {number[]} times of the values, ascending
 * @property {Series[]} series
 * @property {number} gap between values that are farther apart, in ms, no line is drawn
 * @property {number} [recent] of how many of the latest values the last known one is that of now; 1 unless it is given
 * @property {number} width of a bar, in ms; 0 where the plot is drawn as lines. Bars are stacked
 *
 * @typedef {{name: string, title: string, colour: number, value: (sample: Sample) => number | null}} Reading
 */

/** What one bar stands for, in ms. */
export const BAR = 15_000;

const OTHERS = "other";

/**
 * A line for each reading.
 *
 * @param {History} history
 * @param {Reading[]} readings
 * @returns {Plot}
 */
export function lines(history, readings) {
    const { samples, gap } = history;
    const series = readings.map(({ value, ...rest }) => ({ ...rest, values: samples.map(value) }));
    return { ...span(history), times: samples.map(({ at }) => at), series, gap, width: 0 };
}

/**
 * Bars of errors, a layer for each code.
 *
 * @param {History} history
 * @param {import("./codes.js").CodeColours} colours
 * @returns {Plot}
 */
export function errorBars(history, colours) {
    const bars = gather(history.samples);
    const codes = [...new Set([...bars.values()].flatMap((errors) => [...errors.keys()]))].sort();
    const coloured = colours.of(codes);
    const own = codes.filter((code) => (coloured.get(code) ?? 0) <= OWN_COLOURS);
    const others = codes.filter((code) => !own.includes(code));
    const counts = [...bars.values()];
    const series = own.map((code) => ({
        name: code,
        title: MEANINGS[code] ?? "a code that this page does not know",
        colour: /** @type {number} */ (coloured.get(code)),
        values: counts.map((errors) => errors.get(code) ?? 0),
    }));
    if (others.length > 0) {
        const values = counts.map((errors) => others.reduce((sum, code) => sum + (errors.get(code) ?? 0), 0));
        series.push({ name: OTHERS, title: others.join(", "), colour: OWN_COLOURS + 1, values });
    }
    return { ...span(history), times: [...bars.keys()], series, gap: history.gap, width: BAR };
}

/**
 * The last value that is known among the latest; null where none of these is.
 *
 * @param {(number | null)[]} values
 * @param {number} recent how many of them are looked through
 */
export function lastKnown(values, recent) {
    return values.slice(-recent).reduce((last, value) => value ?? last, null);
}

/**
 * The highest value that has to fit in.
 *
 * @param {Plot} plot
 */
export function highest(plot) {
    const { series, times, width } = plot;
    if (width > 0) {
        return times.reduce((most, _, index) => Math.max(most, total(series, index)), 0);
    }
    const all = series.flatMap(({ values }) => values);
    return all.reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0);
}

/**
 * All series at one time, added up.
 *
 * @param {Series[]} series
 * @param {number} index of the time
 */
export function total(series, index) {
    return series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0);
}

/**
 * The place in ascending times that is nearest to a time; -1 where there are none.
 *
 * @param {number[]} times
 * @param {number} at
 */
export function nearest(times, at) {
    let low = 0;
    let high = times.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (/** @type {number} */ (times[middle]) < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const before = times[low - 1];
    const after = times[low];
    if (before === undefined || after === undefined) {
        return before === undefined && after === undefined ? -1 : before === undefined ? low : low - 1;
    }
    return at - before <= after - at ? low - 1 : low;
}

/** @param {History} history */
function span(history) {
    const to = history.now;
    return { from: to - SPAN, to };
}

/**
 * Errors by bar and code.
 *
 * @param {Sample[]} samples
 * @returns {Map<number, Map<string, number>>} by the time at which the bar begins
 */
function gather(samples) {
    /** @type {Map<number, Map<string, number>>} */
    const bars = new Map();
    for (const { at, errors } of samples) {
        const start = Math.floor(at / BAR) * BAR;
        const bar = bars.get(start) ?? new Map();
        bars.set(start, bar);
        for (const [code, count] of Object.entries(errors)) {
            bar.set(code, (bar.get(code) ?? 0) + count);
        }
    }
    return bars;
}
