"""Connections that are asked for something while they are closing, and connections that are not TCP."""

from __future__ import annotations

from typing import cast

from twisted.internet.address import UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import WebSocketMemoryServer
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import SignalingProtocol


class ClosingTests(SynchronousTestCase):
    """A connection between its close frame and its end."""

    def setUp(self) -> None:
        """Opens a connection and has the server close it; the client has not answered yet."""
        self.server = WebSocketMemoryServer()
        self.client = self.server.connect()
        self.connection = self.client.wire.protocol
        self.connection.close(CloseCode.POLICY_VIOLATION, "enough")
        self.client.take()

    def test_sends_nothing(self) -> None:
        """What is sent after the close frame goes nowhere (RFC 6455 section 5.5.1)."""
        self.connection.send(b"{}")
        self.assertEqual(self.client.wire.read_frames(), [])

    def test_closes_once(self) -> None:
        """A second close frame is not sent, by whatever way it is asked for."""
        self.connection.close(CloseCode.GOING_AWAY, "again")
        self.connection.shut(CloseCode.GOING_AWAY, "again")
        self.connection.sendCloseFrame(code=1001)
        self.assertEqual(self.client.wire.read_frames(), [])
        self.assertEqual(self.client.closed, (1008, "enough"))

    def test_failure(self) -> None:
        """A mistake of ours in what still comes in ends the connection at once."""

        def fail(data: bytes) -> None:
            raise RuntimeError("a mistake")

        self.patch(self.connection, "_consume", fail)
        self.client.wire.send(b"?")
        self.server.clock.advance(0)
        self.assertIsNotNone(self.client.wire.transport.lost)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class UnixTests(SynchronousTestCase):
    """A connection over a Unix socket, which has no Nagle to turn off and no address to show."""

    def test_connects(self) -> None:
        """It is taken like any other."""
        server = WebSocketMemoryServer()
        connection = cast(SignalingProtocol, server.factory.buildProtocol(UNIXAddress(None)))
        connection.makeConnection(StringTransport(peerAddress=UNIXAddress(None)))
        self.assertEqual(connection.remote, "unix")
