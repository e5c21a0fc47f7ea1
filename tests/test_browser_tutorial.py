"""The page of ``docs/tutorial.md`` in a real browser: two tabs of it see each other."""

from __future__ import annotations

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.request import urlopen

from playwright.sync_api import Page, expect

import jsongle_server
from tests.browser import BrowserCase, until
from tests.test_docs import blocks, read

CLIENT: Final = Path(jsongle_server.__file__).parent / "static" / "jsongle-client.js"

WIDTH: Final = "() => document.querySelector('#theirs').videoWidth"


class Handler(SimpleHTTPRequestHandler):
    """What ``python -m http.server`` runs, without its log."""

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


class TutorialTests(BrowserCase):
    """What a newcomer copies."""

    def serve(self, folder: Path) -> str:
        """Serves a folder as the tutorial does; returns its address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        thread = Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def visit(self, address: str, **visitor: Any) -> Page:
        """Opens the page in a tab of somebody else.

        :param visitor: parameters of :meth:`visitor`.
        """
        page = self.visitor(**visitor)
        page.goto(address)
        return page

    def test_page(self) -> None:
        """The second tab calls the first, and each shows the other's picture; without a camera that is a clock."""
        (html,) = blocks(read("tutorial.md"), "html")
        self.assertIn("ws://localhost:8080", html)
        address, rest = self.foreground().addresses
        folder = Path(self.mktemp())
        folder.mkdir()
        shutil.copy(CLIENT, folder)
        icon = '<link rel="icon" href="data:,">'  # otherwise the browser asks for one, and complains that there is none
        html = html.replace("<title>", f"{icon}<title>").replace("ws://localhost:8080", address)
        (folder / "index.html").write_text(html, encoding="utf-8")
        page = self.serve(folder)
        self.faults.allow(page, address)
        first = self.visit(page)
        until(first, lambda: is_somebody_there(rest), "the first one")
        second = self.visit(page, camera=False)
        expect(second.locator("#said")).to_contain_text("the other side sees a clock")
        until(first, lambda: first.evaluate(WIDTH) > 0, "the picture of the caller")
        until(second, lambda: second.evaluate(WIDTH) > 0, "the picture of the called")


def is_somebody_there(rest: str) -> bool:
    """Whether a server has a room."""
    with urlopen(f"{rest}/metrics") as answer:
        return b'jsongle_rooms{kind="room"} 1.0' in answer.read()
