// Texts, tokens, and what the server is asked for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Api, ApiError } from "../../jsongle_server/static/dashboard/api.js";
import { brief, bytes, compact, count, duration, latency, rate } from "../../jsongle_server/static/dashboard/format.js";
import { wordsOf } from "../../jsongle_server/static/dashboard/status.js";
import { TokenKeeper } from "../../jsongle_server/static/dashboard/token.js";

test("numbers are as short as they may be", () => {
    assert.deepEqual([0, 2345, 1e6].map(count), ["0", "2,345", "1,000,000"]);
    assert.deepEqual([0, 0.5, 9999, 12_345, 2e6].map(compact), ["0", "0.5", "9,999", "12.3K", "2M"]);
    assert.deepEqual([0, 0.04, 3.14, 99.96, 142.7, 12_345].map(rate), ["0", "0", "3.1", "100", "143", "12.3K"]);
});

test("bytes and times have the unit that suits them", () => {
    assert.deepEqual([0, 1023, 1024, 96e6].map(bytes), ["0 B", "1,020 B", "1 KiB", "91.6 MiB"]);
    assert.deepEqual([0, 0.00042, 0.0012, 3.4].map(latency), ["0", "420 µs", "1.2 ms", "3.4 s"]);
    const spans = [-5, 0, 59, 60, 150, 3600, 7500, 86_400, 273_600].map(duration);
    assert.deepEqual(spans, ["0 s", "0 s", "59 s", "1 min", "2 min", "1 h", "2 h 5 min", "1 d", "3 d 4 h"]);
});

test("of an identity its beginning is shown, of other names all", () => {
    assert.equal(brief("8e784de9-1234-4abc-8def-0123456789ab"), "8e784de9…");
    assert.equal(brief("kitchen"), "kitchen");
});

test("the state is told in words", () => {
    const states = /** @type {import("../../jsongle_server/static/dashboard/stream.js").StreamState[]} */ ([
        { name: "connecting" },
        { name: "live" },
        { name: "waiting" },
        { name: "waiting", ended: true },
        { name: "closed" },
    ]);
    assert.deepEqual(states.map(wordsOf), ["connecting", "live", "reconnecting", "server stopped", "signed out"]);
});

/** A shelf like the one of a tab. */
function shelf() {
    /** @type {Map<string, string>} */
    const kept = new Map();
    return {
        kept,
        getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value),
        removeItem: (/** @type {string} */ key) => void kept.delete(key),
    };
}

test("a token is kept once the server has taken it, and then survives a reload", () => {
    const tab = shelf();
    const keeper = new TokenKeeper(tab);
    assert.equal(keeper.offer("  0123456789abcdef\n"), true);
    assert.deepEqual([keeper.token, tab.kept.size], ["0123456789abcdef", 0]);
    keeper.keep();
    assert.equal(new TokenKeeper(tab).token, "0123456789abcdef");
});

test("a forgotten token is nowhere any more", () => {
    const tab = shelf();
    const keeper = new TokenKeeper(tab);
    keeper.offer("0123456789abcdef");
    keeper.keep();
    keeper.forget();
    assert.deepEqual([keeper.token, tab.kept.size], ["", 0]);
});

test("what cannot be a token is not taken, and the one before stays", () => {
    const keeper = new TokenKeeper(null);
    keeper.offer("0123456789abcdef");
    for (const text of ["", "short", "0123456789 abcdef", "0123456789abcdéf"]) {
        assert.equal(keeper.offer(text), false, text);
    }
    keeper.keep();
    assert.equal(keeper.token, "0123456789abcdef");
});

/** @param {() => Promise<Response>} answer */
function apiOf(answer) {
    /** @type {[string, RequestInit][]} */
    const asked = [];
    const api = new Api(
        () => "secret",
        async (address, init = {}) => {
            asked.push([String(address), init]);
            return answer();
        },
    );
    return { api, asked };
}

test("rooms of any name are named to the server as they are", async () => {
    const { api, asked } = apiOf(async () => Response.json({ count: 2 }));
    for (const rid of ["a/b", "..", "?x", "#", "+", "%2F", "&rid=x", "ü🍋"]) {
        assert.equal(await api.emptyRoom(rid), 2);
        const url = new URL(/** @type {string} */ (asked.at(-1)?.[0]), "http://localhost/");
        assert.deepEqual([url.pathname, url.searchParams.get("rid"), [...url.searchParams].length], ["/rooms", rid, 1]);
    }
});

test("each request has the token in a header, and nowhere else", async () => {
    const { api, asked } = apiOf(async () => Response.json({}));
    await api.endSession("a/b");
    await api.setLevel("debug");
    assert.deepEqual(
        asked.map(([address, { method, body }]) => [method, address, body]),
        [["DELETE", "sessions/a%2Fb", undefined], ["PUT", "logs/levels", '{"level":"debug"}']],
    );
    assert.ok(asked.every(([, { headers }]) => new Headers(headers).get("Authorization") === "Bearer secret"));
});

test("what goes wrong is said in the server's words, or in plain ones", async () => {
    const refused = apiOf(async () => Response.json({ errorMsg: "There is no such room" }, { status: 404 }));
    await assert.rejects(refused.api.emptyRoom("x"), new ApiError("There is no such room", 404));
    const odd = apiOf(async () => new Response("<p>", { status: 502 }));
    await assert.rejects(odd.api.setLevel("info"), new ApiError("The server answered 502", 502));
    const away = apiOf(() => Promise.reject(new TypeError("Failed to fetch")));
    await assert.rejects(away.api.endSession("x"), new ApiError("The server cannot be reached", 0));
});
