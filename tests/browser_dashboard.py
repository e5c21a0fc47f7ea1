"""The dashboard as an administrator has it, and clients that he can see there."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser import until
from tests.browser_pages import ADMIN_TOKEN, PageCase
from tests.daemons import DEADLINE, SocketClient

expect.set_options(timeout=DEADLINE * 1000)


class DashboardCase(PageCase):
    """Starts servers and opens their dashboards."""

    def serve(self, *options: str, token: str | None = ADMIN_TOKEN) -> None:
        """Starts the server, on ports that are free.

        :param token: the setting ``adminToken``; none where ``None``.
        """
        self._options = (*options, "--id=barracuda", *((f"--adminToken={token}",) if token else ()), "--drainTimeout=0")
        self.server = self.foreground(*self._options)
        self.ws, self.rest = self.server.addresses
        self.faults.allow(self.rest)

    def restart(self) -> None:
        """Starts another server in the place of one that has stopped."""
        self.server = self.foreground(*self._options, f"--restPort={urlsplit(self.rest).port}")
        self.ws, _ = self.server.addresses

    def open(self, **visitor: object) -> Page:
        """The dashboard, live, of an administrator.

        :param visitor: parameters of :meth:`visitor`.
        """
        page = self.visitor(**visitor)  # type: ignore[arg-type]
        page.goto(self.rest)
        self.offer(page, ADMIN_TOKEN)
        expect(part(page, "state")).to_contain_text("live")
        return page

    def offer(self, page: Page, token: str) -> None:
        """Types a token into the form that asks for one."""
        part(page, "token-input").fill(token)
        part(page, "token-submit").click()

    def client(self, uid: str, *, room: str | None = None, **hello: object) -> SocketClient:
        """A client of the server that has said hello, in a room if one is named."""
        client = SocketClient(self.ws)
        self.addCleanup(client.disconnect)
        client.greeted()
        client.hello(uid, **hello)
        if room is not None:
            client.ask("join", rid=room)
        return client

    def chart(self, page: Page, name: str) -> Locator:
        """One of the charts, by the name that its author has given it."""
        return part(page, f"chart-{name}")

    def until_shown(self, page: Page, wanted: Locator, act: Callable[[], object]) -> None:
        """Does something again and again until the page shows it."""

        def acts() -> bool:
            act()
            page.wait_for_timeout(100)
            return wanted.count() > 0

        until(page, acts, "what is to be shown")


def part(within: Page | Locator, name: str) -> Locator:
    """A part of a page, by what its author has called it for tests."""
    return within.get_by_test_id(name)
