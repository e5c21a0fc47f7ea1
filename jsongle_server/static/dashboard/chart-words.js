/** A chart in words: what its legend and its reader say, and what those are told who do not see it. */

import { clock, orDash } from "./format.js";
import { lastKnown } from "./plots.js";

/**
 * @typedef {import("./plots.js").Plot} Plot
 * @typedef {import("./plots.js").Series} Series
 * @typedef {import("./format.js").Format} Format
 *
 * @typedef {object} Reading What a plot says of one time.
 * @property {string} time
 * @property {{name: string, colour: number, text: string}[]} rows
 */

/**
 * What is said of a series in few words: of errors, how many there were; of all else, how much there is now.
 *
 * @param {Plot} plot
 * @param {Series} series
 * @param {Format} format
 */
export function valueNow({ width, recent = 1 }, { values }, format) {
    const sum = () => values.reduce((/** @type {number} */ all, value) => all + (value ?? 0), 0);
    return orDash(width > 0 ? sum() : lastKnown(values, recent), format);
}

/**
 * The values at one time; of bars, those that there are.
 *
 * @param {Plot} plot
 * @param {number} index of the time
 * @param {Format} format
 * @returns {Reading}
 */
export function readingAt({ times, series, width }, index, format) {
    const at = /** @type {number} */ (times[index]);
    const time = width > 0 ? `${clock(at)} to ${clock(at + width)}` : clock(at);
    const shown = width > 0 ? series.filter(({ values }) => values[index]) : series;
    const rows = shown.map(({ name, colour, values }) => ({ name, colour, text: orDash(values[index], format) }));
    return { time: rows.length > 0 ? time : `${time}: none`, rows };
}

/**
 * A whole chart in a sentence.
 *
 * @param {string} title
 * @param {Plot} plot
 * @param {Format} format
 */
export function describe(title, plot, format) {
    if (plot.times.length === 0) {
        return `${title}: no samples yet`;
    }
    const described = plot.series.map((series) => {
        const name = plot.series.length > 1 || plot.width > 0 ? `${series.name} ` : "";
        return `${name}${extent(plot, series, format)}`;
    });
    return `${title}, the last 15 minutes: ${described.join("; ") || "none"}`;
}

/**
 * @param {Plot} plot
 * @param {Series} series
 * @param {Format} format
 */
function extent(plot, series, format) {
    const known = series.values.filter((value) => value !== null);
    if (known.length === 0) {
        return "none";
    }
    const now = valueNow(plot, series, format);
    const [least, most] = [Math.min(...known), Math.max(...known)].map(format);
    return plot.width > 0 ? now : `now ${now}, least ${least}, most ${most}`;
}
