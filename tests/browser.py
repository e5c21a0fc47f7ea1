"""Pages in a real Chromium, on a real server, driven by playwright.

All tests of a process share one browser, which takes a second to start; each visitor has a profile of its own. A page
that complains (errors on its console, what its Content-Security-Policy refuses, requests to other hosts, dialogs) fails
its test, unless that has said beforehand that this is to come.
"""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Callable
from typing import Final, Literal

from playwright.sync_api import Browser, Error, Page, Playwright, ViewportSize, sync_playwright
from twisted.trial.unittest import SkipTest

from tests.browser_faults import Faults
from tests.browser_probe import PROBE
from tests.daemons import DEADLINE, DaemonCase, wait_until

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}

FAR_NAME: Final = "server.test"
"""Leads to this machine, as if it were another: pages from there come over an insecure connection."""

NEEDED: Final = "needs Chromium (Debian: apt-get install chromium), in the path or named by the variable CHROMIUM"

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

_FLAGS: Final = (
    # A test pattern for a camera and beeps for a microphone; who may use them is up to each visitor.
    "--use-fake-device-for-media-stream",
    # Media over the loopback interface, by its address: names that multicast resolves lead nowhere without a network.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints,HttpsUpgrades",
    # This machine under a name for which browsers do not make the exceptions that they make for localhost.
    f"--host-resolver-rules=MAP {FAR_NAME} 127.0.0.1",
    # Nothing is asked of anybody on the network.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """Where Chromium is: as the environment variable ``CHROMIUM`` says, or by one of its usual names."""
    return next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), *_NAMES))), None)


class SharedBrowser:
    """One Chromium, started when it is first asked for."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._reason = ""

    def get(self) -> Browser:
        """The browser.

        :raises SkipTest: there is none on this machine, or it does not start; each time that it is asked for.
        """
        if self._browser is None and not self._reason:
            self._start()
        if self._browser is None:
            raise SkipTest(self._reason)
        return self._browser

    def stop(self) -> None:
        """Ends it, and the process that drives it."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._playwright = self._browser = None

    def _start(self) -> None:
        path = find_chromium()
        if path is None:
            self._reason = NEEDED
            return
        try:
            self._playwright = sync_playwright().start()
            # Its sandbox wants a user other than root (and a kernel that lets such a user make namespaces).
            self._browser = self._playwright.chromium.launch(
                executable_path=path, chromium_sandbox=os.geteuid() != 0, args=list(_FLAGS), timeout=3 * DEADLINE * 1000
            )
        except (Error, OSError) as error:
            self._reason = f"{NEEDED}; {path} does not start: {error}"
            self.stop()


_shared: Final = SharedBrowser()
stop: Final = _shared.stop
"""Ends the browser of all tests, which starts again for the next one that wants it."""
atexit.register(stop)


class BrowserCase(DaemonCase):
    """Starts servers and visits their pages."""

    def setUp(self) -> None:
        """Finds the browser before anything is started for it."""
        super().setUp()
        self.browser = _shared.get()
        self.faults = Faults()
        self.addCleanup(self.assert_no_faults)

    def visitor(
        self,
        *,
        camera: bool = True,
        size: ViewportSize = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        """An empty page of somebody who has not been here before.

        :param camera: whether he lets pages use his camera and microphone; where not, he is taken to have said no.
        :param scheme: which colours his system prefers.
        """
        is_phone = size["width"] < 600
        context = self.browser.new_context(
            viewport=size,
            color_scheme=scheme,
            reduced_motion="reduce",
            permissions=["camera", "microphone"] if camera else [],
            has_touch=is_phone,
            is_mobile=is_phone,
            locale="en-GB",
        )
        self.addCleanup(context.close)
        context.set_default_timeout(DEADLINE * 1000)
        context.add_init_script(PROBE)
        self.faults.watch(context)
        return context.new_page()

    def assert_no_faults(self) -> None:
        """No page has complained of anything that was not to come."""
        self.assertEqual(self.faults.found, [])


def until(page: Page, condition: Callable[[], object], what: str) -> None:
    """Waits for something that a page does to become true, and lets the page's events in meanwhile.

    :raises AssertionError: it did not.
    """

    def holds() -> object:
        page.wait_for_timeout(20)
        return condition()

    wait_until(holds, what)
