/** What the page has the server do over REST. Must not know who asked for it. */

/** An answer that is not what was asked for. */
export class ApiError extends Error {
    /**
     * @param {string} message for whoever asked
     * @param {number} status of HTTP; 0 where there was no answer
     */
    constructor(message, status) {
        super(message);
        this.status = status;
    }
}

export class Api {
    #token;
    #fetch;

    /**
     * @param {() => string} token
     * @param {typeof globalThis.fetch} [fetch]
     */
    constructor(token, fetch = globalThis.fetch.bind(globalThis)) {
        this.#token = token;
        this.#fetch = fetch;
    }

    /**
     * Ends a session.
     *
     * @param {string} id its identity
     */
    async endSession(id) {
        await this.#ask("DELETE", `sessions/${encodeURIComponent(id)}`);
    }

    /**
     * Empties a room.
     *
     * @param {string} rid any text: in the query, since browsers take a part of the path that is `..` for a step
     * @returns {Promise<number>} how many were in it
     */
    async emptyRoom(rid) {
        const { count } = await this.#ask("DELETE", `rooms?rid=${encodeURIComponent(rid)}`);
        return count;
    }

    /** @param {string} level of the log */
    async setLevel(level) {
        await this.#ask("PUT", "logs/levels", { level });
    }

    /**
     * @param {string} method
     * @param {string} address relative to the page's
     * @param {unknown} [body]
     * @returns {Promise<any>}
     * @throws {ApiError}
     */
    async #ask(method, address, body) {
        const headers = { Authorization: `Bearer ${this.#token()}` };
        const response = await this.#fetch(address, { method, headers, body: JSON.stringify(body) }).catch(() => {
            // Browsers say no more of it either.
            throw new ApiError("The server cannot be reached", 0);
        });
        const answer = await response.json().catch(() => null);
        if (!response.ok) {
            throw new ApiError(answer?.errorMsg ?? `The server answered ${response.status}`, response.status);
        }
        return answer;
    }
}
