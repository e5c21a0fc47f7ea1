"""Calls between two visitors of the demo: real pages, a real server, media from one to the other."""

from __future__ import annotations

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
        """Both see each other; one hangs up, which ends the call of both; devices are given back to who wants none."""
        alice, bob = self.call()
        for page, other in ((alice, "Bob"), (bob, "Alice")):
            expect(part(page, "peer-name")).to_have_text(other)
            expect(part(page, "call-state")).to_contain_text("direct")
        part(alice, "hang-up").click()
        expect(alice.get_by_text("You have hung up.")).to_be_visible()
        expect(bob.get_by_text("Alice has hung up.")).to_be_visible()
        for page in (alice, bob):
            self.assertEqual(set(connection_states(page)), {"closed"})
            part(page, "leave").click()
            page.locator("label", has=part(page, "source-none")).click()
            until(page, lambda page=page: not live_tracks(page), "the devices to be given back")  # type: ignore[misc]

    def test_call_again(self) -> None:
        """After a hang-up either calls again, and whoever has hung up is asked before he is seen."""
        alice, bob = self.call()
        part(alice, "hang-up").click()
        part(bob, "call-again").click()
        expect(alice.get_by_text("Bob is calling.")).to_be_visible()
        self.assertEqual(set(connection_states(alice)), {"closed"})
        part(alice, "accept").click()
        for page in (alice, bob):
            self.assert_moving(page)

    def test_left(self) -> None:
        """Who closes the page is gone for the other, who waits for the next one."""
        alice, bob = self.call()
        alice.context.close()
        expect(bob.get_by_text("The other side has left.")).to_be_visible()
        self.assertEqual(set(connection_states(bob)), {"closed"})
        self.assert_moving(self.enter("Carol"))
        self.assert_moving(bob)

    def test_chat(self) -> None:
        """A text arrives and is marked up to read; that somebody types shows while he does; links are no links."""
        alice, bob = self.call()
        part(alice, "chat-input").press_sequentially("Hello")
        expect(part(bob, "typing")).to_contain_text("Alice")
        part(alice, "chat-input").press("Enter")
        expect(texts(bob)).to_contain_text(["Hello"])
        expect(part(bob, "typing")).to_have_text("")
        expect(texts(alice)).to_contain_text(["Hello"])
        expect(texts(alice).first).to_contain_text("read", ignore_case=True)

    def test_mute(self) -> None:
        """The other is told which device was turned off, and when it is on again."""
        alice, bob = self.call()
        for control, words in (("mute-mic", "microphone"), ("mute-cam", "camera")):
            part(alice, control).click()
            expect(part(bob, "peer-muted")).to_have_text(f"Alice has turned off the {words}")
            part(alice, control).click()
            expect(part(bob, "peer-muted")).to_be_hidden()
        self.assert_moving(bob)

    def test_switch(self) -> None:
        """Another source is seen by the other in the same connection."""
        alice, bob = self.call()
        part(alice, "switch-source").click()
        self.assert_moving(bob)
        for page in (alice, bob):
            self.assertEqual(connection_states(page), ["connected"])


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
