/**
 * The chat beside a call.
 *
 * @module chat-view
 */

import { LONGEST_TEXT } from "./chat.js";
import { byId, onClick, write } from "./dom.js";
import { TypingTeller, TypingWatch } from "./typing.js";

const TYPING = "typing";
const MARKS = { pending: "…", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };
const WORDS = { pending: "not sent yet", sent: "sent", delivered: "delivered", read: "read", failed: "not sent" };

/** @typedef {import("./chat.js").Message} Message */

/** Shows a {@link Chat}, and sends what is typed. */
export class ChatView {
    #chat;
    #call;
    /** @type {Map<string, HTMLElement>} */
    #items = new Map();
    #stop = new AbortController();

    /**
     * @param {import("./chat.js").Chat} chat
     * @param {import("./room-call.js").RoomCall} call  knows whether anybody is there to be told of typing.
     * @param {import("../jsongle-client.js").JSONgleClient} client
     * @param {string} room
     */
    constructor(chat, call, client, room) {
        this.#chat = chat;
        this.#call = call;
        byId("messages").replaceChildren();
        const teller = new TypingTeller((isTyping) => {
            if (call.peer !== null && client.state === "online") {
                client.sendEvent(room, TYPING, { typing: isTyping });
            }
        });
        const watch = new TypingWatch((isTyping) => this.#showTyping(isTyping));
        client.on("event", ({ from, event, description }) => {
            if (from === room && event === TYPING) {
                watch.heard(description.typing === true);
            }
        });
        chat.addEventListener("message", (event) => {
            const { message } = /** @type {CustomEvent} */ (event).detail;
            if (!message.isMine) {
                watch.heard(false);
            }
            this.#add(message);
        });
        chat.addEventListener("changed", (event) => this.#update(/** @type {CustomEvent} */ (event).detail.message));
        chat.addEventListener("dropped", (event) => this.#remove(/** @type {CustomEvent} */ (event).detail.message));
        call.addEventListener("state", () => this.#showWhoListens());
        this.#listen(teller);
        this.#showUnread();
        this.#showWhoListens();
        watch.heard(false);
    }

    /** Listens to the page no more. */
    dispose() {
        this.#stop.abort();
    }

    /** @param {TypingTeller} teller */
    #listen(teller) {
        const { signal } = this.#stop;
        const input = byId("chat-input");
        input.addEventListener("input", () => teller.typed(input.value), { signal });
        byId("chat-form").addEventListener("submit", (/** @type {Event} */ event) => {
            event.preventDefault();
            const text = input.value.trim().slice(0, LONGEST_TEXT);
            if (text !== "") {
                this.#chat.send(text);
                teller.sent();
                input.value = "";
            }
        }, { signal });
        document.addEventListener("visibilitychange", () => this.#readIfSeen(), { signal });
        addEventListener("focus", () => this.#readIfSeen(), { signal });
        byId("chat").addEventListener("toggled", () => this.#readIfSeen(), { signal });
    }

    /** @param {Message} message */
    #add(message) {
        const list = byId("messages");
        const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
        const item = makeItem(message);
        this.#items.set(message.id, item);
        list.append(item);
        this.#update(message);
        if (isAtEnd || message.isMine) {
            list.scrollTop = list.scrollHeight;
        }
        this.#readIfSeen();
    }

    /** @param {Message} message */
    #update({ id, isMine, status, reason }) {
        const item = /** @type {HTMLElement} */ (this.#items.get(id));
        item.dataset.status = status;
        if (!isMine) {
            return;
        }
        const mark = /** @type {HTMLElement} */ (item.querySelector(".mark"));
        mark.textContent = MARKS[status];
        /** @type {HTMLElement} */ (item.querySelector(".mark-words")).textContent =
            status === "failed" ? `Not sent: ${reason}` : WORDS[status];
        item.title = status === "failed" ? "" : WORDS[status];
    }

    /** @param {Message} message */
    #remove({ id }) {
        this.#items.get(id)?.remove();
        this.#items.delete(id);
    }

    /** Texts are read where the chat is open, in a tab that is looked at. */
    #readIfSeen() {
        if (document.visibilityState === "visible" && document.hasFocus() && byId("chat").getClientRects().length > 0) {
            this.#chat.read();
        }
        this.#showUnread();
    }

    /** What is typed while nobody is there stays in the field: the server would have nobody to give it to. */
    #showWhoListens() {
        const isAlone = this.#call.peer === null;
        byId("chat-send").disabled = isAlone;
        byId("chat-input").placeholder = isAlone ? "Nobody else is here yet" : "Message";
    }

    #showUnread() {
        const { unread } = this.#chat;
        write("unread", unread === 0 ? "" : String(Math.min(unread, 99)));
        byId("unread").setAttribute("aria-label", `${unread} unread`);
    }

    /** @param {boolean} isTyping */
    #showTyping(isTyping) {
        const name = this.#call.peer?.dn || "The other side";
        byId("typing").textContent = isTyping && this.#call.peer !== null ? `${name} is typing…` : "";
    }
}

/** Has the chat open and close where there is no room for it beside the call; once for the page. */
export function bindChatToggle() {
    const toggle = (/** @type {boolean} */ isOpen) => {
        byId("call").classList.toggle("chat-open", isOpen);
        byId("toggle-chat").setAttribute("aria-expanded", String(isOpen));
        byId("chat").dispatchEvent(new Event("toggled"));
        byId(isOpen ? "chat-input" : "toggle-chat").focus();
    };
    onClick("toggle-chat", () => toggle(!byId("call").classList.contains("chat-open")));
    onClick("close-chat", () => toggle(false));
    byId("chat").addEventListener("keydown", (/** @type {KeyboardEvent} */ { key }) => {
        if (key === "Escape" && byId("call").classList.contains("chat-open")) {
            toggle(false);
        }
    });
}

/** @param {Message} message @returns {HTMLElement} */
function makeItem({ isMine, text, at }) {
    const item = document.createElement("div");
    item.className = isMine ? "message mine" : "message";
    item.dataset.testid = "chat-message";
    const words = part("p", "text", text); // texts of others are text, never markup
    const foot = part("p", "foot", "");
    foot.append(part("span", "who visually-hidden", isMine ? "You, " : ""));
    foot.append(part("time", "", at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
    if (isMine) {
        const mark = part("span", "mark", "");
        mark.setAttribute("aria-hidden", "true");
        foot.append(mark, part("span", "mark-words", ""));
    }
    item.append(words, foot);
    return item;
}

/** @param {string} name @param {string} className @param {string} text */
function part(name, className, text) {
    const element = document.createElement(name);
    element.className = className;
    element.textContent = text;
    return element;
}
