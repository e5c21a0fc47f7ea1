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
   * Whether there is a token that opens the administration.
   *
   * @returns {Promise<boolean>} true also where the server cannot be asked
   */
  async hasDoor() {
    try {
      await this.#ask("GET", "sessions?limit=1");
    } catch (error) {
      if (error instanceof ApiError) {
        return error.status !== 403;
      }
      throw error;
    }
    return true;
  }

  /**
   * @param {string} method
   * @param {string} address relative to the page's
   * @param {unknown} [body]
   * @returns {Promise<any>}
   * @throws {ApiError}
   */
  async #ask(method, address, body) {
    const token = this.#token();
    /** @type {Record<string, string>} */
    const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
    }
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    /** @type {Response} */
    let response;
    try {
      response = await this.#fetch(address, { ...options, cache: "no-store" });
    } catch (error) {
      throw new ApiError("The server cannot be reached", 0);
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok) {
      throw new ApiError(answer?.errorMsg ?? `The server answered ${response.status}`, response.status);
    }
    return answer;
  }
}
