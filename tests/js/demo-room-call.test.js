// The demo's call in a room for two: who calls whom.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { CALL_WITHIN, RoomCall } from "../../jsongle_server/static/demo/room-call.js";
import { FakeCall, FakeClient } from "./demo-fakes.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

class FakeMedia extends EventTarget {
    tracks = { audio: null, video: null };
    muted = new Set();

    /** @param {string} kind */
    isMuted(kind) {
        return this.muted.has(kind);
    }
}

class FakePeerCall extends EventTarget {
    /** @type {any[]} */
    did = [];
    connection = {};

    start() {
        this.did.push("start");
    }

    close() {
        this.did.push("close");
    }

    /** @param {string} kind */
    setTrack(kind) {
        this.did.push(kind);
    }

    /** @param {any} iceServers */
    setIceServers(iceServers) {
        this.did.push(iceServers);
    }

    /** @param {string} state */
    become(state) {
        this.dispatchEvent(new CustomEvent("state", { detail: { state } }));
    }
}

/** A room, and everything around it. */
function makeRoom() {
    const client = new FakeClient();
    client.fill("tea");
    const media = new FakeMedia();
    /** @type {FakePeerCall[]} */
    const peers = [];
    const open = () => {
        const peer = new FakePeerCall();
        peers.push(peer);
        return peer;
    };
    const parts = /** @type {[any, string, any, any]} */ ([client, "tea", media, open]);
    const call = new RoomCall(...parts);
    /** @type {any[]} */
    const states = [];
    call.addEventListener("state", (event) => {
        const { state, reason } = /** @type {any} */ (event).detail;
        states.push(reason === "" ? state : `${state} ${reason}`);
    });
    return { client, media, peers, call, states };
}

/** Somebody calls. @param {FakeClient} client @param {string} from @param {string} [sid] */
function ringAt(client, from, sid = "theirs") {
    const call = new FakeCall("callee", { sid, from, to: from });
    client.emit("call", { call });
    return call;
}

/** A call that stands, with the other side calling. */
function makeCall() {
    const room = makeRoom();
    room.client.fill("tea", "ann");
    room.client.emit("joined", { rid: "tea", member: { id: "ann", uid: "ann" } });
    const theirs = ringAt(room.client, "ann");
    room.peers[0].become("connected");
    return { ...room, theirs };
}

test("whoever comes into an empty room waits", () => {
    const { call, states } = makeRoom();
    call.enter([]);
    assert.deepEqual(states, ["waiting"]);
});

test("whoever comes in to somebody calls him, and offers once he takes it", () => {
    const { call, client, peers, states } = makeRoom();
    call.enter(client.fill("tea", "ann"));
    const [mine] = client.calls;
    assert.equal(mine.to, "ann");
    mine.emit("ringing");
    mine.emit("proceed");
    mine.emit("proceed");
    assert.deepEqual(states, ["calling", "ringing", "connecting"]);
    assert.deepEqual(peers.map(({ did }) => did), [["start"]]);
});

test("whoever waits takes the call, and tells once media flow", () => {
    const { theirs, states } = makeCall();
    assert.deepEqual(states, ["arriving", "connecting", "connected"]);
    assert.deepEqual(theirs.words, ["ring", "proceed", "active"]);
});

test("whoever comes in and does not call is called", () => {
    const { client, states } = makeRoom();
    client.emit("joined", { rid: "other", member: { id: "eve" } });
    client.emit("joined", { rid: "tea", member: { id: "ann" } });
    mock.timers.tick(CALL_WITHIN);
    assert.deepEqual([states, client.calls.map(({ to }) => to)], [["arriving", "calling"], ["ann"]]);
});

test("the third sees that the room is full, and the two do not mind him", () => {
    const { call, client, states } = makeRoom();
    call.enter(client.fill("tea", "ann", "bob"));
    client.emit("joined", { rid: "tea", member: { id: "eve" } });
    client.emit("left", { rid: "tea", member: { id: "ann" } });
    assert.equal(ringAt(client, "ann").words[0], "decline");
    assert.deepEqual([states, client.calls], [["full"], []]);
    const two = makeCall();
    two.client.fill("tea", "ann", "eve");
    two.client.emit("joined", { rid: "tea", member: { id: "eve" } });
    two.client.emit("left", { rid: "tea", member: { id: "eve" } });
    assert.deepEqual(ringAt(two.client, "eve").words, ["decline"]);
    assert.equal(two.states.at(-1), "connected");
});

test("somebody who is not in the room is not answered", () => {
    const { client, peers } = makeRoom();
    assert.deepEqual(ringAt(client, "mallory").words, ["decline"]);
    assert.equal(peers.length, 0);
});

