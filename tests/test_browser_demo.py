"""Calls between two visitors of the demo: real pages, a real server, media from one to the other."""

from __future__ import annotations

import signal
import time
from typing import Final

from playwright.sync_api import Page, expect

from tests.browser import until
from tests.browser_demo import DemoCase, part, texts
from tests.browser_pages import listed
from tests.browser_probe import connection_states, live_tracks

CUT: Final = 5.0
"""Seconds for which a line is cut."""


class CallTests(DemoCase):
    """Two visitors in a room."""

    def test_call(self) -> None:
        """From seeing each other to giving the devices back: each step as it shows on both pages."""
        alice, bob = self.call()
        for page, other in ((alice, "Bob"), (bob, "Alice")):
            expect(part(page, "peer-name")).to_have_text(other)
            expect(part(page, "call-state")).to_contain_text("direct")
        self.chat(alice, bob)
        self.mute(alice, bob)
        self.switch(alice, bob)
        self.hang_up(alice, bob)
        self.call_again(alice, bob)
        self.leave(alice, bob)

    def chat(self, alice: Page, bob: Page) -> None:
        """A text arrives and is marked up to read; that somebody types shows while he does."""
        part(alice, "chat-input").press_sequentially("Hello")
        expect(part(bob, "typing")).to_contain_text("Alice")
        part(alice, "chat-input").press("Enter")
        expect(texts(bob)).to_contain_text(["Hello"])
        expect(part(bob, "typing")).to_have_text("")
        expect(texts(alice)).to_contain_text(["Hello"])
        expect(texts(alice).first).to_contain_text("read")

    def mute(self, alice: Page, bob: Page) -> None:
        """The other is told which device was turned off, and when it is on again."""
        for control, words in (("mute-mic", "microphone"), ("mute-cam", "camera")):
            part(alice, control).click()
            expect(part(bob, "peer-muted")).to_have_text(f"Alice has turned off the {words}")
            part(alice, control).click()
            expect(part(bob, "peer-muted")).to_be_hidden()

    def switch(self, alice: Page, bob: Page) -> None:
        """Another source is seen by the other in the same connection."""
        part(alice, "switch-source").click()
        self.assert_moving(bob)
        for page in (alice, bob):
            self.assertEqual(connection_states(page), ["connected"])

    def hang_up(self, alice: Page, bob: Page) -> None:
        """One hangs up, which ends the call of both."""
        part(alice, "hang-up").click()
        expect(alice.get_by_text("You have hung up.")).to_be_visible()
        expect(bob.get_by_text("Alice has hung up.")).to_be_visible()
        for page in (alice, bob):
            self.assertEqual(set(connection_states(page)), {"closed"})

    def call_again(self, alice: Page, bob: Page) -> None:
        """Either calls again, and whoever has hung up is asked before he is seen."""
        part(bob, "call-again").click()
        expect(alice.get_by_text("Bob is calling.")).to_be_visible()
        self.assertEqual(set(connection_states(alice)), {"closed"})
        part(alice, "accept").click()
        for page in (alice, bob):
            self.assert_moving(page)

    def leave(self, alice: Page, bob: Page) -> None:
        """Who leaves ends the call, and gives the devices back when he wants none."""
        part(alice, "leave").click()
        expect(bob.get_by_text("The other side has left.")).to_be_visible()
        part(bob, "leave").click()
        for page in (alice, bob):
            self.assertEqual(set(connection_states(page)), {"closed"})
            page.locator("label", has=part(page, "source-none")).click()
            self.assert_given_back(page)

    def assert_given_back(self, page: Page) -> None:
        """No device is in use any more."""
        until(page, lambda: not live_tracks(page), "the devices to be given back")


class CutTests(DemoCase):
    """A call while one has no line to the server."""

    def test_cut(self) -> None:
        """Media go on, what is written meanwhile arrives once, and afterwards it is still the same call."""
        self.faults.expect("WebSocket connection to .* failed")
        alice = self.enter("Alice")
        expect(part(alice, "room-link")).to_be_visible()
        link = self.line.latest()
        bob = self.enter("Bob", source="picture")
        for page in (alice, bob):
            self.assert_moving(page)
        identity = self.identities()
        self.line.cut(link)
        self.wait_and_talk(alice, bob)
        self.line.mend()
        try_now(alice)
        for page in (alice, bob):
            expect(part(page, "banner")).to_be_hidden()
            expect(texts(page)).to_have_count(2)
            expect(texts(page).filter(has_text="from here")).to_have_count(1)
            expect(texts(page).filter(has_text="from there")).to_have_count(1)
            self.assert_moving(page)
            self.assertEqual(connection_states(page), ["connected"])
        self.assertEqual(self.identities(), identity)
        part(bob, "hang-up").click()
        expect(alice.get_by_text("Bob has hung up.")).to_be_visible()

    def test_restart(self) -> None:
        """While no server runs the two go on seeing each other, and in a call anew once another one does."""
        self.faults.expect("WebSocket connection to .* failed")
        alice, bob = self.call()
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        for page in (alice, bob):
            expect(part(page, "banner")).to_contain_text("A call that stands goes on")
            self.assert_moving(page)
            expect(part(page, "call-state")).to_contain_text("Connected")
        self.serve(*self.server.addresses)
        for page in (alice, bob):
            try_now(page)
        for page in (alice, bob):
            expect(part(page, "banner")).to_be_hidden()
            expect(part(page, "call-state")).to_contain_text("Connected")
            self.assert_moving(page)
            self.assertEqual(connection_states(page), ["closed", "connected"])
        self.say(alice, "still here")
        expect(texts(bob)).to_contain_text(["still here"])

    def wait_and_talk(self, alice: Page, bob: Page) -> None:
        """Both write while the line of one is cut, and see each other all the while."""
        mended = time.monotonic() + CUT
        expect(part(alice, "banner")).to_be_visible()
        expect(part(alice, "banner")).to_contain_text("A call that stands goes on")
        self.say(alice, "from here")
        self.say(bob, "from there")
        while time.monotonic() < mended:
            for page in (alice, bob):
                self.assert_moving(page)
        expect(part(alice, "banner")).to_be_visible()
        expect(part(bob, "banner")).to_be_hidden()

    def identities(self) -> set[str]:
        """The identities of all sessions that the server has."""
        return {session["id"] for session in listed(self.rest, "sessions")}


def try_now(page: Page) -> None:
    """Has a page connect without waiting for its next try, which may be seconds away, unless that was made already."""
    page.locator("#banner-retry").dispatch_event("click")
