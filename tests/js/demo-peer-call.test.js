// Perfect negotiation (W3C WebRTC section 10.7), over peer connections in memory.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exchange, FakeCall, FakePeer, FakeStream, FakeTrack, settled } from "./demo-fakes.js";

Object.assign(globalThis, { MediaStream: FakeStream });
const { MOST_EARLY, MOST_RESTARTS, PeerCall } = await import("../../jsongle_server/static/demo/peer-call.js");

/** One side. @param {"caller" | "callee"} role @param {{ audio?: any, video?: any }} [tracks] */
function makeSide(role, { audio = new FakeTrack("audio"), video = new FakeTrack("video") } = {}) {
    const call = new FakeCall(role);
    /** @type {FakePeer} */
    let peer = new FakePeer({});
    const createConnection = (/** @type {any} */ configuration) =>
        /** @type {any} */ (peer = new FakePeer(configuration));
    const options = /** @type {any} */ ({ iceServers: [], tracks: { audio, video }, createConnection });
    const media = new PeerCall(/** @type {any} */ (call), options);
    /** @type {any[]} */
    const told = [];
    for (const type of ["state", "error"]) {
        media.addEventListener(type, (event) => told.push(/** @type {any} */ (event).detail));
    }
    return { call, peer, media, told };
}

/** Lets two sides talk until neither has anything to say. @param {any} one @param {any} other */
async function talk(one, other) {
    for (let turn = 0; turn < 12; turn += 1) {
        await settled();
        exchange(one.call, other.call);
    }
    await settled();
}

/**
 * Two sides that have agreed.
 *
 * @param {{ audio?: any, video?: any }} [callerTracks]
 * @param {{ audio?: any, video?: any }} [calleeTracks]
 */
async function makePair(callerTracks, calleeTracks) {
    const caller = makeSide("caller", callerTracks);
    const callee = makeSide("callee", calleeTracks);
    caller.media.start();
    await talk(caller, callee);
    return { caller, callee };
}

const sending = (/** @type {FakePeer} */ { transceivers }) =>
    transceivers.map(({ sender, direction }) => [sender.track?.kind ?? null, direction]);

test("the caller offers, the callee answers, and both send what they have", async () => {
    const { caller, callee } = await makePair();
    for (const { peer, told } of [caller, callee]) {
        assert.equal(peer.signalingState, "stable");
        assert.deepEqual(sending(peer), [["audio", "sendrecv"], ["video", "sendrecv"]]);
        assert.deepEqual(told, []);
    }
    assert.equal(caller.peer.rollbacks + callee.peer.rollbacks, 0);
});

test("a side that has nothing takes what there is", async () => {
    const { caller, callee } = await makePair({ audio: null, video: null }, { audio: null });
    assert.deepEqual(sending(caller.peer), [[null, "recvonly"], [null, "recvonly"]]);
    assert.deepEqual(sending(callee.peer), [[null, "recvonly"], ["video", "sendrecv"]]);
});

test("another picture takes the place of the first without a word", async () => {
    const { caller, callee } = await makePair();
    const other = new FakeTrack("video");
    await caller.media.setTrack("video", /** @type {any} */ (other));
    await settled();
    assert.equal(caller.peer.transceivers[1].sender.track, other);
    assert.deepEqual(caller.call.words, []);
    assert.deepEqual(callee.told, []);
});

test("a camera that is turned on later is negotiated, whoever has it", async () => {
    for (const who of /** @type {const} */ (["caller", "callee"])) {
        const pair = await makePair({ video: null }, { video: null });
        await pair[who].media.setTrack("video", /** @type {any} */ (new FakeTrack("video")));
        await settled();
        assert.deepEqual(pair[who].call.words, ["offer"]);
        await talk(pair.caller, pair.callee);
        assert.deepEqual(sending(pair[who].peer)[1], ["video", "sendrecv"]);
        assert.equal(pair.caller.peer.signalingState, "stable");
    }
});

test("of two offers at once the caller's counts, and the callee's is taken back", async () => {
    const { caller, callee } = await makePair({ video: null }, { video: null });
    await caller.media.setTrack("video", /** @type {any} */ (new FakeTrack("video")));
    await callee.media.setTrack("video", /** @type {any} */ (new FakeTrack("video")));
    await settled();
    assert.deepEqual([caller.call.words, callee.call.words], [["offer"], ["offer"]]);
    await talk(caller, callee);
    assert.deepEqual([caller.peer.rollbacks, callee.peer.rollbacks], [0, 1]);
    for (const { peer, told } of [caller, callee]) {
        assert.equal(peer.signalingState, "stable");
        assert.deepEqual(told, []);
    }
});

