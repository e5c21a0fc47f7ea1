/** A chart as a table: a row for each minute, made only while it is open. */

import { make } from "./dom.js";
import { orDash, shortClock } from "./format.js";

/**
 * @typedef {import("./plots.js").Plot} Plot
 * @typedef {import("./chart.js").ChartKind} ChartKind
 */

const MINUTE = 60_000;

export class ChartTable {
    #kind;
    #body;
    /** @type {Plot | undefined} */
    #plot;

    /** @param {ChartKind} kind */
    constructor(kind) {
        this.#kind = kind;
        // In the way of the keyboard, since it is scrolled.
        const label = `${kind.title} as a table`;
        this.#body = make("div", { class: "chart-values", tabindex: 0, role: "group", "aria-label": label });
        this.element = make("details", {}, make("summary", {}, "As a table"), this.#body);
        this.element.addEventListener("toggle", () => this.#fill());
    }

    /** @param {Plot} plot */
    show(plot) {
        this.#plot = plot;
        this.#fill();
    }

    #fill() {
        const plot = this.#plot;
        if (plot === undefined || !this.element.open) {
            this.#body.replaceChildren();
            return;
        }
        const caption = plot.width > 0 ? "How many in each minute" : "The highest of each minute";
        const names = plot.series.map(({ name }) => make("th", { scope: "col" }, name));
        const rows = byMinute(plot).map(({ minute, values }) =>
            make(
                "tr",
                {},
                make("th", { scope: "row" }, shortClock(minute)),
                ...values.map((value) => make("td", {}, orDash(value, this.#kind.format))),
            ),
        );
        const head = make("tr", {}, make("th", { scope: "col" }, "Minute"), ...names);
        const [top, rest] = [make("thead", {}, head), make("tbody", {}, ...rows)];
        this.#body.replaceChildren(make("table", {}, make("caption", {}, caption), top, rest));
    }
}

/**
 * The values of each minute, the latest first: of bars their sum, of lines their highest.
 *
 * @param {Plot} plot
 * @returns {{minute: number, values: (number | null)[]}[]} null where there was none
 */
export function byMinute({ times, series, width }) {
    /** @type {Map<number, (number | null)[]>} */
    const minutes = new Map();
    times.forEach((at, index) => {
        const minute = Math.floor(at / MINUTE) * MINUTE;
        const row = minutes.get(minute) ?? series.map(() => null);
        minutes.set(minute, row);
        series.forEach(({ values }, place) => {
            const value = values[index] ?? null;
            const before = row[place] ?? null;
            if (value !== null) {
                row[place] = before === null ? value : width > 0 ? before + value : Math.max(before, value);
            }
        });
    });
    return [...minutes].map(([minute, values]) => ({ minute, values })).reverse();
}
