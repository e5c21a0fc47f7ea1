// What else there is on the demo: the banner, the controls of what is sent, the link.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Banner, bindNotice } from "../../jsongle_server/static/demo/banner.js";
import { bindMediaControls } from "../../jsongle_server/static/demo/controls.js";
import { byId } from "../../jsongle_server/static/demo/dom.js";
import { bindShare, showLink } from "../../jsongle_server/static/demo/share.js";
import { FakeClient, settled } from "./demo-fakes.js";
import { openPage } from "./fake-page.js";

const MARKUP = "<img src=x onerror=alert(1)>";

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    page = openPage("demo");
    provide({ onLine: true });
});

/** @param {any} navigator */
function provide(navigator) {
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}

/** @param {string} id */
const textOf = (id) => page.part(id).textContent;

/** Those of some parts that are to be seen. @param {...string} ids */
const seen = (...ids) => ids.filter((id) => !page.part(id).hidden);

test("an element that the page does not have is missed at once", () => {
    assert.throws(() => byId("nowhere"), /the page has no nowhere/);
});

/** A banner that watches a client. */
function watching() {
    const [banner, client] = [new Banner(), new FakeClient()];
    const retry = mock.fn();
    Object.assign(client, { retry });
    banner.watch(/** @type {any} */ (client));
    const become = (/** @type {string} */ state, retryIn = 0) => {
        client.state = state;
        client.emit("state", { state, retryIn });
    };
    return { banner, client, retry, become };
}

test("a lost connection is told of, with the seconds until the next attempt", () => {
    const { become, retry } = watching();
    assert.deepEqual([textOf("server-state"), seen("banner")], ["Online", []]);
    become("reconnecting", 2500);
    assert.deepEqual([textOf("server-state"), seen("banner")], ["Reconnecting…", ["banner"]]);
    const counted = [0, 1000, 1000, 1000].map((delay) => {
        mock.timers.tick(delay);
        return textOf("banner-seconds");
    });
    assert.deepEqual(counted, [...[3, 2, 1].map((seconds) => ` Trying again in ${seconds} s.`), ""]);
    page.part("banner-retry").click();
    assert.equal(retry.mock.callCount(), 1);
    become("online");
    assert.deepEqual(seen("banner"), []);
});

test("a device that is offline counts no seconds, and goes on counting when it is not any more", () => {
    const { become } = watching();
    become("reconnecting", 5000);
    provide({ onLine: false });
    page.window.dispatchEvent(new Event("offline"));
    assert.match(textOf("banner-text"), /^This device is offline/);
    assert.equal(textOf("banner-seconds"), "");
    provide({ onLine: true });
    page.window.dispatchEvent(new Event("online"));
    assert.match(textOf("banner-seconds"), /5 s/);
});

test("of a client that was left nothing is shown any more", () => {
    const { banner, become } = watching();
    banner.watch(/** @type {any} */ (new FakeClient()));
    become("reconnecting", 5000);
    assert.deepEqual([textOf("server-state"), seen("banner")], ["Online", []]);
});

test("what an administrator says is shown as text until it was read", () => {
    const { client } = watching();
    bindNotice();
    client.emit("notice", { description: { text: MARKUP } });
    assert.deepEqual([page.part("notice-text").childNodes, seen("notice")], [[MARKUP], ["notice"]]);
    page.part("close-notice").click();
    assert.deepEqual(seen("notice"), []);
    client.emit("notice", { description: { reason: "room-emptied" } });
    assert.match(textOf("notice-text"), /has emptied this room/);
    client.emit("notice", { description: { text: 7 } });
    assert.deepEqual(seen("notice"), []);
});

/** What this side sends, as far as its controls ask. */
class FakeMedia extends EventTarget {
    source = "camera";
    tracks = { audio: {}, video: /** @type {object | null} */ ({}) };
    muted = { audio: false, video: false };
    use = mock.fn(async (/** @type {string} */ source) => {
        this.source = source;
        return "";
    });

    /** @param {"audio" | "video"} kind */
    isMuted(kind) {
        return this.muted[kind];
    }

    /** @param {"audio" | "video"} kind @param {boolean} isMuted */
    setMuted(kind, isMuted) {
        this.muted[kind] = isMuted;
        this.dispatchEvent(new Event("muted"));
    }
}

/** The controls of it. */
function controlling() {
    const media = new FakeMedia();
    bindMediaControls(/** @type {any} */ (media), () => ({ name: "Ann", camera: "c", microphone: "m" }));
    return media;
}

test("a microphone is turned off and on again, and its button says which", () => {
    const media = controlling();
    const button = page.part("mute-mic");
    const icon = page.document.createElement("use");
    button.append(icon);
    for (const isMuted of [true, false]) {
        button.click();
        assert.deepEqual([media.muted.audio, button.getAttribute("aria-pressed")], [isMuted, String(isMuted)]);
        assert.equal(icon.getAttribute("href"), isMuted ? "#icon-microphone-off" : "#icon-microphone");
    }
});

