/**
 * What the page says of its connection to the server, in words.
 *
 * @module server-words
 */

const TOKEN_REFUSED = 401001;
export const ROOM_FULL = 403001;
const NOT_ALLOWED = 403005;

/** The close codes after which the client does not come back (protocol section 1), in words for users. */
const CLOSINGS = new Map([
    [1008, "The server has ended the connection: this page sent too much, or is not welcome."],
    [4002, "The session goes on in another tab or window."],
    [4004, "An administrator has ended this session."],
    [4005, "The token has expired."],
]);

/**
 * What keeps this page from its server before it has tried, if anything does.
 *
 * @param {string} url  of the WebSocket; empty where the server could not tell.
 * @param {{ protocol: string }} page  where this page is: `location`.
 * @returns {string} a sentence, or nothing.
 */
export function addressProblem(url, { protocol }) {
    if (url === "") {
        return (
            "The server cannot tell this page where its WebSocket is, since it listens on an endpoint. " +
            "Its setting demo must be that address, such as wss://signaling.example.org."
        );
    }
    if (protocol === "https:" && url.startsWith("ws:") && !isThisMachine(url)) {
        return (
            `This page came by https, so that the browser allows wss only, and the server's WebSocket is at ${url}. ` +
            "Its setting demo must be an address that begins with wss."
        );
    }
    return "";
}

/**
 * What to check where the server does not answer.
 *
 * @param {string} url
 * @param {string} origin  of this page.
 */
export function unreachable(url, origin) {
    return (
        `There is no answer from ${url}. Check that the server runs, that a firewall lets this port through, ` +
        `and, where the server's corsPolicyOrigin is set, that it names ${origin}. Trying again…`
    );
}

/**
 * Why the server does not let somebody in, or has sent him away.
 *
 * @param {{ code?: number, closeCode?: number, details?: string, message: string }} error  a JSONgleError.
 */
export function refusal({ code, closeCode, details, message }) {
    if (code === TOKEN_REFUSED) {
        return details ? `The server asks for a token: ${details}.`.replace("..", ".") : "The server asks for a token.";
    }
    if (code === ROOM_FULL) {
        return (
            "This room is full: two people are in it already. Choose another one, " +
            "or, if one of them was you a moment ago, try again in half a minute."
        );
    }
    if (code === NOT_ALLOWED) {
        return "Your token does not let you into this room.";
    }
    return CLOSINGS.get(closeCode ?? 0) ?? `The server refuses: ${details ?? message}`;
}

/**
 * What is said of a lost connection.
 *
 * @param {{ isOffline: boolean }} now
 */
export function lostWords({ isOffline }) {
    return isOffline
        ? "This device is offline. All goes on as soon as there is a network again."
        : "The connection to the server is lost. A call that stands goes on.";
}

/** @param {{ code?: number }} error */
export function asksForToken({ code }) {
    return code === TOKEN_REFUSED;
}

/** Browsers trust addresses of their own machine as they do https (Secure Contexts, section 3.1). */
function isThisMachine(/** @type {string} */ url) {
    const { hostname } = new URL(url);
    return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}
