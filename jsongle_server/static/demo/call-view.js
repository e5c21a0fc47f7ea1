/**
 * What there is to see of a call: the two pictures, and where it stands.
 *
 * @module call-view
 */

import { callWords, connectedLabel, mutedWords } from "./call-words.js";
import { connectionKind } from "./connection-kind.js";
import { byId, onClick, show, write } from "./dom.js";

/** States in which a picture of the other side may be there. */
const TALKING = new Set(["connected", "disconnected"]);
/** States in which there is something to hang up. */
const HUNG = new Set(["calling", "ringing", "connecting", "connected", "disconnected", "failed"]);
const DOTS = new Map([["connected", "good"], ["failed", "bad"], ["ended", "off"], ["waiting", "off"]]);

/** Shows a {@link RoomCall}. */
export class CallView {
    #call;
    #muted = { audio: false, video: false };
    /** @type {RTCPeerConnection | null} */
    #connection = null;

    /**
     * @param {import("./room-call.js").RoomCall} call
     * @param {import("./local-media.js").LocalMedia} media
     */
    constructor(call, media) {
        this.#call = call;
        byId("local").srcObject = media.stream;
        call.addEventListener("state", (event) => this.#showState(/** @type {CustomEvent} */ (event).detail));
        call.addEventListener("remote", (event) => this.#showRemote(/** @type {CustomEvent} */ (event).detail.stream));
        call.addEventListener("muted", (event) => this.#showMuted(/** @type {CustomEvent} */ (event).detail));
        call.addEventListener("connection", (event) => {
            this.#connection = /** @type {CustomEvent} */ (event).detail.connection;
        });
        byId("remote").addEventListener("resize", () => this.#showPicture());
    }

    get #name() {
        return this.#call.peer?.dn || this.#call.peer?.uid || "The other side";
    }

    /** @param {{ state: import("./room-call.js").State, reason: string }} now */
    #showState({ state, reason }) {
        if (state === "full") {
            return; // whoever cannot come in sees no call
        }
        const { label, headline } = callWords(state, this.#name, reason);
        if (!TALKING.has(state)) {
            this.#muted = { audio: false, video: false };
        }
        byId("call").dataset.state = state;
        byId("call-state").textContent = label;
        byId("state-dot").dataset.state = DOTS.get(state) ?? "busy";
        byId("headline").textContent = headline;
        write("peer-name", this.#call.peer === null ? "" : this.#name);
        this.#showAvatar();
        this.#showButtons(state);
        this.#showMuted(null);
        this.#showPicture();
        if (state === "connected") {
            void this.#showWay();
        }
    }

    /** @param {import("./room-call.js").State} state */
    #showButtons(state) {
        const focused = ["accept", "decline", "call-again", "hang-up"].map(byId).find(
            (button) => button === document.activeElement);
        show("invite", state === "waiting");
        show("accept", state === "incoming");
        show("decline", state === "incoming");
        show("call-again", state === "ended" || state === "failed");
        byId("hang-up").disabled = !HUNG.has(state);
        if (focused?.hidden || focused?.disabled) {
            byId("call").focus(); // not another button, which a second press of the key would press
        }
    }

    #showAvatar() {
        const isThere = this.#call.peer !== null;
        show("avatar", isThere);
        const [initial = ""] = this.#name; // a whole character, whatever its length
        byId("avatar").textContent = isThere ? initial.toUpperCase() : "";
    }

    async #showWay() {
        const connection = this.#connection;
        const way = connection === null ? "unknown" : await connectionKind(connection);
        if (connection === this.#connection && this.#call.state === "connected") {
            byId("call-state").textContent = connectedLabel(way);
        }
    }

    /** @param {MediaStream | null} stream */
    #showRemote(stream) {
        const video = byId("remote");
        if (video.srcObject !== stream) {
            video.srcObject = stream;
        }
        if (stream === null) {
            this.#connection = null;
            video.muted = false; // the next one is heard, or has the user asked again
            show("unmute-sound", false);
        } else {
            this.#play(video);
        }
        this.#showPicture();
    }

    /** @param {HTMLVideoElement} video */
    async #play(video) {
        try {
            await video.play();
        } catch (error) {
            if (/** @type {Error} */ (error).name !== "NotAllowedError") {
                return; // another picture has come in its place
            }
            // No sound before the user has touched the page; the picture is always allowed.
            video.muted = true;
            show("unmute-sound", true);
            onClick("unmute-sound", () => {
                video.muted = false;
                show("unmute-sound", false);
            });
            await video.play();
        }
    }

    /** @param {{ kind: "audio" | "video", isMuted: boolean } | null} change */
    #showMuted(change) {
        if (change !== null) {
            this.#muted[change.kind] = change.isMuted;
        }
        write("peer-muted", mutedWords(this.#name, this.#muted));
        this.#showPicture();
    }

    /** There is a picture once one has a size, unless the other side has turned it off. */
    #showPicture() {
        const video = byId("remote");
        const comes = video.srcObject !== null && video.videoWidth > 2; // a track without frames has two pixels
        const isThere = comes && TALKING.has(this.#call.state) && !this.#muted.video;
        byId("stage").classList.toggle("has-picture", isThere);
        if (this.#call.state === "connected") {
            const { headline } = callWords("connected", this.#name, "");
            byId("headline").textContent = this.#muted.video ? mutedWords(this.#name, this.#muted) : headline;
        }
        show("placeholder", !isThere);
    }
}
