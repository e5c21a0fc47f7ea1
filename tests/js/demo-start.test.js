// The form before a call.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { StartView } from "../../jsongle_server/static/demo/start-view.js";
import { FakeStream, FakeTrack, settled } from "./demo-fakes.js";
import { openPage } from "./fake-page.js";

/** @type {ReturnType<typeof openPage>} */
let page;
/** @type {Record<string, string>} What the browser keeps for the page. */
let kept;
/** @type {string} The source that is chosen in the form. */
let chosen;
/** @type {unknown} The address that the page has given itself. */
let address;

/** Gives the page what a browser has. @param {Record<string, any>} globals */
function provide(globals) {
    for (const [name, value] of Object.entries(globals)) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
}

beforeEach(() => {
    page = openPage("demo");
    [kept, chosen] = [{}, "camera"];
    const localStorage = {
        getItem: (/** @type {string} */ key) => kept[key] ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (kept[key] = value),
    };
    const FormData = class {
        get() {
            return chosen;
        }
    };
    /** @param {string} label @param {string} id */
    const Option = function (label, id) {
        const option = page.document.createElement("option");
        option.append(label);
        return Object.assign(option, { value: id });
    };
    const location = { hash: "#tea", origin: "http://x", pathname: "/demo" };
    const history = { replaceState: (/** @type {unknown[]} */ ...words) => void (address = words[2]) };
    address = "";
    provide({ localStorage, FormData, Option, location, history, navigator: {} });
});

/** What this side sends, as far as the form asks. */
class FakeMedia extends EventTarget {
    source = "none";
    stream = new FakeStream();
    tracks = { audio: null, video: /** @type {any} */ (null) };
    stop = mock.fn();
    use = mock.fn(async (/** @type {string} */ source) => {
        this.source = source;
        return "";
    });
}

/** A form, and who joins by it. */
async function start() {
    const media = new FakeMedia();
    const view = new StartView(/** @type {any} */ (media));
    /** @type {any[]} */
    const joins = [];
    view.addEventListener("join", (event) => joins.push(/** @type {CustomEvent} */ (event).detail.choice));
    await settled();
    const join = async () => {
        page.submit("join-form");
        await settled();
    };
    const choose = async (/** @type {string} */ source) => {
        chosen = source;
        const event = new Event("change");
        Object.defineProperty(event, "target", { value: { name: "source" } });
        page.part("join-form").dispatchEvent(event);
        await settled();
    };
    return { media, view, joins, join, choose };
}

/** @param {string} id */
const textOf = (id) => page.part(id).textContent;

test("a link leads to its room, without one there is a room of one's own", async () => {
    await start();
    assert.equal(page.part("room").value, "tea");
    provide({ location: { hash: "" } });
    await start();
    assert.match(page.part("room").value, /^[a-z]+-[a-z]+-\d{3}$/);
    page.part("room").value = "kept";
    page.window.dispatchEvent(new Event("hashchange"));
    assert.equal(page.part("room").value, "kept");
    provide({ location: { hash: "#coffee" } });
    page.window.dispatchEvent(new Event("hashchange"));
    assert.equal(page.part("room").value, "coffee");
});

test("who joins is named, turned on what he chose, and has the room in his address", async () => {
    const { media, joins, join } = await start();
    page.part("name").value = " Ann ";
    page.part("token").value = " secret ";
    await join();
    assert.deepEqual(joins, [{ name: "Ann", room: "tea", token: "secret" }]);
    assert.deepEqual(media.use.mock.calls.map((call) => call.arguments[0]), ["camera"]);
    assert.equal(address, "http://x/demo#tea");
});

test("a name is kept for the next time, a token is not", async () => {
    const { join } = await start();
    page.part("name").value = "Ann";
    page.part("token").value = "secret";
    await join();
    assert.deepEqual(Object.values(kept), ["Ann"]);
    await start();
    assert.equal(page.part("name").value, "Ann");
});

test("a browser that keeps nothing for pages has nobody's name", async () => {
    const refuse = () => {
        throw new DOMException("denied", "SecurityError");
    };
    provide({ localStorage: { getItem: refuse, setItem: refuse } });
    const { joins, join } = await start();
    await join();
    assert.equal(joins[0].name, "Guest");
});

test("without a good room nobody joins, and it is said what is wrong", async () => {
    const { media, joins, join } = await start();
    page.part("room").value = "  ";
    await join();
    assert.deepEqual([joins, media.use.mock.callCount(), page.document.activeElement], [[], 0, page.part("room")]);
    assert.notEqual(textOf("problem"), "");
});

test("whose camera cannot be had does not join, and is told why", async () => {
    const { media, joins, join } = await start();
    media.use.mock.mockImplementationOnce(() => Promise.reject(new Error("No camera.")));
    await join();
    assert.deepEqual([joins, textOf("problem"), page.part("turn-on").disabled], [[], "No camera.", false]);
    await join();
    assert.deepEqual([joins.length, page.part("problem").hidden], [1, true]);
});

