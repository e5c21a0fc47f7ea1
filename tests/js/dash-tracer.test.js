// The message tracer, and its rows.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { HIDDEN, MOST_ROWS, Tracer } from "../../jsongle_server/static/dashboard/tracer.js";
import { missedRow, traceRow } from "../../jsongle_server/static/dashboard/trace-row.js";
import { openPage } from "./fake-page.js";

const MARKUP = "<b onclick=alert(1)>";
const ENVELOPE = Object.freeze({
    id: "m-1",
    from: "ann",
    to: "8e784de9-1234-4abc-8def-0123456789ab",
    jsongle: { action: "session-text", namespace: "message", sid: "s-1", transaction: "t-1" },
    elided: ["content", "token"],
});
/** @type {import("../../jsongle_server/static/dashboard/trace-row.js").Trace} */
const TRACE = Object.freeze({
    at: "2026-11-22T14:10:00.000Z",
    direction: "from",
    session: "8e784de9-1234-4abc-8def-0123456789ab",
    uid: "ann",
    size: 2048,
    envelope: ENVELOPE,
});

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    page = openPage("dashboard");
});

/** A tracer that was switched on, and how often it has told of a change. */
function tracing() {
    const changes = { count: 0 };
    const tracer = new Tracer(() => void (changes.count += 1));
    page.part("trace-toggle").click();
    changes.count = 0;
    const rows = () => page.part("trace-rows").children;
    return { tracer, changes, rows, toggle: page.part("trace-toggle"), pause: page.part("trace-pause") };
}

test("it is off until it is switched on, and says what it costs", () => {
    const tracer = new Tracer(() => {});
    assert.deepEqual([tracer.isOn, page.part("trace-toggle").getAttribute("aria-pressed")], [false, "false"]);
    tracer.clear();
    assert.match(page.part("trace-none").textContent, /costs the server/);
    page.part("trace-toggle").click();
    assert.deepEqual([tracer.isOn, page.part("trace-toggle").textContent], [true, "Stop tracing"]);
    assert.equal(page.part("trace-none").textContent, "Nothing has come by yet.");
});

test("each switch is told of, and what is on the page stays", () => {
    const { tracer, changes, toggle, rows } = tracing();
    tracer.add(TRACE);
    page.draw();
    toggle.click();
    assert.deepEqual([tracer.isOn, changes.count, rows().length], [false, 1, 1]);
});

test("whoever signs out ends it, pause and all, and nobody else is told", () => {
    const { tracer, changes, pause } = tracing();
    pause.click();
    tracer.stop();
    assert.deepEqual([tracer.isOn, changes.count], [false, 0]);
    assert.deepEqual([pause.getAttribute("aria-pressed"), pause.disabled], ["false", true]);
});

test("it stops once the page has been hidden for five minutes, and says so when it is seen again", () => {
    const { tracer, changes, rows } = tracing();
    assert.equal(HIDDEN, 300_000);
    page.hide(true);
    mock.timers.tick(HIDDEN - 1);
    assert.deepEqual([tracer.isOn, changes.count], [true, 0]);
    mock.timers.tick(1);
    assert.deepEqual([tracer.isOn, changes.count], [false, 1]);
    page.hide(false);
    page.draw();
    assert.deepEqual(rows().map((/** @type {any} */ row) => row.textContent), [
        "Tracing was switched off: the page was hidden for 5 minutes",
    ]);
});

test("minutes out of sight count from the last time that it was seen", () => {
    const { tracer } = tracing();
    page.hide(true);
    mock.timers.tick(HIDDEN - 1);
    page.hide(false);
    mock.timers.tick(HIDDEN);
    page.hide(true);
    mock.timers.tick(HIDDEN - 1);
    assert.equal(tracer.isOn, true);
});

test("what was switched off before the five minutes are over is not told of again", () => {
    const { tracer, changes } = tracing();
    page.hide(true);
    tracer.stop();
    mock.timers.tick(HIDDEN);
    assert.equal(changes.count, 0);
});

test("a hidden page draws nothing, and shows what has come by once it is seen", () => {
    const { tracer, rows } = tracing();
    page.hide(true);
    tracer.add(TRACE);
    page.draw();
    assert.equal(rows().length, 0);
    page.hide(false);
    page.draw();
    assert.equal(rows().length, 1);
});

