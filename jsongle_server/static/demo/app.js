/**
 * The demo: puts the parts together. What each does is in its own module.
 *
 * - `room-call.js` knows who calls whom, `peer-call.js` keeps the media in step, `chat.js` knows how far texts have
 *   come: these three, and `../jsongle-client.js`, are what to begin an application of one's own with.
 * - `*-view.js`, `controls.js`, `banner.js` and `share.js` are this page.
 *
 * @module app
 */

import { JSONgleClient } from "../jsongle-client.js";
import { Banner, bindNotice } from "./banner.js";
import { CallView } from "./call-view.js";
import { Chat } from "./chat.js";
import { bindChatToggle, ChatView } from "./chat-view.js";
import { bindMediaControls } from "./controls.js";
import { byId, onClick, show, write } from "./dom.js";
import { LocalMedia } from "./local-media.js";
import { RoomCall } from "./room-call.js";
import { addressProblem, asksForToken, refusal, ROOM_FULL, unreachable } from "./server-words.js";
import { bindShare, showLink } from "./share.js";
import { StartView } from "./start-view.js";
import { credentials } from "./user-id.js";

const url = document.querySelector("meta[name=jsongle-websocket]")?.getAttribute("content") ?? "";
const media = new LocalMedia();
const start = new StartView(media);
const banner = new Banner();

/**
 * Where this page is, while it is anywhere.
 *
 * @type {{ client: JSONgleClient, call: RoomCall, chatView: ChatView, room: string } | null}
 */
let visit = null;

/** @param {import("./start-view.js").Choice} choice */
async function join({ name, room, token }) {
    const problem = addressProblem(url, location);
    if (problem !== "") {
        start.complain(problem);
        return;
    }
    leave();
    const client = new JSONgleClient(url, { dn: name, ...credentials(token) });
    const call = new RoomCall(client, room, media);
    const chat = new Chat(client, room);
    call.addEventListener("state", () => {
        if (call.state === "full") {
            retreat(client, { code: ROOM_FULL, message: "full" });
        }
    });
    new CallView(call, media);
    visit = { client, call, chatView: new ChatView(chat, call, client, room), room };
    banner.watch(client);
    client.on("state", (now) => follow(client, now));
    client.on("error", ({ rid, code, details }) => {
        if (rid === room) {
            retreat(client, { code, details, message: details });
        }
    });
    start.wait(true);
    try {
        await client.connect();
        const members = await client.join(room);
        if (client === visit?.client) {
            enter(room);
            call.enter(members);
        }
    } catch (error) {
        retreat(client, /** @type {Error} */ (error));
    }
}

/** @param {string} room */
function enter(room) {
    start.complain("");
    start.wait(false);
    start.show(false);
    show("call", true);
    write("call-problem", "");
    byId("room-name").textContent = room;
    showLink(room);
    document.title = `${room} · JSONgle demo`;
    byId("call").focus();
}

/** @param {JSONgleClient} client @param {{ state: string, attempt: number, error?: any }} now */
function follow(client, { state, attempt, error }) {
    if (client !== visit?.client) {
        return;
    }
    if (state === "closed") {
        retreat(client, error);
    } else if (state === "connecting" && attempt > 0) {
        start.complain(unreachable(url, location.origin));
    }
}

/**
 * Back to the form, and says why.
 *
 * @param {JSONgleClient} client
 * @param {{ code?: number, closeCode?: number, reason?: string, message: string, details?: string }} error
 */
function retreat(client, error) {
    if (client !== visit?.client) {
        return; // somebody has left already
    }
    leave();
    start.complain(refusal(error));
    if (asksForToken(error)) {
        start.askForToken();
    }
}

/** Leaves the room and the server, and shows the form again. */
function leave() {
    const left = visit;
    visit = null;
    if (left !== null) {
        left.call.dispose();
        left.chatView.dispose();
        left.client.close();
        document.title = "JSONgle demo";
        byId("call").classList.remove("chat-open");
    }
    start.wait(false);
    start.show(true);
    start.complain("");
    show("call", false);
}

start.addEventListener("join", (event) => void join(/** @type {CustomEvent} */ (event).detail.choice));
start.addEventListener("cancel", leave);
bindMediaControls(media, () => start.options);
bindChatToggle();
bindNotice();
bindShare();
onClick("hang-up", () => visit?.call.hangUp());
onClick("decline", () => visit?.call.hangUp());
onClick("accept", () => visit?.call.accept());
onClick("call-again", () => visit?.call.callPeer());
onClick("leave", () => {
    leave();
    byId("join").focus();
});
// Said before it goes, the end of the call is not taken for one of the server; and without a close frame the session
// would wait for this page to come back.
addEventListener("pagehide", () => {
    visit?.call.dispose();
    visit?.client.close();
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
