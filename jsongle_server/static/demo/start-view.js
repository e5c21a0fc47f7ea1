/**
 * The form before a call: who, where, and with which picture.
 *
 * @module start-view
 */

import { isAllowed, listDevices } from "./devices.js";
import { byId, onClick, show, write } from "./dom.js";
import { linkTo, randomRoom, roomFromHash, roomProblem } from "./room-link.js";

const NAME_KEY = "jsongle-demo-name";

/** @typedef {{ name: string, room: string, token: string }} Choice */

/** Events: `join` {choice}, `cancel`. */
export class StartView extends EventTarget {
    #media;

    /** @param {import("./local-media.js").LocalMedia} media */
    constructor(media) {
        super();
        this.#media = media;
        byId("name").value = remembered();
        byId("room").value = roomFromHash(location.hash) || randomRoom();
        media.addEventListener("change", () => this.#showPreview());
        this.#listen();
        this.#showPreview();
        void this.#turnOnIfAllowed();
    }

    /** The source that is chosen. @returns {import("./local-media.js").Source} */
    get source() {
        return /** @type {any} */ (new FormData(byId("join-form"))).get("source");
    }

    /** What to open of it. */
    get options() {
        const name = byId("name").value.trim() || "Guest";
        return { name, camera: byId("camera").value, microphone: byId("microphone").value };
    }

    /** Shows or hides the form. @param {boolean} isShown */
    show(isShown) {
        show("start", isShown);
    }

    /** Says what is wrong. @param {string} problem  in sentences; empty where nothing is. */
    complain(problem) {
        write("problem", problem);
        if (problem !== "") {
            byId("problem").scrollIntoView({ block: "nearest" }); // on a phone it may be out of sight
        }
    }

    /** Asks for a token, beside whatever else there is to say. */
    askForToken() {
        show("token-field", true);
        byId("token").value = "";
        byId("token").focus();
    }

    /** Waits for the server, or does not any more. @param {boolean} isBusy */
    wait(isBusy) {
        byId("join").disabled = isBusy;
        byId("join").textContent = isBusy ? "Joining…" : "Join the room";
        show("cancel", isBusy);
    }

    /**
     * Turns on what is chosen.
     *
     * @returns {Promise<boolean>} whether that went well, or at least in part.
     */
    async open() {
        byId("turn-on").disabled = true;
        try {
            this.complain(await this.#media.use(this.source, this.options));
            await this.#listDevices();
            return true;
        } catch (error) {
            this.complain(/** @type {Error} */ (error).message);
            return false;
        } finally {
            byId("turn-on").disabled = false;
        }
    }

    #listen() {
        onClick("another-room", () => (byId("room").value = randomRoom()));
        onClick("turn-on", () => void this.open());
        onClick("cancel", () => this.dispatchEvent(new Event("cancel")));
        for (const id of ["camera", "microphone"]) {
            byId(id).addEventListener("change", () => void this.open());
        }
        byId("name").addEventListener("change", () => {
            if (this.#media.source === "picture") {
                void this.open(); // the name stands in it
            }
        });
        byId("join-form").addEventListener("change", (/** @type {any} */ { target }) => {
            if (target.name === "source") {
                this.#changeSource();
            }
        });
        byId("join-form").addEventListener("submit", (/** @type {Event} */ event) => {
            event.preventDefault();
            void this.#submit();
        });
        addEventListener("hashchange", () => {
            byId("room").value = roomFromHash(location.hash) || byId("room").value;
        });
    }

    #changeSource() {
        this.complain("");
        show("devices", false);
        if (this.source === "camera") {
            this.#media.stop(); // until it is turned on: a browser may have to ask first
        } else {
            void this.open();
        }
    }

    async #submit() {
        const room = byId("room").value.trim();
        const problem = roomProblem(room);
        this.complain(problem);
        if (problem !== "") {
            byId("room").focus();
            return;
        }
        const { name } = this.options;
        remember(name);
        history.replaceState(null, "", linkTo(room, location));
        byId("join").disabled = true; // a browser may ask whether the camera may be used, for as long as it likes
        const isOn = this.#media.source === this.source || (await this.open());
        byId("join").disabled = false;
        if (!isOn) {
            return;
        }
        const choice = { name, room, token: byId("token").value.trim() };
        this.dispatchEvent(new CustomEvent("join", { detail: { choice } }));
    }

    async #turnOnIfAllowed() {
        if ((await isAllowed()) && this.source === "camera" && this.#media.source === "none") {
            await this.open();
        }
    }

    #showPreview() {
        const { source, tracks } = this.#media;
        const hasPicture = tracks.video !== null;
        // A stream without tracks would keep the page loading.
        byId("preview").srcObject = hasPicture ? this.#media.stream : null;
        byId("preview").classList.toggle("mirrored", source === "camera");
        show("preview", hasPicture);
        show("preview-off", !hasPicture);
        byId("preview-text").textContent = this.source === "none" ? "You send nothing" : "Your camera is off";
        show("turn-on", this.source === "camera" && source !== "camera");
    }

    async #listDevices() {
        const { cameras, microphones } = await listDevices();
        const { video, audio } = this.#media.tracks;
        fill(byId("camera"), cameras, video);
        fill(byId("microphone"), microphones, audio);
        show("devices", this.#media.source === "camera" && cameras.length + microphones.length > 2);
    }
}

/** @param {HTMLSelectElement} select @param {MediaDeviceInfo[]} devices @param {MediaStreamTrack | null} track */
function fill(select, devices, track) {
    select.replaceChildren(...devices.map(({ label, deviceId }) => new Option(label, deviceId)));
    select.value = track?.getSettings().deviceId ?? select.value;
}

/** The name of the last time; a browser that keeps nothing for pages has none. */
function remembered() {
    try {
        return localStorage.getItem(NAME_KEY) ?? "";
    } catch {
        return "";
    }
}

/** @param {string} name */
function remember(name) {
    try {
        localStorage.setItem(NAME_KEY, name);
    } catch {
        return; // it is asked again the next time
    }
}
