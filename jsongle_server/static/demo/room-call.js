/**
 * The call in a room for two: who calls whom, and what becomes of it.
 *
 * Whoever comes into a room in which somebody waits calls him; whoever waits takes the call, since he came there for
 * it. Once either has hung up, who is called is asked. After a session was lost the rule is the same, as both come in
 * anew; whoever has hung up himself stays so until he calls or takes a call, whoever comes in and whatever becomes of
 * the session.
 *
 * @module room-call
 */

import { PeerCall } from "./peer-call.js";

/**
 * @typedef {import("../jsongle-client.js").Member} Member
 * @typedef {import("../jsongle-client.js").Call} Call
 * @typedef {"waiting" | "arriving" | "calling" | "ringing" | "incoming" | "connecting" | "connected" | "disconnected" |
 *     "failed" | "ended" | "full"} State
 */

/** Milliseconds in which whoever comes in is to call; then he is called. */
export const CALL_WITHIN = 8_000;

/** Why a call has ended that this side wanted no more. */
const HUNG_UP = "hung-up";

/** Reasons for which a call ends because the other side wants it no more. */
const WANTED_NO_MORE = new Set(["declined", "retracted", "terminated"]);

/**
 * Events: `state` {state, peer, reason} (`reason` is why a call has ended); `remote` {stream} (`null`: nothing any
 * more); `muted` {kind, isMuted} the other side has; `connection` {connection} the one whose figures may be asked for.
 */
export class RoomCall extends EventTarget {
    #client;
    #room;
    #media;
    #openPeerCall;
    /** @type {Call | null} */
    #call = null;
    /** @type {PeerCall | null} */
    #peerCall = null;
    /** Why the user is asked before a call: how the last one ended, which somebody did not want; empty: he is not. */
    #unwanted = "";
    /** Whether the peer has left while media flow. */
    #isGone = false;
    #stop = new AbortController();
    /** @type {number | null} When media began to flow, in milliseconds. */
    #connectedAt = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {State} */
    state = "waiting";
    /** @type {Member | null} Who else is in the room. */
    peer = null;

    /**
     * @param {import("../jsongle-client.js").JSONgleClient} client
     * @param {string} room
     * @param {import("./local-media.js").LocalMedia} media  what this side sends.
     * @param {(...parameters: ConstructorParameters<typeof PeerCall>) => PeerCall} [openPeerCall]
     */
    constructor(client, room, media, openPeerCall = (...parameters) => new PeerCall(...parameters)) {
        super();
        this.#client = client;
        this.#room = room;
        this.#media = media;
        this.#openPeerCall = openPeerCall;
        client.on("joined", ({ rid, member }) => rid === room && this.#meet(member));
        client.on("left", ({ rid, member }) => rid === room && this.#miss(member));
        client.on("call", ({ call }) => this.#answer(call));
        client.on("online", ({ resumed }) => resumed || this.#comeBack());
        client.on("iceservers", ({ iceServers }) => this.#peerCall?.setIceServers(iceServers));
        const { signal } = this.#stop;
        media.addEventListener("change", () => this.#changeTracks(), { signal });
        const tell = (/** @type {Event} */ event) => this.#tellMuted(/** @type {CustomEvent} */ (event).detail);
        media.addEventListener("muted", tell, { signal });
    }

    /**
     * Has come into the room.
     *
     * @param {Member[]} members  who was there.
     */
    enter(members) {
        this.#drop();
        this.peer = members[0] ?? null;
        if (members.length > 1) {
            this.#setState("full");
        } else if (this.peer === null) {
            this.#setState("waiting");
        } else if (this.#unwanted !== "") {
            this.#setState("ended", this.#unwanted);
        } else {
            this.callPeer();
        }
    }

    /** Calls whoever else is in the room; takes his call where he calls already. */
    callPeer() {
        if (this.peer === null || this.#client.state === "closed") {
            return;
        }
        if (this.state === "incoming") {
            this.accept();
            return;
        }
        this.#drop();
        this.#unwanted = "";
        this.#adopt(this.#client.call(this.peer.id));
        this.#setState("calling");
    }

    /** Takes the call that was asked about. */
    accept() {
        const call = this.#call;
        if (call !== null && this.state === "incoming") {
            this.#unwanted = "";
            this.#take(call);
        }
    }

    /** Ends the call, or does not take it; from now on the user is asked before another one. */
    hangUp() {
        this.#unwanted = HUNG_UP;
        const call = this.#call;
        this.#drop();
        this.#sayEnd(call);
        this.#setState(this.peer === null ? "waiting" : "ended", HUNG_UP);
    }

    /** Leaves for good. */
    dispose() {
        const call = this.#call;
        this.#stop.abort();
        this.#drop();
        this.#sayEnd(call);
    }

    /** @param {Call | null} call */
    #sayEnd(call) {
        if (this.#client.state !== "closed") {
            call?.end();
        }
    }

    /** @param {Member} member  has come in. */
    #meet(member) {
        if ((this.peer !== null && !this.#isGone) || this.state === "full") {
            return; // a third, who will see that the room is full and leave
        }
        this.#drop();
        this.peer = member;
        if (this.#unwanted !== "") {
            this.#setState("ended", this.#unwanted);
            return;
        }
        this.#setState("arriving");
        this.#timer = setTimeout(() => this.callPeer(), CALL_WITHIN);
    }

    /** @param {Member} member  has left. */
    #miss(member) {
        if (member.id !== this.peer?.id || this.state === "full") {
            return;
        }
        this.#isGone = true;
        // Whoever leaves ends the call before. Nobody did: the server goes, and what stands between the two goes on.
        if (this.state !== "connected") {
            this.#forgetPeer();
        }
    }

    #forgetPeer() {
        this.#drop();
        this.#unwanted = this.#unwanted === HUNG_UP ? HUNG_UP : ""; // with somebody else all begins anew
        this.#setState("waiting", "left");
    }

    #comeBack() {
        const room = this.#client.rooms.get(this.#room);
        if (room !== undefined) {
            this.enter([...room.members.values()]);
        }
    }

    /** @param {Call} call  somebody calls. */
    #answer(call) {
        const member = this.#client.rooms.get(this.#room)?.members.get(call.from);
        const isAnother = this.#call !== null && this.peer?.id !== call.from && !this.#isGone;
        if (member === undefined || isAnother || this.state === "full") {
            call.decline();
            return;
        }
        // Both call at once: of the two calls the one whose name comes first counts, on both sides.
        const mine = this.#call;
        if (mine?.role === "caller" && (this.state === "calling" || this.state === "ringing")) {
            if (mine.sid < call.sid) {
                return; // the other side takes its own back
            }
        }
        this.#drop();
        this.#sayEnd(mine);
        this.peer = member;
        this.#adopt(call);
        call.ring();
        if (this.#unwanted !== "") {
            this.#setState("incoming");
        } else {
            this.#take(call);
        }
    }

    /** @param {Call} call */
    #take(call) {
        this.#open(call);
        call.proceed();
        this.#setState("connecting");
    }

