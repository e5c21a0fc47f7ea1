/**
 * A client of JSONgle-Server: sessions that outlive their connections, rooms, texts with their marks, calls.
 *
 * One ES module for browsers and for Node (20 and later), without dependencies. It knows the wire and no
 * RTCPeerConnection: what a call says to its peer connection is up to the application. "Section" in what follows is one
 * of the protocol's (docs/protocol.md); how to use it is in docs/client.md.
 *
 * The way of a frame: `send` puts it into the outbox; it is written when there is a session to write it to, and stays
 * there until the server is known to have read it, so that a session that resumes can write it again.
 *
 * @module jsongle-client
 */

/**
 * @typedef {{ id: string, uid: string, dn?: string, [property: string]: unknown }} Member
 *     Somebody in a room: the properties of a hello, and the session identity as `id`.
 * @typedef {{ rid: string, kind: "room" | "muc", dn?: string, members: Map<string, Member> }} Room
 *     A room that this client is in, and who else is, by session identity; `dn` is the name that it joined with.
 * @typedef {Record<string, any>} Json
 * @typedef {{ action: string, [property: string]: any }} Jsongle  What is said (section 2).
 * @typedef {{ id: string, from: string, to: string, seq?: number, namespace?: string, jsongle: Jsongle }} Envelope
 * @typedef {{ urls: string | string[], username?: string, credential?: string }} IceServer
 * @typedef {"idle" | "connecting" | "online" | "reconnecting" | "closed"} State
 * @typedef {"server" | "delivered" | "read"} Mark  How far a text came: to the server, to a client, under eyes.
 * @typedef {{ id: string, received: Promise<string> }} Sent
 *     A text under way. `received` resolves with the time of the server's ack, and rejects where the text was refused or
 *     lost. Nobody has to wait for it.
 */

/**
 * @typedef {object} Options
 * @property {string} uid  who the user is.
 * @property {string} [dn]  the name to show.
 * @property {Json} [info]  other properties of the hello, shown to other members.
 * @property {string | (() => string | Promise<string>)} [token]  a signed token; a function is asked for each hello, and
 *     when a token is about to expire.
 * @property {boolean} [resume]  whether the session is to outlive its connections (section 7). Default: true.
 * @property {number} [heartbeat]  milliseconds of silence after which the server is asked for a sign of life; 0 never
 *     asks. Default: 15,000.
 * @property {number} [timeout]  milliseconds to wait for an answer while there is a connection. Default: 10,000.
 * @property {{ first?: number, most?: number }} [backoff]  bounds of the pause before a further attempt, in
 *     milliseconds: the first is up to `first`, each further up to twice as long, none over `most`. Default: 500, 15,000.
 * @property {number} [maxUnacknowledged]  frames that may be kept: written and not known to be read, or still to be
 *     written. Sending one more fails. Default: 1,024.
 * @property {typeof WebSocket} [WebSocket]  the class to connect with. Default: the global one.
 * @property {() => number} [random]  gives numbers from 0 up to 1, for the pauses. Default: `Math.random`.
 */

/**
 * @typedef {object} ClientEvents
 * @property {{ state: State, attempt: number, retryIn: number, code?: number, reason?: string, error?: JSONgleError }} state
 *     The state is another, or another attempt to connect is planned (`retryIn` milliseconds from now) or begins (0).
 * @property {{ resumed: boolean }} online  There is a session: the former one, or another. After a loss it comes when the
 *     rooms have been joined again.
 * @property {{ rid: string, kind: "room" | "muc", member: Member }} joined
 * @property {{ rid: string, kind: "room" | "muc", member: Member }} left
 * @property {TextDetail} text
 * @property {{ id: string, from: string, to: string, description: Json, namespace?: string, envelope: Envelope }} custom
 * @property {{ mid: string, type: Mark, at: string, from: string }} ack
 * @property {{ from: string, namespace?: string, event: string, description: Json }} event
 * @property {{ call: Call }} call  Somebody calls.
 * @property {RequestDetail} request  Somebody else asks something.
 * @property {{ iceServers: IceServer[] }} iceservers
 * @property {{ description: Json }} notice  What an administrator says.
 * @property {{ code: number, details: string, mid?: string, rid?: string }} error  The server refused something; `rid` is
 *     that of a room that could not be joined again.
 * @property {{ envelope: Envelope }} message  Every message, before anything is made of it.
 *
 * @typedef {{ id: string, from: string, to: string, content: any, description: Json, namespace?: string,
 *     envelope: Envelope }} TextDetail
 * @typedef {{ from: string, query: string, description: Json, answer: (description: Json) => void,
 *     refuse: (code: number, details: string) => void }} RequestDetail
 *
 * @typedef {object} CallEvents
 * @property {{}} trying  The server has passed the propose on.
 * @property {{ from: string }} ringing
 * @property {{ from: string }} proceed  Somebody takes the call: offers may go either way from now on.
 * @property {{ sdp: string, from: string }} offer
 * @property {{ sdp: string, from: string }} answer
 * @property {{ candidate: any, from: string }} candidate
 * @property {{ reason: string, description: Json, from: string }} info
 * @property {{ from: string }} active
 * @property {{ reason: EndReason }} end
 *
 * @typedef {"declined" | "retracted" | "terminated" | "unreachable" | "answered-elsewhere" | "timeout" | "refused" |
 *     "lost"} EndReason
 */

/** Close codes after which another attempt would end the same way (section 1), and why. */
const FINAL = new Map([
    [1003, "The server does not take binary frames"],
    [1007, "The server got a frame that is not UTF-8"],
    [1008, "The server has had enough of this client"],
    [1009, "A message was larger than the server takes"],
    [4002, "The session went on in a newer connection"],
    [4004, "The session was ended by an administrator"],
]);
const TRY_AGAIN_LATER = 1013;
const SESSION_MOVED = 4002;
const TOKEN_EXPIRED = 4005;

