/**
 * What keeps a page from camera and microphone, in sentences for whoever sits in front of it.
 *
 * @module device-problems
 */

/** No browser gives devices to a page that came without TLS, but from this machine (Secure Contexts, section 3). */
export const INSECURE =
    "The browser gives a camera only to pages that come by https, or from localhost. " +
    "Use the test picture here, or have the server speak TLS.";

export const UNSUPPORTED = "This browser has no access to cameras and microphones. Use the test picture instead.";

/** What getUserMedia throws (Media Capture and Streams, section 10.2), by the name of the error. */
const SENTENCES = new Map([
    ["NotAllowedError",
        "The browser was not allowed to use the camera and microphone. " +
        "Allow it beside the page's address, or use the test picture."],
    ["SecurityError", "This page may not use the camera and microphone. Use the test picture instead."],
    ["NotFoundError", "No camera or microphone was found. Connect one, or use the test picture."],
    ["OverconstrainedError", "That device is not there any more. Choose another one."],
    ["NotReadableError",
        "The camera or microphone is used by another program, or does not work. Close that program, or use the test " +
        "picture."],
    ["AbortError", "The camera or microphone stopped working. Try again, or use the test picture."],
]);

/**
 * What went wrong.
 *
 * @param {{ name: string, message: string }} error
 * @returns {string} a sentence or two.
 */
export function deviceProblem({ name, message }) {
    return SENTENCES.get(name) ?? `The camera and microphone cannot be used: ${message}`;
}

/**
 * What is missing where one of the two devices could be had.
 *
 * @param {"audio" | "video"} missing
 * @param {{ name: string }} error  why.
 */
export function partProblem(missing, { name }) {
    const why = name === "NotFoundError" ? "was found" : "can be used";
    return missing === "video"
        ? `No camera ${why}: the other side hears you and does not see you.`
        : `No microphone ${why}: the other side sees you and does not hear you.`;
}
