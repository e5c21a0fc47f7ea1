// Calls, by their sid (protocol section 6).

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeServer, makeClient, online } from "./fake-socket.js";

/** @typedef {import("../../jsongle_server/static/jsongle-client.js").Call} Call */

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

const EVENTS = /** @type {const} */ ([
    "trying", "ringing", "proceed", "offer", "answer", "candidate", "info", "active", "end",
]);

/** @param {Call} call */
function listen(call) {
    /** @type {[string, any][]} */
    const told = [];
    for (const type of EVENTS) {
        call.on(type, (detail) => told.push([type, detail]));
    }
    return told;
}

/**
 * Says something of a call.
 *
 * @param {FakeServer} server @param {string} sid @param {string} action @param {object} [more]
 */
function say(server, sid, action, more = {}) {
    server.say({ action, sid, description: {}, ...more }, { from: "bob" });
}

/** A client that calls. */
async function caller() {
    const { client, server, of } = await online();
    const call = client.call("bob", { media: ["audio"] });
    return { client, server, of, call, told: listen(call) };
}

/** A client that is called. */
async function callee() {
    const { client, server, of } = await online();
    say(server, "s", "session-propose", { initiator: "b", responder: "a", description: { media: "video" } });
    const call = /** @type {Call} */ (of("call")[0].call);
    return { client, server, of, call, told: listen(call) };
}

/** What was sent of calls. @param {FakeServer} server */
const sent = (server) => server.frames.filter(({ jsongle }) => jsongle.sid !== undefined);