const TOKEN_REFUSED = 401001;
const NOT_A_MEMBER = 404002;
/** Refusals of a hello that are nobody's mistake: the server closes the connection, and one tries again. */
const PASSING = new Set([500001, 503001]);

/** The marks by their words on the wire, which are those of the JSONgle library and of the server. */
const MARKS = new Map(/** @type {[string, Mark][]} */ ([
    ["server-received", "server"],
    ["received", "delivered"],
    ["read", "read"],
]));

/** The kinds of room by the queries that join them. */
const JOINS = new Map(/** @type {[string, "room" | "muc"][]} */ ([
    ["join", "room"],
    ["session-join", "room"],
    ["muc-join", "muc"],
]));

/** Reasons of a `session-retract` that are told apart. */
const RETRACTS = new Set(["answered-elsewhere", "declined", "timeout"]);

/** Calls that may be live at a time, as many as the server allows one session to propose, and as many to get. */
const MAX_CALLS = 64;

/** Connections that were given up and are still open. */
const MAX_FORSAKEN = 8;

/** Something that the server, the network or this client refused. */
export class JSONgleError extends Error {
    /**
     * @param {string} message
     * @param {{ reason?: "refused" | "timeout" | "lost" | "full" | "closed", code?: number, details?: string,
     *     closeCode?: number }} [particulars]
     */
    constructor(message, { reason = "refused", code, details, closeCode } = {}) {
        super(message);
        this.name = "JSONgleError";
        /** What kind of failure it is: by the server, no answer, the session is gone, too much waits, `close()`. */
        this.reason = reason;
        /** The server's error code (section 8), where it gave one. */
        this.code = code;
        /** What the server said of it, for developers. */
        this.details = details;
        /** The code that the connection was closed with (section 1), where that is what happened. */
        this.closeCode = closeCode;
    }
}

/**
 * Whatever has events: an EventTarget whose events carry their data as `detail`.
 *
 * @template {object} Events
 */
class Emitter extends EventTarget {
    /**
     * Listens to one kind of event; `addEventListener` works as well.
     *
     * @template {keyof Events & string} Type
     * @param {Type} type
     * @param {(detail: Events[Type], event: Event) => void} listener
     * @returns {() => void} stops listening.
     */
    on(type, listener) {
        const handle = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail, event);
        this.addEventListener(type, handle);
        return () => this.removeEventListener(type, handle);
    }

    /**
     * @template {keyof Events & string} Type
     * @param {Type} type
     * @param {Events[Type]} detail
     * @protected
     */
    emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}

/**
 * One call with one other party, as the signaling sees it (section 6 and docs/calls.md). All of its messages carry its
 * `sid`; of a call that has ended nothing is sent and nothing is heard any more.
 *
 * @extends {Emitter<CallEvents>}
 */
export class Call extends Emitter {
    /** @type {(call: Call, jsongle: Jsongle) => string} */
    #send;
    /** @type {(call: Call) => void} */
    #forget;
    #initiator;
    #responder;

    /**
     * Calls are made by a client: `client.call(…)`, or its event `call`.
     *
     * @param {{ send: (call: Call, jsongle: Jsongle) => string, forget: (call: Call) => void }} client
     * @param {{ sid: string, to: string, from: string, role: "caller" | "callee", media: any, initiator?: string,
     *     responder?: string }} particulars
     */
    constructor({ send, forget }, { sid, to, from, role, media, initiator, responder }) {
        super();
        this.#send = send;
        this.#forget = forget;
        this.#initiator = initiator;
        this.#responder = responder;
        /** Names the call, on the whole server. */
        this.sid = sid;
        /** Where its messages go: a room, a user, a session. */
        this.to = to;
        /** Who proposed it. */
        this.from = from;
        this.role = role;
        /** What the propose asks for, such as `["audio", "video"]`. */
        this.media = media;
        /** @type {"proposed" | "ringing" | "proceeding" | "active" | "ended"} */
        this.state = "proposed";
        /** @type {EndReason | undefined} Why it ended. */
        this.reason = undefined;
    }

    /** Tells the caller that the user hears it. Without this, the server does not say when ringing is over. */
    ring() {
        if (this.role === "callee" && this.state === "proposed") {
            this.state = "ringing";
            this.info("ringing", { rang: now() });
        }
    }

    /** Takes the call; other devices stop ringing. */
    proceed() {
        if (this.role === "callee" && this.#isPending) {
            this.state = "proceeding";
            this.#say("session-proceed", { proceeded: now() });
        }
    }

    /** Does not take the call. */
    decline() {
        this.#end("session-decline", "declined");
    }

    /** Takes the propose back. */
    retract() {
        this.#end("session-retract", "retracted");
    }

    /** Ends the call, by whichever word its state asks for. */
    end() {
        if (!this.#isPending) {
            this.#end("session-terminate", "terminated", "success");
        } else if (this.role === "caller") {
            this.retract();
        } else {
            this.decline();
        }
    }

    /** @param {string | { sdp?: string }} sdp  a local description of the type offer, or its SDP. */
    offer(sdp) {
        this.#say("session-initiate", { offering: now(), offer: { type: "offer", sdp: textOf(sdp) } });
    }

    /** @param {string | { sdp?: string }} sdp  a local description of the type answer, or its SDP. */
    answer(sdp) {
        this.#say("session-accept", { offered: now(), answer: { type: "answer", sdp: textOf(sdp) } });
    }

    /** @param {RTCIceCandidate | RTCIceCandidateInit | null} candidate  `null` says that there are no more. */
    candidate(candidate) {
        this.#say("transport-info", { establishing: now(), candidate });
    }

    /** Says that media flow. */
    active() {
        if (this.state !== "ended") {
            this.state = "active";
            this.info("active", { actived: now() });
        }
    }

