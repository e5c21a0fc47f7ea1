/**
 * A WebSocket in memory, and a server behind it that knows as much of the protocol as its client needs.
 *
 * The server is written from section 7 of docs/protocol.md: it numbers what it says, counts the frames that it reads,
 * and replays. What a test sends arrives at once; what the server says is delivered when the test, or `serve`, says so.
 */

import { JSONgleClient } from "../../jsongle_server/static/jsongle-client.js";

/** @typedef {Record<string, any>} Json */

export class FakeSocket {
    /** @type {FakeSocket[]} */
    static made = [];

    /** @param {string} url @param {string} [protocol] */
    constructor(url, protocol) {
        this.url = url;
        this.protocol = protocol;
        /** @type {((event: { data: string }) => void) | null} */
        this.onmessage = null;
        /** @type {((event: { code: number, reason: string }) => void) | null} */
        this.onclose = null;
        /** @type {(() => void) | null} */
        this.onerror = null;
        /** @type {Json[]} */
        this.sent = [];
        /** @type {(number | undefined)[]} Codes that the client closed it with. */
        this.closedWith = [];
        /** @type {(frame: Json) => void} */
        this.read = () => {};
        FakeSocket.made.push(this);
    }

    /** @param {string} text */
    send(text) {
        const frame = JSON.parse(text);
        this.sent.push(frame);
        this.read(frame);
    }

    /** @param {number} [code] */
    close(code) {
        this.closedWith.push(code);
    }

    /** @param {Json} envelope */
    say(envelope) {
        this.onmessage?.({ data: JSON.stringify(envelope) });
    }

    /** @param {number} [code] @param {string} [reason] */
    end(code = 1006, reason = "") {
        this.read = () => {};
        if (code === 1006) {
            this.onerror?.(); // as browsers do
        }
        this.onclose?.({ code, reason });
    }
}

/** A server with one client. */
export class FakeServer {
    constructor() {
        this.name = "barracuda";
        /** @type {Json[]} Every frame that it has read, hellos left out. */
        this.frames = [];
        /** @type {Json[]} Descriptions of the hellos that it was answered. */
        this.hellos = [];
        /** @type {Json[]} What it has said in this session, numbered. */
        this.log = [];
        this.received = 0;
        this.tokens = 0;
        this.sessions = 0;
        this.hasLost = false;
        /** @type {Json[] | undefined} What its acks of a first hello say of them. */
        this.iceServers = undefined;
        /** @type {Json[] | undefined} Frames that came while it answered a hello: read once all is replayed. */
        this.waiting = undefined;
        /** @type {(description: Json) => number | undefined} An error code for a hello that is refused. */
        this.refuse = () => undefined;
        /** @type {(frame: Json) => void} What it does with a frame, after counting it. */
        this.handle = (frame) => this.answer(frame);
        /** @type {FakeSocket | undefined} */
        this.socket = undefined;
        /** @type {FakeSocket | undefined} The connection that has said a good hello last. */
        this.identified = undefined;
    }

    /** The connection that the client opened last, greeted. @returns {Promise<FakeSocket>} */
    async greet() {
        const socket = /** @type {FakeSocket} */ (FakeSocket.made.at(-1));
        this.socket = socket;
        socket.read = (frame) => this.take(socket, frame);
        const description = { version: "1.2.3", sn: this.name };
        const jsongle = { action: "iq-get", query: "session-hello", transaction: "hello", description };
        socket.say({ id: "g", from: this.name, to: `new-${FakeSocket.made.length}`, jsongle });
        await settled();
        return socket;
    }

    /** @param {FakeSocket} socket @param {Json} frame */
    take(socket, frame) {
        if (frame.jsongle.query === "session-hello") {
            this.hellos.push(frame.jsongle.description);
            this.waiting = [];
            this.takeHello(socket, frame);
            const waiting = this.waiting;
            this.waiting = undefined;
            waiting.forEach((later) => this.take(socket, later));
        } else if (this.waiting !== undefined) {
            this.waiting.push(frame);
        } else {
            this.frames.push(frame);
            this.received += 1;
            this.handle(frame);
        }
    }

