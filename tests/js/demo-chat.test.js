// The demo's chat: how far texts have come, and who is typing.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Chat, MOST_MESSAGES, whyNotSent } from "../../jsongle_server/static/demo/chat.js";
import { BELIEVE_FOR, TELL_EVERY, TypingTeller, TypingWatch } from "../../jsongle_server/static/demo/typing.js";
import { FakeClient, settled } from "./demo-fakes.js";

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

/** A chat, its client, and what it tells. */
function makeChat() {
    const client = new FakeClient();
    const chat = new Chat(/** @type {any} */ (client), "tea");
    /** @type {any[]} */
    const told = [];
    for (const type of ["message", "changed", "dropped"]) {
        chat.addEventListener(type, (event) => {
            const { message } = /** @type {any} */ (event).detail;
            told.push([type, message.id, message.status]);
        });
    }
    return { client, chat, told };
}

const arrive = (/** @type {FakeClient} */ client, /** @type {string} */ id, /** @type {any} */ content = "hello") =>
    client.emit("text", { id, from: "tea", content, namespace: "message" });

test("a text of ours comes from pending by sent and delivered to read", () => {
    const { client, chat, told } = makeChat();
    chat.send("hello");
    for (const type of ["server", "delivered", "read"]) {
        client.emit("ack", { mid: "text-0", type });
    }
    assert.deepEqual(told, [
        ["message", "text-0", "pending"], ["changed", "text-0", "sent"],
        ["changed", "text-0", "delivered"], ["changed", "text-0", "read"],
    ]);
});

test("marks that come late or are not ours lead nowhere", () => {
    const { client, chat, told } = makeChat();
    chat.send("hello");
    arrive(client, "theirs");
    client.emit("ack", { mid: "text-0", type: "read" });
    told.length = 0;
    for (const [mid, type] of [["text-0", "delivered"], ["text-0", "server"], ["theirs", "read"], ["nobody", "read"]]) {
        client.emit("ack", { mid, type });
    }
    assert.deepEqual(told, []);
});

test("a text that is refused is kept, and says why", async () => {
    const { client, chat, told } = makeChat();
    chat.send("hello");
    client.texts[0].reject({ code: 404003, message: "x" });
    await settled();
    assert.deepEqual(told.at(-1), ["changed", "text-0", "failed"]);
});

test("a text that cannot even be queued is kept as well", async () => {
    const { client, chat, told } = makeChat();
    client.sendText = () => {
        throw Object.assign(new Error("closed"), { reason: "closed" });
    };
    chat.send("hello");
    assert.equal(told[0][2], "pending");
    await settled();
    assert.equal(told.at(-1)[2], "failed");
});

test("reasons are sentences", () => {
    assert.match(whyNotSent({ code: 404003, message: "" }), /nobody else/);
    assert.match(whyNotSent({ code: 429001, message: "" }), /too fast/);
    assert.match(whyNotSent({ reason: "lost", message: "" }), /connection/);
    assert.match(whyNotSent({ message: "no" }), /no/);
});

test("a text of theirs is acknowledged when it arrives, and as read once it can have been read", () => {
    const { client, chat } = makeChat();
    arrive(client, "a");
    arrive(client, "b");
    assert.deepEqual([client.sent, chat.unread], [[["a", "delivered"], ["b", "delivered"]], 2]);
    client.sent.length = 0;
    chat.read();
    chat.read();
    assert.deepEqual([client.sent, chat.unread], [[["a", "read"], ["b", "read"]], 0]);
});

test("what is no text, what came already, and what was not said in the room is not shown", () => {
    const { client, told } = makeChat();
    arrive(client, "a");
    arrive(client, "a");
    arrive(client, "b", { markup: "<b>" });
    const elsewhere = { id: "c", from: "a session that was in the room once", content: "hello", namespace: "message" };
    client.emit("text", elsewhere);
    assert.deepEqual([told.map(([, id]) => id), client.sent], [["a"], [["a", "delivered"]]]);
});

test("the oldest text goes when there are too many, read or not", () => {
    const { client, chat, told } = makeChat();
    for (let index = 0; index <= MOST_MESSAGES; index += 1) {
        arrive(client, `t-${index}`);
    }
    assert.deepEqual(told.at(-1).slice(0, 2), ["dropped", "t-0"]);
    assert.equal(chat.unread, MOST_MESSAGES);
    client.emit("ack", { mid: "t-0", type: "read" });
});

test("that somebody types is told at once, then every few seconds, and that he has stopped only if it was told", () => {
    /** @type {boolean[]} */
    const told = [];
    const teller = new TypingTeller((isTyping) => told.push(isTyping));
    teller.typed("  ");
    teller.typed("h");
    teller.typed("he");
    mock.timers.tick(TELL_EVERY);
    teller.typed("hel");
    teller.typed("");
    assert.deepEqual(told, [true, true, false]);
});

test("a text that was sent says by itself that nobody types it any more", () => {
    /** @type {boolean[]} */
    const told = [];
    const teller = new TypingTeller((isTyping) => told.push(isTyping));
    teller.typed("h");
    teller.sent();
    teller.typed("");
    teller.typed("n");
    assert.deepEqual(told, [true, true]);
});

test("somebody of whom nothing more is heard is not typing any more", () => {
    /** @type {boolean[]} */
    const shown = [];
    const watch = new TypingWatch((isTyping) => shown.push(isTyping));
    watch.heard(true);
    mock.timers.tick(BELIEVE_FOR - 1);
    watch.heard(true);
    mock.timers.tick(BELIEVE_FOR - 1);
    assert.deepEqual(shown, [true, true]);
    mock.timers.tick(1);
    watch.heard(false);
    mock.timers.tick(BELIEVE_FOR);
    assert.deepEqual(shown, [true, true, false, false]);
});