test("of two calls at once the one whose name comes first counts, on both sides", () => {
    for (const [sid, isTaken] of /** @type {[string, boolean][]} */ ([["a", true], ["z", false]])) {
        const { call, client, states } = makeRoom();
        call.enter(client.fill("tea", "ann"));
        const theirs = ringAt(client, "ann", sid);
        assert.deepEqual(theirs.words, isTaken ? ["ring", "proceed"] : []);
        assert.deepEqual(client.calls[0].words, isTaken ? ["end"] : []);
        assert.equal(states.at(-1), isTaken ? "connecting" : "calling");
    }
});

test("hanging up ends the call for both, and whoever did is asked the next time", () => {
    const { call, client, peers, theirs, states } = makeCall();
    call.hangUp();
    assert.equal(theirs.words.at(-1), "end");
    assert.deepEqual(peers[0].did, ["close"]);
    const again = ringAt(client, "ann", "again");
    assert.deepEqual(again.words, ["ring"]);
    call.accept();
    assert.deepEqual(again.words, ["ring", "proceed"]);
    assert.deepEqual(states.slice(-3), ["ended hung-up", "incoming", "connecting"]);
});

test("a call that was not wanted is declined, and nothing can be accepted twice", () => {
    const { call, client } = makeCall();
    call.hangUp();
    const again = ringAt(client, "ann", "again");
    call.hangUp();
    call.accept();
    assert.deepEqual(again.words, ["ring", "end"]);
});

test("a call that the other side ends may be begun again", () => {
    const { call, client, theirs, states } = makeCall();
    theirs.emit("end", { reason: "terminated" });
    assert.equal(states.at(-1), "ended terminated");
    call.callPeer();
    assert.equal(states.at(-1), "calling");
    assert.equal(client.calls.length, 1);
});

test("after the other side has hung up, whoever is called is asked", () => {
    const { client, theirs, states } = makeCall();
    theirs.emit("end", { reason: "terminated" });
    assert.deepEqual(ringAt(client, "ann", "again").words, ["ring"]);
    assert.equal(states.at(-1), "incoming");
});

test("a call that nobody took while the user was asked leaves him to be asked the next time", () => {
    for (const reason of ["timeout", "unreachable", "lost"]) {
        const { call, client, states } = makeCall();
        call.hangUp();
        ringAt(client, "ann", "again").emit("end", { reason });
        assert.deepEqual(ringAt(client, "ann", "once more").words, ["ring"]);
        assert.deepEqual(states.slice(-3), ["incoming", `ended ${reason}`, "incoming"]);
    }
});

test("whoever has hung up is asked whoever comes in, and calls nobody by himself", () => {
    const { call, client, states } = makeCall();
    call.hangUp();
    client.emit("left", { rid: "tea", member: { id: "ann" } });
    client.fill("tea", "ann-2");
    client.emit("joined", { rid: "tea", member: { id: "ann-2" } });
    mock.timers.tick(CALL_WITHIN);
    assert.deepEqual(client.calls, []);
    assert.deepEqual(ringAt(client, "ann-2", "again").words, ["ring"]);
    assert.deepEqual(states.slice(-4), ["ended hung-up", "waiting left", "ended hung-up", "incoming"]);
});

test("what one of the two has ended does not begin again when their sessions are lost", () => {
    const hungUp = (/** @type {ReturnType<typeof makeCall>} */ { call }) => call.hangUp();
    const leftAlone = (/** @type {ReturnType<typeof makeCall>} */ { theirs }) =>
        theirs.emit("end", { reason: "terminated" });
    for (const [end, reason] of /** @type {const} */ ([[hungUp, "hung-up"], [leftAlone, "terminated"]])) {
        const room = makeCall();
        end(room);
        room.client.fill("tea", "ann-2");
        room.client.emit("online", { resumed: false });
        assert.deepEqual([room.states.at(-1), room.client.calls], [`ended ${reason}`, []]);
        assert.deepEqual(ringAt(room.client, "ann-2", "again").words, ["ring"]);
        room.call.accept();
        assert.equal(room.states.at(-1), "connecting");
    }
});

test("whoever calls somebody who calls already takes that call", () => {
    const { call, client, states } = makeCall();
    call.hangUp();
    const again = ringAt(client, "ann", "again");
    call.callPeer();
    assert.deepEqual([again.words, client.calls, states.at(-1)], [["ring", "proceed"], [], "connecting"]);
});

test("the other side leaves, comes back, and calls again", () => {
    const { client, peers, theirs, states } = makeCall();
    theirs.emit("end", { reason: "unreachable" });
    client.emit("left", { rid: "tea", member: { id: "ann" } });
    assert.equal(states.at(-1), "waiting left");
    client.emit("joined", { rid: "tea", member: { id: "ann" } });
    ringAt(client, "ann", "again");
    assert.equal(states.at(-1), "connecting");
    assert.equal(peers.length, 2);
});