    /**
     * Says something else of this call, such as `mute`.
     *
     * @param {string} reason
     * @param {Json} [description]
     */
    info(reason, description = {}) {
        this.#say("session-info", description, reason);
    }

    /**
     * Takes a message of this call: for the client.
     *
     * @param {Envelope} envelope
     * @internal
     */
    take({ from, jsongle: { action, reason, description } }) {
        if (action === "session-info") {
            this.#takeInfo(from, reason, description ?? {});
        } else if (action === "session-proceed" && this.role === "caller" && this.#isPending) {
            this.state = "proceeding";
            this.emit("proceed", { from });
        } else if (action === "session-initiate" && typeof description?.offer?.sdp === "string") {
            this.emit("offer", { sdp: description.offer.sdp, from });
        } else if (action === "session-accept" && typeof description?.answer?.sdp === "string") {
            if (this.#isPending) {
                this.state = "proceeding"; // an accept without a proceed takes the call as well
            }
            this.emit("answer", { sdp: description.answer.sdp, from });
        } else if (action === "transport-info" && description?.candidate !== undefined) {
            this.emit("candidate", { candidate: description.candidate, from });
        } else if (action === "session-decline") {
            this.finish("declined");
        } else if (action === "session-retract") {
            this.finish(RETRACTS.has(reason) ? reason : "retracted");
        } else if (action === "session-terminate") {
            this.finish("terminated");
        }
    }

    /**
     * Ends the call without a word to anybody: for the client.
     *
     * @param {EndReason} reason
     * @internal
     */
    finish(reason) {
        if (this.state !== "ended") {
            this.state = "ended";
            this.reason = reason;
            this.#forget(this);
            this.emit("end", { reason });
        }
    }

    get #isPending() {
        return this.state === "proposed" || this.state === "ringing";
    }

    /** @param {string} from @param {string} reason @param {Json} description */
    #takeInfo(from, reason, description) {
        if (reason === "unreachable") {
            this.finish("unreachable");
        } else if (reason === "trying") {
            this.emit("trying", {});
        } else if (reason === "ringing") {
            this.state = this.state === "proposed" ? "ringing" : this.state;
            this.emit("ringing", { from });
        } else if (reason === "active") {
            this.state = "active";
            this.emit("active", { from });
        } else {
            this.emit("info", { reason, description, from });
        }
    }

    /** @param {string} action @param {EndReason} outcome @param {string} [reason] */
    #end(action, outcome, reason = "") {
        this.#say(action, { ended: now(), ended_reason: outcome }, reason);
        this.finish(outcome);
    }

    /** @param {string} action @param {Json} description @param {string} [reason] */
    #say(action, description, reason = "") {
        if (this.state !== "ended") {
            const { sid } = this;
            this.#send(this, { action, sid, initiator: this.#initiator, responder: this.#responder, reason, description });
        }
    }
}

/**
 * One user's session with a server.
 *
 * @extends {Emitter<ClientEvents>}
 */
export class JSONgleClient extends Emitter {
    #url;
    #hello;
    #token;
    #resume;
    #heartbeat;
    #timeout;
    #backoff;
    #most;
    #Socket;
    #random;

    /** @type {WebSocket | undefined} The connection that counts. */
    #socket;
    /** @type {Set<WebSocket>} Connections that were given up, see `#giveUp`. */
    #forsaken = new Set();
    #hasStray = false;
    /** @type {Envelope | undefined} The server's hello over this connection. */
    #greeting;
    #helloId = "";
    /** @type {string | undefined} The token that was presented last. */
    #presented;
    /** @type {JSONgleError | undefined} Why the last hello was refused. */
    #refusal;

    /** @type {{ id: string, to: string | null, rest: string, sid?: string, isWritten: boolean }[]} In the order sent. */
    #outbox = [];
    /** Frames that the server is known to have read: those that were before the first in the outbox. */
    #read = 0;
    #seq = 0;
    /** @type {string | undefined} What to resume with. */
    #resumeToken;
    #sessions = 0;
    /** @type {Map<string, Waiting>} Whoever waits for an answer, by the id of the frame that asked. */
    #waiting = new Map();
    /** @type {Map<string, Call>} */
    #calls = new Map();
    /** The id of the ping that is to show what the server has read, while it has not been answered. */
    #pingId = "";

    #attempt = 0;
    #onlineSince = 0;
    /** @type {Timer} */
    #retryTimer;
    /** @type {Timer} */
    #handshakeTimer;
    /** @type {Timer} */
    #beat;
    /** @type {PromiseWithParts<void> | undefined} */
    #connected;

    /**
     * @param {string} url  where the server's WebSocket is, such as `wss://signaling.example.org`.
     * @param {Options} options
     */
    constructor(url, options) {
        super();
        const { uid, dn, info = {}, token, resume = true, heartbeat = 15_000, timeout = 10_000 } = options;
        this.#url = url;
        this.#hello = { ...info, uid, dn };
        this.#token = token;
        this.#resume = resume;
        this.#heartbeat = heartbeat;
        this.#timeout = timeout;
        this.#backoff = { first: 500, most: 15_000, ...options.backoff };
        this.#most = options.maxUnacknowledged ?? 1024;
        this.#Socket = options.WebSocket ?? globalThis.WebSocket;
        this.#random = options.random ?? Math.random;
        /** @type {State} */
        this.state = "idle";
        /** This session's identity, what others see as `from`. It stays over a resume. */
        this.id = "";
        this.serverId = "";
        this.serverVersion = "";
        /** @type {IceServer[]} What RTCPeerConnection takes under this name. */
        this.iceServers = [];
        /** @type {Map<string, Room>} The rooms that this client is in. */
        this.rooms = new Map();
    }