test("call() proposes, with a sid of its own in all that follows", async () => {
    const { server, call } = await caller();
    call.offer("v=0");
    const [propose, initiate] = sent(server);
    assert.deepEqual([propose.to, propose.namespace], ["bob", "call"]);
    const { description, ...jsongle } = propose.jsongle;
    const parties = { initiator: "session-1", responder: "bob" };
    assert.deepEqual(jsongle, { action: "session-propose", sid: call.sid, ...parties, reason: "" });
    assert.deepEqual(description.media, ["audio"]);
    assert.deepEqual([initiate.jsongle.sid, initiate.jsongle.responder], [call.sid, "bob"]);
    assert.match(call.sid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual([call.role, call.from, call.to], ["caller", "session-1", "bob"]);
});

test("a call that is taken goes from proposed to active", async () => {
    const { server, call, told } = await caller();
    const states = [call.state];
    for (const [action, more] of /** @type {[string, object][]} */ ([
        ["session-info", { reason: "trying" }],
        ["session-info", { reason: "ringing" }],
        ["session-proceed", {}],
        ["session-accept", { description: { answer: { type: "answer", sdp: "v=1" } } }],
        ["transport-info", { description: { candidate: { candidate: "c" } } }],
        ["session-info", { reason: "active" }],
    ])) {
        say(server, call.sid, action, more);
        states.push(call.state);
    }
    assert.deepEqual(states, ["proposed", "proposed", "ringing", "proceeding", "proceeding", "proceeding", "active"]);
    const from = "bob";
    assert.deepEqual(told, [
        ["trying", {}], ["ringing", { from }], ["proceed", { from }], ["answer", { sdp: "v=1", from }],
        ["candidate", { candidate: { candidate: "c" }, from }], ["active", { from }],
    ]);
});

test("a proceed that is repeated is told once", async () => {
    const { server, call, told } = await caller();
    say(server, call.sid, "session-proceed");
    say(server, call.sid, "session-proceed");
    assert.deepEqual(told.map(([type]) => type), ["proceed"]);
});

test("an accept without a proceed takes the call", async () => {
    const { server, call } = await caller();
    say(server, call.sid, "session-accept", { description: { answer: { sdp: "v=0" } } });
    assert.equal(call.state, "proceeding");
});

test("descriptions and candidates are written as the JSONgle library has them", async () => {
    const { server, call } = await caller();
    call.offer({ sdp: "o" });
    call.answer("a");
    call.candidate({ toJSON: () => ({ candidate: "c" }) });
    call.candidate(null);
    call.info("mute");
    call.active();
    const said = sent(server).slice(1).map(({ jsongle }) => [jsongle.action, jsongle.reason, jsongle.description]);
    const at = new Date().toISOString();
    assert.deepEqual(said, [
        ["session-initiate", "", { offering: at, offer: { type: "offer", sdp: "o" } }],
        ["session-accept", "", { offered: at, answer: { type: "answer", sdp: "a" } }],
        ["transport-info", "", { establishing: at, candidate: { candidate: "c" } }],
        ["transport-info", "", { establishing: at, candidate: null }],
        ["session-info", "mute", {}],
        ["session-info", "active", { actived: at }],
    ]);
});

test("somebody calls: who, what for, and whom to answer", async () => {
    const { server, call } = await callee();
    assert.deepEqual([call.sid, call.role, call.from, call.to, call.media], ["s", "callee", "bob", "bob", "video"]);
    call.ring();
    call.ring();
    call.proceed();
    call.proceed();
    const said = sent(server).map(({ to, jsongle }) => [to, jsongle.action, jsongle.reason, jsongle.initiator]);
    assert.deepEqual(said, [["bob", "session-info", "ringing", "b"], ["bob", "session-proceed", "", "b"]]);
    assert.equal(call.state, "proceeding");
});

test("a proceed of the caller's own changes nothing for the called", async () => {
    const { server, call, told } = await callee();
    say(server, "s", "session-proceed");
    assert.deepEqual([call.state, told], ["proposed", []]);
});

test("a caller cannot ring or proceed its own call", async () => {
    const { server, call } = await caller();
    call.ring();
    call.proceed();
    assert.equal(sent(server).length, 1);
});

test("a second propose with the sid of a live call is no second call", async () => {
    const { server, of } = await callee();
    say(server, "s", "session-propose");
    assert.equal(of("call").length, 1);
});

for (const [action, reason, outcome] of [
    ["session-decline", "", "declined"],
    ["session-retract", "", "retracted"],
    ["session-retract", "answered-elsewhere", "answered-elsewhere"],
    ["session-retract", "timeout", "timeout"],
    ["session-retract", "declined", "declined"],
    ["session-terminate", "success", "terminated"],
    ["session-info", "unreachable", "unreachable"],
]) {
    test(`${action} ${reason} ends a call as ${outcome}, once`, async () => {
        const { server, call, told } = await caller();
        say(server, call.sid, action, { reason });
        say(server, call.sid, action, { reason });
        assert.deepEqual(told, [["end", { reason: outcome }]]);
        assert.deepEqual([call.state, call.reason], ["ended", outcome]);
    });
}

for (const [role, taken, action, outcome] of /** @type {[string, boolean, string, string][]} */ ([
    ["caller", false, "session-retract", "retracted"],
    ["callee", false, "session-decline", "declined"],
    ["caller", true, "session-terminate", "terminated"],
    ["callee", true, "session-terminate", "terminated"],
])) {
    test(`end() of the ${role} is ${action} ${taken ? "once" : "before"} the call is taken`, async () => {
        const { server, call, told } = role === "caller" ? await caller() : await callee();
        if (taken) {
            role === "caller" ? say(server, call.sid, "session-proceed") : call.proceed();
        }
        call.end();
        const { jsongle } = sent(server)[sent(server).length - 1];
        assert.deepEqual([jsongle.action, jsongle.sid], [action, call.sid]);
        assert.equal(jsongle.reason, taken ? "success" : "");
        assert.deepEqual(told.at(-1), ["end", { reason: outcome }]);
    });
}

test("of a call that has ended nothing is sent or told, and its sid is forgotten", async () => {
    const { server, of, call, told } = await callee();
    call.decline();
    const count = sent(server).length;
    for (const say of ["ring", "proceed", "decline", "retract", "end", "active"]) {
        /** @type {any} */ (call)[say]();
    }
    call.offer("v=0");
    call.candidate(null);
    say(server, "s", "transport-info", { description: { candidate: {} } });
    assert.deepEqual([sent(server).length, told.length, of("error").length], [count, 1, 0]);
    say(server, "s", "session-propose");
    assert.equal(of("call").length, 2);
});

test("what comes of a sid that nobody knows is left aside", async () => {
    const { server, told } = await online();
    const count = told.length;
    const session = ["info", "proceed", "initiate", "terminate"].map((word) => `session-${word}`);
    for (const action of [...session, "transport-info"]) {
        say(server, "unknown", action);
        server.say({ action, description: {} }, { from: "bob" });
    }
    server.say({ action: "session-propose", description: {} }, { from: "bob" });
    assert.equal(told.length, count);
});

test("descriptions that are none are left aside", async () => {
    const { server, call, told } = await callee();
    for (const action of ["session-initiate", "session-accept", "transport-info"]) {
        say(server, "s", action, { description: { offer: 1, answer: null } });
    }
    assert.deepEqual([told, call.state], [[], "proposed"]);
});

test("a propose that is refused ends the call", async () => {
    const { server, call, of, told } = await caller();
    const description = { errorCode: 429001, errorDetails: "too many", mid: sent(server)[0].id };
    server.say({ action: "session-error", description });
    assert.deepEqual(told, [["end", { reason: "refused" }]]);
    assert.deepEqual(of("error").map(({ code }) => code), [429001]);
    assert.equal(call.state, "ended");
});

test("a refused message of another kind ends no call", async () => {
    const { server, call, told } = await caller();
    const description = { errorCode: 403006, errorDetails: "no", mid: "some other" };
    server.say({ action: "session-error", description });
    assert.deepEqual([told, call.state], [[], "proposed"]);
});

test("proposes are heard up to so many live calls", async () => {
    const { server, of } = await online();
    for (let number = 0; number < 70; number += 1) {
        say(server, `s${number}`, "session-propose");
    }
    assert.equal(of("call").length, 64);
    of("call")[0].call.decline();
    say(server, "late", "session-propose");
    assert.equal(of("call").at(-1).call.sid, "late");
});

test("the called gets offers, and whatever else is said of the call", async () => {
    const { server, told } = await callee();
    say(server, "s", "session-initiate", { description: { offer: { type: "offer", sdp: "v=0" } } });
    say(server, "s", "session-info", { reason: "mute", description: { media: "audio" } });
    const from = "bob";
    const info = { reason: "mute", description: { media: "audio" }, from };
    assert.deepEqual(told, [["offer", { sdp: "v=0", from }], ["info", info]]);
});

test("a call that is made before there is a session names no initiator: the other goes by the sender", async () => {
    const server = new FakeServer();
    const { client } = makeClient();
    const call = client.call("bob");
    client.connect();
    await server.greet();
    call.offer("v=0");
    assert.deepEqual(sent(server).map(({ jsongle }) => jsongle.action), ["session-propose", "session-initiate"]);
    assert.deepEqual(sent(server).filter(({ jsongle }) => "initiator" in jsongle), []);
});

test("a device that rings when another has taken the call is told of, and does not have it ring again", async () => {
    const { server, call, told } = await caller();
    say(server, call.sid, "session-proceed");
    say(server, call.sid, "session-info", { reason: "ringing" });
    assert.deepEqual(told.map(([type]) => type), ["proceed", "ringing"]);
    assert.equal(call.state, "proceeding");
});
