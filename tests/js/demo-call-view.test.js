// What the demo shows of a call.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { CallView } from "../../jsongle_server/static/demo/call-view.js";
import { FakeRoomCall, FakeStream, settled } from "./demo-fakes.js";
import { openPage } from "./fake-page.js";

const MARKUP = "<img src=x onerror=alert(1)>";

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    page = openPage("demo");
});

/** @param {string} id */
const textOf = (id) => page.part(id).textContent;

/** Those of some parts that are to be seen. @param {...string} ids */
const seen = (...ids) => ids.filter((id) => !page.part(id).hidden);

/** A view of a call in whose picture frames come. */
function calling() {
    const call = new FakeRoomCall();
    new CallView(/** @type {any} */ (call), /** @type {any} */ ({ stream: new FakeStream() }));
    const video = page.part("remote");
    Object.assign(video, { srcObject: null, videoWidth: 640, play: async () => {} });
    const showsPicture = () => page.part("stage").classList.contains("has-picture");
    return { call, video, showsPicture };
}

test("each state has its words, and the buttons that there are for it", () => {
    const { call } = calling();
    const said = ["waiting", "incoming", "calling", "connected", "failed", "ended"].map((state) => {
        call.become(state);
        const buttons = seen("invite", "accept", "decline", "call-again");
        return [textOf("call-state"), page.part("state-dot").dataset.state, page.part("hang-up").disabled, ...buttons];
    });
    assert.deepEqual(said, [
        ["Waiting", "off", true, "invite"],
        ["Incoming call", "busy", true, "accept", "decline"],
        ["Calling…", "busy", false],
        ["Connected", "good", false],
        ["No way through", "bad", false, "call-again"],
        ["Call ended", "off", true, "call-again"],
    ]);
});

test("a key that has pressed a button presses no other when that one goes", () => {
    const { call } = calling();
    for (const [before, button, after] of [["connected", "hang-up", "ended"], ["incoming", "accept", "connected"]]) {
        call.become(before);
        page.part(button).focus();
        call.become(before);
        assert.equal(page.document.activeElement, page.part(button));
        call.become(after);
        assert.equal(page.document.activeElement, page.part("call"));
    }
});

test("whoever cannot come in sees no call", () => {
    const { call } = calling();
    const before = textOf("call-state");
    call.become("full");
    assert.equal(textOf("call-state"), before);
});

test("the other side is called by its name, its user id, or neither", () => {
    const { call } = calling();
    const names = [{ id: "p", uid: "bob", dn: "Bob" }, { id: "p", uid: "bob" }, null].map((peer) => {
        call.peer = peer;
        call.become("calling");
        return [textOf("peer-name"), textOf("avatar"), textOf("headline"), page.part("avatar").hidden];
    });
    assert.deepEqual(names, [
        ["Bob", "B", "Calling Bob…", false],
        ["bob", "B", "Calling bob…", false],
        ["", "", "Calling The other side…", true],
    ]);
});

test("a name stays text, and its first character whole", () => {
    const { call } = calling();
    call.peer = { id: "p", uid: "x", dn: MARKUP };
    call.become("calling");
    assert.deepEqual(page.part("peer-name").childNodes, [MARKUP]);
    call.peer = { id: "p", uid: "x", dn: "🍋 lemon" };
    call.become("calling");
    assert.equal(textOf("avatar"), "🍋");
});

test("a picture is shown while one comes, in a call, and not turned off", () => {
    const { call, video, showsPicture } = calling();
    const stream = new FakeStream();
    call.become("connected");
    assert.deepEqual([showsPicture(), textOf("headline")], [false, "No picture from Bob."]);
    call.tell("remote", { stream });
    assert.deepEqual([showsPicture(), page.part("placeholder").hidden], [true, true]);
    call.tell("muted", { kind: "video", isMuted: true });
    assert.deepEqual([showsPicture(), textOf("headline")], [false, "Bob has turned off the camera"]);
    call.tell("muted", { kind: "video", isMuted: false });
    assert.equal(showsPicture(), true);
    video.videoWidth = 2;
    video.dispatchEvent(new Event("resize"));
    assert.equal(showsPicture(), false, "a track without frames");
    video.videoWidth = 640;
    call.become("ended");
    assert.equal(showsPicture(), false);
});

test("what was turned off in one call is on in the next", () => {
    const { call } = calling();
    call.become("connected");
    call.tell("muted", { kind: "audio", isMuted: true });
    assert.equal(textOf("peer-muted"), "Bob has turned off the microphone");
    call.become("disconnected");
    assert.equal(textOf("peer-muted"), "Bob has turned off the microphone", "it is the same call");
    call.become("ended");
    assert.deepEqual(seen("peer-muted"), []);
});

test("a browser that allows no sound yet shows the picture, and has the user ask for it", async () => {
    const { call, video } = calling();
    const play = mock.fn(async () => {});
    play.mock.mockImplementationOnce(() => Promise.reject(new DOMException("no", "NotAllowedError")));
    video.play = play;
    page.part("unmute-sound").hidden = true;
    call.tell("remote", { stream: new FakeStream() });
    await settled();
    assert.deepEqual([video.muted, seen("unmute-sound"), play.mock.callCount()], [true, ["unmute-sound"], 2]);
    page.part("unmute-sound").click();
    assert.deepEqual([video.muted, seen("unmute-sound")], [false, []]);
});

test("a call whose sound was never asked for does not leave the next one without it", async () => {
    const { call, video } = calling();
    video.play = mock.fn(async () => {});
    video.play.mock.mockImplementationOnce(() => Promise.reject(new DOMException("no", "NotAllowedError")));
    call.tell("remote", { stream: new FakeStream() });
    await settled();
    call.tell("remote", { stream: null });
    assert.deepEqual([video.srcObject, video.muted, seen("unmute-sound")], [null, false, []]);
});

test("a picture that another takes the place of is no matter", async () => {
    const { call, video } = calling();
    const play = mock.fn(() => Promise.reject(new DOMException("another", "AbortError")));
    video.play = play;
    call.tell("remote", { stream: new FakeStream() });
    await settled();
    assert.deepEqual([play.mock.callCount(), video.muted ?? false], [1, false]);
});

test("the way of the media is said once it is known, where it is still the same call", async () => {
    const { call } = calling();
    const connection = { getStats: async () => new Map() };
    call.tell("connection", { connection });
    call.become("connected");
    call.become("ended");
    await settled();
    assert.equal(textOf("call-state"), "Call ended");
    const pair = { type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "l" };
    const stats = { t: { type: "transport", selectedCandidatePairId: "p" }, p: pair, l: { candidateType: "host" } };
    call.tell("connection", { connection: { getStats: async () => new Map(Object.entries(stats)) } });
    call.become("connected");
    await settled();
    assert.equal(textOf("call-state"), "Connected · direct");
});
