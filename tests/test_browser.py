"""What tests in a real browser stand on: that faults of a page are seen, that media flows, that a line can be cut."""

from __future__ import annotations

import os
import socket

from playwright.sync_api import Page
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests import browser
from tests.browser import BrowserCase, SharedBrowser, until
from tests.browser_probe import connection_states, frames_decoded, frames_shown, live_tracks
from tests.cut_line import CutLine
from tests.daemons import DEADLINE

POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline'"
PAGE = "<!doctype html><title>A page</title>"

SHOW = """
async (camera) => {
    const canvas = document.createElement("canvas");
    const paint = canvas.getContext("2d");
    setInterval(() => { paint.fillRect(Math.random() * 300, 0, 1, 150); }, 30);
    const stream = camera ? await navigator.mediaDevices.getUserMedia({ video: true }) : canvas.captureStream(20);
    const connection = globalThis.connection = new RTCPeerConnection();
    connection.addTrack(stream.getTracks()[0], stream);
    connection.addEventListener("track", ({ streams }) => {
        const video = document.createElement("video");
        Object.assign(video, { muted: true, autoplay: true, srcObject: streams[0] });
        document.body.append(video);
    });
}
"""
DESCRIBE = """
async (theirs) => {
    if (theirs) { await connection.setRemoteDescription(theirs); }
    if (theirs?.type === "answer") { return null; }
    const gathered = new Promise((resolve) => {
        connection.addEventListener("icecandidate", ({ candidate }) => { if (candidate === null) { resolve(); } });
    });
    await connection.setLocalDescription();
    await gathered;
    return connection.localDescription.toJSON();
}
"""


class PageCase(BrowserCase):
    """Has pages of its own, which no server sees: the browser never asks for them."""

    def setUp(self) -> None:
        """Allows them."""
        super().setUp()
        self.faults.allow("http://localhost")

    def page(self, script: str = "", *, camera: bool = True) -> Page:
        """A page that has run a script."""
        page = self.visitor(camera=camera)
        page.context.route(
            "http://localhost/*",
            lambda route: route.fulfill(
                body=f"{PAGE}<script>{script}</script>",
                content_type="text/html",
                headers={"Content-Security-Policy": POLICY},
            ),
        )
        page.goto("http://localhost/")
        return page


class FaultTests(PageCase):
    """What makes a test fail."""

    def assert_fault(self, pattern: str) -> None:
        """Exactly one fault is found, and is like this."""
        found, self.faults.found = self.faults.found, []
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0], pattern)

    def test_console(self) -> None:
        """An error on the console is one, a warning is not."""
        self.page("console.warn('fine'); console.error('not fine')")
        self.assert_fault("^console: not fine$")

    def test_uncaught(self) -> None:
        """An exception that nothing catches is one."""
        self.page("throw new TypeError('oh')")
        self.assert_fault("^uncaught: TypeError: oh")

    def test_dialog(self) -> None:
        """A dialog is one, and does not hold the page up."""
        self.assertEqual(self.page("alert(1); document.title = 'on'").title(), "on")
        self.assert_fault("^dialog: 1$")

    def test_policy(self) -> None:
        """What a Content-Security-Policy refuses is one."""
        page = self.page("document.documentElement.setAttribute('style', 'color: red')")
        until(page, lambda: self.faults.found, "the complaint")
        self.assert_fault("Content Security Policy")

    def test_other_hosts(self) -> None:
        """A request to another host is one, whatever becomes of it, and so is a WebSocket."""
        self.faults.expect("^console: ")
        page = self.visitor()
        page.evaluate("() => fetch('http://127.0.0.1:9/x', { mode: 'no-cors' }).catch(() => null)")
        self.assert_fault("^request to somebody else: http://127.0.0.1:9/x$")
        page.evaluate("() => { new WebSocket('ws://127.0.0.1:9/y'); }")
        until(page, lambda: self.faults.found, "the WebSocket")
        self.assert_fault("^request to somebody else: ws://127.0.0.1:9/y$")

    def test_expected(self) -> None:
        """What is to come is none."""
        self.faults.expect("^console: not .*ne$")
        self.page("console.error('not fine')")
        self.assertEqual(self.faults.found, [])


class MediaTests(PageCase):
    """Media between two visitors, and what the probe sees of it."""

    def test_call(self) -> None:
        """A camera and a painted picture reach each other; a closed connection and a stopped track are seen."""
        one, other = self.page(), self.page()
        one.evaluate(SHOW, True)
        other.evaluate(SHOW, False)
        one.evaluate(DESCRIBE, other.evaluate(DESCRIBE, one.evaluate(DESCRIBE, None)))
        for page in (one, other):
            self.assert_seen(page)
        for page in (one, other):
            page.evaluate("() => connection.close()")
            page.evaluate("() => connection.getSenders()[0].track.stop()")
            self.assertEqual((connection_states(page), live_tracks(page)), (["closed"], []))
            self.assertEqual(frames_decoded(page), 0)

    def test_no(self) -> None:
        """Who says no to the camera has none."""
        page = self.page(camera=False)
        self.assertEqual(
            page.evaluate("() => navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => error.name)"),
            "NotAllowedError",
        )

    def assert_seen(self, page: Page) -> None:
        """The other's picture moves on a page."""
        until(page, lambda: frames_decoded(page) > 5 and frames_shown(page) > [5], "frames")
        self.assertEqual((connection_states(page), live_tracks(page)), (["connected"], ["video"]))


class SkipTests(BrowserCase):
    """Machines without a browser."""

    def test_none(self) -> None:
        """Without a browser tests are skipped, and it is said what to install."""
        self.patch(os, "environ", {"PATH": ""})
        with self.assertRaises(SkipTest) as skipped:
            SharedBrowser().get()
        self.assertIn("apt-get install chromium", str(skipped.exception))

    def test_does_not_start(self) -> None:
        """A browser that does not start is as good as none, and it is said which."""
        browser.stop()  # playwright drives one at a time
        self.patch(os, "environ", {**os.environ, "CHROMIUM": "false"})
        shared = SharedBrowser()
        for _ in range(2):
            with self.assertRaises(SkipTest) as skipped:
                shared.get()
            self.assertRegex(str(skipped.exception), "/false does not start: ")


class CutLineTests(SynchronousTestCase):
    """The line that is cut."""

    def test_cut(self) -> None:
        """One connection is reset, others go on, new ones are refused until the line is mended."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        line = CutLine()
        self.addCleanup(line.stop)
        line.lead_to(server.getsockname()[1])
        first, its_end = self.connect(line, server)
        link = line.latest()
        second, other_end = self.connect(line, server)
        line.cut(link)
        for end in (first, its_end):
            self.assertRaises(ConnectionResetError, end.recv, 1)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", line.port), DEADLINE)
        other_end.sendall(b"on")
        self.assertEqual(second.recv(2), b"on")
        line.mend()
        self.connect(line, server)

    def connect(self, line: CutLine, server: socket.socket) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection through the line, after something has passed."""
        client = socket.create_connection(("127.0.0.1", line.port), DEADLINE)
        client.sendall(b"hi")
        end, _ = server.accept()
        end.settimeout(DEADLINE)
        self.assertEqual(end.recv(2), b"hi")
        for opened in (client, end):
            self.addCleanup(opened.close)
        return client, end
