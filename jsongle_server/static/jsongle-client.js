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
 *     A text under way. `received` resolves with the time of the server's ack, and rejects with a JSONgleError where it
 *     was refused, or may have been lost. Nobody has to wait for it.
 */

/**
 * @typedef {object} Options
 * @property {string} uid  who the user is.
 * @property {string} [dn]  the name to show.
 * @property {Json} [info]  other properties of the hello, shown to other members.
 * @property {string | (() => string | Promise<string>)} [token]  a signed token; a function is asked for each hello,
 *     and when a token is about to expire.
 * @property {boolean} [resume]  whether the session is to outlive its connections (section 7). Default: true.
 * @property {number} [heartbeat]  milliseconds of silence after which the server is asked for a sign of life; 0 never
 *     asks. Default: 15,000.
 * @property {number} [timeout]  milliseconds to wait for an answer while there is a connection that lives, and for a
 *     sign of life. Default: 10,000.
 * @property {{ first?: number, most?: number }} [backoff]  bounds of the pause before a further attempt, in
 *     milliseconds: the first is up to `first`, each further up to twice as long, none over `most`. Default: 500 and
 *     15,000.
 * @property {number} [maxUnacknowledged]  frames that may be kept: written and not known to be read, or still to be
 *     written. Sending one more fails. Default: 1,024.
 * @property {typeof WebSocket} [WebSocket]  the class to connect with. Default: the global one.
 * @property {() => number} [random]  gives numbers from 0 up to 1, for the pauses. Default: `Math.random`.
 */

/**
 * @typedef {object} ClientEvents
 * @property {{ state: State, attempt: number, retryIn: number, code?: number, reason?: string,
 *     error?: JSONgleError }} state
 *     The state is another, or another attempt to connect is planned (`retryIn` milliseconds from now) or begins (0).
 * @property {{ resumed: boolean }} online  There is a session: the former one, or another. After a loss it comes when
 *     the rooms have been joined again.
 * @property {{ rid: string, kind: "room" | "muc", member: Member }} joined
 * @property {{ rid: string, kind: "room" | "muc", member: Member }} left
 * @property {TextDetail} text
 * @property {{ id: string, from: string, to: string, description: Json, namespace?: string,
 *     envelope: Envelope }} custom
 * @property {{ mid: string, type: Mark, at: string, from: string }} ack
 * @property {{ from: string, namespace?: string, event: string, description: Json }} event
 * @property {{ call: Call }} call  Somebody calls.
 * @property {RequestDetail} request  Somebody else asks something.
 * @property {{ iceServers: IceServer[] }} iceservers
 * @property {{ description: Json }} notice  What an administrator says.
 * @property {{ code?: number, details: string, mid?: string, rid?: string }} error  The server refused something; `rid`
 *     is that of a room that could not be joined again.
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
const [POLICY_VIOLATION, TRY_AGAIN_LATER, SESSION_MOVED, TOKEN_EXPIRED] = [1008, 1013, 4002, 4005];

const [TOKEN_REFUSED, NOT_A_MEMBER] = [401001, 404002];
/** Refusals of a hello that are no mistake of the client's: the server closes the connection, and one tries again. */
const PASSING = new Set([500001, 503001]);

/** The marks that clients give, by their words on the wire, which are those of the JSONgle library. */
const MARKS = new Map(/** @type {[string, Mark][]} */ ([["received", "delivered"], ["read", "read"]]));

/** The kinds of room by the queries that join them. */
const JOINS = new Map(/** @type {[string, "room" | "muc"][]} */ ([["join", "room"], ["muc-join", "muc"]]));

/** Reasons of a `session-retract` that are told apart. */
const RETRACTS = new Set(["answered-elsewhere", "declined", "timeout"]);

/** Calls that may be live at a time; further proposes are not heard. The server allows each session to make 32. */
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
        /** What it is: refused by the server, no answer, the session was lost, too much waits, `close()`. */
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
 * An EventTarget whose events carry their data as `detail`.
 *
 * @template {object} Events
 */
class Emitter extends EventTarget {
    /**
     * Listens to one kind of event, as `addEventListener` does; the listener gets the event's `detail`.
     *
     * @template {keyof Events & string} Type
     * @param {Type} type
     * @param {(detail: Events[Type]) => void} listener
     * @returns {() => void} stops listening.
     */
    on(type, listener) {
        const handle = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
        this.addEventListener(type, handle);
        return () => this.removeEventListener(type, handle);
    }

    /**
     * @protected
     * @template {keyof Events & string} Type
     * @param {Type} type
     * @param {Events[Type]} detail
     */
    emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}

