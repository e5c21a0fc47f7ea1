"""Tests of :mod:`jsongle_server.unread`, on real sockets: what is known of bytes on their way."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.unread import is_dead, kept_by_system, kept_by_transport, silent_for

MUCH = 8_000_000
"""Bytes that no system keeps for one connection."""


class UnreadTests(SynchronousTestCase):
    """A client that reads when the test says so."""

    def setUp(self) -> None:
        """Connects over TCP, with little room at the client's end."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.client = socket.create_connection(listener.getsockname())
        self.addCleanup(self.client.close)
        near, _ = listener.accept()
        near.setblocking(False)
        self.addCleanup(near.close)
        self.transport = Connection(near, Protocol(), MemoryReactorClock())
        self.transport.connected = True

    def test_nothing(self) -> None:
        """Nothing was written, so nothing is kept."""
        self.assertEqual((kept_by_transport(self.transport), kept_by_system(self.transport)), (0, 0))

    def test_in_this_process(self) -> None:
        """Until the transport has written, all of it is in this process."""
        self.transport.write(b"x" * 100)
        self.assertEqual(kept_by_transport(self.transport), 100)
        self.transport.doWrite()
        self.assertEqual(kept_by_transport(self.transport), 0)

    def test_in_the_system(self) -> None:
        """What the client does not read is the transport's or the system's, and each byte is counted once at most."""
        self.transport.write(b"x" * MUCH)
        for _ in range(100):
            self.transport.doWrite()
        kept, on_its_way = kept_by_transport(self.transport), kept_by_system(self.transport)
        self.assertGreater(kept, 0)
        self.assertGreater(on_its_way, 0)
        self.assertLessEqual(kept + on_its_way, MUCH)
        self.read(MUCH // 2)
        self.assertLess(kept_by_transport(self.transport), kept)

    def read(self, size: int) -> None:
        """The client reads so many bytes, and the transport writes what there is room for."""
        while size > 0:
            size -= len(self.client.recv(65_536))
            self.transport.doWrite()

    def test_wrapped(self) -> None:
        """A transport around another, as for TLS, keeps what that keeps."""

        class Wrapper:
            """Wraps it."""

            transport: Any = self.transport

        self.transport.write(b"x" * 100)
        self.assertEqual(kept_by_transport(Wrapper()), 100)

    def test_closed(self) -> None:
        """Of a socket that is closed nothing is known."""
        self.transport.socket.close()
        self.assertEqual(kept_by_system(self.transport), 0)

    def test_silence(self) -> None:
        """How long the client has been silent is known, whether or not what it said was read."""
        self.client.send(b"x")
        silence = silent_for(self.transport)
        assert silence is not None
        self.assertTrue(0 <= silence < 60, silence)

    def test_dead(self) -> None:
        """Whoever owes an answer and says nothing for long is dead; who says something, or owes nothing, is not."""
        self.transport.write(b"x" * MUCH)
        for _ in range(100):
            self.transport.doWrite()
        self.assertFalse(is_dead(self.transport, 60))
        self.assertTrue(is_dead(self.transport, -1))
        while kept_by_system(self.transport) or kept_by_transport(self.transport):
            self.read(65_536)
        self.assertFalse(is_dead(self.transport, -1))

    def test_nobody_is_dead_where_the_system_does_not_say(self) -> None:
        """Of a transport without a socket nothing is known."""
        self.assertFalse(is_dead(StringTransport(), -1))

    def test_silence_of_others(self) -> None:
        """Of what is no TCP, is closed or has no socket, nothing is known."""
        near, far = socket.socketpair()
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        unix = Connection(near, Protocol(), MemoryReactorClock())
        self.assertIsNone(silent_for(unix))
        self.transport.socket.close()
        self.assertIsNone(silent_for(self.transport))
        self.assertIsNone(silent_for(StringTransport()))

    def test_other_transports(self) -> None:
        """Of one that has no socket neither."""
        for transport in (StringTransport(), None):
            self.assertEqual((kept_by_transport(transport), kept_by_system(transport)), (0, 0))
