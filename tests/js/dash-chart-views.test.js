// What charts show and say: in words, under the pointer, by keyboard, as a table.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { describe, readingAt, valueNow } from "../../jsongle_server/static/dashboard/chart-words.js";
import { Chart } from "../../jsongle_server/static/dashboard/chart.js";
import { Charts } from "../../jsongle_server/static/dashboard/charts.js";
import { clock } from "../../jsongle_server/static/dashboard/format.js";
import { History } from "../../jsongle_server/static/dashboard/history.js";
import { Reader } from "../../jsongle_server/static/dashboard/reader.js";
import { axis } from "../../jsongle_server/static/dashboard/scale.js";
import { FakeElement, openPage } from "./fake-page.js";

/** @typedef {import("../../jsongle_server/static/dashboard/plots.js").Plot} Plot */

const NOW = Date.parse("2026-11-22T14:10:00.000Z");
const SIZE = { width: 260, height: 128 };
const format = (/** @type {number} */ value) => `${value} B`;

/** @param {Record<string, (number | null)[]>} values by series @param {Partial<Plot>} [rest] @returns {Plot} */
function plotOf(values, rest = {}) {
    const length = Math.max(0, ...Object.values(values).map((some) => some.length));
    const times = Array.from({ length }, (_, index) => NOW + index * 1000);
    const series = Object.entries(values).map(([name, some], index) => {
        return { name, title: `about ${name}`, colour: index + 1, values: some };
    });
    return { from: NOW, to: NOW + 10_000, times, series, gap: 5000, width: 0, ...rest };
}

/** @type {ReturnType<typeof openPage>} */
let page;
/** @type {(size: typeof SIZE) => void} */
let resize;

beforeEach(() => {
    page = openPage("dashboard");
    const sizes = /** @type {((entries: {contentRect: typeof SIZE}[]) => void)[]} */ ([]);
    globalThis.ResizeObserver = /** @type {any} */ (
        class {
            /** @param {(entries: {contentRect: typeof SIZE}[]) => void} listener */
            constructor(listener) {
                sizes.push(listener);
            }

            observe() {}
        }
    );
    resize = (size) => sizes.forEach((listener) => listener([{ contentRect: size }]));
});

test("of a line what it is now is said, of bars how many there were", () => {
    const plot = plotOf({ all: [2, null, 3] });
    const [series] = plot.series;
    assert.ok(series);
    assert.equal(valueNow(plot, series, format), "3 B");
    assert.equal(valueNow({ ...plot, width: 1000 }, series, format), "5 B");
    assert.equal(valueNow(plot, { ...series, values: [1, null] }, format), "–");
    assert.equal(valueNow({ ...plot, recent: 2 }, { ...series, values: [1, null] }, format), "1 B");
    assert.equal(valueNow(plot, { ...series, values: [] }, format), "–");
});

test("a reading has the time and each value at it, a dash where there is none", () => {
    assert.deepEqual(readingAt(plotOf({ in: [1, 2], out: [3, null] }), 1, format), {
        time: clock(NOW + 1000),
        rows: [{ name: "in", colour: 1, text: "2 B" }, { name: "out", colour: 2, text: "–" }],
    });
});

test("a reading of a bar has its span, and only what is in it", () => {
    const plot = plotOf({ 404002: [1, 0], 403001: [0, 0] }, { width: 15_000 });
    const span = (/** @type {number} */ at) => `${clock(at)} to ${clock(at + 15_000)}`;
    const [full, empty] = [readingAt(plot, 0, format), readingAt(plot, 1, format)];
    assert.deepEqual([full.time, full.rows.map(({ text }) => text)], [span(NOW), ["1 B"]]);
    assert.deepEqual(empty, { time: `${span(NOW + 1000)}: none`, rows: [] });
});

test("a chart is told in a sentence", () => {
    const cases = /** @type {[Plot, string][]} */ ([
        [plotOf({}), "Size: no samples yet"],
        [plotOf({ all: [2, null, 5, 3] }), "Size, the last 15 minutes: now 3 B, least 2 B, most 5 B"],
        [plotOf({ a: [1], b: [null] }), "Size, the last 15 minutes: a now 1 B, least 1 B, most 1 B; b none"],
        [plotOf({ 404002: [1, 2] }, { width: 1000 }), "Size, the last 15 minutes: 404002 3 B"],
        [{ ...plotOf({}), times: [NOW], width: 1000 }, "Size, the last 15 minutes: none"],
    ]);
    for (const [plot, words] of cases) {
        assert.equal(describe("Size", plot, format), words);
    }
});

