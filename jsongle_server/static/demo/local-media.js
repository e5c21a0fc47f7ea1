/**
 * What this side sends: from camera and microphone, as a test picture, or nothing; muted or not.
 *
 * @module local-media
 */

import { openDevices } from "./devices.js";
import { openTestPicture } from "./test-picture.js";

/** @typedef {"camera" | "picture" | "none"} Source */

const NOTHING = { audio: null, video: null, problem: "", stop() {} };

/**
 * Events: `change` {tracks} something else is sent; `muted` {kind, isMuted}; `problem` {problem} a device stopped.
 */
export class LocalMedia extends EventTarget {
    /** @type {import("./devices.js").Opened} */
    #opened = NOTHING;
    #attempt = 0;
    #muted = { audio: false, video: false };
    /** @type {Source} */
    source = "none";
    /** What is sent, for a preview; the same object all the time, whatever is in it. */
    stream = new MediaStream();

    /** @returns {import("./peer-call.js").Tracks} */
    get tracks() {
        return { audio: this.#opened.audio, video: this.#opened.video };
    }

    /** @param {"audio" | "video"} kind */
    isMuted(kind) {
        return this.#muted[kind];
    }

    /**
     * Sends from another source; what was sent goes on until there is something to take its place.
     *
     * @param {Source} source
     * @param {import("./devices.js").Choice & { name: string }} options  `name`: stands in the test picture.
     * @returns {Promise<string>} what is missing of it, in a sentence; empty where all is well.
     * @throws {Error} it cannot be had, and nothing has changed; the message is a sentence.
     */
    async use(source, { name, ...choice }) {
        this.#attempt += 1;
        const attempt = this.#attempt;
        // A device that is on is not given a second time everywhere.
        if (source === "camera" && this.source === "camera") {
            this.#opened.stop();
        }
        const opened = await this.#open(source, name, choice);
        if (attempt !== this.#attempt) {
            opened.stop(); // somebody has changed his mind meanwhile
            return "";
        }
        this.#opened.stop();
        this.source = source;
        this.#opened = opened;
        this.#renew();
        return opened.problem;
    }

    /**
     * Stops or goes on sending sound or pictures, without turning off their source.
     *
     * @param {"audio" | "video"} kind
     * @param {boolean} isMuted
     */
    setMuted(kind, isMuted) {
        this.#muted[kind] = isMuted;
        this.#apply(kind);
        this.dispatchEvent(new CustomEvent("muted", { detail: { kind, isMuted } }));
    }

    /** Turns everything off. */
    stop() {
        this.#attempt += 1;
        this.#opened.stop();
        this.#opened = NOTHING;
        this.source = "none";
        this.#renew();
    }

    /** @param {Source} source @param {string} name @param {import("./devices.js").Choice} choice */
    async #open(source, name, choice) {
        if (source === "camera") {
            return openDevices(choice);
        }
        return source === "picture" ? { ...openTestPicture(name), problem: "" } : NOTHING;
    }

    #renew() {
        this.stream.getTracks().forEach((track) => this.stream.removeTrack(track));
        for (const kind of /** @type {const} */ (["audio", "video"])) {
            const track = this.#opened[kind];
            if (track !== null) {
                this.stream.addTrack(track);
                track.addEventListener("ended", () => this.#lose(track), { once: true });
            }
            this.#apply(kind);
        }
        this.dispatchEvent(new CustomEvent("change", { detail: { tracks: this.tracks } }));
    }

    /** @param {MediaStreamTrack} track  has ended by itself: unplugged, or taken away by the user. */
    #lose(track) {
        if (track === this.#opened[/** @type {"audio" | "video"} */ (track.kind)]) {
            const device = track.kind === "video" ? "camera" : "microphone";
            const problem = `The ${device} stopped. Choose another source, or turn it on again.`;
            this.dispatchEvent(new CustomEvent("problem", { detail: { problem } }));
        }
    }

    /** @param {"audio" | "video"} kind */
    #apply(kind) {
        const track = this.#opened[kind];
        if (track !== null) {
            track.enabled = !this.#muted[kind];
        }
    }
}
