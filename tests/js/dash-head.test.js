// The door of the dashboard, its head, and what it asks and says.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { ApiError } from "../../jsongle_server/static/dashboard/api.js";
import { Confirm } from "../../jsongle_server/static/dashboard/confirm.js";
import { byId } from "../../jsongle_server/static/dashboard/dom.js";
import { Gate } from "../../jsongle_server/static/dashboard/gate.js";
import { Notice } from "../../jsongle_server/static/dashboard/notice.js";
import { Server } from "../../jsongle_server/static/dashboard/server.js";
import { Status } from "../../jsongle_server/static/dashboard/status.js";
import { tabShelf } from "../../jsongle_server/static/dashboard/token.js";
import { settled } from "./dash-fakes.js";
import { openPage } from "./fake-page.js";

const MARKUP = "<script>alert(1)</script>";

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    page = openPage("dashboard");
});

test("an element that the page does not have, or has as another, is missed at once", () => {
    assert.throws(() => byId("nowhere", HTMLElement), TypeError);
    assert.throws(() => byId("token-form", HTMLInputElement), TypeError);
});

test("the door asks in place of the page, with the cursor where the token goes", () => {
    const gate = new Gate(() => {});
    gate.ask();
    assert.deepEqual([gate.isOpen, page.part("page").hidden, page.part("token-problem").hidden], [false, true, true]);
    assert.equal(page.document.activeElement, page.part("token"));
});

test("the door hands on what was typed, and the form goes nowhere with it", () => {
    /** @type {string[]} */
    const offered = [];
    new Gate((token) => void offered.push(token));
    page.type("token", "0123456789abcdef");
    assert.equal(page.submit("token-form").defaultPrevented, true);
    assert.deepEqual(offered, ["0123456789abcdef"]);
    assert.equal(page.part("token").getAttribute("name"), null, "without this script it would go nowhere either");
});

test("while an answer is waited for nothing can be sent again, until there is a problem", () => {
    const gate = new Gate(() => {});
    const [button, input, problem] = ["token-submit", "token", "token-problem"].map(page.part);
    gate.ask("No.");
    gate.wait();
    assert.deepEqual([button.disabled, problem.hidden], [true, true]);
    gate.say("No.");
    assert.deepEqual([button.disabled, problem.textContent, problem.hidden], [false, "No.", false]);
    assert.equal(input.matches("[aria-invalid]"), true);
});

test("an open door keeps no token in its form", () => {
    const gate = new Gate(() => {});
    gate.ask("No.");
    page.type("token", "0123456789abcdef");
    gate.open();
    assert.deepEqual([gate.isOpen, page.part("page").hidden, page.part("token").value], [true, false, ""]);
    assert.equal(page.part("token").matches("[aria-invalid]"), false);
});

test("the tab's storage keeps the token, and where the browser denies it nothing does", () => {
    const kept = {};
    const provide = (/** @type {() => unknown} */ get) =>
        Object.defineProperty(globalThis, "sessionStorage", { get, configurable: true });
    provide(() => kept);
    assert.equal(tabShelf(), kept);
    provide(() => {
        throw new DOMException("denied", "SecurityError");
    });
    assert.equal(tabShelf(), null);
    provide(() => {
        throw new RangeError("something else");
    });
    assert.throws(tabShelf, RangeError);
    Reflect.deleteProperty(globalThis, "sessionStorage");
});

/** Something to ask that is answered as the test says. */
function question(name = "Ann") {
    /** @type {{yes: () => void, no: (error: Error) => void}} */
    const answer = { yes: () => {}, no: () => {} };
    const run = mock.fn(() => new Promise((yes, no) => Object.assign(answer, { yes, no })));
    const fallback = page.document.createElement("div");
    const asked = { title: "End it?", name, text: "It ends.", action: "End", run: /** @type {any} */ (run), fallback };
    return { asked, run, answer, fallback };
}

test("it is asked what will happen, and whatever was wrong with another question is not", async () => {
    const confirm = new Confirm();
    const first = question();
    confirm.ask(first.asked);
    const said = ["title", "name", "text", "action"].map((part) => page.part(`confirm-${part}`).textContent);
    assert.deepEqual(said, ["End it?", "Ann", "It ends.", "End"]);
    page.part("confirm-action").click();
    first.answer.no(new ApiError("No.", 500));
    await settled();
    assert.equal(page.part("confirm-problem").hidden, false);
    page.part("confirm-action").click();
    page.part("confirm-cancel").click();
    confirm.ask(question("Bob").asked);
    assert.deepEqual([page.part("confirm-problem").hidden, page.part("confirm-action").disabled], [true, false]);
});

test("nothing is done before it was confirmed, nor when it was cancelled", () => {
    const confirm = new Confirm();
    const { asked, run } = question();
    page.part("confirm-action").click();
    confirm.ask(asked);
    page.part("confirm-cancel").click();
    assert.deepEqual([page.part("confirm-dialog").open, run.mock.callCount()], [false, 0]);
});

test("what was confirmed is done once, and closes the question when it is done", async () => {
    const { asked, run, answer } = question();
    new Confirm().ask(asked);
    page.part("confirm-action").click();
    page.part("confirm-action").click();
    assert.deepEqual([page.part("confirm-dialog").open, run.mock.callCount()], [true, 1]);
    answer.yes();
    await settled();
    assert.equal(page.part("confirm-dialog").open, false);
});

