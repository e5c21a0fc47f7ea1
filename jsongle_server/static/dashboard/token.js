/** The admin token: kept for this tab alone, until it is forgotten or the tab is closed. */

const KEY = "jsongle-admin-token";

/** What the setting `adminToken` may be: nothing else is worth a request. */
const SHAPE = /^[\x21-\x7e]{16,}$/;

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Shelf */

export class TokenKeeper {
    #shelf;
    #token = "";

    /** @param {Shelf | null} shelf where it is kept; null where the browser keeps nothing: a reload asks again */
    constructor(shelf) {
        this.#shelf = shelf;
        this.#token = shelf?.getItem(KEY) ?? "";
    }

    /** The token that requests are made with; empty where there is none. */
    get token() {
        return this.#token;
    }

    /**
     * Uses a token from now on, without keeping it.
     *
     * @param {string} text as somebody typed or pasted it
     * @returns {boolean} whether it can be one at all
     */
    offer(text) {
        const token = text.trim();
        const isPossible = SHAPE.test(token);
        if (isPossible) {
            this.#token = token;
        }
        return isPossible;
    }

    /** Keeps the token that is in use: the server has taken it. */
    keep() {
        this.#shelf?.setItem(KEY, this.#token);
    }

    forget() {
        this.#token = "";
        this.#shelf?.removeItem(KEY);
    }
}

/** @returns {Shelf | null} the tab's storage; null where the browser is set to deny it */
export function tabShelf() {
    try {
        return globalThis.sessionStorage;
    } catch (error) {
        if (error instanceof DOMException) {
            return null;
        }
        throw error;
    }
}
