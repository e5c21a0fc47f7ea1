/**
 * The cameras and microphones of this machine.
 *
 * @module devices
 */

import { deviceProblem, INSECURE, partProblem, UNSUPPORTED } from "./device-problems.js";

/** @typedef {import("./peer-call.js").Tracks & { problem: string, stop: () => void }} Opened */
/** @typedef {{ camera?: string, microphone?: string }} Choice  Which devices, by their ids; empty is any. */

/** Their failures say that one of the two may be had without the other. */
const PARTIAL = new Set(["NotFoundError", "OverconstrainedError", "NotReadableError", "AbortError"]);

/**
 * Turns on the camera and the microphone, or whichever of them there is.
 *
 * @param {Choice} choice
 * @returns {Promise<Opened>}
 * @throws {Error} neither can be had; its message is a sentence that says why.
 */
export async function openDevices(choice) {
    if (!navigator.mediaDevices?.getUserMedia) {
        throw new Error(isSecureContext ? UNSUPPORTED : INSECURE);
    }
    try {
        return opened(await ask(choice, { audio: true, video: true }), "");
    } catch (caught) {
        const error = /** @type {DOMException} */ (caught);
        if (!PARTIAL.has(error.name)) {
            throw new Error(deviceProblem(error));
        }
        return openOne(choice, error);
    }
}

/**
 * Gives the devices that there are; their names only once one has been allowed.
 *
 * @returns {Promise<{ cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[] }>}
 */
export async function listDevices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const named = all.filter(({ label }) => label !== "");
    return {
        cameras: named.filter(({ kind }) => kind === "videoinput"),
        microphones: named.filter(({ kind }) => kind === "audioinput"),
    };
}

/**
 * Whether the camera may be turned on without a question.
 *
 * @returns {Promise<boolean>} false where the browser does not tell.
 */
export async function isAllowed() {
    try {
        const name = /** @type {PermissionName} */ ("camera");
        return (await navigator.permissions.query({ name })).state === "granted";
    } catch {
        return false;
    }
}

/** @param {Choice} choice @param {any} error  why both cannot be had. @returns {Promise<Opened>} */
async function openOne(choice, error) {
    const missing = /** @type {const} */ (["video", "audio"]);
    for (const kind of missing) {
        try {
            const stream = await ask(choice, { audio: kind !== "audio", video: kind !== "video" });
            return opened(stream, partProblem(kind, error));
        } catch (caught) {
            const other = /** @type {DOMException} */ (caught);
            if (!PARTIAL.has(other.name)) {
                throw new Error(deviceProblem(other));
            }
        }
    }
    throw new Error(deviceProblem(error));
}

/** @param {Choice} choice @param {{ audio: boolean, video: boolean }} wanted */
function ask({ camera, microphone }, wanted) {
    const exactly = (/** @type {string | undefined} */ id) => (id ? { deviceId: { exact: id } } : {});
    return navigator.mediaDevices.getUserMedia({
        audio: wanted.audio && { ...exactly(microphone), echoCancellation: true, noiseSuppression: true },
        video: wanted.video && { ...exactly(camera), width: { ideal: 1280 }, height: { ideal: 720 } },
    });
}

/** @param {MediaStream} stream @param {string} problem @returns {Opened} */
function opened(stream, problem) {
    return {
        audio: stream.getAudioTracks()[0] ?? null,
        video: stream.getVideoTracks()[0] ?? null,
        problem,
        stop: () => stream.getTracks().forEach((track) => track.stop()),
    };
}
