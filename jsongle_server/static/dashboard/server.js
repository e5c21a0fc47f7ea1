/** The server in the head of the page: which one it is, for how long it runs, and what it logs. */

import { byId, make, setText } from "./dom.js";
import { date, duration } from "./format.js";

/**
 * @typedef {object} ServerView
 * @property {string} id
 * @property {string} version
 * @property {string} started ISO 8601
 * @property {string} level of the log
 * @property {string[]} levels
 * @property {string} phase
 */

export class Server {
    #name = byId("server-name", HTMLElement);
    #facts = byId("server-facts", HTMLElement);
    #phase = byId("server-phase", HTMLElement);
    #level = byId("level", HTMLSelectElement);
    #now;
    #shownLevel = "";
    /** @type {ServerView | undefined} */
    #server;

    /**
     * @param {object} options
     * @param {() => number} options.now gives the server's time, in ms
     * @param {(level: string) => Promise<void>} options.onLevel another level was chosen
     */
    constructor({ now, onLevel }) {
        this.#now = now;
        this.#level.addEventListener("change", () => void onLevel(this.#level.value));
    }

    /** @param {ServerView} server */
    show(server) {
        this.#server = server;
        setText(this.#name, server.id);
        document.title = `${server.id} · JSONgle`;
        setText(this.#phase, server.phase);
        this.#phase.hidden = server.phase === "ready";
        this.#level.replaceChildren(...server.levels.map((level) => make("option", { value: level }, level)));
        this.#level.disabled = false;
        this.showLevel(server.level);
        this.age();
    }

    /** @param {string} [level] the level that holds; without it, the one that held before */
    showLevel(level = this.#shownLevel) {
        this.#shownLevel = level;
        this.#level.value = level;
    }

    /** Lets the time since its start go on. */
    age() {
        const server = this.#server;
        if (server !== undefined) {
            const started = Date.parse(server.started);
            setText(this.#facts, `${server.version} · up ${duration((this.#now() - started) / 1000)}`);
            this.#facts.title = `started ${date(started)}`;
        }
    }
}
