// What the demo shows of its chat, and what becomes of what is typed.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { LONGEST_TEXT } from "../../jsongle_server/static/demo/chat.js";
import { bindChatToggle, ChatView } from "../../jsongle_server/static/demo/chat-view.js";
import { FakeClient, FakeRoomCall } from "./demo-fakes.js";
import { openPage } from "./fake-page.js";

const MARKUP = "<img src=x onerror=alert(1)>";

/** @type {ReturnType<typeof openPage>} */
let page;

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    page = openPage("demo");
});

/** @param {string} id */
const textOf = (id) => page.part(id).textContent;

/** Those of some parts that are to be seen. @param {...string} ids */
const seen = (...ids) => ids.filter((id) => !page.part(id).hidden);

/** A chat that keeps what it was given. */
class FakeChat extends EventTarget {
    unread = 0;
    /** @type {string[]} */
    sent = [];
    reads = 0;

    /** @param {string} text */
    send(text) {
        this.sent.push(text);
    }

    read() {
        this.reads += 1;
        this.unread = 0;
    }

    /** @param {string} type @param {any} message */
    tell(type, message) {
        this.dispatchEvent(new CustomEvent(type, { detail: { message } }));
    }
}

/** A view of a chat. */
function chatting() {
    const [chat, call, client] = [new FakeChat(), new FakeRoomCall(), new FakeClient()];
    /** @type {unknown[]} */
    const typed = [];
    const sendEvent = (/** @type {string} */ to, /** @type {string} */ event, /** @type {any} */ { typing }) =>
        typed.push([to, event, typing]);
    Object.assign(client, { sendEvent });
    const parts = /** @type {[any, any, any]} */ ([chat, call, client]);
    const view = new ChatView(...parts, "tea");
    return { chat, call, client, typed, view, items: () => page.part("messages").children };
}

const MINE = Object.freeze({ id: "m", isMine: true, text: "hello", at: new Date(0), status: "pending", reason: "" });
const THEIRS = Object.freeze({ ...MINE, id: "t", isMine: false, text: MARKUP, status: "delivered" });

test("each new chat begins empty", () => {
    chatting().chat.tell("message", THEIRS);
    page.part("typing").textContent = "Bob is typing…";
    page.part("unread").textContent = "1";
    const { items } = chatting();
    assert.deepEqual([items().length, textOf("typing"), seen("unread")], [0, "", []]);
});

test("a text has who wrote it, and when", () => {
    const { chat, items } = chatting();
    chat.tell("message", MINE);
    chat.tell("message", THEIRS);
    const [mine, theirs] = items();
    assert.deepEqual([mine, theirs].map((item) => item.classes.includes("mine")), [true, false]);
    assert.deepEqual([mine, theirs].map((item) => item.querySelector(".who").textContent), ["You, ", ""]);
    assert.match(mine.querySelector("time").textContent, /^\d+:\d\d/);
});

test("a text of others stays text", () => {
    const { chat, items } = chatting();
    chat.tell("message", THEIRS);
    assert.deepEqual(items()[0].querySelector(".text").childNodes, [MARKUP]);
    assert.equal(items()[0].querySelector("img"), null);
});

test("a text of ours says how far it has come, and why it came nowhere", () => {
    const { chat, items } = chatting();
    chat.tell("message", MINE);
    const failed = { status: "failed", reason: "nobody is there" };
    const marks = [{}, { status: "sent" }, { status: "read" }, failed].map((now) => {
        chat.tell("changed", { ...MINE, ...now });
        const [item] = items();
        return [item.querySelector(".mark").textContent, item.querySelector(".mark-words").textContent, item.title];
    });
    assert.deepEqual(marks, [
        ["…", "not sent yet", "not sent yet"],
        ["✓", "sent", "sent"],
        ["✓✓", "read", "read"],
        ["!", "Not sent: nobody is there", ""],
    ]);
    chat.tell("dropped", MINE);
    assert.equal(items().length, 0);
});

test("what is typed is sent without its edges, as long as it may be, and only once", () => {
    const { chat } = chatting();
    for (const text of ["  hello ", "   ", "x".repeat(LONGEST_TEXT + 1)]) {
        page.part("chat-input").value = text;
        assert.equal(page.submit("chat-form").defaultPrevented, true);
        page.submit("chat-form");
    }
    assert.deepEqual(chat.sent, ["hello", "x".repeat(LONGEST_TEXT)]);
});

