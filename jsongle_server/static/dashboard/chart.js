/** One chart: a card with a figure, a legend and a plot in SVG. What it shows, in which units, is said elsewhere. */

import { ChartTable } from "./chart-table.js";
import { describe, readingAt, valueNow } from "./chart-words.js";
import { draw, make, setText } from "./dom.js";
import { shortClock } from "./format.js";
import { areaPath, barPaths, linePath } from "./marks.js";
import { highest, nearest } from "./plots.js";
import { named, Reader } from "./reader.js";
import { linear, timeTicks } from "./scale.js";

/**
 * @typedef {import("./history.js").History} History
 * @typedef {import("./plots.js").Plot} Plot
 *
 * @typedef {object} ChartKind
 * @property {string} id
 * @property {string} title
 * @property {string} about what it shows, in a sentence
 * @property {(history: History) => Plot} plot
 * @property {(highest: number) => import("./scale.js").Axis} axis
 * @property {(value: number) => string} format of a value with its unit
 * @property {(history: History) => string} figure what is shown large
 * @property {(history: History) => string} note what that is
 * @property {boolean} [isFilled] whether what is below the line is filled
 */

const MARGIN = Object.freeze({ top: 8, right: 6, bottom: 20, left: 54 });
const TICK_ROOM = 64;

export class Chart {
    #kind;
    #parts;
    #reader;
    #table;
    /** @type {Plot | undefined} */
    #plot;
    #x = linear([0, 1], [0, 1]);
    #y = linear([0, 1], [0, 1]);
    #size = { width: 0, height: 0 };

