"""Tests of :mod:`jsongle_server.lean`: what a connection shows is what Autobahn's own start would have set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerProtocol
from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import WebSocketMemoryServer
from jsongle_server.websocket import SignalingProtocol
from tests.test_session_log import LogCase

LEFT_OUT: Final = {"_transport_details", "peer"}
"""What nobody asks for: who the client is, the transport says."""

IMMUTABLE: Final = (bool, int, float, str, bytes, type(None))


class StartTests(SynchronousTestCase):
    """The start of a connection, beside that of a stock one."""

    def setUp(self) -> None:
        """A connection as Autobahn starts it, and one of ours."""
        self.server = WebSocketMemoryServer()
        self.stock: Any = WebSocketServerProtocol()
        self.stock.factory = self.server.factory
        self.stock.makeConnection(StringTransport())
        self.lean: Any = self.server.open_wire().protocol

    def test_shows_all_that_autobahn_sets(self) -> None:
        """Every attribute has the same value, or is another object of the same kind where it could change."""
        for name, value in vars(self.stock).items():
            if name in LEFT_OUT | {"transport", "factory"}:
                continue
            with self.subTest(name):
                shown = getattr(self.lean, name)
                if isinstance(value, IMMUTABLE) or hasattr(self.server.factory, name):
                    self.assertEqual(shown, value)
                else:
                    self.assertIsInstance(shown, type(value))
                    self.assertIsNot(shown, value)

    def test_what_is_left_out(self) -> None:
        """What it does not show is ``None``."""
        self.assertEqual({getattr(self.lean, name) for name in LEFT_OUT}, {None})

    def test_what_can_change_is_nobody_elses(self) -> None:
        """Objects of Autobahn's that a connection changes are its own; the others are known by name."""
        other = self.server.open_wire().protocol
        shared = {
            name
            for name, value in vars(self.stock).items()
            if not isinstance(value, IMMUTABLE)
            and not hasattr(self.server.factory, name)
            and getattr(self.lean, name) is getattr(other, name)
        }
        unheard = {"is_open", "is_closed", "_valid_events", "_results"}
        unread = {"trafficStats", "send_queue", "_transport_details"}
        self.assertEqual(shared, {"factory"} | unheard | unread)

    def test_keeps_little_of_its_own(self) -> None:
        """A new connection has a handful of attributes, not dozens."""
        self.assertGreater(len(vars(self.stock)), 60)
        self.assertLess(len(vars(self.lean)), 10)


class ReconfigureTests(SynchronousTestCase):
    """What a change of the settings means for connections."""

    def test_open_connections_keep_their_limits(self) -> None:
        """A connection goes on with the limits that it began with; the next ones have the new."""
        server = WebSocketMemoryServer(max_message_size=2000)
        before = server.connect()
        server.factory.reconfigure(replace(server.config, max_message_size=1000))
        after = server.connect()
        for client in (before, after):
            client.wire.send_frame(1, b"x" * 1500)
        before.take()
        self.assertIsNone(before.closed)
        after.take()
        assert after.closed is not None
        self.assertEqual(after.closed[0], 1009)

    def test_protocols_are_still_of_their_class(self) -> None:
        """Whatever the settings, a connection is a SignalingProtocol and goes by that name."""
        protocol = WebSocketMemoryServer().open_wire().protocol
        self.assertIsInstance(protocol, SignalingProtocol)
        self.assertEqual(type(protocol).__name__, "SignalingProtocol")


class EndTests(LogCase):
    """The end of a connection."""

    def lose(self, error: Exception) -> None:
        """A connection that is lost."""
        self.server = WebSocketMemoryServer()
        client = self.server.connect()
        self.events.clear()
        client.wire.transport.cut(error)
        self.assertEqual(self.server.signaling.connection_count, 0)

    def test_plain_loss_makes_no_event(self) -> None:
        """Autobahn says nothing of a connection that ended; what is logged is the session's."""
        self.lose(ConnectionLost())
        self.assertEqual({event["log_namespace"] for event in self.events}, {"jsongle_server.session.Session"})

    def test_failure_of_tls_is_no_error(self) -> None:
        """What went wrong in TLS is the client's doing, and so is a line at debug; Autobahn's would be an error."""
        self.lose(SSL.Error([("SSL routines", "", "bad record")]))
        (event,) = [event for event in self.events if formatEvent(event).startswith("TLS with ")]
        self.assertIs(event["log_level"], LogLevel.debug)
        self.assertEqual(self.lines(LogLevel.error), [])

    def test_closed_is_closed(self) -> None:
        """Its state says so, and a second loss does nothing."""
        client = WebSocketMemoryServer().connect()
        client.wire.transport.cut()
        self.assertEqual(client.wire.protocol.state, SignalingProtocol.STATE_CLOSED)
        client.wire.protocol.connectionLost(Failure(ConnectionLost()))
