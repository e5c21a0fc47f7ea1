"""The dashboard in a real browser, on a real server with real clients."""

from __future__ import annotations

import re
import signal
from typing import Final

from playwright.sync_api import expect

from tests.browser_dashboard import DashboardCase, part
from tests.browser_pages import ADMIN_TOKEN

MARKUP: Final = "<img src=x onerror=alert(1)><b>bold</b>"
SECRET: Final = "what-nobody-else-may-read"


class DoorTests(DashboardCase):
    """Who is let in."""

    def test_wrong_token(self) -> None:
        """A wrong token is refused, with a word; the right one opens the page, for this tab, and is in no address."""
        self.serve()
        self.faults.expect("status of 401")
        page = self.visitor()
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.goto(self.rest)
        self.offer(page, "a-token-that-is-wrong")
        expect(part(page, "token-problem")).to_contain_text("does not take this token")
        self.offer(page, ADMIN_TOKEN)
        expect(part(page, "state")).to_contain_text("live")
        page.reload()
        expect(part(page, "state")).to_contain_text("live")
        self.assertFalse([address for address in [*addresses, page.url] if ADMIN_TOKEN in address])
        stranger = self.visitor()
        stranger.goto(self.rest)
        expect(part(stranger, "token-input")).to_be_visible()
        self.assertNotIn(ADMIN_TOKEN, stranger.evaluate("() => JSON.stringify([localStorage, document.cookie])"))

    def test_no_token(self) -> None:
        """A server without a token says that its administration is closed, and how to open it."""
        self.serve(token=None)
        self.faults.expect("status of 403")
        page = self.visitor()
        page.goto(self.rest)
        self.offer(page, ADMIN_TOKEN)
        expect(part(page, "token-problem")).to_contain_text("has no admin token")


class LiveTests(DashboardCase):
    """What it shows, and does."""

    def setUp(self) -> None:
        """Starts the server and opens the page."""
        super().setUp()
        self.serve()
        self.page = self.open()

    def test_traffic(self) -> None:
        """Sessions, rooms, messages and errors of real clients are shown, without a reload."""
        alice, bob = self.client("alice", room="calm-otter"), self.client("bob", room="calm-otter")
        alice.say("calm-otter", "session-text", namespace="message", description={"content": "hi"})
        bob.ask("leave", rid="never-joined")
        page = self.page
        expect(part(page, "session-row")).to_have_count(2)
        expect(part(page, "room-row")).to_have_count(1)
        expect(part(page, "room-row")).to_contain_text("calm-otter")
        expect(self.chart(page, "connections")).to_contain_text("2 open")
        expect(self.chart(page, "errors")).to_contain_text("404002")

    def test_names_are_text(self) -> None:
        """Names of users and rooms make no elements, wherever they are shown."""
        self.client(MARKUP, room=MARKUP)
        page = self.page
        expect(part(page, "session-row")).to_contain_text(MARKUP)
        expect(part(page, "room-row")).to_contain_text(MARKUP)
        part(page, "end-session").click()
        expect(page.get_by_role("dialog")).to_contain_text(MARKUP)
        self.assertEqual(page.evaluate("() => document.querySelectorAll('img, [onerror], bdi *').length"), 0)

    def test_end(self) -> None:
        """A session is ended after a question, and its client hears who did it (4004); so is a room emptied."""
        alice, _ = self.client("alice", room="calm-otter"), self.client("bob", room="calm-otter")
        page = self.page
        row = part(page, "session-row").filter(has_text="alice")
        part(row, "end-session").click()
        page.get_by_role("button", name="Cancel").click()
        expect(row).to_have_count(1)
        part(row, "end-session").click()
        part(page, "confirm").click()
        expect(row).to_have_count(0)
        alice.take_one()  # Bob has joined
        self.assertEqual(alice.read_close()[0], 4004)
        part(page, "end-room").click()
        part(page, "confirm").click()
        expect(part(page, "room-row")).to_have_count(0)
        expect(part(page, "session-row")).to_have_count(1)

    def test_level(self) -> None:
        """The log level of the server is another after it was switched."""
        page = self.page
        level = part(page, "level")
        expect(level).to_have_value("info")
        level.select_option("debug")
        other = self.open()
        expect(part(other, "level")).to_have_value("debug")
        level.select_option("info")
        expect(part(other, "level")).to_have_value("info")

    def test_tracer(self) -> None:
        """Envelopes are shown while tracing is on, and nothing that is in them."""
        alice, _ = self.client("alice", room="calm-otter"), self.client("bob", room="calm-otter")
        page = self.page
        part(page, "trace-toggle").click()
        expect(part(page, "trace-toggle")).to_have_attribute("aria-pressed", "true")
        expect(part(page, "state")).to_contain_text("live")
        row = part(page, "trace-row").filter(has_text="session-text").first
        self.until_shown(page, row, lambda: alice.say("calm-otter", "session-text", description={"content": SECRET}))
        expect(row).to_contain_text("description")
        self.assertNotIn(SECRET, page.content())

    def test_restart(self) -> None:
        """When the server goes, the page says so; when it is there again, it is live again by itself."""
        self.faults.expect("net::ERR_")
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        expect(part(self.page, "state")).to_contain_text(re.compile("reconnecting|server stopped"))
        self.restart()
        expect(part(self.page, "state")).to_contain_text("live")
        self.client("alice")
        expect(part(self.page, "session-row")).to_have_count(1)