test("while it is paused nothing moves, and it is said how much waits", () => {
    const { tracer, pause, rows } = tracing();
    pause.click();
    tracer.add(TRACE);
    tracer.miss(1200);
    page.draw();
    const seen = () => [rows().length, pause.textContent, pause.getAttribute("aria-pressed")];
    assert.deepEqual(seen(), [0, "Resume (2 new)", "true"]);
    pause.click();
    page.draw();
    assert.deepEqual(seen(), [2, "Pause", "false"]);
});

test("only so many rows are kept, on the page and waiting: the latest", () => {
    const { tracer, pause, rows } = tracing();
    tracer.add(TRACE);
    page.draw();
    pause.click();
    for (let count = 0; count < MOST_ROWS + 5; count += 1) {
        tracer.miss(count);
    }
    page.draw();
    assert.equal(pause.textContent, `Resume (${MOST_ROWS} new)`);
    pause.click();
    page.draw();
    assert.equal(rows().length, MOST_ROWS);
    assert.match(rows()[0].textContent, /^5 missed/);
    assert.match(rows().at(-1).textContent, /^504 missed/);
});

test("cleared, it shows neither what is there nor what waits", () => {
    const { tracer, rows } = tracing();
    tracer.add(TRACE);
    page.draw();
    assert.equal(page.part("trace-none").hidden, true);
    tracer.add(TRACE);
    page.part("trace-clear").click();
    page.draw();
    assert.deepEqual([rows().length, page.part("trace-none").hidden], [0, false]);
});

test("the list stays at its end where it was, and does not move for whoever reads further up", () => {
    const { tracer } = tracing();
    const scroller = page.part("trace-scroller");
    const tops = [470, 300].map((scrollTop) => {
        Object.assign(scroller, { scrollHeight: 1000, clientHeight: 500, scrollTop });
        tracer.add(TRACE);
        page.draw();
        return scroller.scrollTop;
    });
    assert.deepEqual(tops, [1000, 300]);
});

test("what is looked for is told of when no more keys come, and only while it is on", () => {
    const { tracer, changes, toggle } = tracing();
    page.type("trace-match", " a");
    mock.timers.tick(300);
    page.type("trace-match", " ann ");
    mock.timers.tick(399);
    assert.equal(changes.count, 0);
    mock.timers.tick(1);
    assert.deepEqual([changes.count, tracer.match], [1, "ann"]);
    toggle.click();
    page.type("trace-match", "bob");
    mock.timers.tick(400);
    assert.equal(changes.count, 2, "only the switch");
});

/** The texts of a row's cells. @param {any} row */
const cellsOf = (row) => row.children.map((/** @type {any} */ { textContent }) => textContent);

test("a row has the way, who, the action with what says more, the size and what was left out", () => {
    const row = /** @type {any} */ (traceRow(TRACE));
    const [, way, who, action, names, size, elided] = cellsOf(row);
    assert.deepEqual(
        [way, who, action, names, size, elided],
        ["→ in", "ann", "session-text message", "ann→8e784de9…", "2 KiB", "content, token"],
    );
    assert.equal(row.children[3].getAttribute("title"), "id m-1\nsid s-1\ntransaction t-1");
});

test("a row of what goes out, of which nothing is known, has dashes", () => {
    const row = traceRow({ ...TRACE, direction: "to", uid: null, envelope: {} });
    const [, way, who, action, names, , elided] = cellsOf(row);
    assert.deepEqual([way, who, action, names, elided], ["← out", "8e784de9…", "– ", "–→–", ""]);
});

test("an error is told by its code, which says what it means", () => {
    const code = /** @type {any} */ (traceRow({ ...TRACE, error: 404002 })).querySelector(".code");
    assert.equal(code.textContent, "404002");
    assert.notEqual(code.getAttribute("title") ?? "", "");
});

test("what users have written stays text", () => {
    const jsongle = { action: MARKUP, event: MARKUP };
    const envelope = { ...ENVELOPE, from: MARKUP, jsongle };
    const row = /** @type {any} */ (traceRow({ ...TRACE, uid: MARKUP, envelope }));
    assert.equal(row.textContent.split(MARKUP).length - 1, 4);
    assert.equal(row.all.filter((/** @type {any} */ { tag }) => tag === "b").length, 1, "that of the action");
});

test("what was missed is counted, over the whole row", () => {
    const row = /** @type {any} */ (missedRow(1200));
    assert.equal(row.textContent, "1,200 missed: more came by than can be shown");
    assert.equal(row.children[0].getAttribute("colspan"), String(/** @type {any} */ (traceRow(TRACE)).children.length));
});
