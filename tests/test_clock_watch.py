"""Tests of :mod:`jsongle_server.clock_watch`: a clock that is set back keeps nobody waiting."""

from __future__ import annotations

from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.clock_watch import ClockWatch
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient, masked_frame
from tests.scenarios import SERVER


class WatchTests(SynchronousTestCase):
    """The watch by itself."""

    def setUp(self) -> None:
        """A clock at noon, and something that is to happen in a minute."""
        self.clock = Clock()
        self.clock.advance(43_200)
        self.watch = ClockWatch(self.clock)
        self.happened: list[str] = []
        self.clock.callLater(60, self.happened.append, "it")

    def set_back(self, seconds: float) -> None:
        """Sets the clock back, without time passing."""
        self.clock.rightNow -= seconds
        self.watch.look()

    def test_set_back(self) -> None:
        """What was to happen in a minute happens in a minute, however far the clock was set back."""
        for seconds in (3600, 0.5, 1):
            self.set_back(seconds)
        self.clock.advance(59.9)
        self.assertEqual(self.happened, [])
        self.clock.advance(0.2)
        self.assertEqual(self.happened, ["it"])

    def test_goes_on(self) -> None:
        """A clock that goes on as it should, or forward, moves nothing."""
        self.watch.look()
        self.clock.advance(30)
        self.watch.look()
        self.clock.advance(29)
        self.watch.look()
        self.assertEqual(self.happened, [])
        self.clock.advance(1)
        self.assertEqual(self.happened, ["it"])


class ServerTests(SynchronousTestCase):
    """A server whose clock is set back."""

    def test_answers_go_out(self) -> None:
        """What waits to go along with something else is sent with the next read from anybody, not an hour later."""
        server = WebSocketMemoryServer()
        alice, bob = (cast(WireClient, server.user(uid)) for uid in ("alice", "bob"))
        ping = b'{"to":"%b","jsongle":{"action":"iq-set","query":"ping"}}' % SERVER.encode()
        alice.wire.protocol.dataReceived(masked_frame(1, ping))
        server.clock.rightNow -= 3600
        self.assertEqual(alice.wire._read(), b"")
        bob.wire.protocol.dataReceived(masked_frame(1, ping))
        self.assertEqual(alice.take_one()["jsongle"]["query"], "ping")
