/**
 * What the demo's modules talk to, in memory: calls, a client, peer connections.
 *
 * The peer connections keep the states of JSEP (RFC 9429 section 3.2) and refuse what a browser refuses, implicit
 * rollback included; two of them that are joined by calls negotiate as two browsers do.
 */

/** @typedef {Record<string, any>} Json */

class Emitter extends EventTarget {
    /** @param {string} type @param {(detail: any) => void} listener @returns {() => void} */
    on(type, listener) {
        const handle = (/** @type {any} */ { detail }) => listener(detail);
        this.addEventListener(type, handle);
        return () => this.removeEventListener(type, handle);
    }

    /** @param {string} type @param {Json} [detail] */
    emit(type, detail = {}) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}

/** One side's call; what it says is kept, and heard by the other side once `deliver` says so. */
export class FakeCall extends Emitter {
    /** @param {"caller" | "callee"} role @param {Json} [particulars] */
    constructor(role, { sid = "sid-1", from = "them", to = "them" } = {}) {
        super();
        Object.assign(this, { role, sid, from, to });
        this.role = role;
        this.sid = sid;
        this.from = from;
        this.to = to;
        this.state = "proposed";
        /** @type {[string, any][]} */
        this.said = [];
        for (const word of ["ring", "proceed", "decline", "retract", "end", "active"]) {
            /** @type {any} */ (this)[word] = () => this.said.push([word, null]);
        }
    }

    /** @param {string} sdp */
    offer(sdp) {
        this.said.push(["offer", sdp]);
    }

    /** @param {string} sdp */
    answer(sdp) {
        this.said.push(["answer", sdp]);
    }

    /** @param {any} candidate */
    candidate(candidate) {
        this.said.push(["candidate", candidate]);
    }

    /** @param {string} reason @param {Json} description */
    info(reason, description) {
        this.said.push([reason, description]);
    }

    /** The words that it said. */
    get words() {
        return this.said.map(([word]) => word);
    }
}

/**
 * Has each of two sides hear what the other has said so far.
 *
 * @param {FakeCall} one @param {FakeCall} other
 */
export function exchange(one, other) {
    const [ours, theirs] = [one.said.splice(0), other.said.splice(0)];
    for (const [to, said] of /** @type {[FakeCall, [string, any][]][]} */ ([[other, ours], [one, theirs]])) {
        for (const [word, what] of said) {
            to.emit(word, { sdp: what, candidate: what });
        }
    }
}

/** The client, as far as a room's call and chat use it. */
export class FakeClient extends Emitter {
    state = "online";
    serverId = "server";
    iceServers = [{ urls: "stun:a" }];
    rooms = new Map();
    /** @type {FakeCall[]} */
    calls = [];
    /** @type {any[]} */
    sent = [];
    /** @type {{ id: string, resolve: (at: string) => void, reject: (error: any) => void }[]} */
    texts = [];

    /** @param {string} to */
    call(to) {
        const call = new FakeCall("caller", { sid: `mine-${this.calls.length}`, to });
        this.calls.push(call);
        return call;
    }

    /** @param {string} to @param {Json} jsongle */
    send(to, jsongle) {
        this.sent.push(jsongle);
    }

    /** @param {string} to @param {string} content */
    sendText(to, content) {
        const id = `text-${this.texts.length}`;
        const received = new Promise((resolve, reject) => this.texts.push({ id, resolve, reject }));
        return { id, received };
    }

    /** @param {{ id: string }} message @param {string} mark */
    acknowledge({ id }, mark) {
        this.sent.push([id, mark]);
    }

    /** Somebody is in the room, or comes in. @param {string} rid @param {...string} ids */
    fill(rid, ...ids) {
        this.rooms.set(rid, { members: new Map(ids.map((id) => [id, { id, uid: id, dn: id }])) });
        return [...this.rooms.get(rid).members.values()];
    }
}

/** The call in a room, as far as views ask. */
export class FakeRoomCall extends EventTarget {
    state = "waiting";
    /** @type {{ id: string, uid: string, dn?: string } | null} */
    peer = { id: "p", uid: "bob", dn: "Bob" };

    /** @param {string} state @param {string} [reason] */
    become(state, reason = "") {
        this.state = state;
        this.tell("state", { state, peer: this.peer, reason });
    }

    /** @param {string} type @param {object} detail */
    tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}

/** A track, which has a kind and no media. */
export class FakeTrack extends EventTarget {
    enabled = true;
    isStopped = false;

    /** @param {string} kind */
    constructor(kind) {
        super();
        this.kind = kind;
    }

    stop() {
        this.isStopped = true;
    }
}

