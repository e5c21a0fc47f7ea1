/**
 * The bar below the pictures: microphone, camera, test picture, hanging up.
 *
 * @module controls
 */

import { byId, onClick, setIcon, write } from "./dom.js";

const BUTTONS = /** @type {const} */ ([
    { id: "mute-mic", kind: "audio", icon: "microphone" },
    { id: "mute-cam", kind: "video", icon: "camera" },
]);

/**
 * Binds the controls of what this side sends, once for the page.
 *
 * @param {import("./local-media.js").LocalMedia} media
 * @param {() => { name: string, camera: string, microphone: string }} options  what to open a source with.
 */
export function bindMediaControls(media, options) {
    for (const { id, kind } of BUTTONS) {
        onClick(id, () => media.setMuted(kind, !media.isMuted(kind)));
    }
    onClick("switch", () => void switchSource(media, options()));
    media.addEventListener("muted", () => showMedia(media));
    media.addEventListener("change", () => showMedia(media));
    media.addEventListener("problem", (event) => {
        write("call-problem", /** @type {CustomEvent} */ (event).detail.problem);
    });
    showMedia(media);
}

/** From the camera to the test picture, from anything else to the camera. */
async function switchSource(
    /** @type {import("./local-media.js").LocalMedia} */ media,
    /** @type {{ name: string, camera: string, microphone: string }} */ options,
) {
    byId("switch").disabled = true;
    try {
        write("call-problem", await media.use(media.source === "camera" ? "picture" : "camera", options));
    } catch (error) {
        // The test picture is always there.
        write("call-problem", /** @type {Error} */ (error).message);
        if (media.source === "none") {
            await media.use("picture", options);
        }
    } finally {
        byId("switch").disabled = false;
    }
}

/** @param {import("./local-media.js").LocalMedia} media */
function showMedia(media) {
    for (const { id, kind, icon } of BUTTONS) {
        const button = byId(id);
        const isMuted = media.isMuted(kind);
        button.disabled = media.tracks[kind] === null;
        button.setAttribute("aria-pressed", String(isMuted));
        setIcon(button, isMuted ? `${icon}-off` : icon);
    }
    byId("switch-text").textContent = media.source === "camera" ? "Test picture" : "Camera";
    byId("local").classList.toggle("mirrored", media.source === "camera");
    const isOff = media.tracks.video === null || media.isMuted("video");
    byId("local").hidden = isOff;
    write("self-off", isOff ? (media.source === "none" ? "You send nothing" : "Your camera is off") : "");
}
