"""Connections that are asked for something while they are closing, and connections that are not TCP."""

from __future__ import annotations

from typing import cast

from twisted.internet.address import UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import WebSocketMemoryServer
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT, SignalingProtocol

CLOSE = 8


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

        self.patch(self.connection, "_take", fail)
        self.client.wire.send(b"?")
        self.server.clock.advance(0)
        self.assertIsNotNone(self.client.wire.transport.lost)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class ExchangeTests(SynchronousTestCase):
    """Both close frames, and what comes after them."""

    def setUp(self) -> None:
        """Opens a connection."""
        self.server = WebSocketMemoryServer()
        self.client = self.server.connect()
        self.client.take()
        self.aborted = False
        self.patch(self.client.wire.transport, "abortConnection", self.abort)

    def abort(self) -> None:
        """Notes that the connection was cut, which tells the client's system to throw away what it has not read."""
        self.aborted = True

    def answer_to(self, payload: bytes) -> list[tuple[int, bytes]]:
        """The frames with which a close frame is answered; the connection then ends, without being cut."""
        self.client.wire.send_frame(CLOSE, payload)
        frames = self.client.wire.read_frames()
        self.assertTrue(self.client.wire.transport.disconnecting)
        self.assertIsNotNone(self.client.wire.transport.lost)
        self.assertFalse(self.aborted)
        self.assertEqual(self.server.signaling.connection_count, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        return frames

    def assert_answered(self, payload: bytes, code: int) -> None:
        """A close frame is answered by one with this code."""
        answered = [(opcode, answer[:2]) for opcode, answer in self.answer_to(payload)]
        self.assertEqual(answered, [(CLOSE, code.to_bytes(2, "big"))])

    def test_good(self) -> None:
        """A good close frame, with a code and a reason, is answered by 1000."""
        self.assert_answered(b"\x0f\xa0I have to go", 1000)

    def test_reserved_code(self) -> None:
        """1005 means that there was no code, and so is none to send: 1002 (RFC 6455 section 7.4.1)."""
        self.assert_answered((1005).to_bytes(2, "big"), 1002)

    def test_half_a_code(self) -> None:
        """A single byte is no code: 1002 (RFC 6455 section 5.5.1)."""
        self.assert_answered(b"\x03", 1002)

    def test_reason_that_is_no_text(self) -> None:
        """A reason that is not UTF-8: 1007 (RFC 6455 section 8.1)."""
        self.assert_answered(b"\x03\xe8\xff", 1007)

    def test_answer_to_ours(self) -> None:
        """When the client has answered our close frame nothing more is said, and the rest of ours can still be read."""
        self.client.wire.protocol.close(CloseCode.GOING_AWAY, "stopping")
        self.client.take()
        self.assertEqual(self.answer_to(b"\x03\xe9"), [])
        self.assertEqual(self.client.closed, (1001, "stopping"))

    def test_client_that_reads_nothing(self) -> None:
        """A client that never reads our answer is cut after a while."""
        self.client.wire.transport.stalled = True
        self.client.wire.send_frame(CLOSE, b"\x03\xe8")
        self.assertFalse(self.aborted)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.aborted)


class UnixTests(SynchronousTestCase):
    """A connection over a Unix socket, which has no Nagle to turn off and no address to show."""

    def test_connects(self) -> None:
        """It is taken like any other."""
        server = WebSocketMemoryServer()
        connection = cast(SignalingProtocol, server.factory.buildProtocol(UNIXAddress(None)))
        connection.makeConnection(StringTransport(peerAddress=UNIXAddress(None)))
        self.assertEqual(connection.remote, "unix")
