/**
 * The connection to the server: a word in the corner, and a banner while it is lost.
 *
 * @module banner
 */

import { byId, onClick, show, write } from "./dom.js";
import { lostWords } from "./server-words.js";

const WORDS = {
    idle: "Not connected",
    connecting: "Connecting…",
    online: "Online",
    reconnecting: "Reconnecting…",
    closed: "Not connected",
};

/** Shows the state of one client after another. */
export class Banner {
    /** @type {import("../jsongle-client.js").JSONgleClient | null} */
    #client = null;
    #retryAt = 0;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #timer;

    constructor() {
        onClick("banner-retry", () => this.#client?.retry());
        addEventListener("offline", () => this.#showBanner());
        addEventListener("online", () => this.#showBanner());
    }

    /** @param {import("../jsongle-client.js").JSONgleClient} client  the one that counts from now on. */
    watch(client) {
        this.#client = client;
        client.on("state", ({ state, retryIn }) => {
            if (client === this.#client) {
                this.#retryAt = Date.now() + retryIn;
                this.#showState(state);
            }
        });
        client.on("notice", ({ description }) => this.#notice(description));
        this.#showState(client.state);
    }

    /** @param {import("../jsongle-client.js").State} state */
    #showState(state) {
        byId("server-state").textContent = WORDS[state];
        byId("server-dot").dataset.state = state;
        clearInterval(this.#timer);
        if (state === "reconnecting") {
            this.#timer = setInterval(() => this.#showBanner(), 1000);
        }
        this.#showBanner();
    }

    #showBanner() {
        const isLost = this.#client?.state === "reconnecting";
        const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
        show("banner", isLost);
        if (isLost) {
            byId("banner-text").textContent = lostWords({ isOffline: !navigator.onLine });
        }
        const counts = isLost && navigator.onLine && seconds > 0;
        byId("banner-seconds").textContent = counts ? ` Trying again in ${seconds} s.` : "";
    }

    /** What an administrator says, as text. @param {Record<string, unknown>} description */
    #notice({ text, reason }) {
        const isEmptied = reason === "room-emptied";
        const other = isEmptied ? "An administrator has emptied this room. Leave it and join again to go on." : "";
        const words = typeof text === "string" ? text : other;
        write("notice-text", words);
        show("notice", words !== "");
    }
}

/** Has a notice go away once it was read; once for the page. */
export function bindNotice() {
    onClick("close-notice", () => show("notice", false));
}