test("while the browser asks for the camera nobody joins a second time", async () => {
    const { media, joins, join } = await start();
    /** @type {(problem: string) => void} */
    let answer = () => {};
    media.use.mock.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    await join();
    assert.deepEqual([joins.length, page.part("join").disabled], [0, true]);
    answer("");
    await settled();
    assert.deepEqual([joins.length, page.part("join").disabled], [1, false]);
});

test("what is on already is not turned on again", async () => {
    const { media, join } = await start();
    media.source = "camera";
    await join();
    assert.equal(media.use.mock.callCount(), 0);
});

test("a test picture is turned on when it is chosen, a camera when the user says so", async () => {
    const { media, choose } = await start();
    await choose("picture");
    await choose("camera");
    assert.deepEqual(media.use.mock.calls.map((call) => call.arguments[0]), ["picture"]);
    assert.equal(media.stop.mock.callCount(), 1);
    page.part("turn-on").click();
    await settled();
    assert.equal(media.source, "camera");
});

test("another name stands in the test picture at once, and turns on nothing else", async () => {
    const { media, choose } = await start();
    page.part("name").dispatchEvent(new Event("change"));
    assert.equal(media.use.mock.callCount(), 0);
    await choose("picture");
    page.part("name").value = "Ann";
    page.part("name").dispatchEvent(new Event("change"));
    await settled();
    const [source, options] = /** @type {any[]} */ (media.use.mock.calls.at(-1)?.arguments);
    assert.deepEqual([media.use.mock.callCount(), source, options.name], [2, "picture", "Ann"]);
});

test("a camera that the browser allows already is turned on by itself", async () => {
    provide({ navigator: { permissions: { query: async () => ({ state: "granted" }) } } });
    const { media } = await start();
    assert.equal(media.source, "camera");
    chosen = "none";
    const { media: other } = await start();
    assert.equal(other.source, "none");
});

test("the preview is what is sent, like a mirror where it is the user himself", async () => {
    const { media } = await start();
    const [preview, off] = [page.part("preview"), page.part("preview-off")];
    assert.deepEqual([preview.srcObject, preview.hidden, off.hidden], [null, true, false]);
    assert.equal(page.part("turn-on").hidden, false);
    for (const [source, isMirrored] of /** @type {[string, boolean][]} */ ([["camera", true], ["picture", false]])) {
        Object.assign(media, { source, tracks: { audio: null, video: new FakeTrack("video") } });
        media.dispatchEvent(new Event("change"));
        assert.deepEqual([preview.srcObject, preview.hidden, off.hidden], [media.stream, false, true]);
        assert.equal(preview.classList.contains("mirrored"), isMirrored);
    }
});

test("devices are offered where there is a choice, by their names as text", async () => {
    const MARKUP = "<b>Front</b>";
    const all = [["videoinput", MARKUP, "c1"], ["videoinput", "Back", "c2"], ["audioinput", "Desk", "m1"]];
    const devices = all.map(([kind, label, deviceId]) => ({ kind, label, deviceId }));
    provide({ navigator: { mediaDevices: { enumerateDevices: async () => devices } } });
    const { media, view } = await start();
    media.tracks.video = { getSettings: () => ({ deviceId: "c2" }) };
    await view.open();
    const camera = page.part("camera");
    assert.deepEqual([camera.children[0].childNodes, camera.value], [[MARKUP], "c2"]);
    assert.equal(page.part("devices").hidden, false);
    camera.value = "c1";
    camera.dispatchEvent(new Event("change"));
    await settled();
    assert.equal(/** @type {any} */ (media.use.mock.calls.at(-1)?.arguments)[1].camera, "c1");
    devices.pop();
    await view.open();
    assert.equal(page.part("devices").hidden, true);
});

test("while the server is waited for nobody joins twice, and it can be given up", async () => {
    const { view } = await start();
    const cancelled = mock.fn();
    view.addEventListener("cancel", cancelled);
    view.wait(true);
    assert.deepEqual([page.part("join").disabled, page.part("cancel").hidden], [true, false]);
    assert.equal(textOf("join"), "Joining…");
    page.part("cancel").click();
    assert.equal(cancelled.mock.callCount(), 1);
    view.wait(false);
    assert.deepEqual([page.part("join").disabled, page.part("cancel").hidden], [false, true]);
});

test("a token is asked for where the server wants one, and a wrong one is gone", async () => {
    const { view } = await start();
    page.part("token").value = "wrong";
    assert.equal(page.part("token-field").hidden, true);
    view.askForToken();
    assert.deepEqual([page.part("token-field").hidden, page.part("token").value], [false, ""]);
    assert.equal(page.document.activeElement, page.part("token"));
});

test("another room is one click away", async () => {
    await start();
    page.part("another-room").click();
    assert.notEqual(page.part("room").value, "tea");
});

test("the form can be put away", async () => {
    const { view } = await start();
    for (const isShown of [false, true]) {
        view.show(isShown);
        assert.equal(page.part("start").hidden, !isShown);
    }
});