    /** @param {Call} call  is the one that counts from now on. */
    #adopt(call) {
        this.#call = call;
        const while_ = (/** @type {(detail: any) => void} */ listener) => (/** @type {any} */ detail) => {
            if (call === this.#call) {
                listener(detail);
            }
        };
        call.on("ringing", while_(() => this.state === "calling" && this.#setState("ringing")));
        call.on("proceed", while_(() => this.#begin(call)));
        call.on("info", while_(({ reason, description }) => this.#takeInfo(reason, description)));
        call.on("end", while_(({ reason }) => this.#end(reason)));
    }

    /** @param {Call} call  was taken by the other side. */
    #begin(call) {
        if (this.#peerCall === null) {
            this.#open(call).start();
            this.#setState("connecting");
        }
    }

    /** @param {Call} call */
    #open(call) {
        const { iceServers } = this.#client;
        const peerCall = this.#openPeerCall(call, { iceServers, tracks: this.#media.tracks });
        this.#peerCall = peerCall;
        peerCall.addEventListener("remote", (event) => this.#tell("remote", /** @type {CustomEvent} */ (event).detail));
        peerCall.addEventListener("state", (event) => {
            if (peerCall === this.#peerCall) {
                this.#follow(call, /** @type {CustomEvent} */ (event).detail.state);
            }
        });
        peerCall.addEventListener("error", (event) => console.warn(/** @type {CustomEvent} */ (event).detail.error));
        this.#tell("connection", { connection: peerCall.connection });
        return peerCall;
    }

    /** @param {Call} call @param {State} state  of the media. */
    #follow(call, state) {
        if (this.#isGone && state !== "connected") {
            this.#forgetPeer();
            return;
        }
        if (state === "connected" && this.#connectedAt === null) {
            this.#connectedAt = Date.now();
            call.active();
            for (const kind of /** @type {const} */ (["audio", "video"])) {
                if (this.#media.isMuted(kind)) {
                    this.#tellMuted({ kind, isMuted: true });
                }
            }
        } else if (state === "failed") {
            this.#report({ error: "ice-failed" });
        }
        this.#setState(state);
    }

    /** @param {string} reason @param {{ mute?: unknown }} description */
    #takeInfo(reason, { mute }) {
        if ((reason === "mute" || reason === "unmute") && (mute === "audio" || mute === "video")) {
            this.#tell("muted", { kind: mute, isMuted: reason === "mute" });
        }
    }

    /** @param {{ kind: "audio" | "video", isMuted: boolean }} muted */
    #tellMuted({ kind, isMuted }) {
        if (this.#connectedAt !== null) {
            this.#call?.info(isMuted ? "mute" : "unmute", { mute: kind });
        }
    }

    #changeTracks() {
        const { audio, video } = this.#media.tracks;
        void this.#peerCall?.setTrack("audio", audio);
        void this.#peerCall?.setTrack("video", video);
    }

    /** @param {string} reason  why the call has ended, not by this side. */
    #end(reason) {
        if (WANTED_NO_MORE.has(reason)) {
            this.#unwanted ||= reason; // what one of the two has ended does not begin again by itself
        }
        this.#drop();
        this.#setState(this.peer === null ? "waiting" : "ended", reason);
    }

    /** Leaves nothing of a call, and says nothing to anybody but the server's figures. */
    #drop() {
        clearTimeout(this.#timer);
        if (this.#connectedAt !== null && this.#call?.role === "caller") {
            // One report a call is enough.
            this.#report({ duration: Math.round((Date.now() - this.#connectedAt) / 1000) });
        }
        this.#connectedAt = null;
        this.peer = this.#isGone ? null : this.peer;
        this.#isGone = false;
        this.#call = null;
        this.#peerCall?.close();
        this.#peerCall = null;
        this.#tell("remote", { stream: null });
    }

    /** @param {{ error?: string, duration?: number }} description  for the server's metrics (protocol section 5). */
    #report(description) {
        if (this.#client.state !== "closed") {
            this.#client.send(this.#client.serverId, { action: "session-metrics", description });
        }
    }

    /** @param {State} state @param {string} [reason] */
    #setState(state, reason = "") {
        this.state = state;
        this.#tell("state", { state, peer: this.peer, reason });
    }

    /** @param {string} type @param {object} detail */
    #tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
