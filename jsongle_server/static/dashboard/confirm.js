/** Asks before something is done that cannot be undone, does it, and says so where it failed. */

import { ApiError } from "./api.js";
import { byId, setText } from "./dom.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} name of whom or what it is about, as a user chose it
 * @property {string} text what will happen
 * @property {string} action on the button
 * @property {() => Promise<void>} run
 * @property {HTMLElement} fallback gets the focus where what had it is gone
 */

export class Confirm {
    #dialog = byId("confirm-dialog", HTMLDialogElement);
    #title = byId("confirm-title", HTMLElement);
    #name = byId("confirm-name", HTMLElement);
    #text = byId("confirm-text", HTMLElement);
    #problem = byId("confirm-problem", HTMLElement);
    #action = byId("confirm-action", HTMLButtonElement);
    /** @type {Question | undefined} */
    #question;
    /** @type {Element | null} */
    #asker = null;

    constructor() {
        this.#action.addEventListener("click", () => void this.#run());
        byId("confirm-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
        this.#dialog.addEventListener("close", () => this.#giveBackFocus());
    }

    /** @param {Question} question */
    ask(question) {
        this.#question = question;
        this.#asker = document.activeElement;
        setText(this.#title, question.title);
        setText(this.#name, question.name);
        setText(this.#text, question.text);
        setText(this.#action, question.action);
        this.#say("");
        this.#action.disabled = false;
        this.#dialog.showModal();
    }

    async #run() {
        const question = this.#question;
        if (question === undefined) {
            return;
        }
        this.#action.disabled = true;
        this.#say("");
        const problem = await problemOf(question.run());
        if (question !== this.#question) {
            return; // it was cancelled meanwhile, and something else is asked
        }
        if (problem === "") {
            this.#dialog.close();
        } else {
            this.#action.disabled = false;
            this.#say(problem);
        }
    }

    /** @param {string} problem */
    #say(problem) {
        setText(this.#problem, problem);
        this.#problem.hidden = problem === "";
    }

    #giveBackFocus() {
        if (this.#asker instanceof HTMLElement && this.#asker.isConnected) {
            this.#asker.focus();
        } else {
            this.#question?.fallback.focus();
        }
    }
}

/**
 * What went wrong with something that the server was asked to do; empty where nothing did.
 *
 * @param {Promise<void>} done
 */
async function problemOf(done) {
    try {
        await done;
        return "";
    } catch (error) {
        if (error instanceof ApiError) {
            return error.message;
        }
        throw error;
    }
}