    /** @param {FakeSocket} socket @param {Json} frame */
    takeHello(socket, { id, jsongle: { transaction, description } }) {
        const code = this.refuse(description);
        const say = (/** @type {Json} */ jsongle) => socket.say({ id: "a", from: this.name, to: "x", jsongle });
        if (code !== undefined) {
            say({ action: "ack", status: "failed", transaction });
            say({ action: "session-error", description: { errorCode: code, errorDetails: "no", mid: id } });
            return;
        }
        if (socket === this.identified) {
            this.say({ action: "ack", status: "success", transaction, description: {} });
            return;
        }
        this.identified = socket;
        const { resume } = description;
        const isBack = typeof resume === "object" && !this.hasLost && resume.token.startsWith(`t${this.sessions}.`);
        if (!isBack) {
            this.sessions += 1;
            this.hasLost = false;
            this.log = [];
            this.received = 0;
        }
        this.tokens += 1;
        const token = { token: `t${this.sessions}.${this.tokens}`, window: 30 };
        /** @type {Json} */
        const told = { id: `session-${this.sessions}` };
        if (resume) {
            told.resume = token;
        }
        if (this.iceServers !== undefined) {
            told.iceServers = this.iceServers;
        }
        if (typeof resume === "object") {
            told.resumed = isBack;
        }
        if (isBack) {
            told.received = this.received;
        }
        say({ action: "ack", status: "success", transaction, description: told });
        for (const envelope of this.log.slice(isBack ? resume.seq : 0)) {
            socket.say(envelope);
        }
    }

    /** Says something to the client: over its connection, and kept. @param {Json} jsongle @param {Json} [more] */
    say(jsongle, more = {}) {
        const seq = this.log.length + 1;
        const envelope = { id: `s-${seq}`, from: this.name, to: "x", seq, ...more, jsongle };
        this.log.push(envelope);
        this.socket?.say(envelope);
    }

    /** @param {Json} frame */
    answer({ id, jsongle: { action, query, transaction, description } }) {
        if (action === "session-text" || action === "session-custom") {
            const ack = { acknowledged: "then", mid: id, type: "server-received" };
            this.say({ action: "session-event", event: "ack", description: ack });
        } else if (action === "iq-set" || action === "iq-get") {
            const result = { rid: description?.rid, members: [], now: "now", iceServers: [] };
            this.say({ action: "iq-result", query, transaction, description: result });
        }
    }

    /** Loses the connection. @param {number} [code] @param {string} [reason] */
    cut(code, reason) {
        this.socket?.end(code, reason);
        this.socket = undefined;
    }

    /** What was said in frames of this action. @param {string} action @returns {Json[]} */
    heard(action) {
        return this.frames.filter(({ jsongle }) => jsongle.action === action);
    }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settled() {
    for (let turn = 0; turn < 20; turn += 1) {
        await Promise.resolve();
    }
}

/**
 * A client on fake sockets, and everything that it tells.
 *
 * @param {Partial<import("../../jsongle_server/static/jsongle-client.js").Options>} [options]
 */
export function makeClient(options = {}) {
    FakeSocket.made = [];
    const WebSocket = /** @type {any} */ (FakeSocket);
    const client = new JSONgleClient("ws://test", { uid: "alice", WebSocket, random: () => 0.5, ...options });
    /** @type {[string, any][]} */
    const told = [];
    const types = /** @type {const} */ ([
        "state", "online", "joined", "left", "text", "custom", "ack", "event", "call", "iceservers", "notice", "error",
        "request",
    ]);
    for (const type of types) {
        client.on(type, (detail) => told.push([type, detail]));
    }
    /** @param {string} type @returns {any[]} */
    const of = (type) => told.filter(([name]) => name === type).map(([, detail]) => detail);
    return { client, told, of };
}

/**
 * The same, online.
 *
 * @param {Partial<import("../../jsongle_server/static/jsongle-client.js").Options>} [options]
 */
export async function online(options = {}) {
    const server = new FakeServer();
    const made = makeClient(options);
    made.client.connect();
    await server.greet();
    return { ...made, server };
}

/**
 * Connects again after a cut, when the pause is over.
 *
 * @param {FakeServer} server @param {import("node:test").MockTimers} timers
 */
export async function comeBack(server, timers) {
    const count = FakeSocket.made.length;
    timers.tick(15_000);
    if (FakeSocket.made.length === count) {
        throw new Error("the client did not connect again");
    }
    await server.greet();
}
