/** Axes: round ticks, and the way from values to pixels. Numbers in, numbers out. */

const BINARY_STEP = 1024;
const TIME_STEPS = [60, 120, 300, 600, 900].map((seconds) => seconds * 1000);

/** @typedef {{top: number, ticks: number[]}} Axis From 0 to `top`, with a line and a label at each tick. */

/**
 * The smallest of 1, 2, 5, 10, … times a power of ten that is not below a value.
 *
 * @param {number} least more than 0
 */
export function niceStep(least) {
    const power = 10 ** Math.floor(Math.log10(least));
    // The logarithm of 1000 is 2.9999999999999996: what is nearly a step is that step.
    const factor = [1, 2, 5].find((candidate) => candidate * power >= least * (1 - 1e-9));
    return factor === undefined ? 10 * power : factor * power;
}

/**
 * An axis for values from 0 to the highest.
 *
 * @param {number} highest 0 where there is nothing
 * @param {{most?: number, least?: number}} [options] `most`: how many steps at most; `least`: the smallest step
 * @returns {Axis}
 */
export function axis(highest, { most = 4, least = 0 } = {}) {
    const step = Math.max(least, niceStep((highest > 0 ? highest : Math.max(least, 1)) / most));
    const steps = Math.max(1, Math.ceil(highest / step - 1e-9));
    // Multiplied rather than added up, and rounded, so that 3 × 0.1 is 0.3.
    const ticks = Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
    return { top: /** @type {number} */ (ticks.at(-1)), ticks };
}

/**
 * An axis for amounts of bytes: round in KiB, MiB, GiB.
 *
 * @param {number} highest
 * @param {{most?: number}} [options]
 * @returns {Axis}
 */
export function byteAxis(highest, options = {}) {
    const unit = BINARY_STEP ** binaryPower(highest);
    const { top, ticks } = axis(highest / unit, options);
    return { top: top * unit, ticks: ticks.map((tick) => tick * unit) };
}

/**
 * Which power of 1024 an amount of bytes is told in.
 *
 * @param {number} amount
 */
export function binaryPower(amount) {
    let power = 0;
    for (let rest = amount; rest >= BINARY_STEP && power < 4; rest /= BINARY_STEP) {
        power += 1;
    }
    return power;
}

/**
 * Times at full minutes. Zones differ by quarters of an hour, so that what is round here is round on every clock.
 *
 * @param {number} from in ms since the epoch
 * @param {number} to in ms since the epoch
 * @param {number} most how many there is room for
 * @returns {number[]}
 */
export function timeTicks(from, to, most) {
    const fits = (/** @type {number} */ step) => (to - from) / step <= most;
    const step = TIME_STEPS.find(fits) ?? /** @type {number} */ (TIME_STEPS.at(-1));
    /** @type {number[]} */
    const ticks = [];
    for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
        ticks.push(tick);
    }
    return ticks;
}

/**
 * A straight line through two points.
 *
 * @param {[number, number]} domain
 * @param {[number, number]} range
 * @returns {(value: number) => number}
 */
export function linear([from, to], [start, end]) {
    const factor = to === from ? 0 : (end - start) / (to - from);
    return (value) => start + (value - from) * factor;
}
