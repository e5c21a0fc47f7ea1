/** Lines, areas and bars as path data (SVG 2 section 9.3). Numbers in, text out. */

/**
 * @typedef {import("./plots.js").Plot} Plot
 * @typedef {(value: number) => number} Scale from a value to pixels
 * @typedef {[number, number][]} Points in pixels
 */

/** Between two bars, in pixels. */
const BAR_SPACE = 1;

/**
 * A line through the values, which ends before a gap and begins anew after it.
 *
 * @param {Plot} plot
 * @param {(number | null)[]} values
 * @param {Scale} x
 * @param {Scale} y
 * @returns {string}
 */
export function linePath(plot, values, x, y) {
    // A value by itself is a line of no length, which round ends make a dot of.
    const dot = (/** @type {Points} */ points) => (points.length === 1 ? "h0" : "");
    return stretches(plot, values, x, y)
        .map((points) => `${through(points)}${dot(points)}`)
        .join("");
}

/**
 * What lies between that line and the axis.
 *
 * @param {Plot} plot
 * @param {(number | null)[]} values
 * @param {Scale} x
 * @param {Scale} y
 * @returns {string}
 */
export function areaPath(plot, values, x, y) {
    const ground = pixel(y(0));
    return stretches(plot, values, x, y)
        .map((points) => `${through(points)}V${ground}H${pixel(points[0]?.[0] ?? 0)}Z`)
        .join("");
}

/**
 * Bars for each series, those of later ones on top.
 *
 * @param {Plot} plot
 * @param {Scale} x
 * @param {Scale} y
 * @returns {string[]}
 */
export function barPaths(plot, x, y) {
    const below = plot.times.map(() => 0);
    return plot.series.map(({ values }) => {
        let path = "";
        plot.times.forEach((at, index) => {
            const value = values[index] ?? 0;
            if (value > 0) {
                const bottom = below[index] ?? 0;
                below[index] = bottom + value;
                const [left, right] = [Math.max(x(plot.from), x(at)), Math.min(x(plot.to), x(at + plot.width))];
                path += bar(left, right, y(bottom + value), y(bottom));
            }
        });
        return path;
    });
}

/**
 * @param {number} left
 * @param {number} right
 * @param {number} top
 * @param {number} bottom
 */
function bar(left, right, top, bottom) {
    const end = Math.max(left + 1, right - BAR_SPACE);
    return `M${pixel(left)} ${pixel(bottom)}V${pixel(top)}H${pixel(end)}V${pixel(bottom)}Z`;
}

/**
 * The points, apart where there is a gap.
 *
 * @param {Plot} plot
 * @param {(number | null)[]} values
 * @param {Scale} x
 * @param {Scale} y
 */
function stretches({ times, gap }, values, x, y) {
    /** @type {Points[]} */
    const all = [];
    /** @type {Points} */
    let points = [];
    let last = -Infinity;
    times.forEach((at, index) => {
        const value = values[index];
        if (value === null || value === undefined) {
            last = -Infinity;
            return;
        }
        if (at - last > gap) {
            points = [];
            all.push(points);
        }
        last = at;
        points.push([x(at), y(value)]);
    });
    return all;
}

/** @param {Points} points */
function through(points) {
    return `M${points.map(([x, y]) => `${pixel(x)} ${pixel(y)}`).join("L")}`;
}

/** @param {number} value */
function pixel(value) {
    return Math.round(value * 10) / 10;
}