test("that somebody types is told where somebody is there to see it", () => {
    const { typed, call, client } = chatting();
    client.state = "reconnecting";
    page.type("chat-input", "h");
    mock.timers.tick(60_000);
    [client.state, call.peer] = ["online", null];
    page.type("chat-input", "he");
    mock.timers.tick(60_000);
    assert.deepEqual(typed, []);
    call.peer = { id: "p", uid: "bob" };
    page.type("chat-input", "hel");
    page.type("chat-input", "");
    assert.deepEqual(typed, [["tea", "typing", true], ["tea", "typing", false]]);
});

test("that the other side types shows until it sends", () => {
    const { chat, client } = chatting();
    page.part("typing").textContent = "Ann is typing…";
    client.emit("event", { from: "tea", event: "typing", description: { typing: false } });
    assert.equal(textOf("typing"), "");
    client.emit("event", { from: "somebody", event: "typing", description: { typing: true } });
    assert.equal(textOf("typing"), "", "not in this room");
    client.emit("event", { from: "tea", event: "typing", description: { typing: true } });
    assert.equal(textOf("typing"), "Bob is typing…");
    chat.tell("message", MINE);
    assert.equal(textOf("typing"), "Bob is typing…");
    chat.tell("message", THEIRS);
    assert.equal(textOf("typing"), "");
});

test("texts are read where they are seen: the chat open, in a tab that is looked at", () => {
    const { chat } = chatting();
    page.part("chat").hidden = true;
    chat.tell("message", THEIRS);
    page.part("chat").hidden = false;
    page.hide(true);
    chat.tell("message", THEIRS);
    assert.equal(chat.reads, 0);
    page.hide(false);
    assert.equal(chat.reads, 1);
    page.window.dispatchEvent(new Event("focus"));
    page.part("chat").dispatchEvent(new Event("toggled"));
    assert.equal(chat.reads, 3);
});

test("unread texts are counted, as far as there is room for the number", () => {
    const { chat } = chatting();
    page.hide(true);
    for (const [unread, words] of /** @type {[number, string][]} */ ([[1, "1"], [250, "99"]])) {
        chat.unread = unread;
        chat.tell("message", THEIRS);
        assert.equal(textOf("unread"), words);
        assert.equal(page.part("unread").getAttribute("aria-label"), `${unread} unread`);
    }
    page.hide(false);
    assert.deepEqual(seen("unread"), []);
});

test("while nobody else is there nothing can be sent", () => {
    const { call } = chatting();
    const field = () => [page.part("chat-send").disabled, page.part("chat-input").placeholder];
    call.peer = null;
    call.become("waiting");
    assert.deepEqual(field(), [true, "Nobody else is here yet"]);
    call.peer = { id: "p", uid: "bob" };
    call.become("calling");
    assert.deepEqual(field(), [false, "Message"]);
});

test("the list follows the newest text where it was at its end, and always one's own", () => {
    const { chat } = chatting();
    const list = page.part("messages");
    const tops = [[430, THEIRS], [300, THEIRS], [300, MINE]].map(([scrollTop, message]) => {
        Object.assign(list, { scrollHeight: 1000, clientHeight: 500, scrollTop });
        chat.tell("message", message);
        return list.scrollTop;
    });
    assert.deepEqual(tops, [1000, 300, 1000]);
});

test("a view that was left hears nothing of the page any more", () => {
    const { chat, view } = chatting();
    view.dispose();
    page.part("chat-input").value = "hello";
    page.submit("chat-form");
    page.window.dispatchEvent(new Event("focus"));
    assert.deepEqual([chat.sent, chat.reads], [[], 0]);
});

test("on a small screen the chat opens and closes, also with Escape, and the focus goes along", () => {
    bindChatToggle();
    const isOpen = () => page.part("call").classList.contains("chat-open");
    page.part("toggle-chat").click();
    assert.deepEqual([isOpen(), page.document.activeElement], [true, page.part("chat-input")]);
    for (const [key, still] of [["a", true], ["Escape", false]]) {
        page.part("chat").dispatchEvent(Object.assign(new Event("keydown"), { key }));
        assert.equal(isOpen(), still);
    }
    assert.equal(page.document.activeElement, page.part("toggle-chat"));
    assert.equal(page.part("toggle-chat").getAttribute("aria-expanded"), "false");
});
