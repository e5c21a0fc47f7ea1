/**
 * The media of one call: an RTCPeerConnection that is kept in step with the other side's.
 *
 * This is the pattern of "perfect negotiation" (W3C WebRTC, section 10.7): either side may change what it sends at any
 * time. Should both offer at once, the callee, which is the polite one, takes its offer back, and the caller overlooks
 * the other's. Offers, answers and candidates go through a `Call` of the client, which knows no RTCPeerConnection.
 *
 * @module peer-call
 */

/** ICE restarts in a row before it is said that there is no way. */
export const MOST_RESTARTS = 3;

/** Candidates that may wait for the description that they belong to. */
export const MOST_EARLY = 100;

const KINDS = /** @type {const} */ (["audio", "video"]);

const connect = (/** @type {RTCConfiguration} */ configuration) => new RTCPeerConnection(configuration);

/** @typedef {{ audio: MediaStreamTrack | null, video: MediaStreamTrack | null }} Tracks  What this side sends. */

/**
 * Events: `state` {state} "connecting", "connected", "disconnected" or "failed"; `remote` {stream} what the other side
 * sends is another; `error` {error} something that should not happen.
 */
export class PeerCall extends EventTarget {
    #call;
    #peer;
    #tracks;
    #isPolite;
    #isMakingOffer = false;
    #isIgnoringOffer = false;
    /** @type {RTCIceCandidateInit[]} Candidates that came before the description that they belong to. */
    #early = [];
    #restarts = 0;
    #isClosed = false;
    /** What the other side sends; the same object for the whole call, whatever is in it. */
    #remote = new MediaStream();
    /** @type {(() => void)[]} */
    #stopListening = [];
    /** What was said is worked off one by one, in the order in which it was said. */
    #queue = Promise.resolve();

    /**
     * @param {import("../jsongle-client.js").Call} call
     * @param {object} options
     * @param {RTCIceServer[]} options.iceServers
     * @param {Tracks} options.tracks
     * @param {(configuration: RTCConfiguration) => RTCPeerConnection} [options.createConnection]
     */
    constructor(call, { iceServers, tracks, createConnection = connect }) {
        super();
        this.#call = call;
        this.#tracks = { ...tracks };
        this.#isPolite = call.role === "callee";
        this.#peer = createConnection({ iceServers });
        this.#listenToPeer();
        this.#listenToCall();
    }

    /** The connection itself, for its figures. */
    get connection() {
        return this.#peer;
    }

    /** The caller begins: it offers to send what it has, and to take all that the other side has. */
    start() {
        for (const kind of KINDS) {
            const track = this.#tracks[kind];
            this.#peer.addTransceiver(track ?? kind, { direction: track ? "sendrecv" : "recvonly" });
        }
    }