    /**
     * Connects, and from then on connects again whenever the connection is lost.
     *
     * @returns {Promise<void>} resolves at the first good hello, however many attempts that takes; rejects with a
     *     JSONgleError when the client is refused for good, or closed.
     */
    connect() {
        if (this.#connected === undefined) {
            this.#connected = withParts();
            quiet(this.#connected.promise);
            if (this.state === "closed") {
                this.#connected.reject(closed());
            } else {
                globalThis.addEventListener?.("online", this.#hurry);
                this.#open();
            }
        }
        return this.#connected.promise;
    }

    /** Ends the session for good: the server forgets it at once, and whoever still waits for an answer is refused. */
    close() {
        this.#finish(closed(), 1000, "");
    }

    /**
     * Joins a room; in one that it is in already, gets its members.
     *
     * @param {string} rid
     * @param {{ dn?: string }} [options]  `dn`: the name to show there.
     * @returns {Promise<Member[]>} who was there already.
     */
    join(rid, { dn } = {}) {
        return this.#ask("join", { rid, dn }, (description) => description.members);
    }

    /**
     * Joins a multi-user room.
     *
     * @param {string} rid
     * @param {{ dn?: string }} [options]  `dn`: the name to show there.
     * @returns {Promise<Member[]>} who was there already.
     */
    joinMuc(rid, { dn } = {}) {
        return this.#ask("muc-join", { rid, dn }, (description) => description.members);
    }

    /** @param {string} rid @returns {Promise<void>} */
    leave(rid) {
        return this.#ask("leave", { rid }, () => undefined);
    }

    /** @param {string} rid @returns {Promise<Member[]>} who else is there. */
    members(rid) {
        return this.#ask("room-members", { rid }, (description) => description.members);
    }

    /** @returns {Promise<string>} the server's time. */
    ping() {
        return this.#ask("ping", {}, (description) => description.now);
    }

    /** @returns {Promise<IceServer[]>} with fresh credentials. */
    refreshIceServers() {
        return this.#ask("ice-servers", {}, (description) => description.iceServers);
    }

    /**
     * Sends a text to a room, a user or a session.
     *
     * @param {string} to
     * @param {any} content
     * @param {{ namespace?: string, [property: string]: any }} [options]  `namespace`, by default `message`; whatever
     *     else is part of the description.
     * @returns {Sent}
     */
    sendText(to, content, { namespace = "message", ...description } = {}) {
        return this.#sendAcked(to, { action: "session-text", namespace, description: { ...description, content } });
    }

    /**
     * Sends whatever an application has to say.
     *
     * @param {string} to
     * @param {Json} description
     * @param {{ namespace?: string }} [options]
     * @returns {Sent}
     */
    sendCustom(to, description, { namespace } = {}) {
        return this.#sendAcked(to, { action: "session-custom", namespace, description });
    }

    /**
     * Tells the sender of a text how far it has come.
     *
     * @param {{ id: string, from: string, namespace?: string }} message  the text, as its event had it.
     * @param {"delivered" | "read"} type
     */
    acknowledge({ id: mid, from, namespace }, type) {
        const word = type === "delivered" ? "received" : type;
        this.sendEvent(from, "ack", { acknowledged: now(), mid, type: word }, { namespace });
    }

    /**
     * Tells of an event, such as `typing`.
     *
     * @param {string} to
     * @param {string} event
     * @param {Json} [description]
     * @param {{ namespace?: string }} [options]
     * @returns {string} the id of the message.
     */
    sendEvent(to, event, description = {}, { namespace = "message" } = {}) {
        return this.send(to, { action: "session-event", namespace, event, description });
    }

    /**
     * Asks somebody something.
     *
     * @param {string} to  the server's id, or whoever answers such a query.
     * @param {string} query
     * @param {Json} [description]
     * @param {{ action?: "iq-set" | "iq-get" }} [options]
     * @returns {Promise<Json>} the description of the answer.
     */
    request(to, query, description = {}, { action = "iq-set" } = {}) {
        return this.#ask(query, description, (answer) => answer, { to, action });
    }

    /**
     * Sends any message: at once, or as soon as there is a connection again.
     *
     * @param {string} to
     * @param {Jsongle} jsongle
     * @param {Json} [extra]  other fields of the envelope, `id` among them.
     * @returns {string} the id of the message.
     * @throws {JSONgleError} there are `maxUnacknowledged` frames already, or the client is closed.
     */
    send(to, jsongle, { id = newId(), ...extra } = {}) {
        delete extra.to;
        delete extra.from; // the server knows who it is
        this.#post(id, to, jsongle, extra);
        return id;
    }

    /**
     * Calls a user, a session, or the room that somebody waits in.
     *
     * @param {string} to
     * @param {{ media?: any }} [options]  what the call is to have, by default audio and video.
     * @returns {Call}
     */
    call(to, { media = ["audio", "video"] } = {}) {
        const sid = newId();
        const parties = { initiator: this.id, responder: to };
        const call = new Call(this.#link, { sid, to, from: this.id, role: "caller", media, ...parties });
        // The propose's own id is the sid: a refusal names it.
        const jsongle = { action: "session-propose", sid, ...parties, reason: "", description: { initiated: now(), media } };
        this.#post(sid, to, jsongle, { namespace: "call" });
        this.#calls.set(sid, call);
        return call;
    }

    #link = {
        send: (/** @type {Call} */ { to }, /** @type {Jsongle} */ jsongle) => this.send(to, jsongle, { namespace: "call" }),
        forget: (/** @type {Call} */ { sid }) => void this.#calls.delete(sid),
    };

    // ---- the connection

    #open() {
        this.#setState(this.#sessions > 0 ? "reconnecting" : "connecting", {});
        if (this.state === "closed") {
            return; // a listener has had enough
        }
        /** @type {WebSocket} */
        let socket;
        try {
            socket = new this.#Socket(this.#url, "jsongle");
        } catch (error) {
            this.#finish(new JSONgleError(`Cannot connect to ${this.#url}: ${/** @type {Error} */ (error).message}`));
            return;
        }
        this.#socket = socket;
        this.#awaitHandshake();
        socket.onmessage = ({ data }) => {
            if (socket === this.#socket) {
                this.#take(data);
            }
        };
        socket.onclose = ({ code, reason }) => {
            this.#forsaken.delete(socket);
            if (socket === this.#socket) {
                this.#lost(code, reason);
            }
        };
        socket.onerror = () => {}; // the close that follows says more; some implementations throw where nobody listens
    }

    #awaitHandshake() {
        clearTimeout(this.#handshakeTimer);
        this.#handshakeTimer = setTimeout(() => this.#giveUp("the server does not answer"), this.#timeout);
    }

    /**
     * Gives up a connection that may be dead, and makes another.
     *
     * Once a hello was written it is not closed but left alone: should the close frame arrive after all, and before the
     * next hello, it would end the session that is to be resumed. The server closes it when the session has moved.
     *
     * @param {string} reason
     */
    #giveUp(reason) {
        const socket = /** @type {WebSocket} */ (this.#socket);
        if (this.#helloId === "") {
            socket.close();
        } else {
            this.#hasStray ||= this.state !== "online";
            this.#forsaken.add(socket);
            const [oldest] = this.#forsaken;
            if (this.#forsaken.size > MAX_FORSAKEN) {
                this.#forsaken.delete(oldest);
                oldest.close();
            }
        }
        this.#lost(1006, reason);
    }

    /** @param {number} code @param {string} reason */
    #lost(code, reason) {
        this.#disconnect();
        const isStray = code === SESSION_MOVED && this.#hasStray;
        if (isStray) {
            this.#hasStray = false; // an earlier hello of ours was late: the session is not lost to anybody else
        } else if (FINAL.has(code)) {
            this.#finish(this.#refusal ?? new JSONgleError(`${FINAL.get(code)}`, { closeCode: code }), code, reason);
            return;
        } else if (code === TOKEN_EXPIRED && typeof this.#token !== "function") {
            this.#finish(new JSONgleError("The token has expired", { closeCode: code }), code, reason);
            return;
        }
        if (this.#onlineSince > 0 && Date.now() - this.#onlineSince >= this.#backoff.most) {
            this.#attempt = 0;
        }
        this.#onlineSince = 0;
        this.#retry(code, reason);
    }

