// The demo's modules that are nothing but functions: rooms and links, and what the page says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { callWords, connectedLabel, mutedWords } from "../../jsongle_server/static/demo/call-words.js";
import { connectionKind } from "../../jsongle_server/static/demo/connection-kind.js";
import { deviceProblem, partProblem } from "../../jsongle_server/static/demo/device-problems.js";
import {
    LONGEST_ROOM, linkTo, randomRoom, roomFromHash, roomProblem,
} from "../../jsongle_server/static/demo/room-link.js";
import {
    addressProblem, asksForToken, lostWords, refusal, unreachable,
} from "../../jsongle_server/static/demo/server-words.js";
import { credentials, userId } from "../../jsongle_server/static/demo/user-id.js";

const PAGE = { origin: "https://a.example", pathname: "/demo" };

test("a random room is two words and a number, at both ends of the dice too", () => {
    for (const dice of [() => 0, () => 1 - 2 ** -53, Math.random]) {
        assert.match(randomRoom(dice), /^[a-z]+-[a-z]+-[1-9]\d\d$/);
    }
});

test("a link leads to the room that it was made for", () => {
    for (const room of ["calm-otter-42", "a b/c?d#e", "100%", "Küche", "%20", "<b>"]) {
        const { hash, origin, pathname } = new URL(linkTo(room, PAGE));
        assert.equal(roomFromHash(hash), room);
        assert.deepEqual({ origin, pathname }, PAGE);
    }
});

test("a hash that somebody has typed is taken as it is", () => {
    assert.equal(roomFromHash("#100%"), "100%");
    assert.equal(roomFromHash(""), "");
    assert.equal(roomFromHash("#  tea "), "tea");
});

test("a room has a name that the server takes", () => {
    assert.match(roomProblem(""), /needs a name/);
    assert.match(roomProblem("x".repeat(LONGEST_ROOM + 1)), /256/);
    assert.equal(roomProblem("x".repeat(LONGEST_ROOM)), "");
});

test("every state of a call has words, and every way in which it ends", () => {
    const states = /** @type {const} */ ([
        "waiting", "arriving", "calling", "ringing", "incoming", "connecting", "connected", "disconnected", "failed",
    ]);
    for (const state of states) {
        const { label, headline } = callWords(state, "Ann", "");
        assert.ok(label !== "" && headline !== "", state);
    }
    const endings = [
        "hung-up", "terminated", "declined", "retracted", "answered-elsewhere", "timeout", "unreachable", "lost",
        "refused",
    ];
    const said = new Set(endings.map((reason) => callWords("ended", "Ann", reason).headline));
    assert.equal(said.size, endings.length);
    assert.equal(callWords("ended", "Ann", "?").headline, "The call has ended.");
    assert.match(callWords("waiting", "", "left").headline, /has left/);
    // Told to who was called (protocol section 6).
    assert.match(callWords("ended", "Ann", "timeout").headline, /^You did not .* Ann/);
});

test("a call that stands says which way the media take", () => {
    assert.equal(connectedLabel("direct"), "Connected · direct");
    assert.equal(connectedLabel("relayed"), "Connected · relayed by a TURN server");
    assert.equal(connectedLabel("unknown"), "Connected");
});

test("what the other side has turned off is named", () => {
    assert.equal(mutedWords("Ann", { audio: false, video: false }), "");
    assert.equal(mutedWords("Ann", { audio: true, video: false }), "Ann has turned off the microphone");
    assert.equal(mutedWords("Ann", { audio: true, video: true }), "Ann has turned off the microphone and camera");
});

test("the way of the media is read from the statistics, with a transport or without", async () => {
    const stats = (/** @type {Record<string, any>} */ values) => {
        return { getStats: async () => new Map(Object.entries(values)) };
    };
    const pair = { type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r" };
    const l = { candidateType: "host" };
    const transport = { type: "transport", selectedCandidatePairId: "p" };
    assert.equal(await connectionKind(stats({ transport, p: pair, l, r: { candidateType: "srflx" } })), "direct");
    assert.equal(await connectionKind(stats({ transport, p: pair, l, r: { candidateType: "relay" } })), "relayed");
    assert.equal(await connectionKind(stats({ q: pair, p: { ...pair, selected: true }, l, r: l })), "direct");
    const nominated = { ...pair, nominated: true, state: "succeeded" };
    assert.equal(await connectionKind(stats({ p: nominated, l, r: l })), "direct");
    assert.equal(await connectionKind(stats({ transport: { type: "transport" } })), "unknown");
});

test("what keeps a page from the camera is said in sentences that offer something else", () => {
    const names = ["NotAllowedError", "SecurityError", "NotFoundError", "NotReadableError", "AbortError"];
    for (const name of names) {
        assert.match(deviceProblem({ name, message: "x" }), /test picture/);
    }
    assert.match(deviceProblem({ name: "Odd", message: "it burns" }), /it burns/);
    assert.match(partProblem("video", { name: "NotFoundError" }), /^No camera was found/);
    assert.match(partProblem("audio", { name: "NotReadableError" }), /^No microphone can be used/);
});

test("an address that cannot work is told before it is tried", () => {
    assert.match(addressProblem("", { protocol: "http:" }), /setting demo/);
    assert.match(addressProblem("ws://a.example:1", { protocol: "https:" }), /wss/);
    for (const url of ["wss://a.example", "ws://localhost:1", "ws://127.0.0.1", "ws://[::1]:8080"]) {
        assert.equal(addressProblem(url, { protocol: "https:" }), "");
    }
    assert.equal(addressProblem("ws://a.example", { protocol: "http:" }), "");
});

test("a server that does not answer is named, with what to check", () => {
    const words = unreachable("ws://a:8080", "http://b");
    for (const part of ["ws://a:8080", "firewall", "corsPolicyOrigin", "http://b"]) {
        assert.ok(words.includes(part), part);
    }
});

test("a refusal says why, as far as is known", () => {
    assert.match(refusal({ code: 401001, message: "x", details: "No token" }), /asks for a token: No token\.$/);
    assert.match(refusal({ code: 401001, message: "x" }), /asks for a token\.$/);
    assert.match(refusal({ code: 403001, message: "x" }), /full/);
    assert.match(refusal({ code: 403005, message: "x" }), /token/);
    assert.match(refusal({ closeCode: 4004, message: "x" }), /administrator/);
    assert.match(refusal({ closeCode: 4002, message: "x" }), /another tab/);
    assert.equal(refusal({ message: "odd" }), "The server refuses: odd");
    assert.deepEqual([asksForToken({ code: 401001 }), asksForToken({})], [true, false]);
    assert.notEqual(lostWords({ isOffline: true }), lostWords({ isOffline: false }));
});

test("who somebody is: whom a signed token is for, else nobody that was there before", () => {
    const claims = Buffer.from(JSON.stringify({ sub: "jürgen?>" })).toString("base64url");
    assert.equal(userId(`x.${claims}.y`), "jürgen?>");
    for (const token of ["", "secret", "a.b", "a.!.c", "a.e30.c"]) {
        assert.match(userId(token), /^demo-[0-9a-f]{16}$/);
    }
    assert.notEqual(userId(""), userId(""));
});

test("a signed token is shown as such, another as that of the application, none not at all", () => {
    assert.deepEqual(credentials("x.eyJzdWIiOiJhbm4ifQ.y"), { uid: "ann", token: "x.eyJzdWIiOiJhbm4ifQ.y" });
    assert.deepEqual(credentials("secret").info, { appToken: "secret" });
    assert.deepEqual(Object.keys(credentials("")), ["uid"]);
});