    /**
     * Sends something else from now on: in the place of what was sent, or, where nothing was, after another offer.
     *
     * @param {"audio" | "video"} kind
     * @param {MediaStreamTrack | null} track
     */
    setTrack(kind, track) {
        this.#tracks[kind] = track;
        return this.#guard(async () => {
            const transceiver = this.#transceiver(kind);
            if (transceiver !== undefined) {
                await this.#attach(transceiver, track);
            }
        });
    }

    /** @param {RTCIceServer[]} iceServers  used from the next ICE restart on. */
    setIceServers(iceServers) {
        if (!this.#isClosed) {
            this.#peer.setConfiguration({ ...this.#peer.getConfiguration(), iceServers });
        }
    }

    /** Looks for a way anew; the media keep to the present one, if it still leads anywhere. */
    restart() {
        if (!this.#isClosed && this.#peer.signalingState !== "closed") {
            this.#peer.restartIce();
        }
    }

    /** Ends the media; says nothing to the other side. */
    close() {
        this.#isClosed = true;
        this.#stopListening.forEach((stop) => stop());
        this.#peer.close();
    }

    #listenToPeer() {
        const peer = this.#peer;
        peer.addEventListener("negotiationneeded", () => this.#guard(() => this.#offer()));
        peer.addEventListener("icecandidate", ({ candidate }) => {
            if (candidate !== null && !this.#isClosed) {
                this.#call.candidate(candidate.toJSON());
            }
        });
        peer.addEventListener("track", ({ track }) => this.#show(track));
        peer.addEventListener("connectionstatechange", () => this.#follow());
    }

    #listenToCall() {
        this.#stopListening = [
            this.#call.on("offer", ({ sdp }) => this.#enqueue(() => this.#take({ type: "offer", sdp }))),
            this.#call.on("answer", ({ sdp }) => this.#enqueue(() => this.#take({ type: "answer", sdp }))),
            this.#call.on("candidate", ({ candidate }) => this.#enqueue(() => this.#takeCandidate(candidate))),
        ];
    }

    async #offer() {
        try {
            this.#isMakingOffer = true;
            await this.#peer.setLocalDescription();
            this.#sayDescription();
        } finally {
            this.#isMakingOffer = false;
        }
    }

    /** @param {{ type: "offer" | "answer", sdp: string }} description */
    async #take(description) {
        const isOffer = description.type === "offer";
        const collides = isOffer && (this.#isMakingOffer || this.#peer.signalingState !== "stable");
        this.#isIgnoringOffer = collides && !this.#isPolite;
        if (this.#isIgnoringOffer) {
            return; // the other side takes it back once ours arrives
        }
        if (!isOffer && this.#peer.signalingState !== "have-local-offer") {
            return; // it answers an offer that was taken back
        }
        await this.#peer.setRemoteDescription(description); // takes an offer of ours back, where there is one
        for (const candidate of this.#early.splice(0)) {
            await this.#takeCandidate(candidate);
        }
        if (isOffer) {
            await this.#attachAll();
            await this.#peer.setLocalDescription();
            this.#sayDescription();
        }
    }

    /** @param {RTCIceCandidateInit | null} candidate */
    async #takeCandidate(candidate) {
        if (this.#peer.remoteDescription === null) {
            if (candidate !== null && this.#early.length < MOST_EARLY) {
                this.#early.push(candidate);
            }
            return;
        }
        try {
            await this.#peer.addIceCandidate(candidate ?? undefined);
        } catch (error) {
            if (!this.#isIgnoringOffer) {
                throw error; // those of an offer that was overlooked fit nothing
            }
        }
    }

    /** Has each kind that the other side offers carry what this side has of it. */
    async #attachAll() {
        for (const kind of KINDS) {
            const transceiver = this.#transceiver(kind);
            if (transceiver !== undefined && transceiver.sender.track !== this.#tracks[kind]) {
                await this.#attach(transceiver, this.#tracks[kind]);
            }
        }
    }

    /** @param {RTCRtpTransceiver} transceiver @param {MediaStreamTrack | null} track */
    async #attach(transceiver, track) {
        const direction = track ? "sendrecv" : "recvonly";
        await transceiver.sender.replaceTrack(track);
        if (transceiver.direction !== direction) {
            transceiver.direction = direction; // has the browser ask for negotiation, where that is needed
        }
    }

    /** @param {"audio" | "video"} kind */
    #transceiver(kind) {
        return this.#peer.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    }

    /** @param {MediaStreamTrack} track */
    #show(track) {
        for (const old of this.#remote.getTracks()) {
            if (old.kind === track.kind) {
                this.#remote.removeTrack(old);
            }
        }
        this.#remote.addTrack(track);
        this.#tell("remote", { stream: this.#remote });
    }

    #follow() {
        const state = this.#peer.connectionState;
        if (state === "connected") {
            this.#restarts = 0;
        } else if (state === "failed" && this.#restarts < MOST_RESTARTS) {
            this.#restarts += 1;
            this.restart();
            this.#tell("state", { state: "disconnected" });
            return;
        }
        if (state !== "new" && state !== "closed") {
            this.#tell("state", { state });
        }
    }

    #sayDescription() {
        const { type, sdp } = /** @type {RTCSessionDescription} */ (this.#peer.localDescription);
        if (this.#isClosed) {
            return;
        }
        if (type === "offer") {
            this.#call.offer(sdp);
        } else {
            this.#call.answer(sdp);
        }
    }

    /** @param {() => Promise<void>} work */
    #enqueue(work) {
        this.#queue = this.#queue.then(() => this.#guard(work));
    }

    /** @param {() => Promise<void>} work */
    async #guard(work) {
        try {
            if (!this.#isClosed) {
                await work();
            }
        } catch (error) {
            if (!this.#isClosed) {
                this.#tell("error", { error });
            }
        }
    }

    /** @param {string} type @param {object} detail */
    #tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