test("a call whose media flow goes on when the server goes, until they stop", () => {
    const { call, client, peers, states } = makeCall();
    client.emit("left", { rid: "tea", member: { id: "ann" } });
    assert.deepEqual([states.at(-1), peers[0].did], ["connected", []]);
    peers[0].become("disconnected");
    assert.deepEqual([states.at(-1), peers[0].did, call.peer], ["waiting left", ["close"], null]);
});

test("whoever comes in after the server went is called, or answered, whatever still flows", () => {
    const one = makeCall();
    one.client.emit("left", { rid: "tea", member: { id: "ann" } });
    one.client.emit("joined", { rid: "tea", member: { id: "ann-2" } });
    assert.deepEqual([one.states.at(-1), one.call.peer?.id, one.peers[0].did], ["arriving", "ann-2", ["close"]]);
    const two = makeCall();
    two.client.emit("left", { rid: "tea", member: { id: "ann" } });
    two.client.fill("tea", "ann-2");
    assert.deepEqual(ringAt(two.client, "ann-2", "again").words, ["ring", "proceed"]);
});

test("hanging up after the server went leaves nobody to call", () => {
    const { call, client, states } = makeCall();
    client.emit("left", { rid: "tea", member: { id: "ann" } });
    call.hangUp();
    assert.deepEqual([states.at(-1), call.peer], ["waiting hung-up", null]);
});

test("after a resume nothing changes; after a loss whoever comes in calls", () => {
    const { client, peers, theirs, states } = makeCall();
    client.emit("online", { resumed: true });
    assert.equal(states.at(-1), "connected");
    theirs.emit("end", { reason: "lost" });
    client.fill("tea", "ann-2");
    client.emit("online", { resumed: false });
    assert.deepEqual(client.calls.map(({ to }) => to), ["ann-2"]);
    assert.deepEqual(peers[0].did, ["close"]);
});

test("muting is told while a call stands, and again to whoever comes later", () => {
    const { client, media, theirs, peers } = makeCall();
    media.dispatchEvent(new CustomEvent("muted", { detail: { kind: "audio", isMuted: true } }));
    media.dispatchEvent(new CustomEvent("muted", { detail: { kind: "audio", isMuted: false } }));
    assert.deepEqual(theirs.said.slice(-2), [["mute", { mute: "audio" }], ["unmute", { mute: "audio" }]]);
    media.muted.add("video");
    const again = ringAt(client, "ann", "again");
    peers[1].become("connected");
    assert.deepEqual(again.said.at(-1), ["mute", { mute: "video" }]);
});

test("what the other side mutes is told, and nothing that is no such thing", () => {
    const { call, theirs } = makeCall();
    /** @type {any[]} */
    const told = [];
    call.addEventListener("muted", (event) => told.push(/** @type {any} */ (event).detail));
    for (const [reason, mute] of [["mute", "audio"], ["unmute", "audio"], ["mute", "<b>"], ["hold", "audio"]]) {
        theirs.emit("info", { reason, description: { mute } });
    }
    assert.deepEqual(told, [{ kind: "audio", isMuted: true }, { kind: "audio", isMuted: false }]);
});

test("other sources and fresh ICE servers reach the connection", () => {
    const { client, media, peers } = makeCall();
    media.dispatchEvent(new Event("change"));
    client.emit("iceservers", { iceServers: [] });
    assert.deepEqual(peers[0].did, ["audio", "video", []]);
});

test("the caller reports how long the call was, and either side that there was no way", () => {
    const { call, client, peers } = makeRoom();
    call.enter(client.fill("tea", "ann"));
    client.calls[0].emit("proceed");
    peers[0].become("connected");
    mock.timers.tick(42_400);
    peers[0].become("failed");
    call.dispose();
    assert.deepEqual(client.sent.map(({ description }) => description), [{ error: "ice-failed" }, { duration: 42 }]);
    const other = makeCall();
    other.call.dispose();
    assert.deepEqual(other.client.sent, []);
});

test("whoever has left does not hear of other sources any more", () => {
    const { call, media, peers, theirs } = makeCall();
    call.dispose();
    media.dispatchEvent(new Event("change"));
    assert.deepEqual([peers[0].did, theirs.words.at(-1)], [["close"], "end"]);
});

test("with a client that is closed nobody is called, and nothing reported", () => {
    const { call, client, peers } = makeRoom();
    call.enter(client.fill("tea", "ann"));
    client.calls[0].emit("proceed");
    peers[0].become("connected");
    client.state = "closed";
    call.hangUp();
    call.callPeer();
    assert.deepEqual([client.sent, client.calls.length, client.calls[0].words], [[], 1, ["active"]]);
});
