"""The browser client against a real server, over a network that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.network import NetworkCase
from tests.node import NEEDED, find_node
from tests.proxy import Link

NODE: Final = find_node()
COUNT: Final = 300
"""Texts that each of the two clients sends."""

_TALKERS: Final = Path(__file__).parent / "js" / "talkers.mjs"


class Talkers(ProcessProtocol):
    """The process of the two clients.

    :param heard: called each time one of them has heard a text, with how many there were so far.

    :ivar ended: fires with what it printed last, or fails with what it complained of.
    """

    def __init__(self, heard: Callable[[int], None]) -> None:
        self.ended: Deferred[str] = Deferred()
        self._heard = heard
        self._output = b""
        self._complaints = b""
        self._lines = 0

    def outReceived(self, data: bytes) -> None:
        """Counts what was heard."""
        self._output += data
        while self._output.count(b"\n") > self._lines:
            self._lines += 1
            self._heard(self._lines)

    def errReceived(self, data: bytes) -> None:
        """Keeps complaints."""
        self._complaints += data

    def processEnded(self, reason: Failure) -> None:
        """Says how it went."""
        if reason.check(ProcessDone):
            self.ended.callback(self._output.decode().splitlines()[-1])
        else:
            self.ended.errback(AssertionError(f"{reason.value}\n{self._complaints.decode()}"))


@skipIf(NODE is None, NEEDED)
class LineTests(NetworkCase):
    """Lines that fail while two clients talk."""

    async def test_cut(self) -> None:
        """A line that is reset again and again loses and doubles nothing, of what either client says."""
        await self._talk(Link.cut, every=50)

    async def test_silent(self) -> None:
        """A line that dies without a word is noticed by the client, and nothing is lost or doubled."""
        await self._talk(Link.vanish, every=200)

    async def _talk(self, spoil: Callable[[Link], None], *, every: int) -> None:
        """Runs the two, and looks at what they report.

        :param spoil: what happens to a line, theirs in turns, each time they have heard ``every`` texts more.
        """
        self.serve()
        spoiled: list[Link] = []

        def heard(count: int) -> None:
            good = [link for link in self.proxy.links if not link.is_over and link not in spoiled]
            if count % every == 0 and good:
                spoiled.append(good[0])
                spoil(good[0])

        assert NODE is not None
        talkers = Talkers(heard)
        arguments = (NODE, "--experimental-websocket", str(_TALKERS), f"ws://127.0.0.1:{self.proxy.port}", str(COUNT))
        process: Any = reactor
        running = process.spawnProcess(talkers, NODE, arguments, env={})
        self.addCleanup(lambda: running.pid and running.signalProcess("KILL"))
        reports = json.loads(await talkers.ended)
        for report in reports:
            self.assertEqual(report["heard"], list(range(COUNT)))
            self.assertEqual((report["acked"], report["anew"]), (COUNT, 1))
            self.assertEqual(len(set(report["ids"])), 1)
        self.assertGreaterEqual(sum(report["resumes"] for report in reports), 1)