/** A reader of five times, ten pixels apart from 100 on, and what it picked. */
function reading() {
    /** @type {FakeElement} */
    const element = page.document.createElement("div");
    element.clientWidth = 300;
    /** @type {(number | null)[]} */
    const picked = [];
    const reader = new Reader(/** @type {any} */ (element), { label: "at a time", onPick: (at) => picked.push(at) });
    const plot = plotOf({ all: [1, 2, 3, 4, 5] });
    const follow = (/** @type {Plot} */ shown) =>
        reader.follow(shown, (at) => 100 + (at - NOW) / 100, (index) => readingAt(shown, index, format));
    follow(plot);
    const [range, box] = /** @type {any[]} */ (element.children);
    const point = (/** @type {number} */ clientX) =>
        element.dispatchEvent(Object.assign(new Event("pointermove"), { clientX }));
    const press = (/** @type {string} */ key) => {
        const event = Object.assign(new Event("keydown", { cancelable: true }), { key });
        range.dispatchEvent(event);
        return event;
    };
    return { element, range, box, picked, plot, follow, point, press, last: () => picked.at(-1) };
}

test("the time under the pointer is read, until it leaves", () => {
    const { element, box, range, point, last } = reading();
    point(121);
    assert.deepEqual([last(), range.value, box.hidden], [NOW + 2100, "2", false]);
    assert.equal(box.textContent, `${clock(NOW + 2000)}all3 B`);
    assert.equal(range.getAttribute("aria-valuetext"), `${clock(NOW + 2000)}, all 3 B`);
    element.dispatchEvent(new Event("pointerleave"));
    assert.deepEqual([last(), box.hidden], [null, true]);
});

test("the box keeps to the side on which there is room", () => {
    const { box, point } = reading();
    point(100);
    assert.deepEqual({ ...box.style }, { left: "110px", right: "auto" });
    const { box: other, point: pointOther, element } = reading();
    element.clientWidth = 150;
    pointOther(140);
    assert.deepEqual({ ...other.style }, { left: "auto", right: "20px" });
});

test("a keyboard reads like any other range, a page at a time, and within its ends", () => {
    const { range, last, press } = reading();
    range.focus();
    assert.equal(last(), NOW + 4000, "the latest first");
    range.value = "1";
    range.dispatchEvent(new Event("input"));
    assert.equal(last(), NOW + 1000);
    assert.equal(press("PageUp").defaultPrevented, true);
    assert.equal(last(), NOW + 2000);
    for (let count = 0; count < 9; count += 1) {
        press("PageDown");
    }
    assert.equal(last(), NOW);
    assert.equal(press("ArrowLeft").defaultPrevented, false, "that is up to the range");
    press("Escape");
    assert.equal(last(), null);
});

test("a reader that loses the focus reads no more", () => {
    const { range, box, last } = reading();
    range.focus();
    page.document.createElement("button").focus();
    assert.deepEqual([last(), box.hidden], [null, true]);
});

test("while a time is read the chart goes on below it; otherwise the range is at its end", () => {
    const { range, box, plot, follow, point } = reading();
    point(110);
    follow({ ...plot, times: plot.times.slice(1), series: plotOf({ all: [2, 3, 4, 5] }).series });
    assert.deepEqual([range.max, range.value, box.textContent], ["3", "0", `${clock(NOW + 1000)}all2 B`]);
    const { range: other, follow: followOther } = reading();
    followOther(plotOf({ all: [1, 2] }));
    assert.equal(other.value, "1");
});

test("where there is nothing, nothing is read", () => {
    const { range, follow, point, picked, box } = reading();
    follow(plotOf({}));
    point(110);
    assert.deepEqual([range.disabled, picked, box.hidden], [true, [], true]);
});

/**
 * A chart of what the test gives it.
 *
 * @param {Partial<import("../../jsongle_server/static/dashboard/chart.js").ChartKind>} [kind]
 */
