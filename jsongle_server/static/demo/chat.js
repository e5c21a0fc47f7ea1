/**
 * The texts of a conversation, and how far each has come.
 *
 * A text of ours is pending until the server has it (sent), then delivered to the other side, then read there; or it
 * failed, and says why. One of theirs is acknowledged as delivered when it arrives, as read once somebody can have read
 * it. Knows no page.
 *
 * @module chat
 */

/** @typedef {"pending" | "sent" | "delivered" | "read" | "failed"} Status */
/**
 * @typedef {{ id: string, isMine: boolean, text: string, status: Status, reason: string, at: Date }} Message
 *     `reason` is a sentence that says why it failed.
 */

/** Most texts that are kept; the oldest goes first. */
export const MOST_MESSAGES = 500;

/** Longest text, in characters: with four bytes each, and in JSON, far below what a server takes by default. */
export const LONGEST_TEXT = 4_000;

const RANKS = ["pending", "sent", "delivered", "read"];
/** @type {Record<string, Status>} */
const STATUS_OF_MARK = { server: "sent", delivered: "delivered", read: "read" };

/** Nobody else is in the room, says the server (protocol section 8). */
const NOBODY_THERE = 404003;
const TOO_FAST = 429001;

/** Events: `message` {message} there is another one, `changed` {message} one has come further, `dropped` {message}. */
export class Chat extends EventTarget {
    #client;
    #room;
    /** @type {Map<string, Message>} by id, in the order in which they came. */
    #messages = new Map();
    /** @type {{ id: string, from: string, namespace?: string }[]} Theirs that nobody can have read yet. */
    #unread = [];
    #unsent = 0;

    /**
     * @param {import("../jsongle-client.js").JSONgleClient} client
     * @param {string} room  where all of it is said.
     */
    constructor(client, room) {
        super();
        this.#client = client;
        this.#room = room;
        client.on("text", (text) => this.#take(text));
        client.on("ack", ({ mid, type }) => this.#mark(mid, STATUS_OF_MARK[type]));
    }

    /** How many of theirs nobody can have read yet. */
    get unread() {
        return this.#unread.length;
    }

    /**
     * Sends a text.
     *
     * @param {string} text
     */
    send(text) {
        const { id, received } = this.#post(text);
        /** @type {Message} */
        const message = { id, isMine: true, text, status: "pending", reason: "", at: new Date() };
        this.#add(message);
        received.catch((error) => this.#fail(message, error));
    }

    /** @param {string} text @returns {{ id: string, received: Promise<unknown> }} */
    #post(text) {
        try {
            return this.#client.sendText(this.#room, text);
        } catch (error) {
            this.#unsent += 1;
            return { id: `unsent-${this.#unsent}`, received: Promise.reject(error) };
        }
    }

    /** Somebody can have read all that is there. */
    read() {
        for (const message of this.#unread.splice(0)) {
            this.#acknowledge(message, "read");
        }
    }

    /** @param {import("../jsongle-client.js").TextDetail} text */
    #take(text) {
        const { id, from, content, namespace } = text;
        if (from !== this.#room || typeof content !== "string" || this.#messages.has(id)) {
            return; // said elsewhere, maybe by somebody who is not here; of another application; or here already
        }
        // Whoever sends it may answer for its length; it is text, whatever is in it.
        this.#unread.push({ id, from, namespace });
        this.#acknowledge(text, "delivered");
        this.#add({ id, isMine: false, text: content, status: "delivered", reason: "", at: new Date() });
    }

    /** @param {{ id: string, from: string, namespace?: string }} text @param {"delivered" | "read"} mark */
    #acknowledge(text, mark) {
        if (this.#client.state !== "closed") {
            this.#client.acknowledge(text, mark);
        }
    }

    /** @param {Message} message */
    #add(message) {
        this.#messages.set(message.id, message);
        this.#tell("message", message);
        if (this.#messages.size > MOST_MESSAGES) {
            const [oldest] = this.#messages.values();
            this.#messages.delete(oldest.id);
            this.#unread = this.#unread.filter(({ id }) => id !== oldest.id);
            this.#tell("dropped", oldest);
        }
    }

    /** @param {string} id @param {Status} status */
    #mark(id, status) {
        const message = this.#messages.get(id);
        // Marks may come late, and never lead back.
        if (message?.isMine && RANKS.indexOf(status) > RANKS.indexOf(message.status)) {
            message.status = status;
            message.reason = "";
            this.#tell("changed", message);
        }
    }

    /** @param {Message} message @param {any} error */
    #fail(message, error) {
        message.status = "failed";
        message.reason = whyNotSent(error);
        this.#tell("changed", message);
    }

    /** @param {string} type @param {Message} message */
    #tell(type, message) {
        this.dispatchEvent(new CustomEvent(type, { detail: { message } }));
    }
}

/**
 * Why a text was not sent, in a sentence.
 *
 * @param {{ code?: number, reason?: string, message: string }} error  a JSONgleError.
 */
export function whyNotSent({ code, reason, message }) {
    if (code === NOBODY_THERE) {
        return "nobody else is in the room.";
    }
    if (code === TOO_FAST) {
        return "that was too fast; wait a moment.";
    }
    if (reason === "lost" || reason === "timeout" || reason === "closed") {
        return "the connection to the server was lost.";
    }
    return `the server said: ${message}`;
}
