/** Numbers, sizes and times as text. */

import { binaryPower } from "./scale.js";

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const ONE_PLACE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const THREE_DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT_CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {(value: number) => string} Format */

/** @type {Format} A whole number: `12,345`. */
export const count = (value) => WHOLE.format(value);

/** @type {Format} For where there is little room: `12.3K`. */
export const compact = (value) => (Math.abs(value) < 10_000 ? ONE_PLACE.format(value) : COMPACT.format(value));

/** @type {Format} How many a second: with a decimal place where it matters. */
export const rate = (value) => (value < 100 ? ONE_PLACE.format(value) : compact(Math.round(value)));

/** @type {Format} An amount of bytes: `84.2 MiB`. */
export function bytes(value) {
    const power = binaryPower(value);
    return `${THREE_DIGITS.format(value / 1024 ** power)} ${BINARY_UNITS[power]}`;
}

/** @type {Format} A short time, given in seconds: `850 µs`, `1.2 ms`, `3.4 s`. */
export function latency(seconds) {
    if (seconds === 0) {
        return "0";
    }
    const [factor, unit] = seconds < 0.001 ? [1e6, "µs"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
    return `${THREE_DIGITS.format(seconds * factor)} ${unit}`;
}

/** @type {Format} A long time, given in seconds, by its two largest units: `3 d 4 h`. */
export function duration(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < MINUTE) {
        return `${whole} s`;
    }
    /** @type {[number, string, number, string]} */
    const [large, largeUnit, small, smallUnit] =
        whole < HOUR ? [MINUTE, "min", 1, "s"] : whole < DAY ? [HOUR, "h", MINUTE, "min"] : [DAY, "d", HOUR, "h"];
    const rest = Math.floor((whole % large) / small);
    const first = `${Math.floor(whole / large)} ${largeUnit}`;
    // Seconds of a long minute change too fast to be read in a list.
    return rest === 0 || small === 1 ? first : `${first} ${rest} ${smallUnit}`;
}

/** @type {Format} The time of day of a time in ms since the epoch, in the reader's zone: `14:05:02`. */
export const clock = (at) => CLOCK.format(at);

/** @type {Format} The same without seconds. */
export const shortClock = (at) => SHORT_CLOCK.format(at);

/** @type {Format} Day and time of a time in ms since the epoch. */
export const date = (at) => DATE.format(at);

/**
 * A value as text; a dash where there is none.
 *
 * @param {number | null | undefined} value
 * @param {Format} format
 */
export function orDash(value, format) {
    return value === null || value === undefined ? "–" : format(value);
}

/**
 * The beginning of an identity, which is enough to tell it from others.
 *
 * @param {string} text
 */
export function brief(text) {
    return /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(text) ? `${text.slice(0, 8)}…` : text;
}