function chartOf(kind = {}) {
    const onPick = mock.fn();
    const all = { id: "size", title: "Size", about: "How large", plot: () => plotOf({}), axis, format };
    const words = { figure: () => "5 B", note: () => "now" };
    const chart = new Chart({ ...all, ...words, ...kind }, { onPick, onResize: () => chart.show(new History()) });
    const card = /** @type {any} */ (chart.element);
    const find = (/** @type {string} */ selector) => card.querySelector(selector);
    chart.show(new History());
    return { chart, card, find, onPick };
}

/** The tags of elements. @param {any} parent */
const tags = (parent) => parent.children.map((/** @type {any} */ { tag }) => tag);

test("a chart has its figure before it has a size, and is drawn once it has one", () => {
    const { find } = chartOf({ plot: () => plotOf({ all: [1, 2, 3] }) });
    assert.deepEqual([find(".figure").textContent, find(".note").textContent], ["5 B", "now"]);
    assert.deepEqual([tags(find(".marks")), find(".plot-empty").hidden], [[], true]);
    resize(SIZE);
    assert.deepEqual(tags(find(".marks")), ["path"]);
    assert.equal(find(".line").getAttribute("d"), "M54 74.7L74 41.3L94 8");
    assert.equal(find("svg").getAttribute("viewBox"), "0 0 260 128");
    assert.equal(find("svg").getAttribute("aria-label"), "Size, the last 15 minutes: now 3 B, least 1 B, most 3 B");
    assert.deepEqual(
        find(".grid").getElementsByTagName("text").map((/** @type {any} */ { textContent }) => textContent).slice(0, 4),
        ["0 B", "1 B", "2 B", "3 B"],
    );
});

test("a label of a time stands at that time, or, where the end would cut it, is left out", () => {
    const minutes = 60_000;
    for (const [to, count] of [[NOW, 3], [NOW + minutes, 4]]) {
        const { find } = chartOf({ plot: () => plotOf({ all: [1] }, { from: NOW - 15 * minutes, to }) });
        resize({ width: 454, height: 128 });
        const [lines, texts] = ["line", "text"].map((tag) => find(".grid").getElementsByTagName(tag));
        const at = (/** @type {string} */ name) => (/** @type {any} */ element) => element.getAttribute(name);
        const times = texts.filter((/** @type {any} */ text) => at("text-anchor")(text) !== "end").map(at("x"));
        assert.equal(times.length, count);
        assert.deepEqual(times, lines.slice(-4).map(at("x1")).slice(0, count));
    }
});

test("a chart without samples says so", () => {
    const { find } = chartOf();
    assert.equal(find(".plot-empty").hidden, false);
    assert.equal(find("svg").getAttribute("aria-label"), "Size: no samples yet");
});

test("what is below a line is filled where the chart is of that kind", () => {
    const { find } = chartOf({ plot: () => plotOf({ all: [1, 2] }), isFilled: true });
    resize(SIZE);
    assert.match(find(".area").getAttribute("d"), /Z$/);
    assert.deepEqual(tags(find(".marks")), ["path", "path"]);
});

test("a line by itself needs no legend; several have one with what they are now, made anew only for others", () => {
    const plots = [plotOf({ in: [1], out: [2] }), plotOf({ in: [3], out: [4] }), plotOf({ in: [5] })];
    const { chart, find } = chartOf({ plot: () => /** @type {Plot} */ (plots[0]) });
    const [first] = find(".legend").children;
    assert.equal(find(".legend").textContent, "in1 Bout2 B");
    plots.shift();
    chart.show(new History());
    assert.deepEqual([find(".legend").textContent, find(".legend").children[0]], ["in3 Bout4 B", first]);
    plots.shift();
    chart.show(new History());
    assert.equal(find(".legend").textContent, "");
});

test("a time that is looked at is marked, with a dot on each line that has a value there", () => {
    const { chart, find } = chartOf({ plot: () => plotOf({ in: [1, 2], out: [3, null] }) });
    resize(SIZE);
    chart.mark(NOW + 900);
    assert.deepEqual(tags(find(".cross")), ["line", "circle"]);
    chart.mark(NOW);
    assert.deepEqual(tags(find(".cross")), ["line", "circle", "circle"]);
    chart.mark(null);
    assert.deepEqual(tags(find(".cross")), []);
});