test("one's own picture is like a mirror, and the button says what else there is", () => {
    const media = controlling();
    const now = () => [page.part("local").classList.contains("mirrored"), textOf("switch-text")];
    assert.deepEqual(now(), [true, "Test picture"]);
    assert.deepEqual([page.part("local").hidden, textOf("self-off")], [false, ""]);
    media.source = "picture";
    media.dispatchEvent(new Event("change"));
    assert.deepEqual(now(), [false, "Camera"]);
});

test("one's own picture is hidden while nothing is sent of it, and it is said why", () => {
    const media = controlling();
    media.setMuted("video", true);
    assert.deepEqual([page.part("local").hidden, textOf("self-off")], [true, "Your camera is off"]);
    Object.assign(media, { source: "none", tracks: { audio: null, video: null } });
    media.dispatchEvent(new Event("change"));
    assert.equal(textOf("self-off"), "You send nothing");
    assert.deepEqual([page.part("mute-cam").disabled, page.part("mute-mic").disabled], [true, true]);
});

test("the source is changed from the camera to the test picture, and from anything else to the camera", async () => {
    const media = controlling();
    page.part("switch").click();
    assert.equal(page.part("switch").disabled, true, "until it is there");
    await settled();
    media.source = "none";
    page.part("switch").click();
    await settled();
    assert.deepEqual(media.use.mock.calls.map((call) => call.arguments[0]), ["picture", "camera"]);
    assert.equal(page.part("switch").disabled, false);
});

test("whoever sends nothing, and gets no camera, sends the test picture, and is told why", async () => {
    const media = controlling();
    media.source = "none";
    media.use.mock.mockImplementationOnce(() => Promise.reject(new Error("No camera.")));
    page.part("switch").click();
    await settled();
    assert.deepEqual([media.source, textOf("call-problem")], ["picture", "No camera."]);
});

test("a device that stops is told of", () => {
    controlling().dispatchEvent(new CustomEvent("problem", { detail: { problem: "The camera stopped." } }));
    assert.equal(textOf("call-problem"), "The camera stopped.");
});

test("the link is copied, and the button says so for a moment", async () => {
    const writeText = mock.fn(async () => {});
    provide({ clipboard: { writeText } });
    page.part("room-link").href = "http://x/demo#tea";
    bindShare();
    assert.deepEqual(seen("share"), [], "where the browser cannot share");
    page.part("copy").click();
    await settled();
    assert.deepEqual([writeText.mock.calls[0]?.arguments, textOf("copy-text")], [["http://x/demo#tea"], "Copied"]);
    mock.timers.tick(2500);
    assert.equal(textOf("copy-text"), "Copy the link");
});

test("of a room its name is shown as people read it, as text, and its address is what is copied", () => {
    Object.assign(globalThis, { location: { origin: "http://x", pathname: "/demo" } });
    bindShare();
    showLink(`a room ${MARKUP}`);
    const link = page.part("room-link");
    assert.equal(textOf("room-link"), `http://x/demo#a room ${MARKUP}`);
    assert.deepEqual(link.children.map((/** @type {any} */ { childNodes }) => childNodes), [[`#a room ${MARKUP}`]]);
    const setData = mock.fn();
    const event = Object.assign(new Event("copy", { cancelable: true }), { clipboardData: { setData } });
    link.dispatchEvent(event);
    assert.deepEqual(setData.mock.calls[0]?.arguments, ["text/plain", link.href]);
    assert.deepEqual([event.defaultPrevented, /[ <]/.test(link.href)], [true, false]);
});

test("where a page may not copy, the link is selected for whoever does", async () => {
    const selectAllChildren = mock.fn();
    Object.assign(globalThis, { getSelection: () => ({ selectAllChildren }) });
    page.document.execCommand = () => false;
    bindShare();
    page.part("copy").click();
    await settled();
    assert.deepEqual(selectAllChildren.mock.calls[0]?.arguments, [page.part("room-link")]);
    assert.equal(textOf("copy-text"), "Select the link and copy it");
});

test("a link that cannot be shared is copied, unless the user has changed his mind", async () => {
    for (const [name, copies] of /** @type {[string, number][]} */ ([["NotAllowedError", 1], ["AbortError", 0]])) {
        page = openPage("demo");
        const writeText = mock.fn(async () => {});
        provide({ clipboard: { writeText }, share: () => Promise.reject(new DOMException("no", name)) });
        bindShare();
        page.part("share").click();
        await settled();
        assert.equal(writeText.mock.callCount(), copies);
    }
});
