/**
 * Handing the link of a room on.
 *
 * @module share
 */

import { byId, onClick, show } from "./dom.js";
import { linkTo } from "./room-link.js";

/** Milliseconds for which the button says that it has copied. */
const SAY_SO_FOR = 2_500;

/** Binds the buttons; once for the page. */
export function bindShare() {
    const link = byId("room-link");
    // What is read is no address yet: a space in it would end a link in most places that it is pasted into.
    link.addEventListener("copy", (/** @type {ClipboardEvent} */ event) => {
        event.clipboardData?.setData("text/plain", link.href);
        event.preventDefault();
    });
    onClick("copy", () => void copy(link));
    show("share", typeof navigator.share === "function");
    onClick("share", async () => {
        try {
            await navigator.share({ title: "A video call", url: link.href });
        } catch (error) {
            if (/** @type {Error} */ (error).name !== "AbortError") {
                await copy(link); // whoever has cancelled wants nothing
            }
        }
    });
}

/**
 * Shows the link of a room, with the name as people read it; on a line of its own where both are too long for one.
 *
 * @param {string} room
 */
export function showLink(room) {
    const link = byId("room-link");
    link.href = linkTo(room, location);
    const name = document.createElement("span");
    name.textContent = `#${room}`;
    link.replaceChildren(`${location.origin}${location.pathname}`, name);
}

/** @param {HTMLAnchorElement} link */
async function copy(link) {
    const said = byId("copy-text");
    said.textContent = (await copied(link)) ? "Copied" : "Select the link and copy it";
    setTimeout(() => (said.textContent = "Copy the link"), SAY_SO_FOR);
}

/** @param {HTMLAnchorElement} link */
async function copied(link) {
    try {
        await navigator.clipboard.writeText(link.href);
        return true;
    } catch {
        // Pages that came without TLS have no clipboard; what is selected can be copied all the same.
        getSelection()?.selectAllChildren(link);
        return document.execCommand("copy");
    }
}
