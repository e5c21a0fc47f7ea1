"""What runs in every page before its own scripts: it takes note of what a page opens, and changes nothing of it."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Page

PROBE: Final = """
(() => {
    const probe = { connections: [], tracks: [] };
    Object.defineProperty(globalThis, "__probe", { value: probe });
    const take = (stream) => { probe.tracks.push(...stream.getTracks()); return stream; };
    globalThis.RTCPeerConnection = class extends globalThis.RTCPeerConnection {
        constructor(...settings) { super(...settings); probe.connections.push(this); }
    };
    const devices = globalThis.MediaDevices?.prototype;
    for (const name of devices ? ["getUserMedia", "getDisplayMedia"] : []) {
        const original = devices[name];
        devices[name] = async function (...wanted) { return take(await original.apply(this, wanted)); };
    }
    const capture = HTMLCanvasElement.prototype.captureStream;
    HTMLCanvasElement.prototype.captureStream = function (...rate) { return take(capture.apply(this, rate)); };
})();
"""
"""The script."""

_FRAMES: Final = """
async () => {
    const alive = __probe.connections.filter((connection) => connection.connectionState !== "closed");
    const reports = await Promise.all(alive.map((connection) => connection.getStats()));
    const videos = reports.flatMap((report) => [...report.values()])
        .filter((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
    return videos.reduce((sum, entry) => sum + (entry.framesDecoded ?? 0), 0);
}
"""

_SHOWN: Final = """
() => [...document.querySelectorAll("video")]
    .filter((video) => video.checkVisibility())
    .map((video) => video.getVideoPlaybackQuality().totalVideoFrames)
"""


def frames_decoded(page: Page) -> int:
    """Frames of the other's video that the connections of a page have decoded, those that are closed left out."""
    return int(page.evaluate(_FRAMES))


def frames_shown(page: Page) -> list[int]:
    """How many frames each video that can be seen on a page has shown, in the order of the document."""
    return list(page.evaluate(_SHOWN))


def connection_states(page: Page) -> list[str]:
    """The state of each ``RTCPeerConnection`` that a page has made, oldest first."""
    return list(page.evaluate("() => __probe.connections.map((connection) => connection.connectionState)"))


def live_tracks(page: Page) -> list[str]:
    """The kinds of those tracks of camera, microphone and canvas that a page has not stopped."""
    live: list[Any] = page.evaluate(
        "() => __probe.tracks.filter((track) => track.readyState === 'live').map((track) => track.kind)"
    )
    return live