test("what the server refuses is said where it was asked, and can be tried again", async () => {
    const { asked, answer } = question();
    new Confirm().ask(asked);
    page.part("confirm-action").click();
    answer.no(new ApiError("There is no such session", 404));
    await settled();
    const [dialog, problem, action] = ["confirm-dialog", "confirm-problem", "confirm-action"].map(page.part);
    assert.deepEqual([dialog.open, problem.textContent, action.disabled], [true, "There is no such session", false]);
    action.click();
    assert.equal(problem.hidden, true);
});

test("what was cancelled while it was under way neither closes nor fails another question", async () => {
    for (const end of /** @type {const} */ (["yes", "no"])) {
        const confirm = new Confirm();
        const [first, second] = [question(), question("Bob")];
        confirm.ask(first.asked);
        page.part("confirm-action").click();
        page.part("confirm-cancel").click();
        confirm.ask(second.asked);
        first.answer[end](new ApiError("too late", 500));
        await settled();
        const [dialog, name, problem] = ["confirm-dialog", "confirm-name", "confirm-problem"].map(page.part);
        assert.deepEqual([dialog.open, name.textContent, problem.textContent], [true, "Bob", ""]);
    }
});

test("whom it is about is a text", () => {
    new Confirm().ask(question(MARKUP).asked);
    assert.deepEqual(page.part("confirm-name").childNodes, [MARKUP]);
});

test("the focus goes back to who asked, and where that is gone to what stands in for it", () => {
    const confirm = new Confirm();
    const { asked, fallback } = question();
    const asker = page.document.createElement("button");
    page.document.root.append(asker, fallback);
    asker.focus();
    confirm.ask(asked);
    page.part("confirm-action").focus();
    page.part("confirm-cancel").click();
    assert.equal(page.document.activeElement, asker);
    confirm.ask(asked);
    asker.remove();
    page.part("confirm-cancel").click();
    assert.equal(page.document.activeElement, fallback);
});

test("a notice is there for a moment, counted from the latest", () => {
    const notice = new Notice();
    const element = page.part("notice");
    notice.say("Done.");
    mock.timers.tick(5000);
    notice.warn(MARKUP);
    mock.timers.tick(5999);
    assert.deepEqual([element.childNodes, element.dataset.kind], [[MARKUP], "failed"]);
    mock.timers.tick(1);
    assert.equal(element.textContent, "");
});

test("a connection that waits is told of with its reason, and counts down to the next attempt", () => {
    const status = new Status(() => {});
    const [badge, words, countdown, banner] = ["state", "state-words", "state-countdown", "banner"].map(page.part);
    status.show({ name: "waiting", until: Date.now() + 2500, reason: "The server cannot be reached" });
    assert.deepEqual([badge.dataset.state, words.textContent, banner.hidden], ["waiting", "reconnecting", false]);
    assert.match(page.part("banner-reason").textContent, /^The server cannot be reached\. /);
    const counted = [0, 1000, 1000, 1000].map((delay) => {
        mock.timers.tick(delay);
        return countdown.textContent;
    });
    assert.deepEqual(counted, [3, 2, 1, 0].map((seconds) => ` · again in ${seconds} s`));
    status.show({ name: "connecting" });
    mock.timers.tick(1000);
    assert.deepEqual([countdown.textContent, banner.hidden], ["", false], "until it is live");
    status.show({ name: "live" });
    assert.deepEqual([words.textContent, banner.hidden], ["live", true]);
});

test("who does not want to wait says so", () => {
    const hurry = mock.fn();
    new Status(hurry);
    page.part("hurry").click();
    assert.equal(hurry.mock.callCount(), 1);
});

const STARTED = Date.parse("2026-11-22T14:00:00.000Z");
const SERVER = Object.freeze({
    id: "barracuda",
    version: "1.2.3",
    started: "2026-11-22T14:00:00.000Z",
    level: "info",
    levels: ["debug", "info"],
    phase: "ready",
});

test("the head says which server it is, for how long it runs, and whether it is not ready", () => {
    let now = STARTED + 60_000;
    const server = new Server({ now: () => now, onLevel: async () => {} });
    server.age();
    assert.equal(page.part("server-facts").textContent, "", "before it is known");
    server.show({ ...SERVER, id: MARKUP });
    assert.deepEqual(page.part("server-name").childNodes, [MARKUP]);
    assert.deepEqual([page.document.title, page.part("server-phase").hidden], [`${MARKUP} · JSONgle`, true]);
    now += 60_000;
    server.age();
    assert.equal(page.part("server-facts").textContent, "1.2.3 · up 2 min");
    server.show({ ...SERVER, phase: "draining" });
    assert.deepEqual([page.part("server-phase").textContent, page.part("server-phase").hidden], ["draining", false]);
});

test("another level is asked for, and shown as the server has it", () => {
    /** @type {string[]} */
    const asked = [];
    const server = new Server({ now: () => STARTED, onLevel: async (level) => void asked.push(level) });
    const select = page.part("level");
    server.show(SERVER);
    assert.deepEqual([select.textContent, select.value, select.disabled], ["debuginfo", "info", false]);
    select.value = "debug";
    select.dispatchEvent(new Event("change"));
    assert.deepEqual(asked, ["debug"]);
    server.showLevel();
    assert.equal(select.value, "info", "it was refused");
    server.showLevel("debug");
    assert.equal(select.value, "debug");
});
