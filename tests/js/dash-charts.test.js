// From samples to axes and paths.

import assert from "node:assert/strict";
import { test } from "node:test";

import { byMinute } from "../../jsongle_server/static/dashboard/chart-table.js";
import { CodeColours, OWN_COLOURS } from "../../jsongle_server/static/dashboard/codes.js";
import { History, MOST_SAMPLES, SPAN } from "../../jsongle_server/static/dashboard/history.js";
import { areaPath, barPaths, linePath } from "../../jsongle_server/static/dashboard/marks.js";
import { BAR, errorBars, highest, lastKnown, lines, nearest } from "../../jsongle_server/static/dashboard/plots.js";
import { axis, byteAxis, linear, niceStep, timeTicks } from "../../jsongle_server/static/dashboard/scale.js";

const NOW = Date.parse("2026-11-22T14:10:00.000Z");

/** @param {number} at in ms @param {Record<string, unknown>} [rest] */
const sent = (at, rest = {}) => ({
    at: new Date(at).toISOString(),
    connections: 1,
    sessions: {},
    rooms: 0,
    calls: 0,
    received: 0,
    sent: 0,
    errors: {},
    relay: null,
    memory: 0,
    ...rest,
});

/** @param {number[]} ago in seconds, oldest first @param {Record<string, unknown>[]} [rest] */
function historyOf(ago, rest = []) {
    const history = new History(() => NOW);
    history.refill(ago.map((seconds, index) => sent(NOW - seconds * 1000, rest[index])), 2);
    return history;
}

test("the value of now is the last one that is known among the latest", () => {
    assert.equal(lastKnown([1, 2], 1), 2);
    assert.equal(lastKnown([1, 2, null], 1), null);
    assert.equal(lastKnown([1, 0, null], 2), 0);
    assert.equal(lastKnown([1, null, null], 2), null);
    assert.equal(lastKnown([], 2), null);
});

test("steps are 1, 2 and 5, with any number of zeros", () => {
    const cases = [[0.0003, 0.0005], [0.01, 0.01], [1, 1], [1.1, 2], [3, 5], [7, 10], [1000, 1000], [2001, 5000]];
    assert.deepEqual(cases.map(([least = 0]) => Number(niceStep(least).toPrecision(6))), cases.map(([, step]) => step));
});

test("an axis begins at 0, holds the highest value, and has few ticks", () => {
    for (const value of [0, 0.00042, 0.3, 1, 3, 4, 5, 97, 100, 101, 12_345]) {
        const { top, ticks } = axis(value);
        assert.equal(ticks[0], 0);
        assert.ok(top >= value && ticks.length <= 5 && ticks.length >= 2, `${value}: ${ticks}`);
    }
    assert.deepEqual(axis(0.3).ticks, [0, 0.1, 0.2, 0.3]);
});

test("whole things have no halves on their axis", () => {
    assert.deepEqual(axis(0, { least: 1 }).ticks, [0, 1]);
    assert.deepEqual(axis(1, { least: 1 }).ticks, [0, 1]);
    assert.deepEqual(axis(3, { least: 1 }).ticks, [0, 1, 2, 3]);
});

test("bytes are round in the unit that they are told in", () => {
    const mebibyte = 2 ** 20;
    assert.deepEqual(byteAxis(96 * mebibyte).ticks, [0, 50, 100].map((tick) => tick * mebibyte));
});

test("times are at full minutes, as many as there is room for", () => {
    const ticks = timeTicks(NOW - SPAN + 1, NOW, 4);
    assert.deepEqual(ticks.map((tick) => NOW - tick), [10, 5, 0].map((minutes) => minutes * 60_000));
    assert.ok(timeTicks(NOW - SPAN, NOW, 1).length <= 2);
});

test("a scale leads from values to pixels, also where all values are the same", () => {
    assert.deepEqual([0, 5, 10].map(linear([0, 10], [100, 0])), [100, 50, 0]);
    assert.equal(linear([3, 3], [7, 9])(3), 7);
});

test("a line ends where the server was away, and where there is no value", () => {
    const relays = [0.1, 0.2, null, 0.4, 0.5].map((p50) => ({ relay: p50 === null ? null : { p50, p99: 1 } }));
    const history = historyOf([100, 98, 96, 94, 20], relays);
    const plot = lines(history, [{ name: "p50", title: "", colour: 1, value: ({ relay }) => relay?.p50 ?? null }]);
    const path = linePath(plot, plot.series[0]?.values ?? [], (at) => (NOW - at) / 1000, (value) => value * 10);
    assert.equal(path, "M100 1L98 2M94 4h0M20 5h0");
    assert.equal(
        areaPath(plot, [1, 1, null, null, null], (at) => (NOW - at) / 1000, (value) => 10 - value),
        "M100 9L98 9V10H100Z",
    );
});