test("candidates of an offer that was overlooked are overlooked", async () => {
    const { caller, callee } = await makePair();
    caller.media.restart();
    await settled();
    caller.call.emit("offer", { sdp: "offer-9 audio" });
    caller.call.emit("candidate", { candidate: { candidate: "stray" } });
    await settled();
    assert.deepEqual(caller.told, []);
    await talk(caller, callee);
    callee.call.emit("candidate", { candidate: { candidate: "stray" } });
    await settled();
    assert.equal(callee.told.length, 1); // anybody else's is a fault, and told
});

test("candidates that come before their offer wait for it, so many and no more", async () => {
    const callee = makeSide("callee");
    for (let index = 0; index <= MOST_EARLY; index += 1) {
        callee.call.emit("candidate", { candidate: { candidate: String(index) } });
    }
    callee.call.emit("candidate", { candidate: null });
    await settled();
    for (let index = 0; index < 4; index += 1) {
        await settled();
    }
    callee.call.emit("offer", { sdp: "offer-1 audio" });
    for (let index = 0; index < 10; index += 1) {
        await settled();
    }
    assert.equal(callee.peer.candidates.length, MOST_EARLY);
    assert.equal(callee.peer.candidates[0].candidate, "0");
    assert.deepEqual(callee.told, []);
});

test("its own candidates are sent, and the end of them is not", async () => {
    const { caller } = await makePair();
    const event = (/** @type {any} */ candidate) => Object.assign(new Event("icecandidate"), { candidate });
    caller.peer.dispatchEvent(event({ toJSON: () => ({ candidate: "c" }) }));
    caller.peer.dispatchEvent(event(null));
    assert.deepEqual(caller.call.said, [["candidate", { candidate: "c" }]]);
});

test("a connection that fails is tried again a few times before it is given up", async () => {
    const { caller } = await makePair();
    for (let times = 0; times <= MOST_RESTARTS; times += 1) {
        caller.peer.become("failed");
    }
    assert.equal(caller.peer.restarts, MOST_RESTARTS);
    assert.deepEqual(caller.told.map(({ state }) => state), ["disconnected", "disconnected", "disconnected", "failed"]);
});

test("a connection that stands again may fail as often again", async () => {
    const { caller } = await makePair();
    caller.peer.become("failed");
    caller.peer.become("connected");
    for (let times = 0; times < MOST_RESTARTS; times += 1) {
        caller.peer.become("failed");
    }
    assert.equal(caller.peer.restarts, MOST_RESTARTS + 1);
});

test("what the other side sends is one stream, with one track of a kind", async () => {
    const { caller } = await makePair();
    /** @type {any[]} */
    const streams = [];
    caller.media.addEventListener("remote", (event) => streams.push(/** @type {any} */ (event).detail.stream));
    const last = new FakeTrack("video");
    for (const track of [new FakeTrack("video"), new FakeTrack("audio"), last]) {
        caller.peer.dispatchEvent(Object.assign(new Event("track"), { track }));
    }
    assert.equal(new Set(streams).size, 1);
    const kinds = streams[0].getTracks().map((/** @type {FakeTrack} */ { kind }) => kind);
    assert.deepEqual(kinds.sort(), ["audio", "video"]);
    assert.ok(streams[0].getTracks().includes(last));
});

test("an answer to an offer that was taken back is nobody's", async () => {
    const { callee } = await makePair();
    callee.call.emit("answer", { sdp: "answer audio" });
    await settled();
    assert.deepEqual(callee.told, []);
});

test("fresh ICE servers are used from the next restart on", async () => {
    const { caller } = await makePair();
    caller.media.setIceServers([{ urls: "stun:b" }]);
    assert.deepEqual(caller.peer.getConfiguration(), { iceServers: [{ urls: "stun:b" }] });
});

test("after the end nothing is heard, said or changed", async () => {
    const { caller } = await makePair();
    caller.media.close();
    caller.call.emit("offer", { sdp: "offer-9 audio" });
    caller.media.setIceServers([]);
    caller.media.restart();
    await caller.media.setTrack("video", null);
    await settled();
    assert.deepEqual([caller.call.words, caller.told, caller.peer.isClosed, caller.peer.restarts], [[], [], true, 0]);
});

test("a call that ends while it describes itself says no more", async () => {
    const { call, peer, media } = makeSide("caller");
    assert.equal(media.connection, peer);
    media.start();
    while (peer.localDescription === null) {
        await undefined;
    }
    media.close();
    await settled();
    assert.deepEqual(call.words, []);
});
