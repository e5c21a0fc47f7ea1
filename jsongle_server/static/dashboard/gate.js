/** The door of the page: asks for the admin token, and says what is wrong with the one that was given. */

import { byId, setText } from "./dom.js";

/** What is said where the server has no token at all. */
export const CLOSED =
    "This server has no admin token, so that its administration is closed. Set adminToken to at least 16 characters " +
    "and start it again, or have make run print one.";

/** What is said of a token that the server does not take. */
export const WRONG = "The server does not take this token. It is the setting adminToken of the server.";

/** What is said of a text that cannot be a token. */
export const IMPOSSIBLE = "An admin token is at least 16 characters long, without spaces or accents.";

export class Gate {
    #section = byId("gate", HTMLElement);
    #page = byId("page", HTMLElement);
    #form = byId("token-form", HTMLFormElement);
    #input = byId("token", HTMLInputElement);
    #submit = byId("token-submit", HTMLButtonElement);
    #problem = byId("token-problem", HTMLElement);

    /** @param {(token: string) => void} onToken */
    constructor(onToken) {
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            onToken(this.#input.value);
        });
    }

    get isOpen() {
        return this.#section.hidden;
    }

    /**
     * Asks, in place of the page.
     *
     * @param {string} [problem]
     */
    ask(problem = "") {
        this.#section.hidden = false;
        this.#page.hidden = true;
        this.say(problem);
        this.#input.select();
        this.#input.focus();
    }

    /**
     * Says what is wrong, or nothing any more.
     *
     * @param {string} problem
     */
    say(problem) {
        this.#submit.disabled = false;
        setText(this.#problem, problem);
        this.#problem.hidden = problem === "";
        this.#input.toggleAttribute("aria-invalid", problem !== "");
    }

    /** Shows that an answer is waited for. */
    wait() {
        this.say("");
        this.#submit.disabled = true;
    }

    /** Shows the page. */
    open() {
        this.#input.value = "";
        this.say("");
        this.#section.hidden = true;
        this.#page.hidden = false;
    }
}