/**
 * One call, as the signaling sees it (section 6 and docs/calls.md). Each of its messages carries its `sid`. Of a call
 * that has ended nothing is sent, and nothing is heard any more. A client makes them: `call(…)`, or its event `call`.
 *
 * @extends {Emitter<CallEvents>}
 */
export class Call extends Emitter {
    #client;
    #parties;

    /**
     * @param {JSONgleClient} client
     * @param {{ sid: string, to: string, from: string, role: "caller" | "callee", media: any }} particulars
     * @param {{ initiator?: string, responder: string }} parties  as the propose has them.
     */
    constructor(client, { sid, to, from, role, media }, parties) {
        super();
        this.#client = client;
        this.#parties = parties;
        /** Names the call, on the whole server. */
        this.sid = sid;
        /** Where its messages go: a room, a user, a session. */
        this.to = to;
        /** Who proposed it; empty where that was this client, before it had a session. */
        this.from = from;
        this.role = role;
        /** What the propose asks for, such as `["audio", "video"]`. */
        this.media = media;
        /** @type {"proposed" | "ringing" | "proceeding" | "active" | "ended"} */
        this.state = "proposed";
        /** @type {EndReason | undefined} Why it ended. */
        this.reason = undefined;
    }

    /** Tells the caller that the user hears it. Without this, the server does not tell when the ringing is over. */
    ring() {
        if (this.role === "callee" && this.state === "proposed") {
            this.state = "ringing";
            this.info("ringing", { rang: now() });
        }
    }

    /** Takes the call; the user's other devices stop ringing. */
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

    /** Hangs up, with whichever word fits: retract or decline as long as nobody has taken the call. */
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

    /** @param {object | null} candidate  an RTCIceCandidate; `null` says that there are no more. */
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
     * Takes a message of this call from the client.
     *
     * @internal
     * @param {Envelope} envelope
     */
    take({ from, jsongle: { action, reason, description = {} } }) {
        const { offer, answer, candidate } = description;
        if (action === "session-info") {
            this.#takeInfo(from, reason, description);
        } else if (action === "session-proceed" && this.role === "caller" && this.#isPending) {
            this.state = "proceeding";
            this.emit("proceed", { from });
        } else if (action === "session-initiate" && typeof offer?.sdp === "string") {
            this.emit("offer", { sdp: offer.sdp, from });
        } else if (action === "session-accept" && typeof answer?.sdp === "string") {
            this.state = this.#isPending ? "proceeding" : this.state; // an accept alone takes the call as well
            this.emit("answer", { sdp: answer.sdp, from });
        } else if (action === "transport-info" && candidate !== undefined) {
            this.emit("candidate", { candidate, from });
        } else if (action === "session-decline") {
            this.finish("declined");
        } else if (action === "session-retract") {
            this.finish(RETRACTS.has(reason) ? reason : "retracted");
        } else if (action === "session-terminate") {
            this.finish("terminated");
        }
    }

    /**
     * Ends the call without a word to the other party; for the client.
     *
     * @internal
     * @param {EndReason} reason
     */
    finish(reason) {
        if (this.state !== "ended") {
            this.state = "ended";
            this.reason = reason;
            this.emit("end", { reason });
        }
    }