/** A set of tracks. */
export class FakeStream {
    #tracks;

    /** @param {FakeTrack[]} [tracks] */
    constructor(tracks = []) {
        this.#tracks = tracks;
    }

    getTracks() {
        return [...this.#tracks];
    }

    getAudioTracks() {
        return this.#tracks.filter(({ kind }) => kind === "audio");
    }

    getVideoTracks() {
        return this.#tracks.filter(({ kind }) => kind === "video");
    }

    /** @param {FakeTrack} track */
    addTrack(track) {
        this.#tracks.push(track);
    }

    /** @param {FakeTrack} track */
    removeTrack(track) {
        this.#tracks = this.#tracks.filter((each) => each !== track);
    }
}

/** An RTCPeerConnection whose descriptions name the kinds that they are about: `offer-1 audio video`. */
export class FakePeer extends EventTarget {
    signalingState = "stable";
    connectionState = "new";
    /** @type {{ type: string, sdp: string } | null} */
    localDescription = null;
    /** @type {{ type: string, sdp: string } | null} */
    remoteDescription = null;
    /** @type {any[]} */
    transceivers = [];
    /** @type {any[]} */
    candidates = [];
    restarts = 0;
    rollbacks = 0;
    isClosed = false;
    #offers = 0;
    #isNeeded = false;
    #configuration;

    /** @param {any} configuration */
    constructor(configuration) {
        super();
        this.#configuration = configuration;
    }

    getConfiguration() {
        return this.#configuration;
    }

    /** @param {any} configuration */
    setConfiguration(configuration) {
        this.#configuration = configuration;
    }

    getTransceivers() {
        return this.transceivers;
    }

    /** @param {any} what @param {{ direction: string }} init */
    addTransceiver(what, { direction }) {
        const kind = what.kind ?? what;
        this.#add(kind, what.kind === undefined ? null : what, direction);
        this.#need();
    }

    async setLocalDescription() {
        await undefined;
        const kinds = this.transceivers.map(({ receiver }) => receiver.track.kind).join(" ");
        if (this.signalingState === "have-remote-offer") {
            this.localDescription = { type: "answer", sdp: `answer ${kinds}` };
            this.signalingState = "stable";
            this.#isNeeded = false; // the answer has it all
        } else {
            this.#offers += 1;
            this.#isNeeded = false;
            this.localDescription = { type: "offer", sdp: `offer-${this.#offers} ${kinds}` };
            this.signalingState = "have-local-offer";
        }
    }

    /** @param {{ type: string, sdp: string }} description */
    async setRemoteDescription(description) {
        await undefined;
        if (description.type === "answer" && this.signalingState !== "have-local-offer") {
            throw new Error("InvalidStateError");
        }
        if (description.type === "offer" && this.signalingState === "have-local-offer") {
            this.rollbacks += 1;
        }
        this.remoteDescription = description;
        this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
        for (const kind of description.sdp.split(" ").slice(1)) {
            if (!this.transceivers.some(({ receiver }) => receiver.track.kind === kind)) {
                this.#add(kind, null, "recvonly");
            }
        }
        this.#need(this.#isNeeded);
    }

    /** @param {any} candidate */
    async addIceCandidate(candidate) {
        if (this.remoteDescription === null || candidate?.candidate === "stray") {
            throw new Error("OperationError");
        }
        this.candidates.push(candidate);
    }

    restartIce() {
        this.restarts += 1;
        this.#need();
    }

    close() {
        this.isClosed = true;
        this.signalingState = "closed";
    }

    /** @param {string} state */
    become(state) {
        this.connectionState = state;
        this.dispatchEvent(new Event("connectionstatechange"));
    }

    /** @param {string} kind @param {any} track @param {string} direction */
    #add(kind, track, direction) {
        const peer = this;
        const sender = {
            track,
            async replaceTrack(/** @type {any} */ other) {
                sender.track = other;
            },
        };
        const receiver = { track: new FakeTrack(kind) };
        this.transceivers.push({
            sender,
            receiver,
            get direction() {
                return direction;
            },
            set direction(other) {
                direction = other;
                peer.#need();
            },
        });
    }

    /** Asks for negotiation, once, as soon as it can be had. */
    #need(isNeeded = true) {
        this.#isNeeded ||= isNeeded;
        queueMicrotask(() => {
            if (this.#isNeeded && this.signalingState === "stable") {
                this.#isNeeded = false;
                this.dispatchEvent(new Event("negotiationneeded"));
            }
        });
    }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settled() {
    for (let turn = 0; turn < 60; turn += 1) {
        await undefined;
    }
}
