/** Puts the dashboard together: the only module that knows all the others. */

import { Api, ApiError } from "./api.js";
import { Charts } from "./charts.js";
import { Confirm } from "./confirm.js";
import { byId, debounce } from "./dom.js";
import { CLOSED, Gate, IMPOSSIBLE, WRONG } from "./gate.js";
import { History } from "./history.js";
import { Notice } from "./notice.js";
import { Server } from "./server.js";
import { Status } from "./status.js";
import { LiveStream } from "./stream.js";
import { nameOf, Tables } from "./tables.js";
import { TokenKeeper, tabShelf } from "./token.js";
import { Tracer } from "./tracer.js";

/** How long to wait for the next key before something is looked for, in ms. */
const TYPING = 300;

/** How often what grows old does so on the page, in ms; also moves the charts on while nothing is heard. */
const AGEING = 5000;

const keeper = new TokenKeeper(tabShelf());
const token = () => keeper.token;
const api = new Api(token);
const history = new History();
const charts = new Charts(byId("charts", HTMLElement), history);
const notice = new Notice();
const confirm = new Confirm();
const find = byId("find", HTMLInputElement);
const stream = new LiveStream({ address: "events", token, onEvent, onState });
const status = new Status(() => stream.hurry());
const tracer = new Tracer(open);
const tables = new Tables({ now: () => history.now, onEnd: askToEnd, onEmpty: askToEmpty });
const server = new Server({ now: () => history.now, onLevel: setLevel });
const gate = new Gate(offer);

/** @type {Record<string, (data: any) => void>} What is done with each event; those of later servers are passed over. */
const EVENTS = {
    server: (data) => server.show(data),
    history: ({ samples, interval }) => {
        history.refill(samples, interval);
        charts.refresh();
    },
    sample: (data) => {
        history.add(data);
        charts.refresh();
    },
    sessions: (data) => tables.showSessions(data),
    rooms: (data) => tables.showRooms(data),
    level: ({ level }) => server.showLevel(level),
    trace: (data) => tracer.add(data),
    missed: ({ trace }) => tracer.miss(trace),
};

/**
 * @param {string} name
 * @param {unknown} data
 */
function onEvent(name, data) {
    EVENTS[name]?.(data);
}

/** @param {import("./stream.js").StreamState} state */
function onState(state) {
    status.show(state);
    if (state.name === "live") {
        keeper.keep();
        gate.open();
    } else if (state.name === "refused") {
        signOut(state.status === 403 ? CLOSED : WRONG);
    } else if (state.name === "waiting" && !gate.isOpen) {
        gate.say(`${state.reason}. Trying again.`);
    }
}

/** Opens the stream with what is looked for now. */
function open() {
    const { isOn, match } = tracer;
    stream.open({ find: find.value.trim(), trace: isOn ? "on" : "", match: isOn ? match : "" });
}

/** @param {string} text that may be a token */
function offer(text) {
    if (keeper.offer(text)) {
        gate.wait();
        open();
    } else {
        gate.say(IMPOSSIBLE);
    }
}

/**
 * Forgets the token, and what it let see.
 *
 * @param {string} [problem]
 */
function signOut(problem) {
    keeper.forget();
    tracer.stop();
    tracer.clear();
    history.clear();
    charts.refresh();
    document.title = "JSONgle dashboard";
    find.value = "";
    tables.showSessions({ sessions: [], count: 0 });
    tables.showRooms({ rooms: [], count: 0 });
    gate.ask(problem);
}

/** @param {import("./tables.js").SessionView} session */
function askToEnd(session) {
    const name = nameOf(session);
    confirm.ask({
        title: "End this session?",
        name,
        text: "Its connection is closed and its rooms are told. A well-behaved client does not come back by itself.",
        action: "End session",
        run: async () => {
            await api.endSession(session.id);
            notice.say(`The session of ${name} has ended.`);
        },
        fallback: byId("sessions-scroller", HTMLElement),
    });
}

/** @param {import("./tables.js").RoomView} room */
function askToEmpty({ rid, memberCount }) {
    confirm.ask({
        title: "Empty this room?",
        name: rid,
        text:
            `Everybody leaves it (${memberCount} now), and calls through it end. They stay connected and may join ` +
            "again.",
        action: "Empty room",
        run: async () => {
            const count = await api.emptyRoom(rid);
            notice.say(`${count} have left the room ${rid}.`);
        },
        fallback: byId("rooms-scroller", HTMLElement),
    });
}

/** @param {string} level */
async function setLevel(level) {
    try {
        await api.setLevel(level);
        notice.say(`The log level is ${level}.`);
    } catch (error) {
        if (!(error instanceof ApiError)) {
            throw error;
        }
        server.showLevel();
        notice.warn(`The log level stays: ${error.message}`);
    }
}

function start() {
    find.addEventListener("input", debounce(open, TYPING));
    byId("forget", HTMLButtonElement).addEventListener("click", () => {
        stream.close();
        signOut();
    });
    document.addEventListener("visibilitychange", () => document.hidden || stream.hurry());
    window.addEventListener("online", () => stream.hurry());
    setInterval(() => {
        tables.age();
        server.age();
        charts.refresh();
    }, AGEING);
    if (token() !== "") {
        gate.open();
        open();
    } else {
        gate.ask();
    }
}

start();
