"""A server that is told to hurry, before it stops or while it does."""

from __future__ import annotations

from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.lifecycle import Phase
from jsongle_server.logs import LogControl
from jsongle_server.service import make_server
from jsongle_server.testing_websocket import MemoryTransport, WebSocketWire, WireClient
from jsongle_server.websocket import SignalingProtocol
from jsongle_server.websocket_factory import HURRY

CONFIG = Config(ws_port=0, rest_port=0, ws_host="127.0.0.1", rest_host="127.0.0.1", drain_timeout=3600)
TOLD = (1012, "the server is shutting down")


class HurryTests(SynchronousTestCase):
    """``Server.hurry``, which a second SIGTERM asks for, with a client that would have an hour."""

    def setUp(self) -> None:
        """Makes a server and its client."""
        self.clock = MemoryReactorClock()
        self.server = make_server(self.clock, CONFIG, LogControl("info"), log_file=None, log_path=None)
        for listener in self.server._listeners:
            self.addCleanup(listener.stop)
        self.server._lifecycle.phase = Phase.READY
        transport = MemoryTransport(self.clock, IPv4Address("TCP", "192.0.2.1", 1024))
        protocol = cast(SignalingProtocol, self.server._factory.buildProtocol(transport.getPeer()))
        transport.protocol = protocol
        protocol.makeConnection(transport)
        wire = WebSocketWire(protocol, transport)
        wire.handshake()
        self.client = WireClient(wire)

    def told(self) -> tuple[int, str] | None:
        """How the client was sent away, if it was."""
        self.client.take()
        return self.client.closed

    def test_while_it_stops(self) -> None:
        """Clients that were still to be sent away are sent away at once, and the stop is done a moment later."""
        stopped = self.server.stopService()
        self.assertIsNone(self.told())
        self.server.hurry()
        self.assertEqual(self.told(), TOLD)
        self.clock.pump((HURRY, 0))
        self.assertIsNone(self.successResultOf(stopped))

    def test_before_it_stops(self) -> None:
        """Nothing happens until it stops, which it then does in the same way."""
        self.server.hurry()
        self.clock.pump((HURRY, 0))
        self.assertFalse(self.client.wire.transport.disconnected)
        stopped = self.server.stopService()
        self.assertEqual(self.told(), TOLD)
        self.clock.pump((HURRY, 0))
        self.assertIsNone(self.successResultOf(stopped))