    /** @param {number} code @param {string} reason */
    #retry(code, reason) {
        const { first, most } = this.#backoff;
        const longest = code === TRY_AGAIN_LATER ? most : Math.min(most, first * 2 ** this.#attempt);
        const retryIn = Math.round(this.#random() * longest);
        this.#attempt += 1;
        this.#retryTimer = setTimeout(() => this.#open(), retryIn);
        this.#setState(this.#sessions > 0 ? "reconnecting" : "connecting", { retryIn, code, reason });
    }

    /** The network is back, says the browser: no reason to wait, or to believe in the connection that there is. */
    #hurry = () => {
        if (this.state === "online") {
            clearTimeout(this.#beat);
            this.#probe();
        } else if (this.#socket === undefined) {
            clearTimeout(this.#retryTimer);
            this.#open();
        }
    };

    #disconnect() {
        for (const timer of [this.#retryTimer, this.#handshakeTimer, this.#beat]) {
            clearTimeout(timer);
        }
        for (const waiting of this.#waiting.values()) {
            clearTimeout(waiting.timer); // time without a connection does not count
        }
        this.#socket = undefined;
        this.#greeting = undefined;
        this.#helloId = "";
    }

    /** @param {JSONgleError} error @param {number} [code] @param {string} [reason] */
    #finish(error, code = error.closeCode, reason = error.message) {
        if (this.state === "closed") {
            return;
        }
        const sockets = [...this.#forsaken, this.#socket];
        this.#disconnect();
        globalThis.removeEventListener?.("online", this.#hurry);
        for (const socket of sockets) {
            socket?.close(1000);
        }
        this.#forsaken.clear();
        this.#outbox = [];
        const [waiting, calls] = [[...this.#waiting.values()], [...this.#calls.values()]];
        this.#waiting.clear();
        for (const { promise, reject } of waiting) {
            quiet(promise);
            reject(error);
        }
        this.#connected?.reject(error);
        this.#setState("closed", { code, reason, error });
        for (const call of calls) {
            call.finish("lost");
        }
    }

    /** @param {State} state @param {Partial<ClientEvents["state"]>} more */
    #setState(state, more) {
        this.state = state;
        this.emit("state", { state, attempt: this.#attempt, retryIn: 0, ...more });
    }

    /** Something was heard: the connection lives. */
    #listen() {
        clearTimeout(this.#beat);
        if (this.#heartbeat > 0) {
            this.#beat = setTimeout(() => this.#probe(), this.#heartbeat);
        }
    }

    #probe() {
        this.#beat = setTimeout(() => this.#giveUp("the server is silent"), this.#timeout);
        this.#postPing();
    }

    #postPing() {
        this.#pingId = newId();
        const jsongle = { action: "iq-set", query: "ping", transaction: this.#pingId };
        this.#post(this.#pingId, null, jsongle, {}, { isOurs: true });
    }

    // ---- the hello (section 3)

    async #sayHello() {
        const socket = /** @type {WebSocket} */ (this.#socket);
        const greeting = /** @type {Envelope} */ (this.#greeting);
        const isFirst = this.state !== "online";
        clearTimeout(this.#handshakeTimer);
        const token = await this.#askToken();
        if (socket !== this.#socket) {
            return;
        }
        if (token instanceof Error) {
            if (isFirst) {
                this.#giveUp(`no token: ${token.message}`);
            }
            return; // while the session is there, it stays until its token expires
        }
        if (this.#refusal !== undefined && token === this.#presented) {
            if (isFirst) {
                this.#finish(this.#refusal);
            }
            return;
        }
        this.#presented = token;
        this.#helloId = newId();
        const back = this.#resumeToken === undefined ? true : { token: this.#resumeToken, seq: this.#seq };
        const description = { ...this.#hello, token, resume: isFirst && this.#resume ? back : undefined };
        const { transaction } = greeting.jsongle;
        const jsongle = { action: "iq-result", query: "session-hello", transaction, description };
        if (isFirst) {
            this.#awaitHandshake();
        }
        socket.send(JSON.stringify({ id: this.#helloId, to: greeting.from, jsongle }));
    }

    /** @returns {Promise<string | undefined | Error>} */
    async #askToken() {
        try {
            return typeof this.#token === "function" ? await this.#token() : this.#token;
        } catch (error) {
            return error instanceof Error ? error : new Error(String(error));
        }
    }

    /** @param {Envelope} envelope */
    #shakeHands(envelope) {
        const { action, query, status, description = {} } = envelope.jsongle;
        if (action === "iq-get" && query === "session-hello") {
            this.#greeting = envelope;
            this.serverId = envelope.from;
            this.serverVersion = description.version;
            this.#refusal = undefined;
            this.#sayHello();
        } else if (action === "ack" && status === "success") {
            this.#begin(description);
        } else if (action === "session-error") {
            this.#takeRefusal(description);
        }
    }

    /** @param {Json} description */
    #takeRefusal({ errorCode: code, errorDetails: details }) {
        if (PASSING.has(code)) {
            return;
        }
        this.#refusal = new JSONgleError(`The server refuses the hello: ${details}`, { code, details });
        if (code === TOKEN_REFUSED && typeof this.#token === "function") {
            this.#sayHello();
        } else if (this.state !== "online") {
            this.#finish(this.#refusal);
        }
    }

    /**
     * Begins a session, or goes on with one (section 7).
     *
     * @param {Json} ack  the description of the server's ack.
     */
    #begin({ id, resume, resumed = false, received = 0, iceServers }) {
        const isAnother = this.#sessions > 0 && !resumed;
        clearTimeout(this.#handshakeTimer);
        this.#refusal = undefined;
        this.#onlineSince = Date.now();
        this.id = id ?? this.#greeting?.to;
        this.#resumeToken = resume?.token;
        this.iceServers = iceServers ?? this.iceServers;
        /** @type {Call[]} */
        let lost = [];
        /** @type {Promise<unknown> | undefined} */
        let joined;
        if (resumed) {
            this.#outbox.splice(0, received - this.#read);
            this.#read = received;
        } else {
            this.#seq = 0;
            this.#read = 0;
            this.#sessions += 1;
        }
        if (isAnother) {
            lost = this.#dropLost();
            joined = this.#joinAgain();
        }
        this.state = "online";
        for (const frame of [...this.#outbox]) {
            this.#write(frame);
        }
        for (const [key, waiting] of this.#waiting) {
            if (waiting.isWritten) {
                this.#awaitAnswer(key, waiting);
            }
        }
        this.#listen();
        this.#connected?.resolve();
        this.#setState("online", {});
        if (iceServers !== undefined) {
            this.emit("iceservers", { iceServers });
        }
        for (const call of lost) {
            call.finish("lost");
        }
        const session = this.#sessions;
        const tell = () => {
            if (this.state !== "closed" && session === this.#sessions) {
                this.emit("online", { resumed });
            }
        };
        joined === undefined ? tell() : joined.then(tell);
    }

    /**
     * Leaves nothing of a session that is lost. What the server may or may not have read is given up; what it cannot have
     * read is kept, but for calls, which are over.
     *
     * @returns {Call[]} the calls that are over.
     */
    #dropLost() {
        this.#outbox = this.#outbox.filter(({ id, sid, isWritten }) => !isWritten && sid === undefined && id !== this.#pingId);
        for (const [key, { isWritten }] of this.#waiting) {
            if (isWritten) {
                this.#settle(key, new JSONgleError("The session was lost before the answer came", { reason: "lost" }));
            }
        }
        return [...this.#calls.values()];
    }

    /** Joins the rooms of the former session, before anything that waits to be sent to them. */
    #joinAgain() {
        const later = this.#outbox;
        const session = this.#sessions;
        this.#outbox = [];
        const joins = [...this.rooms.values()].map(({ rid, kind, dn }) => {
            const query = kind === "muc" ? "muc-join" : "join";
            return this.#ask(query, { rid, dn }, () => undefined, { isOurs: true }).catch(({ code, message, details }) => {
                if (session === this.#sessions && this.state !== "closed") {
                    this.rooms.delete(rid);
                    this.emit("error", { code, details: details ?? message, rid });
                }
            });
        });
        this.#outbox.push(...later);
        return Promise.all(joins);
    }

    // ---- sending

    /**
     * @param {string} id
     * @param {string | null} to  `null` is the server, whatever it is called by then.
     * @param {Jsongle} jsongle
     * @param {Json} extra
     * @param {{ isOurs?: boolean }} [options]  `isOurs`: whether it may exceed the bound.
     */
    #post(id, to, jsongle, extra, { isOurs = false } = {}) {
        if (this.state === "closed") {
            throw closed();
        }
        if (this.#outbox.length >= this.#most && !isOurs) {
            throw new JSONgleError(`${this.#most} messages wait already`, { reason: "full" });
        }
        const rest = JSON.stringify({ ...extra, jsongle }).slice(1);
        const sid = JSON.parse(`{${rest}`).jsongle.sid;
        const frame = { id, to, rest, sid: extra.namespace === "call" ? sid : undefined, isWritten: false };
        this.#outbox.push(frame);
        if (this.state === "online") {
            this.#write(frame);
            if (this.#outbox.length * 2 >= this.#most && this.#pingId === "") {
                this.#postPing(); // its answer shows that all before it was read
            }
        }
    }

    /** @param {(typeof this.#outbox)[number]} frame */
    #write(frame) {
        const { id, to, rest } = frame;
        frame.isWritten = true;
        if (this.#resumeToken === undefined) {
            this.#outbox.shift(); // it is the first, and there is no session to write it to again
        }
        this.#socket?.send(`{"id":${JSON.stringify(id)},"to":${JSON.stringify(to ?? this.serverId)},${rest}`);
        const waiting = this.#waiting.get(id);
        if (waiting !== undefined) {
            this.#awaitAnswer(id, waiting);
        }
    }

    /**
     * The server has answered a frame, and it reads them in order: it has read all before it, too.
     *
     * @param {unknown} id  of the frame.
     */
    #proveRead(id) {
        const index = this.#outbox.findIndex((frame) => frame.id === id && frame.isWritten);
        this.#outbox.splice(0, index + 1);
        this.#read += index + 1;
        if (id === this.#pingId) {
            this.#pingId = "";
        }
    }

    /** @param {string} to @param {Jsongle} jsongle @returns {Sent} */
    #sendAcked(to, jsongle) {
        const id = newId();
        this.#post(id, to, jsongle, {});
        return { id, received: quiet(this.#await(id, to, String)) };
    }

    /**
     * @template Answer
     * @param {string} query
     * @param {Json} description
     * @param {(description: Json) => Answer} pick  makes the answer of the description of the result.
     * @param {{ to?: string | null, action?: string, isOurs?: boolean }} [options]  `to`: by default the server.
     * @returns {Promise<Answer>}
     */
    #ask(query, description, pick, { to = null, action = "iq-set", isOurs } = {}) {
        const id = newId();
        const answer = this.#await(id, to, pick, description);
        try {
            this.#post(id, to, { action, query, transaction: id, description }, {}, { isOurs });
        } catch (error) {
            this.#settle(id, error);
        }
        return answer;
    }

    /**
     * @template Answer
     * @param {string} id
     * @param {string | null} to
     * @param {(value: any) => Answer} pick
     * @param {Json} [asked]
     * @returns {Promise<Answer>}
     */
    #await(id, to, pick, asked = {}) {
        const { promise, resolve, reject } = withParts();
        const waiting = { to, asked, promise, resolve: (/** @type {any} */ value) => resolve(pick(value)), reject };
        this.#waiting.set(id, { ...waiting, isWritten: false, timer: undefined });
        return promise;
    }

    /** @param {string} id @param {Waiting} waiting */
    #awaitAnswer(id, waiting) {
        waiting.isWritten = true;
        clearTimeout(waiting.timer);
        const expire = () => this.#settle(id, new JSONgleError("There was no answer in time", { reason: "timeout" }));
        waiting.timer = setTimeout(expire, this.#timeout);
    }

    /** @param {string} id @param {unknown} outcome  an error, or what the answer is made of. */
    #settle(id, outcome) {
        const waiting = this.#waiting.get(id);
        if (waiting !== undefined) {
            this.#waiting.delete(id);
            clearTimeout(waiting.timer);
            outcome instanceof Error ? waiting.reject(outcome) : waiting.resolve(outcome);
        }
    }

    // ---- receiving

    /** @param {unknown} data */
    #take(data) {
        const envelope = parse(data);
        if (envelope === undefined) {
            return; // not JSONgle: nothing of a server's that this client knows
        }
        if (this.state !== "online") {
            this.#shakeHands(envelope);
            return;
        }
        this.#listen();
        const { seq = Infinity } = envelope;
        if (seq <= this.#seq) {
            return; // it was seen before the connection was lost
        }
        this.#seq = seq === Infinity ? this.#seq : seq;
        const socket = this.#socket;
        this.emit("message", { envelope });
        if (socket === this.#socket) {
            this.#handle(envelope);
        }
    }