test("errors are added up to bars, one layer above the other", () => {
    const start = Math.floor(NOW / BAR) * BAR;
    const ago = [start - BAR, start - BAR + 2000, start].map((at) => (NOW - at) / 1000);
    const history = historyOf(ago, [{ errors: { 404002: 2 } }, { errors: { 404002: 1, 403001: 4 } }, { errors: {} }]);
    const plot = errorBars(history, new CodeColours());
    assert.deepEqual(plot.series.map(({ name, values }) => [name, values]), [["403001", [4, 0]], ["404002", [3, 0]]]);
    assert.equal(highest(plot), 7);
    const paths = barPaths(plot, (at) => (at - start) / 1000, (value) => 10 - value);
    assert.deepEqual(paths, ["M-15 10V6H-1V10Z", "M-15 6V3H-1V6Z"]);
});

test("codes keep their colours while they are there, and those that are too many share one", () => {
    const colours = new CodeColours();
    assert.deepEqual([...colours.of(["b", "c"]).values()], [1, 2]);
    assert.deepEqual([...colours.of(["a", "b", "c"])], [["a", 3], ["b", 1], ["c", 2]]);
    assert.deepEqual([...colours.of(["c", "d"])], [["c", 2], ["d", 1]]);
    const many = colours.of(["c", "d", "e", "f", "g", "h", "i"]);
    assert.deepEqual([many.get("h"), many.get("i")], [OWN_COLOURS + 1, OWN_COLOURS + 1]);
});

test("codes without a colour of their own are one layer", () => {
    const codes = ["400001", "400002", "400003", "401001", "403001", "403002", "999999"];
    const history = historyOf([1], [{ errors: Object.fromEntries(codes.map((code) => [code, 1])) }]);
    const { series } = errorBars(history, new CodeColours());
    assert.deepEqual([series.length, series.at(-1)?.name, series.at(-1)?.title], [6, "other", "403002, 999999"]);
    assert.deepEqual(series.at(-1)?.values, [2]);
});

test("the nearest time is found, at the ends and where there is none", () => {
    assert.deepEqual([0, 10, 14, 16, 99].map((at) => nearest([10, 20, 30], at)), [0, 0, 0, 1, 2]);
    assert.equal(nearest([], 5), -1);
});

test("what is older than 15 minutes is forgotten", () => {
    const history = historyOf([SPAN / 1000 + 1, SPAN / 1000 - 1, 0]);
    assert.deepEqual(history.samples.map(({ at }) => NOW - at), [SPAN - 1000, 0]);
});

test("there is a bound on samples, whatever their times say", () => {
    const history = new History(() => NOW);
    history.refill(Array.from({ length: MOST_SAMPLES + 1 }, () => sent(NOW)), 2);
    history.add(sent(NOW));
    assert.equal(history.samples.length, MOST_SAMPLES);
});

test("after a reconnect the server's history fills the gap, and what it does not know any more stays", () => {
    const history = historyOf([60, 58, 4]);
    history.refill([sent(NOW - 30_000), sent(NOW - 2000)], 2);
    assert.deepEqual(history.samples.map(({ at }) => (NOW - at) / 1000), [60, 58, 30, 2]);
    history.refill([], 2);
    assert.equal(history.samples.length, 4);
});

test("the server's clock counts, and goes on while nothing is heard", () => {
    let page = 5_000_000;
    const history = new History(() => page);
    history.add(sent(NOW));
    page += 3000;
    assert.equal(history.now, NOW + 3000);
});

test("as a table, each minute has the highest value, or all errors", () => {
    const history = historyOf([61, 59, 1], [{ rooms: 1 }, { rooms: 5 }, { rooms: 3 }]);
    const rooms = lines(history, [{ name: "rooms", title: "", colour: 1, value: (sample) => sample.rooms }]);
    assert.deepEqual(byMinute(rooms).map(({ values }) => values), [[5], [1]]);
    assert.deepEqual(byMinute({ ...rooms, width: 1 }).map(({ values }) => values), [[8], [1]]);
});