    /**
     * @param {ChartKind} kind
     * @param {{onPick: (at: number | null) => void, onResize: () => void}} listeners `onPick`: a time is looked at
     */
    constructor(kind, { onPick, onResize }) {
        this.#kind = kind;
        this.#parts = partsOf(kind);
        this.#reader = new Reader(this.#parts.plot, { label: `${kind.title}: values at a time`, onPick });
        this.#table = new ChartTable(kind);
        this.#parts.card.append(this.#table.element);
        new ResizeObserver(([entry]) => {
            const { width, height } = /** @type {ResizeObserverEntry} */ (entry).contentRect;
            this.#size = { width: Math.round(width), height: Math.round(height) };
            onResize();
        }).observe(this.#parts.plot);
    }

    get element() {
        return this.#parts.card;
    }

    /** @param {History} history */
    show(history) {
        const { figure, note, empty, svg } = this.#parts;
        const plot = this.#kind.plot(history);
        this.#plot = plot;
        setText(figure, this.#kind.figure(history));
        setText(note, this.#kind.note(history));
        empty.hidden = plot.times.length > 0;
        this.#showLegend(plot);
        svg.setAttribute("aria-label", describe(this.#kind.title, plot, this.#kind.format));
        if (this.#size.width > 0) {
            this.#draw(plot);
            this.#reader.follow(plot, this.#x, (index) => readingAt(plot, index, this.#kind.format));
        }
        this.#table.show(plot);
    }

    /**
     * Marks a time, here or in another chart.
     *
     * @param {number | null} at in ms since the epoch
     */
    mark(at) {
        const { cross } = this.#parts;
        const plot = this.#plot;
        const index = plot === undefined || at === null ? -1 : nearest(plot.times, at);
        if (plot === undefined || index < 0) {
            cross.replaceChildren();
            return;
        }
        const x = this.#x(/** @type {number} */ (plot.times[index]) + plot.width / 2);
        const line = draw("line", { x1: x, x2: x, y1: MARGIN.top, y2: this.#size.height - MARGIN.bottom });
        const marked = plot.width > 0 ? [] : plot.series;
        cross.replaceChildren(line, ...marked.flatMap(({ values, colour }) => this.#dot(x, values[index], colour)));
    }

    /**
     * @param {number} x
     * @param {number | null | undefined} value
     * @param {number} colour
     */
    #dot(x, value, colour) {
        return value === null || value === undefined
            ? []
            : [draw("circle", { cx: x, cy: this.#y(value), r: 3, class: `dot colour-${colour}` })];
    }

    /** @param {Plot} plot */
    #draw(plot) {
        const { width, height } = this.#size;
        const { svg, grid, marks } = this.#parts;
        const axis = this.#kind.axis(highest(plot));
        this.#x = linear([plot.from, plot.to], [MARGIN.left, width - MARGIN.right]);
        this.#y = linear([0, axis.top], [height - MARGIN.bottom, MARGIN.top]);
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        grid.replaceChildren(
            ...axis.ticks.flatMap((tick) => this.#valueTick(tick)),
            ...timeTicks(plot.from, plot.to, (width - MARGIN.left) / TICK_ROOM).flatMap((tick) => this.#timeTick(tick)),
        );
        marks.replaceChildren(...(plot.width > 0 ? this.#bars(plot) : this.#lines(plot)));
    }

    /** @param {number} tick */
    #valueTick(tick) {
        // In the middle of a pixel, so that a line of one pixel is one.
        const y = Math.round(this.#y(tick)) + 0.5;
        return [
            draw("line", { x1: MARGIN.left, x2: this.#size.width - MARGIN.right, y1: y, y2: y }),
            draw("text", { x: MARGIN.left - 8, y, dy: "0.32em", "text-anchor": "end" }, this.#kind.format(tick)),
        ];
    }

    /** @param {number} tick */
    #timeTick(tick) {
        const x = Math.round(this.#x(tick)) + 0.5;
        const bottom = this.#size.height - MARGIN.bottom;
        const line = draw("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4 });
        // A label that the end would cut has none: moved, it would stand at another time.
        const isCut = x > this.#size.width - TICK_ROOM / 4;
        return isCut ? [line] : [line, draw("text", { x, y: bottom + 15, "text-anchor": "middle" }, shortClock(tick))];
    }

    /** @param {Plot} plot */
    #lines(plot) {
        return plot.series.flatMap(({ values, colour }) => {
            const line = draw("path", { d: linePath(plot, values, this.#x, this.#y), class: `line colour-${colour}` });
            if (!this.#kind.isFilled) {
                return [line];
            }
            const area = areaPath(plot, values, this.#x, this.#y);
            return [draw("path", { d: area, class: `area colour-${colour}` }), line];
        });
    }

    /** @param {Plot} plot */
    #bars(plot) {
        const paths = barPaths(plot, this.#x, this.#y);
        return plot.series.map(({ colour }, index) =>
            draw("path", { d: paths[index], class: `bar-mark colour-${colour}` }),
        );
    }

    /** @param {Plot} plot */
    #showLegend(plot) {
        const { legend } = this.#parts;
        const shown = plot.series.length > 1 || plot.width > 0 ? plot.series : [];
        const key = JSON.stringify(shown.map(({ name, colour, title }) => [name, colour, title]));
        if (legend.dataset.key !== key) {
            legend.dataset.key = key;
            legend.replaceChildren(
                ...shown.map(({ name, title, colour }) => make("li", { title }, ...named(name, colour), make("b"))),
            );
        }
        shown.forEach((series, index) => {
            const value = legend.children[index]?.lastElementChild;
            if (value) {
                setText(value, valueNow(plot, series, this.#kind.format));
            }
        });
    }
}

/** @param {ChartKind} kind */
function partsOf({ id, title, about }) {
    const heading = make("h3", { id: `chart-${id}`, title: about }, title);
    const figure = make("span", { class: "figure" });
    const note = make("span", { class: "note" });
    const legend = make("ul", { class: "legend" });
    const grid = draw("g", { class: "grid" });
    const marks = draw("g", { class: "marks" });
    const cross = draw("g", { class: "cross" });
    const svg = draw("svg", { role: "img" }, grid, marks, cross);
    const empty = make("p", { class: "plot-empty" }, "No samples yet");
    const plot = make("div", { class: "plot" }, svg, empty);
    const card = make(
        "article",
        { class: "card chart", "data-testid": `chart-${id}`, "aria-labelledby": heading.id },
        make("div", { class: "chart-head" }, heading, make("p", {}, figure, " ", note)),
        legend,
        plot,
    );
    return { card, figure, note, legend, plot, svg, empty, grid, marks, cross };
}