    /** Whether nobody has taken it yet. */
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
    #end(action, outcome, reason) {
        this.#say(action, { ended: now(), ended_reason: outcome }, reason);
        this.finish(outcome);
    }

    /** @param {string} action @param {Json} description @param {string} [reason] */
    #say(action, description, reason = "") {
        if (this.state !== "ended") {
            const jsongle = { action, sid: this.sid, ...this.#parties, reason, description };
            this.#client.send(this.to, jsongle, { namespace: "call" });
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
    #options;
    #bounds;

    /** @type {WebSocket | undefined} The connection that counts. */
    #socket;
    /** @type {Set<WebSocket>} Connections that were given up and may still be open, see `#giveUp`. */
    #forsaken = new Set();
    /** Whether one of them may still bring the server a hello of ours. */
    #hasStray = false;
    /** @type {Envelope | undefined} The server's hello over this connection. */
    #greeting;
    #helloId = "";
    /** @type {unknown} The token that was presented last. */
    #presented;
    /** @type {JSONgleError | undefined} Why the last hello was refused. */
    #refusal;

    /** @type {Frame[]} Frames that were not written yet, and before them those not known to be read, in their order. */
    #outbox = [];
    /** How many frames of this session the server is known to have read: those before the first in the outbox. */
    #read = 0;
    /** The number of the last envelope that was seen. */
    #seq = 0;
    /** @type {string | undefined} What to resume with. */
    #resumeToken;
    /** How many sessions there were so far. */
    #sessions = 0;
    /** The id of the last ping of our own that is not answered. */
    #pingId = "";
    /** @type {Map<string, Waiting>} Who waits for an answer, by the id of the frame that asked. */
    #waiting = new Map();
    /** @type {Set<string>} Those of them whose answer is late. */
    #doubted = new Set();
    /** @type {Map<string, Call>} */
    #calls = new Map();

    /** Attempts to connect since the connection was last good for a while. */
    #attempt = 0;
    #onlineSince = Infinity;
    /** @type {Timer} The pause before the next attempt, while there is one. */
    #retryTimer;
    /** @type {Timer} */
    #helloTimer;
    /** @type {Timer} */
    #beatTimer;
    /** @type {Timer} The time that the server has to show whether it read what it has not answered. */
    #doubtTimer;
    /** @type {Promise<void> | undefined} */
    #connected;

    /**
     * @param {string} url  where the server's WebSocket is, such as `wss://signaling.example.org`.
     * @param {Options} options
     */
    constructor(url, options) {
        super();
        const { uid, dn, info, heartbeat = 15_000, timeout = 10_000, maxUnacknowledged = 1024, backoff } = options;
        this.#url = url;
        this.#hello = { ...info, uid, dn };
        this.#options = { resume: true, WebSocket: globalThis.WebSocket, random: Math.random, ...options };
        const pauses = { first: 500, most: 15_000, ...backoff };
        this.#bounds = { heartbeat, timeout, most: maxUnacknowledged, backoff: pauses };
        /** @type {State} */
        this.state = "idle";
        /** This session's identity, what others see as `from`. It stays over a resume. */
        this.id = "";
        this.serverId = "";
        this.serverVersion = "";
        /** @type {IceServer[]} What RTCPeerConnection takes under this name. */
        this.iceServers = [];
        /** @type {Map<string, Room>} The rooms that this client is in, by `rid`. */
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
            this.#connected = quiet(this.#await("", null));
            if (this.state === "closed") {
                this.#settle("", closed());
            } else {
                globalThis.addEventListener?.("online", this.#hurry);
                this.#open();
            }
        }
        return this.#connected;
    }

    /** Connects at once, where there is a pause before the next attempt; where there is a session, tests its line. */
    retry() {
        if (this.state === "online") {
            this.#probe();
        } else if (this.#retryTimer !== undefined) {
            this.#open();
        }
    }

    /** Ends the session for good: the server forgets it at once, and whoever waits for an answer is refused. */
    close() {
        this.#finish(closed(), 1000);
    }

    /**
     * Joins a room, or gets the members of one that it is in.
     *
     * @param {string} rid
     * @param {{ dn?: string }} [options]  `dn`: the name to show there.
     * @returns {Promise<Member[]>} who was there already.
     */
    join(rid, { dn } = {}) {
        return this.#ask("join", { rid, dn }, membersOf);
    }

    /**
     * Joins a multi-user room, or gets the members of one that it is in.
     *
     * @param {string} rid
     * @param {{ dn?: string }} [options]  `dn`: the name to show there.
     * @returns {Promise<Member[]>} who was there already.
     */
    joinMuc(rid, { dn } = {}) {
        return this.#ask("muc-join", { rid, dn }, membersOf);
    }

    /** @param {string} rid @returns {Promise<void>} */
    leave(rid) {
        return this.#ask("leave", { rid }, () => undefined);
    }

    /** @param {string} rid @returns {Promise<Member[]>} who else is there. */
    members(rid) {
        return this.#ask("room-members", { rid }, membersOf);
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
     *     else becomes part of the description.
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
     * @param {{ id: string, from: string, namespace?: string }} message  the text, as its event has it.
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
    request(to, query, description = {}, { action } = {}) {
        return this.#ask(query, description, (answer) => answer, { to, action });
    }

    /**
     * Sends any message: at once, or as soon as there is a session to send it in.
     *
     * @param {string} to
     * @param {Jsongle} jsongle
     * @param {{ id?: string, [field: string]: any }} [extra]  other fields of the envelope.
     * @returns {string} the id of the message.
     * @throws {JSONgleError} `maxUnacknowledged` frames are kept already, or the client is closed.
     */
    send(to, jsongle, { id = newId(), ...extra } = {}) {
        this.#post(id, to, jsongle, extra);
        return id;
    }

    /**
     * Calls a user, a session, or whoever is in a room.
     *
     * @param {string} to
     * @param {{ media?: any }} [options]  what the call is to have, by default audio and video.
     * @returns {Call}
     * @throws {JSONgleError} as `send` does.
     */
    call(to, { media = ["audio", "video"] } = {}) {
        const sid = newId();
        const parties = { initiator: this.id || undefined, responder: to }; // left out, it is whoever `from` names
        const description = { initiated: now(), media };
        const jsongle = { action: "session-propose", sid, ...parties, reason: "", description };
        this.send(to, jsongle, { id: sid, namespace: "call" }); // with that id, a refusal names the call
        return this.#keepCall(new Call(this, { sid, to, from: this.id, role: "caller", media }, parties));
    }

    // ---- The connection (section 1)

    #open() {
        clearTimeout(this.#retryTimer);
        this.#retryTimer = undefined;
        this.#setState(this.#sessions > 0 ? "reconnecting" : "connecting");
        if (this.#isClosed) {
            return;
        }
        const { WebSocket } = this.#options;
        let /** @type {WebSocket} */ socket;
        try {
            socket = new WebSocket(this.#url, "jsongle");
        } catch (error) {
            this.#finish(new JSONgleError(`Cannot connect to ${this.#url}: ${/** @type {Error} */ (error).message}`));
            return;
        }
        this.#socket = socket;
        this.#awaitHello();
        socket.onmessage = ({ data }) => {
            if (socket === this.#socket) {
                this.#take(data);
            }
        };
        socket.onclose = ({ code, reason }) => {
            this.#forsaken.delete(socket);
            if (socket === this.#socket) {
                this.#lose(code, reason);
            }
        };
        socket.onerror = () => {}; // the close that follows says more; some implementations throw where nobody listens
    }

    #awaitHello() {
        clearTimeout(this.#helloTimer);
        this.#helloTimer = setTimeout(() => this.#giveUp("the server does not answer"), this.#bounds.timeout);
    }

    /**
     * Gives up a connection that may be dead, and makes another.
     *
     * Once a hello was written the old one is left alone: should its close frame arrive after all, but before the next
     * hello, it would end the very session that is to be resumed. The server closes it when the session has moved.
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
        }
        if (this.#forsaken.size > MAX_FORSAKEN) {
            const [oldest] = this.#forsaken;
            this.#forsaken.delete(oldest);
            oldest.close();
        }
        this.#lose(1006, reason);
    }

    /** @param {number} code @param {string} reason */
    #lose(code, reason) {
        this.#disconnect();
        const canRenew = typeof this.#options.token === "function";
        if (code === SESSION_MOVED && this.#hasStray) {
            this.#hasStray = false; // an early hello of our own came late: nobody else has the session
        } else if (FINAL.has(code) || (code === TOKEN_EXPIRED && !canRenew)) {
            const error = new JSONgleError(FINAL.get(code) ?? "The token has expired", { closeCode: code });
            this.#finish((code === POLICY_VIOLATION && this.#refusal) || error, code, reason);
            return;
        }
        const { first, most } = this.#bounds.backoff;
        if (Date.now() - this.#onlineSince >= most) {
            this.#attempt = 0; // sooner, a connection that is lost again and again would be made again and again
        }
        this.#onlineSince = Infinity;
        const longest = code === TRY_AGAIN_LATER ? most : Math.min(most, first * 2 ** this.#attempt);
        const retryIn = Math.round(this.#options.random() * longest);
        this.#attempt += 1;
        this.#retryTimer = setTimeout(() => this.#open(), retryIn);
        this.#setState(this.#sessions > 0 ? "reconnecting" : "connecting", { retryIn, code, reason });
    }

    /** The browser has a network again: no reason to wait, nor to believe in the connection that there is. */
    #hurry = () => this.retry();

    #disconnect() {
        for (const timer of [this.#retryTimer, this.#helloTimer, this.#beatTimer, this.#doubtTimer]) {
            clearTimeout(timer);
        }
        for (const { timer } of this.#waiting.values()) {
            clearTimeout(timer); // time without a connection does not count
        }
        this.#doubted.clear();
        this.#retryTimer = undefined;
        this.#socket = undefined;
        this.#greeting = undefined;
        this.#helloId = "";
    }

    /** @param {JSONgleError} error @param {number} [code] @param {string} [reason] */
    #finish(error, code, reason = error.message) {
        if (this.#isClosed) {
            return;
        }
        const sockets = [this.#socket, ...this.#forsaken];
        this.#disconnect();
        globalThis.removeEventListener?.("online", this.#hurry);
        for (const socket of sockets) {
            socket?.close(1000);
        }
        this.#forsaken.clear();
        this.#outbox = [];
        for (const [id, { promise }] of [...this.#waiting]) {
            quiet(promise);
            this.#settle(id, error);
        }
        this.#setState("closed", { code, reason, error });
        this.#endCalls();
    }

    get #isClosed() {
        return this.state === "closed";
    }

    /** @param {State} state @param {Partial<ClientEvents["state"]>} [more] */
    #setState(state, more) {
        this.state = state;
        this.emit("state", { state, attempt: this.#attempt, retryIn: 0, ...more });
    }

    /** Something was heard: the connection lives. */
    #listen() {
        clearTimeout(this.#beatTimer);
        if (this.#bounds.heartbeat > 0) {
            this.#beatTimer = setTimeout(() => this.#probe(), this.#bounds.heartbeat);
        }
    }

    /** Asks for a sign of life. */
    #probe() {
        clearTimeout(this.#beatTimer);
        this.#beatTimer = setTimeout(() => this.#giveUp("the server is silent"), this.#bounds.timeout);
        this.#postPing();
    }

    #postPing() {
        this.#pingId = newId();
        const jsongle = { action: "iq-set", query: "ping", transaction: this.#pingId };
        this.#post(this.#pingId, null, jsongle, {}, { isOurs: true });
    }

    // ---- The hello (section 3)

    /** @param {Envelope} envelope  what came before there is a session. */
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

    async #sayHello() {
        const [socket, isFirst] = [this.#socket, this.state !== "online"];
        clearTimeout(this.#helloTimer);
        const token = await this.#askToken();
        if (socket === undefined || socket !== this.#socket) {
            return;
        }
        const isSame = this.#refusal !== undefined && token === this.#presented;
        if (token instanceof Error && isFirst) {
            this.#giveUp(`no token: ${token.message}`);
        } else if (isSame && isFirst) {
            this.#finish(/** @type {JSONgleError} */ (this.#refusal));
        } else if (!isSame && !(token instanceof Error)) { // otherwise the session stays until its token expires
            this.#presented = token;
            this.#writeHello(socket, token, isFirst);
        }
    }

    /** @param {WebSocket} socket @param {string | undefined} token @param {boolean} isFirst */
    #writeHello(socket, token, isFirst) {
        const { from: to, jsongle: { transaction } } = /** @type {Envelope} */ (this.#greeting);
        const back = this.#resumeToken === undefined || { token: this.#resumeToken, seq: this.#seq };
        const description = { ...this.#hello, token, resume: isFirst && this.#options.resume ? back : undefined };
        const jsongle = { action: "iq-result", query: "session-hello", transaction, description };
        this.#helloId = newId();
        if (isFirst) {
            this.#awaitHello();
        }
        socket.send(encode({ id: this.#helloId, to, jsongle }));
    }

    /** @returns {Promise<string | undefined | Error>} */
    async #askToken() {
        const { token } = this.#options;
        try {
            return typeof token === "function" ? await token() : token;
        } catch (error) {
            return error instanceof Error ? error : new Error(String(error));
        }
    }

    /** @param {Json} description */
    #takeRefusal({ errorCode: code, errorDetails: details }) {
        if (PASSING.has(code)) {
            return;
        }
        this.#refusal = new JSONgleError(`The server refuses the hello: ${details}`, { code, details });
        if (code === TOKEN_REFUSED && typeof this.#options.token === "function") {
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
        clearTimeout(this.#helloTimer);
        const isAnother = this.#sessions > 0 && !resumed;
        this.#onlineSince = Date.now();
        this.id = id ?? this.#greeting?.to;
        this.#resumeToken = resume?.token;
        this.iceServers = iceServers ?? this.iceServers;
        this.#outbox.splice(0, resumed ? received - this.#read : 0);
        this.#read = received;
        this.#seq = resumed ? this.#seq : 0;
        this.#sessions += resumed ? 0 : 1;
        const joined = isAnother ? this.#beginAnew() : undefined;
        this.state = "online";
        for (const [key, waiting] of this.#waiting) {
            if (waiting.isWritten) {
                this.#awaitAnswer(key, waiting);
            }
        }
        for (const frame of [...this.#outbox]) {
            this.#write(frame);
        }
        this.#listen();
        this.#settle("", undefined);
        this.#setState("online");
        this.#takeIceServers({ iceServers });
        if (isAnother) {
            this.#endCalls();
        }
        const session = this.#sessions;
        const tell = () => this.#isIn(session) && this.emit("online", { resumed });
        joined === undefined ? tell() : joined.then(tell);
    }

    /** @param {number} session @returns {boolean} whether that session is the one that there is. */
    #isIn(session) {
        return session === this.#sessions && !this.#isClosed;
    }

    /**
     * Begins another session after one that was lost: what the server may or may not have read is given up; what it
     * cannot have read is sent once the rooms are joined again, but for the messages of calls, which are over.
     *
     * @returns {Promise<unknown>} the rooms were joined, or could not be.
     */
    #beginAnew() {
        const session = this.#sessions;
        const later = this.#outbox.filter(({ sid, isWritten }) => !isWritten && sid === undefined);
        for (const [id, { isWritten }] of [...this.#waiting]) {
            if (isWritten) {
                this.#settle(id, new JSONgleError("The session was lost before the answer came", { reason: "lost" }));
            }
        }
        this.#outbox = [];
        this.#pingId = "";
        const joins = [...this.rooms.values()].map(({ rid, kind, dn }) =>
            this.#ask(kind === "muc" ? "muc-join" : "join", { rid, dn }, membersOf, { isOurs: true }).catch((error) => {
                if (this.#isIn(session)) {
                    this.rooms.delete(rid);
                    this.emit("error", { code: error.code, details: error.details ?? error.message, rid });
                }
            }),
        );
        this.#outbox.push(...later);
        return Promise.all(joins);
    }

    // ---- Sending

    /**
     * @param {string} id
     * @param {string | null} to  `null` is the server, whatever it is called by then.
     * @param {Jsongle} jsongle
     * @param {Json} extra
     * @param {{ isOurs?: boolean }} [options]  `isOurs`: the client's own, of which there are few: no bound.
     */
    #post(id, to, jsongle, { to: _to, from: _from, ...extra }, { isOurs = false } = {}) {
        if (this.#isClosed) {
            throw closed();
        }
        if (this.#outbox.length >= this.#bounds.most && !isOurs) {
            throw new JSONgleError(`${this.#outbox.length} messages wait already`, { reason: "full" });
        }
        const rest = encode({ ...extra, jsongle }).slice(1);
        const frame = { id, to, rest, sid: jsongle.sid, isWritten: false };
        this.#outbox.push(frame);
        if (this.state === "online") {
            this.#write(frame);
            if (this.#outbox.length * 2 >= this.#bounds.most && this.#pingId === "") {
                this.#postPing(); // its answer shows that all before it was read
            }
        }
    }

    /** @param {Frame} frame */
    #write(frame) {
        const { id, to, rest } = frame;
        frame.isWritten = true;
        if (this.#resumeToken === undefined) {
            this.#outbox.shift(); // that is this one: it cannot be written again
        }
        this.#socket?.send(`{"id":${encode(id)},"to":${encode(to ?? this.serverId)},${rest}`);
        const waiting = this.#waiting.get(id);
        if (waiting !== undefined) {
            this.#awaitAnswer(id, waiting);
        }
    }

    /**
     * The server has answered a frame. It reads them in order, so it has read all before it, too.
     *
     * @param {unknown} id  of the frame.
     */
    #proveRead(id) {
        const count = 1 + this.#outbox.findIndex((frame) => frame.id === id && frame.isWritten);
        this.#outbox.splice(0, count);
        this.#read += count;
        if (id === this.#pingId) {
            this.#pingId = "";
            this.#settleDoubted();
        }
    }

    /** @param {string} to @param {Jsongle} jsongle @returns {Sent} */
    #sendAcked(to, jsongle) {
        const id = newId();
        return { id, received: quiet(this.#postAndAwait(id, to, jsongle, null)) };
    }

    /**
     * @template Answer
     * @param {string} query
     * @param {Json} description
     * @param {(description: Json) => Answer} pick  takes the answer from the description of the result.
     * @param {{ to?: string | null, action?: string, isOurs?: boolean }} [options]  `to`: by default the server.
     * @returns {Promise<Answer>}
     */
    #ask(query, description, pick, { to = null, action = "iq-set", isOurs } = {}) {
        const id = newId();
        const jsongle = { action, query, transaction: id, description };
        return this.#postAndAwait(id, to, jsongle, { to, description, pick }, { isOurs });
    }

    /**
     * @param {string} id
     * @param {string | null} to
     * @param {Jsongle} jsongle
     * @param {Asked | null} asked
     * @param {{ isOurs?: boolean }} [options]
     * @returns {Promise<any>}
     */
    #postAndAwait(id, to, jsongle, asked, options) {
        const promise = this.#await(id, asked);
        try {
            this.#post(id, to, jsongle, {}, options);
        } catch (error) {
            this.#settle(id, error);
        }
        return promise;
    }

    /** @param {string} id @param {Asked | null} asked @returns {Promise<any>} */
    #await(id, asked) {
        /** @type {Partial<Waiting>} */
        const waiting = { asked, isWritten: false };
        waiting.promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
        this.#waiting.set(id, /** @type {Waiting} */ (waiting));
        return waiting.promise;
    }

    /** @param {string} id @param {Waiting} waiting */
    #awaitAnswer(id, waiting) {
        waiting.isWritten = true;
        clearTimeout(waiting.timer);
        waiting.timer = setTimeout(() => this.#doubt(id), this.#bounds.timeout);
    }

    /**
     * An answer is late. The server reads in order: if it answers a ping first, it has none. If it does not answer that
     * either, nothing that is said gets through, whatever else is heard: what was asked is asked again over another
     * line.
     *
     * @param {string} id  of the frame that asked.
     */
    #doubt(id) {
        const isFirst = this.#doubted.size === 0;
        this.#doubted.add(id);
        if (this.#bounds.heartbeat === 0) {
            this.#settleDoubted();
        } else if (isFirst) {
            this.#probe();
            this.#doubtTimer = setTimeout(() => this.#giveUp("the server does not answer"), this.#bounds.timeout);
        }
    }

    #settleDoubted() {
        clearTimeout(this.#doubtTimer);
        for (const id of this.#doubted) {
            this.#settle(id, new JSONgleError("There was no answer in time", { reason: "timeout" }));
        }
        this.#doubted.clear();
    }

    /** @param {string} id @param {unknown} outcome  an error, or what is waited for. */
    #settle(id, outcome) {
        const waiting = this.#waiting.get(id);
        if (waiting !== undefined) {
            this.#waiting.delete(id);
            clearTimeout(waiting.timer);
            outcome instanceof Error ? waiting.reject(outcome) : waiting.resolve(outcome);
        }
    }

    // ---- Receiving

    /** @param {unknown} data */
    #take(data) {
        const envelope = parse(data);
        if (envelope === undefined) {
            return;
        }
        if (this.state !== "online") {
            this.#shakeHands(envelope);
            return;
        }
        this.#listen();
        if (envelope.seq !== undefined) {
            if (envelope.seq <= this.#seq) {
                return; // it was seen before the connection was lost
            }
            this.#seq = envelope.seq;
        }
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
        switch (action) {
            case "session-text":
                this.emit("text", { id, from, to, content: description.content, description, namespace, envelope });
                break;
            case "session-custom":
                this.emit("custom", { id, from, to, description, namespace, envelope });
                break;
            case "session-event":
                this.#takeEvent(from, jsongle, description);
                break;
            case "iq-result":
            case "iq-error":
                this.#takeAnswer(from, jsongle, description);
                break;
            case "iq-get":
            case "iq-set":
                this.#takeRequest(from, jsongle, description);
                break;
            case "session-error":
                this.#takeError(description);
                break;
            case "ack": // of a hello with a fresh token
                this.#refusal = jsongle.status === "success" ? undefined : this.#refusal;
                this.#takeIceServers(description);
                break;
            default:
                this.#takeCall(envelope);
        }
    }

    /** @param {string} event @param {Json} description  of what the server tells of. */
    #takeNews(event, description) {
        const { rid, member, mid, acknowledged, reason } = description;
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
        } else if (event === "token-expiring") {
            this.#sayHello();
        } else if (event === "ice-servers") {
            this.#takeIceServers(description);
        } else if (event === "server-message") {
            if (reason === "room-emptied") {
                this.rooms.delete(rid);
            }
            this.emit("notice", { description });
        }
    }

    /** @param {string} from @param {Jsongle} jsongle @param {Json} description */
    #takeEvent(from, { namespace, event }, description) {
        const { mid, type, acknowledged } = description;
        const mark = MARKS.get(type);
        if (from === this.serverId) {
            this.#takeNews(event, description);
        } else if (event === "ack" && mark !== undefined) {
            this.emit("ack", { mid, type: mark, at: acknowledged, from });
        } else {
            this.emit("event", { from, namespace, event, description });
        }
    }

    /** @param {string} from @param {Jsongle} jsongle @param {Json} description */
    #takeAnswer(from, { action, query, transaction }, description) {
        const asked = this.#waiting.get(transaction)?.asked;
        const isServer = from === this.serverId;
        const { errorCode: code, errorDetails: details } = description;
        if (isServer) {
            this.#proveRead(transaction);
            this.#takeResult(action, query, description, asked?.description ?? {});
        }
        if (asked && (isServer || (asked.to !== null && asked.to !== this.serverId))) {
            const error = new JSONgleError(`${query} was refused: ${details}`, { code, details });
            this.#settle(transaction, action === "iq-result" ? asked.pick(description) : error);
        }
    }

    /** @param {string} action @param {string} query @param {Json} description @param {Json} asked */
    #takeResult(action, query, description, asked) {
        const { rid, members, errorCode } = description;
        if (action === "iq-error") {
            if (query === "leave" && errorCode === NOT_A_MEMBER) {
                this.rooms.delete(asked.rid);
            }
        } else if (JOINS.has(query) || query === "room-members") {
            this.#setRoom(rid, JOINS.get(query), members, asked.dn);
        } else if (query === "leave") {
            this.rooms.delete(rid);
        } else if (query === "ice-servers") {
            this.#takeIceServers(description);
        }
    }

    /** @param {string} rid @param {"room" | "muc" | undefined} kind @param {Member[]} members @param {string} [dn] */
    #setRoom(rid, kind, members, dn) {
        const there = new Map(members.map((member) => [member.id, member]));
        const room = this.rooms.get(rid);
        if (room !== undefined) {
            const before = room.members;
            room.members = there;
            this.#tellOfMembers("left", room, before, there);
            this.#tellOfMembers("joined", room, there, before);
        } else if (kind !== undefined) {
            this.rooms.set(rid, { rid, kind, dn, members: there });
        }
    }

    /**
     * @param {"joined" | "left"} type
     * @param {Room} room
     * @param {Map<string, Member>} some
     * @param {Map<string, Member>} others  those that there is nothing to tell of.
     */
    #tellOfMembers(type, { rid, kind }, some, others) {
        for (const [id, member] of some) {
            if (!others.has(id)) {
                this.emit(type, { rid, kind, member });
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

    // ---- Calls (section 6)

    /** @param {Envelope} envelope */
    #takeCall(envelope) {
        const { from, to, jsongle } = envelope;
        const { action, sid, initiator = from, responder = to, description = {} } = jsongle;
        const call = this.#calls.get(sid);
        if (call !== undefined) {
            call.take(envelope);
        } else if (action === "session-propose" && typeof sid === "string" && this.#calls.size < MAX_CALLS) {
            const role = /** @type {const} */ ("callee");
            const particulars = { sid, to: from, from, role, media: description.media };
            this.emit("call", { call: this.#keepCall(new Call(this, particulars, { initiator, responder })) });
        }
    }

    /** @param {Call} call */
    #keepCall(call) {
        this.#calls.set(call.sid, call);
        call.on("end", () => this.#calls.delete(call.sid));
        return call;
    }

    #endCalls() {
        for (const call of [...this.#calls.values()]) {
            call.finish("lost");
        }
    }
}

/**
 * @typedef {ReturnType<typeof setTimeout> | undefined} Timer
 * @typedef {{ id: string, to: string | null, rest: string, sid: unknown, isWritten: boolean }} Frame
 *     `rest` is its text from behind `to` on; `sid` that of its call.
 * @typedef {{ to: string | null, description: Json, pick: (description: Json) => any }} Asked
 * @typedef {{ asked: Asked | null, promise: Promise<any>, resolve: (value: any) => void,
 *     reject: (error: unknown) => void, isWritten: boolean, timer: Timer }} Waiting
 */

/**
 * Has nobody complain of a rejection that nobody waits for; whoever does wait gets it all the same.
 *
 * @template Value
 * @param {Promise<Value>} promise
 */
function quiet(promise) {
    promise.catch(() => {});
    return promise;
}

/** @param {unknown} data @returns {Envelope | undefined} `undefined` for what is not JSONgle. */
function parse(data) {
    try {
        const envelope = JSON.parse(String(data));
        return typeof envelope?.jsongle?.action === "string" ? envelope : undefined;
    } catch {
        return undefined;
    }
}

/**
 * A value as JSON. Half a character, as text that was cut may end in, would have the server refuse the whole frame
 * without knowing which it was (section 2); it becomes U+FFFD, as in all that goes through a WebSocket as it is.
 *
 * @param {unknown} value
 */
function encode(value) {
    return JSON.stringify(value).replace(/\\(u[dD]...|.)/g, (escape, what) => (what.length > 1 ? "\ufffd" : escape));
}

/** @param {Json} description @returns {Member[]} */
function membersOf({ members }) {
    return members;
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

/** A random UUID (RFC 9562 section 5.4), also on pages that came without TLS, which have no `crypto.randomUUID`. */
function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
