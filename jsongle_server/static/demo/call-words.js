/**
 * What the page says of a call, in words.
 *
 * @module call-words
 */

/**
 * @typedef {{ label: string, headline: string }} Words  `label` is short, for a corner; `headline` is what there is to
 *     say while there is no picture.
 */

/** Why a call has ended, by the reasons of the client. */
const ENDINGS = new Map([
    ["hung-up", () => "You have hung up."],
    ["terminated", (/** @type {string} */ name) => `${name} has hung up.`],
    ["declined", (/** @type {string} */ name) => `${name} does not take the call.`],
    ["retracted", (/** @type {string} */ name) => `${name} does not call any more.`],
    ["answered-elsewhere", () => "The call was answered elsewhere."],
    ["timeout", (/** @type {string} */ name) => `You did not take the call from ${name}.`], // told to who was called
    ["unreachable", (/** @type {string} */ name) => `${name} cannot be reached just now.`],
    ["lost", () => "The call was lost with the connection to the server."],
    ["refused", () => "The server refused the call."],
]);

const ONGOING = new Map([
    ["arriving", (/** @type {string} */ name) => ({ label: "Connecting…", headline: `${name} is coming in…` })],
    ["calling", (/** @type {string} */ name) => ({ label: "Calling…", headline: `Calling ${name}…` })],
    ["ringing", (/** @type {string} */ name) => ({ label: "Ringing", headline: `It rings at ${name}'s.` })],
    ["incoming", (/** @type {string} */ name) => ({ label: "Incoming call", headline: `${name} is calling.` })],
    ["connecting", (/** @type {string} */ name) => ({ label: "Connecting…", headline: `Connecting to ${name}…` })],
    ["connected", (/** @type {string} */ name) => ({ label: "Connected", headline: `No picture from ${name}.` })],
    ["disconnected", (/** @type {string} */ name) => ({
        label: "Connection unsteady",
        headline: `Looking for a way to ${name}…`,
    })],
    ["failed", (/** @type {string} */ name) => ({
        label: "No way through",
        headline:
            `No network path to ${name} was found. ` +
            "Where both sides are behind strict firewalls, a TURN server is needed.",
    })],
]);

const WAYS = { direct: "direct", relayed: "relayed by a TURN server", unknown: "" };

/**
 * What there is to say of a call.
 *
 * @param {Exclude<import("./room-call.js").State, "full">} state
 * @param {string} name  of the other side.
 * @param {string} reason  why the call has ended, or why nobody else is there.
 * @returns {Words}
 */
export function callWords(state, name, reason) {
    if (state === "waiting") {
        const hasLeft = "The other side has left. Waiting for somebody to come in.";
        return { label: "Waiting", headline: reason === "left" ? hasLeft : "Nobody else is here yet." };
    }
    if (state === "ended") {
        return { label: "Call ended", headline: ENDINGS.get(reason)?.(name) ?? "The call has ended." };
    }
    return /** @type {(name: string) => Words} */ (ONGOING.get(state))(name);
}

/**
 * The label of a call that stands, with the way that the media take.
 *
 * @param {"direct" | "relayed" | "unknown"} way
 */
export function connectedLabel(way) {
    return WAYS[way] === "" ? "Connected" : `Connected · ${WAYS[way]}`;
}

/**
 * What the other side has turned off.
 *
 * @param {string} name
 * @param {{ audio: boolean, video: boolean }} muted
 */
export function mutedWords(name, { audio, video }) {
    if (!audio && !video) {
        return "";
    }
    const what = audio && video ? "microphone and camera" : audio ? "microphone" : "camera";
    return `${name} has turned off the ${what}`;
}