test("bars are drawn a layer for each code, and marked in their middle", () => {
    const { chart, find } = chartOf({ plot: () => plotOf({ late: [1], full: [2] }, { width: 1000 }) });
    resize(SIZE);
    assert.deepEqual(tags(find(".marks")), ["path", "path"]);
    assert.equal(find(".legend").textContent, "late1 Bfull2 B");
    chart.mark(NOW);
    assert.deepEqual([tags(find(".cross")), find(".cross").children[0].getAttribute("x1")], [["line"], "64"]);
});

test("a chart as a table is made only while it is open", () => {
    const { find, chart } = chartOf({ plot: () => plotOf({ in: [1, 2], out: [null, null] }) });
    const [details, body] = [find("details"), find(".chart-values")];
    assert.equal(body.textContent, "");
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
    assert.deepEqual(
        body.getElementsByTagName("td").map((/** @type {any} */ { textContent }) => textContent),
        ["2 B", "–"],
    );
    chart.show(new History());
    assert.equal(body.getElementsByTagName("table").length, 1);
    details.open = false;
    details.dispatchEvent(new Event("toggle"));
    assert.equal(body.textContent, "");
});

/** The seven charts over one sample. */
function charts() {
    const history = new History(() => NOW);
    const sample = {
        at: new Date(NOW).toISOString(),
        connections: 3,
        sessions: { identified: 2 },
        rooms: 1,
        calls: 1,
        received: 1.5,
        sent: 2,
        errors: { 404002: 4 },
        relay: { p50: 0.001, p99: 0.002 },
        memory: 2 ** 20,
    };
    history.refill([{ ...sample, at: new Date(NOW - 2000).toISOString(), relay: null }], 2);
    history.add(sample);
    const parent = page.part("charts");
    const all = new Charts(parent, history);
    const find = (/** @type {string} */ selector) =>
        parent.all.filter((/** @type {FakeElement} */ element) => element.matches(selector));
    return { history, sample, all, find };
}

test("each chart has its figure, with its unit", () => {
    const { all, find } = charts();
    all.refresh();
    page.draw();
    assert.deepEqual(
        find(".figure").map((/** @type {FakeElement} */ { textContent }) => textContent),
        ["3", "1", "1", "3.5", "8", "2 ms", "1 MiB"],
    );
});

test("while nothing is relayed, the figure and the legend of the latency are the last that is known, then none", () => {
    const { history, sample, all, find } = charts();
    const shown = () => {
        all.refresh();
        page.draw();
        const figure = find(".figure")[5].textContent;
        const legend = find(".legend")[5].textContent;
        return [figure, legend];
    };
    for (let quiet = 1; quiet < 15; quiet += 1) {
        history.add({ ...sample, at: new Date(NOW + 2000 * quiet).toISOString(), relay: null });
    }
    assert.deepEqual(shown(), ["2 ms", "p501 msp992 ms"]);
    history.add({ ...sample, at: new Date(NOW + 30_000).toISOString(), relay: null });
    assert.deepEqual(shown(), ["–", "p50–p99–"]);
});

test("charts are drawn once a frame, and not while nobody can see them", () => {
    const { all, find } = charts();
    page.hide(true);
    all.refresh();
    page.hide(false);
    all.refresh();
    assert.equal(find(".figure")[0].textContent, "");
    page.draw();
    assert.equal(find(".figure")[0].textContent, "3");
});

test("without samples there is no figure", () => {
    const { all, history, find } = charts();
    history.clear();
    all.refresh();
    page.draw();
    assert.deepEqual(
        find(".figure").map((/** @type {FakeElement} */ { textContent }) => textContent),
        ["–", "–", "–", "–", "0", "–", "–"],
    );
});

test("a time that is looked at in one chart is marked in all", () => {
    const { find } = charts();
    resize(SIZE);
    page.draw();
    find(".plot")[0].dispatchEvent(Object.assign(new Event("pointermove"), { clientX: 250 }));
    assert.deepEqual(
        find(".cross").map((/** @type {FakeElement} */ cross) => cross.children.length > 0),
        Array(7).fill(true),
    );
});