    /** @param {Envelope} envelope */
    #handle(envelope) {
        const { id, from, to, jsongle } = envelope;
        const { action, namespace, description = {} } = jsongle;
        const isServer = from === this.serverId;
        if (action === "session-text") {
            this.emit("text", { id, from, to, content: description.content, description, namespace, envelope });
        } else if (action === "session-custom") {
            this.emit("custom", { id, from, to, description, namespace, envelope });
        } else if (action === "session-event" && isServer) {
            this.#takeNews(jsongle, description);
        } else if (action === "session-event") {
            this.#takeEvent(from, jsongle, description);
        } else if (action === "iq-result" || action === "iq-error") {
            this.#takeAnswer(jsongle, description, isServer);
        } else if (action === "iq-get" || action === "iq-set") {
            this.#takeRequest(from, jsongle, description);
        } else if (action === "session-error") {
            this.#takeError(description);
        } else if (action === "ack") {
            this.#takeIceServers(description);
        } else {
            this.#takeCall(envelope);
        }
    }

    /** @param {Jsongle} jsongle @param {Json} description */
    #takeNews({ namespace, event }, description) {
        const { rid, member, mid, acknowledged } = description;
        const room = this.rooms.get(rid);
        if (event === "ack") {
            this.#proveRead(mid);
            this.#settle(mid, acknowledged);
            this.emit("ack", { mid, type: "server", at: acknowledged, from: this.serverId });
        } else if (event === "joined" && room !== undefined) {
            room.members.set(member.id, member);
            this.emit("joined", { rid, kind: room.kind, member });
        } else if (event === "left" && room !== undefined) {
            room.members.delete(member.id);
            this.emit("left", { rid, kind: room.kind, member });
        } else if (namespace === "session" && event === "token-expiring") {
            this.#sayHello();
        } else if (namespace === "session" && event === "ice-servers") {
            this.#takeIceServers(description);
        } else if (namespace === "session" && event === "server-message") {
            if (description.reason === "room-emptied") {
                this.rooms.delete(rid);
            }
            this.emit("notice", { description });
        }
    }

    /** @param {string} from @param {Jsongle} jsongle @param {Json} description */
    #takeEvent(from, { namespace, event }, description) {
        const { mid, type, acknowledged } = description;
        const mark = MARKS.get(type);
        if (event === "ack" && mark !== undefined && mark !== "server") {
            this.emit("ack", { mid, type: mark, at: acknowledged, from });
        } else {
            this.emit("event", { from, namespace, event, description });
        }
    }

    /** @param {Jsongle} jsongle @param {Json} description @param {boolean} isServer */
    #takeAnswer({ action, query, transaction }, description, isServer) {
        const { to, asked } = this.#waiting.get(transaction) ?? { to: null, asked: {} };
        if (!isServer && (to === null || to === this.serverId)) {
            return; // nobody else answers for the server
        }
        const { errorCode: code, errorDetails: details } = description;
        if (isServer) {
            this.#proveRead(transaction);
            if (action === "iq-result") {
                this.#takeResult(query, description, asked.dn);
            } else if (query === "leave" && code === NOT_A_MEMBER) {
                this.rooms.delete(asked.rid);
            }
        }
        const error = new JSONgleError(`${query} was refused: ${details}`, { code, details });
        this.#settle(transaction, action === "iq-result" ? description : error);
    }

    /** @param {string} query @param {Json} description @param {string | undefined} dn  the name that was joined with. */
    #takeResult(query, description, dn) {
        const { rid, members } = description;
        const kind = JOINS.get(query);
        if (kind !== undefined || query === "room-members") {
            this.#setRoom(rid, kind, members, dn);
        } else if (query === "leave" || query === "session-leave") {
            this.rooms.delete(rid);
        } else if (query === "ice-servers") {
            this.#takeIceServers(description);
        }
    }

    /** @param {string} rid @param {"room" | "muc" | undefined} kind @param {Member[]} members @param {string} [dn] */
    #setRoom(rid, kind, members, dn) {
        const there = new Map(members.map((member) => [member.id, member]));
        const room = this.rooms.get(rid);
        if (room === undefined) {
            if (kind !== undefined) {
                this.rooms.set(rid, { rid, kind, dn, members: there });
            }
            return;
        }
        const before = room.members;
        room.members = there;
        for (const [id, member] of before) {
            if (!there.has(id)) {
                this.emit("left", { rid, kind: room.kind, member });
            }
        }
        for (const [id, member] of there) {
            if (!before.has(id)) {
                this.emit("joined", { rid, kind: room.kind, member });
            }
        }
    }

    /** @param {Json} description */
    #takeIceServers({ iceServers }) {
        if (iceServers !== undefined) {
            this.iceServers = iceServers;
            this.emit("iceservers", { iceServers });
        }
    }

    /** @param {string} from @param {Jsongle} jsongle @param {Json} description */
    #takeRequest(from, { query, transaction }, description) {
        const say = (/** @type {string} */ action, /** @type {Json} */ answer) =>
            void this.send(from, { action, query, transaction, description: answer });
        const answer = (/** @type {Json} */ result) => say("iq-result", result);
        const refuse = (/** @type {number} */ errorCode, /** @type {string} */ errorDetails) =>
            say("iq-error", { errorCode, errorDetails });
        this.emit("request", { from, query, description, answer, refuse });
    }

    /** @param {Json} description */
    #takeError(description) {
        const { errorCode: code, errorDetails: details, mid } = description;
        if (mid === this.#helloId) {
            this.#takeRefusal(description);
        }
        this.#proveRead(mid);
        this.#settle(mid, new JSONgleError(`The server refused a message: ${details}`, { code, details }));
        this.emit("error", { code, details, mid });
        this.#calls.get(mid)?.finish("refused");
    }

    /** @param {Envelope} envelope */
    #takeCall(envelope) {
        const { from, to, jsongle } = envelope;
        const { action, sid, initiator, responder, description = {} } = jsongle;
        const known = this.#calls.get(sid);
        if (known !== undefined) {
            known.take(envelope);
        } else if (action === "session-propose" && typeof sid === "string" && this.#calls.size < MAX_CALLS) {
            const particulars = { sid, to: from, from, media: description.media, initiator, responder: responder ?? to };
            const call = new Call(this.#link, { ...particulars, role: "callee" });
            this.#calls.set(sid, call);
            this.emit("call", { call });
        }
    }
}

