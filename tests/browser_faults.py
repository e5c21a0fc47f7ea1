"""What pages complain of while a test looks at them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebError, WebSocket

_LOCAL_SCHEMES: Final = {"data", "blob", "about"}


class Faults:
    """Collects them from any number of visitors.

    :ivar found: one line for each that was not to come.
    :ivar hosts: the only places, as ``host:port``, that pages may ask anything of.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.hosts: set[str] = set()
        self._expected: list[re.Pattern[str]] = []

    def watch(self, context: BrowserContext) -> None:
        """Listens to all pages of a visitor from now on."""
        context.on("console", self._console)
        context.on("weberror", self._uncaught)
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("page", self._page)

    def allow(self, *addresses: str) -> None:
        """Lets pages ask something of these, e.g. ``http://127.0.0.1:8081``, and of nobody else."""
        self.hosts.update(urlsplit(address).netloc for address in addresses)

    def expect(self, pattern: str) -> None:
        """Does not count complaints any more in which a regular expression is found."""
        self._expected.append(re.compile(pattern))

    def _console(self, message: ConsoleMessage) -> None:
        # What a Content-Security-Policy refuses is an error on the console, too.
        if message.type == "error":
            self._add(f"console: {message.text}")

    def _uncaught(self, error: WebError) -> None:
        self._add(f"uncaught: {error.error.name}: {error.error.message}")

    def _dialog(self, dialog: Dialog) -> None:
        self._add(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _page(self, page: Page) -> None:
        page.on("websocket", self._websocket)

    def _request(self, request: Request) -> None:
        self._asked(request.url)

    def _websocket(self, websocket: WebSocket) -> None:
        self._asked(websocket.url)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL_SCHEMES and parts.netloc not in self.hosts:
            self._add(f"request to somebody else: {url}")

    def _add(self, fault: str) -> None:
        if not any(pattern.search(fault) for pattern in self._expected):
            self.found.append(fault)
