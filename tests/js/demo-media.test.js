// What the demo sends: from devices, or nothing; muted or not.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { isAllowed, listDevices, openDevices } from "../../jsongle_server/static/demo/devices.js";
import { LocalMedia } from "../../jsongle_server/static/demo/local-media.js";
import { FakeStream, FakeTrack, settled } from "./demo-fakes.js";

/** @type {{ audio: any, video: any }[]} What was asked of the browser. */
let asked;
/** @type {FakeStream[]} What it gave. */
let given;
/** @type {(wanted: { audio: any, video: any }) => string} The name of the error that it throws; empty for none. */
let refuse;

/** @param {any} navigator */
function provide(navigator, isSecureContext = true) {
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
    Object.assign(globalThis, { isSecureContext, MediaStream: FakeStream });
}

beforeEach(() => {
    [asked, given, refuse] = [[], [], () => ""];
    /** @param {{ audio: any, video: any }} wanted */
    const getUserMedia = async (wanted) => {
        asked.push(wanted);
        const name = refuse(wanted);
        if (name !== "") {
            throw new DOMException("no", name);
        }
        const kinds = /** @type {const} */ (["audio", "video"]).filter((kind) => wanted[kind]);
        const stream = new FakeStream(kinds.map((kind) => new FakeTrack(kind)));
        given.push(stream);
        return stream;
    };
    provide({ mediaDevices: { getUserMedia } });
});

test("devices that were chosen are asked for, and any where none was", async () => {
    const { audio, video, problem } = await openDevices({ camera: "c1", microphone: "" });
    assert.deepEqual([audio?.kind, video?.kind, problem], ["audio", "video", ""]);
    assert.deepEqual([asked[0]?.video.deviceId, asked[0]?.audio.deviceId], [{ exact: "c1" }, undefined]);
});

test("where there is no camera the microphone is taken alone, and the other way round, and it is said", async () => {
    for (const [missing, had, words] of /** @type {const} */ ([
        ["video", "audio", /^No camera was found/],
        ["audio", "video", /^No microphone was found/],
    ])) {
        refuse = (wanted) => (wanted[missing] ? "NotFoundError" : "");
        const opened = await openDevices({});
        assert.deepEqual([opened[missing], opened[had]?.kind], [null, had]);
        assert.match(opened.problem, words);
    }
});

test("where neither can be had it is said why, after as few questions as it takes", async () => {
    for (const [name, words, questions] of /** @type {const} */ ([
        ["NotFoundError", /^No camera or microphone was found/, 3],
        ["NotAllowedError", /not allowed/, 1],
    ])) {
        asked = [];
        refuse = () => name;
        await assert.rejects(openDevices({}), { message: words });
        assert.equal(asked.length, questions);
    }
});

test("a user who says no to the one device is not asked for the other", async () => {
    refuse = ({ audio, video }) => (audio && video ? "NotReadableError" : "NotAllowedError");
    await assert.rejects(openDevices({}), { message: /not allowed/ });
    assert.equal(asked.length, 2);
});

test("a page without devices says whether that is for want of TLS", async () => {
    provide({});
    await assert.rejects(openDevices({}), { message: /^This browser has no access/ });
    provide({}, false);
    await assert.rejects(openDevices({}), { message: /https/ });
});

test("devices are listed by kind, once the browser tells their names", async () => {
    const all = [["videoinput", "Front"], ["audioinput", "Desk"], ["audiooutput", "Ears"], ["videoinput", ""]];
    provide({ mediaDevices: { enumerateDevices: async () => all.map(([kind, label]) => ({ kind, label })) } });
    const { cameras, microphones } = await listDevices();
    assert.deepEqual([cameras, microphones].map((some) => some.map(({ label }) => label)), [["Front"], ["Desk"]]);
    provide({});
    assert.deepEqual(await listDevices(), { cameras: [], microphones: [] });
});

test("a camera may be turned on unasked only where the browser says so", async () => {
    for (const [state, isIt] of [["granted", true], ["prompt", false]]) {
        provide({ permissions: { query: async () => ({ state }) } });
        assert.equal(await isAllowed(), isIt);
    }
    provide({ permissions: { query: () => Promise.reject(new TypeError("no such permission")) } });
    assert.equal(await isAllowed(), false);
});

/** What this side sends, and what it tells. */
function sending() {
    const media = new LocalMedia();
    /** @type {string[]} */
    const told = [];
    for (const type of ["change", "muted", "problem"]) {
        media.addEventListener(type, () => told.push(type));
    }
    const use = (/** @type {"camera" | "none"} */ source) => media.use(source, { name: "Ann" });
    return { media, told, use };
}

test("the stream of a preview stays the same, whatever is in it", async () => {
    const { media, told, use } = sending();
    const { stream } = media;
    await use("camera");
    assert.deepEqual([stream.getTracks(), media.source, told], [given[0]?.getTracks(), "camera", ["change"]]);
    await use("none");
    assert.deepEqual([stream.getTracks(), media.tracks], [[], { audio: null, video: null }]);
    assert.equal(media.stream, stream);
    assert.ok(given[0]?.getTracks().every(({ isStopped }) => isStopped));
});

test("stopped, nothing is sent, and the devices are given back", async () => {
    const { media, told, use } = sending();
    await use("camera");
    media.stop();
    assert.deepEqual([media.source, media.stream.getTracks(), told], ["none", [], ["change", "change"]]);
    assert.ok(given[0]?.getTracks().every(({ isStopped }) => isStopped));
});

test("a camera that is on is given back before another is turned on: some are not given twice", async () => {
    const { use } = sending();
    await use("camera");
    refuse = () => {
        assert.ok(given[0]?.getTracks().every(({ isStopped }) => isStopped));
        return "";
    };
    await use("camera");
    assert.equal(given.length, 2);
});

test("what cannot be had changes nothing", async () => {
    const { media, told, use } = sending();
    refuse = () => "NotAllowedError";
    await assert.rejects(use("camera"), Error);
    assert.deepEqual([media.source, told], ["none", []]);
});

test("what comes after another source was chosen is given back at once", async () => {
    const { media, use } = sending();
    const late = use("camera");
    media.stop();
    assert.equal(await late, "");
    assert.deepEqual([media.source, media.tracks.video], ["none", null]);
    assert.ok(given[0]?.getTracks().every(({ isStopped }) => isStopped));
});

test("what is muted stays so with another source", async () => {
    const { media, told, use } = sending();
    media.setMuted("audio", true);
    await use("camera");
    assert.deepEqual([media.tracks.audio?.enabled, media.tracks.video?.enabled], [false, true]);
    media.setMuted("audio", false);
    assert.deepEqual([media.tracks.audio?.enabled, media.isMuted("audio")], [true, false]);
    assert.deepEqual(told, ["muted", "change", "muted"]);
});

test("a device that stops by itself is told of, one that was given back is not", async () => {
    const { media, told, use } = sending();
    /** @type {string[]} */
    const problems = [];
    media.addEventListener("problem", (event) => problems.push(/** @type {CustomEvent} */ (event).detail.problem));
    await use("camera");
    const [audio, video] = /** @type {FakeTrack[]} */ (given[0]?.getTracks());
    video?.dispatchEvent(new Event("ended"));
    assert.match(problems.join(), /^The camera stopped/);
    media.stop();
    audio?.dispatchEvent(new Event("ended"));
    await settled();
    assert.equal(told.filter((type) => type === "problem").length, 1);
});
