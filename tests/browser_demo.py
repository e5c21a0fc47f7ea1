"""The demo page as its users have it: entering a room, being in a call."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from tests.browser import until
from tests.browser_pages import ADMIN_TOKEN, PageCase
from tests.browser_probe import frames_decoded, frames_shown
from tests.cut_line import CutLine
from tests.daemons import DEADLINE, port_of

ROOM: Final = "calm-otter-123"

PORTS: Final = ("wsPort", "restPort")
"""The settings of the ports whose addresses a server prints, in their order."""

expect.set_options(timeout=DEADLINE * 1000)


class DemoCase(PageCase):
    """Starts a server with the demo; the WebSockets of its visitors go through a line that can be cut.

    :ivar origin: where visitors find the page.
    """

    def setUp(self) -> None:
        """Starts both."""
        super().setUp()
        self.line = CutLine()
        self.addCleanup(self.line.stop)
        self.serve()
        address, self.rest = self.server.addresses
        self.line.lead_to(port_of(address))
        self.faults.allow(self.rest, self.websocket)
        self.origin = self.rest

    @property
    def websocket(self) -> str:
        """Where pages find the WebSocket."""
        return f"ws://127.0.0.1:{self.line.port}"

    def serve(self, *addresses: str) -> None:
        """Starts a server.

        :param addresses: those of an earlier one, which it is to have: WebSocket, REST.
        """
        options = (f"--demo={self.websocket}", "--id=barracuda", "--drainTimeout=0", f"--adminToken={ADMIN_TOKEN}")
        ports = (f"--{name}={port_of(address)}" for name, address in zip(PORTS, addresses, strict=False))
        self.server = self.foreground(*options, *ports)

    def start(self, *, room: str = ROOM, **visitor: Any) -> Page:
        """A visitor who has followed the link to a room.

        :param visitor: parameters of :meth:`visitor`.
        """
        page = self.visitor(**visitor)
        page.goto(f"{self.origin}/demo#{quote(room, safe='')}")
        return page

    def enter(self, name: str, *, source: str = "camera", **start: Any) -> Page:
        """A visitor who has entered a room.

        :param source: what he sends: ``camera``, ``picture`` or ``none``.
        :param start: parameters of :meth:`start`.
        """
        page = self.start(**start)
        part(page, "name").fill(name)
        if source != "camera":
            page.locator("label", has=part(page, f"source-{source}")).click()
        part(page, "join").click()
        return page

    def call(self, **enter: Any) -> tuple[Page, Page]:
        """Alice with a camera and Bob with a test picture, who see each other.

        :param enter: parameters of :meth:`enter`, for both.
        """
        alice = self.enter("Alice", **enter)
        expect(part(alice, "room-link")).to_be_visible()
        bob = self.enter("Bob", source="picture", **enter)
        for page in (alice, bob):
            expect(part(page, "call-state")).to_contain_text("Connected")
            self.assert_moving(page)
        return alice, bob

    def assert_moving(self, page: Page) -> None:
        """The other's picture moves from now on: more frames come, and are shown."""
        decoded, shown = frames_decoded(page), max(frames_shown(page), default=0)
        until(
            page,
            lambda: frames_decoded(page) > decoded + 5 and max(frames_shown(page), default=0) > shown,
            f"frames after the first {decoded}",
        )

    def say(self, page: Page, text: str) -> None:
        """Sends a text."""
        part(page, "chat-input").fill(text)
        part(page, "chat-send").click()


def part(page: Page, name: str) -> Locator:
    """A part of a page, by what its author has called it for tests."""
    return page.get_by_test_id(name)


def texts(page: Page) -> Locator:
    """The texts of the chat, oldest first."""
    return part(page, "chat-message")
