"""The browser client in a real browser, where its WebSocket, timers and events are the real ones."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Page

from tests.browser import BrowserCase, until
from tests.cut_line import CutLine
from tests.daemons import port_of

ROOM: Final = "room-1"

CONNECT: Final = """
async ([url, uid, rid]) => {
    const { JSONgleClient } = await import("/static/jsongle-client.js");
    const client = globalThis.client = new JSONgleClient(url, { uid, backoff: { first: 50, most: 200 } });
    globalThis.heard = { texts: [], resumed: [] };
    client.addEventListener("text", ({ detail }) => heard.texts.push(detail.content));
    client.addEventListener("online", ({ detail }) => heard.resumed.push(detail.resumed));
    await client.connect();
    await client.join(rid, {});
}
"""


class ClientTests(BrowserCase):
    """Two pages with a client each, of which one goes through a line that can be cut."""

    def setUp(self) -> None:
        """Starts the server and the line to it."""
        super().setUp()
        self.line = CutLine()
        self.addCleanup(self.line.stop)
        self.server = self.foreground(f"--demo=ws://127.0.0.1:{self.line.port}")
        address, self.rest = self.server.addresses
        self.line.lead_to(port_of(address))
        self.url = f"ws://127.0.0.1:{self.line.port}"
        self.faults.allow(self.rest, self.url)

    def connect(self, uid: str) -> Page:
        """A page whose client is in the room."""
        page = self.visitor()
        page.goto(f"{self.rest}/demo")
        page.evaluate(CONNECT, [self.url, uid, ROOM])
        return page

    def heard(self, page: Page, what: str) -> list[Any]:
        """What a page was told so far."""
        return list(page.evaluate("(what) => heard[what]", what))

    def test_resume(self) -> None:
        """Texts that are sent either way while one's line is cut arrive once, in order, in the same session."""
        alice = self.connect("alice")
        link = self.line.latest()
        bob = self.connect("bob")
        identity = alice.evaluate("() => client.id")
        self.faults.expect("WebSocket connection to .* failed")
        self.line.cut(link)
        until(alice, lambda: alice.evaluate("() => client.state") == "reconnecting", "the loss")
        for page, names in ((alice, "ab"), (bob, "xy")):
            for name in names:
                page.evaluate("([rid, text]) => { client.sendText(rid, text); }", [ROOM, name])
        self.line.mend()
        until(alice, lambda: self.heard(alice, "texts") == ["x", "y"], "the other's texts")
        until(bob, lambda: self.heard(bob, "texts") == ["a", "b"], "the texts of who was away")
        self.assertEqual(alice.evaluate("() => client.id"), identity)
        self.assertEqual(self.heard(alice, "resumed"), [False, True])
        alice.evaluate("() => client.close()")
        until(bob, lambda: bob.evaluate("(rid) => client.rooms.get(rid).members.size", ROOM) == 0, "the end")
        self.assertEqual((self.heard(alice, "texts"), self.heard(bob, "texts")), (["x", "y"], ["a", "b"]))