/**
 * @typedef {ReturnType<typeof setTimeout> | undefined} Timer
 * @typedef {{ to: string | null, asked: Json, promise: Promise<any>, resolve: (value: any) => void,
 *     reject: (error: unknown) => void, isWritten: boolean, timer: Timer }} Waiting
 */

/**
 * @template Value
 * @typedef {{ promise: Promise<Value>, resolve: (value: Value) => void, reject: (error: unknown) => void }} PromiseWithParts
 */

/** @returns {PromiseWithParts<any>} a promise, and what settles it. */
function withParts() {
    /** @type {Partial<PromiseWithParts<any>>} */
    const parts = {};
    parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
    return /** @type {PromiseWithParts<any>} */ (parts);
}

/**
 * Has nobody complain of a rejection that nobody waits for; whoever does gets it all the same.
 *
 * @template Value
 * @param {Promise<Value>} promise
 */
function quiet(promise) {
    promise.catch(() => {});
    return promise;
}

/** @param {unknown} data @returns {Envelope | undefined} */
function parse(data) {
    try {
        const envelope = JSON.parse(String(data));
        return typeof envelope?.jsongle?.action === "string" ? envelope : undefined;
    } catch {
        return undefined;
    }
}

/** @param {string | { sdp?: string }} description */
function textOf(description) {
    return typeof description === "string" ? description : description.sdp;
}

function closed() {
    return new JSONgleError("The client is closed", { reason: "closed" });
}

function now() {
    return new Date().toISOString();
}

/** A random UUID (RFC 9562 section 5.4), also where there is no `crypto.randomUUID`: on pages that came without TLS. */
function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
