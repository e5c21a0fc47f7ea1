"""Tests of :mod:`jsongle_server.poller`, on real sockets: what it reads is read when the test says so."""

from __future__ import annotations

import select
import socket
import struct
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.clock_watch import ClockWatch
from jsongle_server.flusher import Flusher
from jsongle_server.frame_reader import FrameReader
from jsongle_server.poller import Poller

RESET = struct.pack("ii", 1, 0)
"""Has a socket end its connection with a reset (SO_LINGER)."""


class Watcher:
    """As much of a reactor as a poller needs.

    :ivar readers: what it watches.
    """

    def __init__(self) -> None:
        self.readers: list[object] = []

    def addReader(self, reader: object) -> None:  # noqa: N802  (Twisted's name)
        """Watches something."""
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:  # noqa: N802  (Twisted's name)
        """Watches it no longer."""
        self.readers.remove(reader)


class Wire:
    """A connection, and its transport, over a pair of sockets.

    :ivar client: the client's end.
    :ivar received: what the poller handed over, in order.
    :ivar is_twisteds: whether Twisted reads from it.
    """

    def __init__(self, journal: list[str], name: str) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(listener.getsockname())
        self.socket, _ = listener.accept()
        listener.close()
        self.socket.setblocking(False)
        self.transport = self
        self.received: list[bytes] = []
        self.is_twisteds = True
        self.is_given_back = False
        self.is_aborted = False
        self.breaks = False
        self._journal = journal
        self._name = name

    def fileno(self) -> int:
        """The server's end."""
        return self.socket.fileno()

    def stopReading(self) -> None:  # noqa: N802  (Twisted's name)
        """Twisted reads no longer."""
        self.is_twisteds = False

    def startReading(self) -> None:  # noqa: N802  (Twisted's name)
        """Twisted reads again."""
        self.is_twisteds = True

    def given_back(self) -> None:
        """Notes that it is left to Twisted for good."""
        self.is_given_back = True

    def abortConnection(self) -> None:
        """Notes that the connection is cut."""
        self.is_aborted = True

    def dataReceived(self, data: bytes) -> None:
        """Notes what came."""
        if self.breaks:
            raise RuntimeError("a mistake")
        self.received.append(data)
        self._journal.append(f"{self._name} reads")

    def flush(self) -> None:
        """Notes that what is for the client was written."""
        self._journal.append(f"{self._name} writes")

    def close(self) -> None:
        """Closes both ends."""
        self.client.close()
        self.socket.close()


class PollerTests(SynchronousTestCase):
    """Two connections."""

    def setUp(self) -> None:
        """Both are watched."""
        self.reactor = Watcher()
        self.flusher = Flusher(Clock())
        self.poller = Poller(self.reactor, self.flusher, ClockWatch(Clock()))
        self.journal: list[str] = []
        self.one, self.two = (Wire(self.journal, name) for name in ("one", "two"))
        self.fds = [self.poller.watch(cast(FrameReader, wire)) for wire in (self.one, self.two)]
        self.addCleanup(self.one.close)
        self.addCleanup(self.two.close)

    def test_reads_instead_of_twisted(self) -> None:
        """The reactor watches one descriptor instead of theirs, and each gets what it was sent."""
        self.assertEqual((self.one.is_twisteds, self.reactor.readers), (False, [self.poller]))
        self.assertGreaterEqual(self.poller.fileno(), 0)
        self.one.client.send(b"abc")
        self.two.client.send(b"de")
        self.poller.doRead()
        self.assertEqual((self.one.received, self.two.received), ([b"abc"], [b"de"]))

    def test_writes_after_all_were_read(self) -> None:
        """What follows from a turn is written at its end."""
        for wire in (self.one, self.two):
            wire.client.send(b"x")
        read = self.one.dataReceived

        def read_and_answer(data: bytes) -> None:
            read(data)
            self.flusher.soon(cast(Any, self.one))

        self.patch(self.one, "dataReceived", read_and_answer)
        self.poller.doRead()
        self.assertEqual(sorted(self.journal[:2]), ["one reads", "two reads"])
        self.assertEqual(self.journal[2:], ["one writes"])

    def test_end(self) -> None:
        """The end of a connection, orderly or not, is Twisted's to find."""
        self.one.client.close()
        self.two.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.two.client.close()
        self.poller.doRead()
        self.assertEqual((self.one.is_twisteds, self.two.is_twisteds), (True, True))
        self.assertEqual((self.one.received, self.two.received), ([], []))
        self.assertEqual(self.reactor.readers, [])

    def test_what_came_before_the_end(self) -> None:
        """What a client sent before it went is handed over first."""
        self.one.client.send(b"bye")
        self.one.client.close()
        self.poller.doRead()
        self.poller.doRead()
        self.assertEqual((self.one.received, self.one.is_twisteds), ([b"bye"], True))

    def test_forgotten(self) -> None:
        """Who is forgotten is not read from until it is watched again."""
        self.poller.forget(self.fds[0])
        self.poller.forget(self.fds[0])
        self.one.client.send(b"abc")
        self.poller.doRead()
        self.assertEqual(self.one.received, [])
        self.poller.watch(cast(FrameReader, self.one))
        self.poller.doRead()
        self.assertEqual(self.one.received, [b"abc"])

    def test_closed_meanwhile(self) -> None:
        """A connection may be forgotten after its socket was closed; with the last one there is nothing to watch."""
        self.one.socket.close()
        self.poller.forget(self.fds[0])
        self.poller.forget(self.fds[1])
        self.assertEqual(self.reactor.readers, [])

    def test_needs_no_descriptor_later(self) -> None:
        """It keeps the one that it has, so that a connection can be watched again when there is no other left."""
        before = self.poller.fileno()
        for fd in self.fds:
            self.poller.forget(fd)
        self.patch(select, "epoll", self.fail)
        self.poller.watch(cast(FrameReader, self.one))
        self.assertEqual((self.poller.fileno(), self.reactor.readers), (before, [self.poller]))

    def test_system_that_watches_no_more(self) -> None:
        """A connection that cannot be watched stays Twisted's."""
        self.poller.forget(self.fds[0])
        self.one.is_twisteds = True
        self.one.socket.close()
        self.assertRaises((OSError, ValueError), self.poller.watch, self.one)
        self.assertTrue(self.one.is_twisteds)

    def test_nothing_to_read(self) -> None:
        """That a descriptor is called readable is no promise."""

        class Hasty:
            """An epoll that says so of everybody."""

            def poll(epoll, timeout: float, most: int) -> list[tuple[int, int]]:  # noqa: N805  (self is the test)
                """Says so."""
                return [(fd, 1) for fd in self.fds]

        epoll = self.poller._epoll
        self.poller._epoll = cast(Any, Hasty())
        self.poller.doRead()
        self.poller._epoll = epoll
        self.assertEqual((self.one.received, self.one.is_twisteds), ([], False))

    def test_mistake(self) -> None:
        """A connection that fails is cut; the others are served."""
        self.one.breaks = True
        for wire in (self.one, self.two):
            wire.client.send(b"x")
        self.poller.doRead()
        self.assertEqual((self.one.is_aborted, self.two.received), (True, [b"x"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_end_of_the_reactor(self) -> None:
        """Where the reactor will not watch it any more, Twisted reads from all of them again."""
        self.assertEqual(self.poller.logPrefix(), "poller")
        self.poller.connectionLost(Failure(RuntimeError()))
        self.assertEqual((self.one.is_twisteds, self.two.is_twisteds, self.reactor.readers), (True, True, []))
        self.assertEqual((self.one.is_given_back, self.two.is_given_back), (True, True))

    def test_other_transports(self) -> None:
        """What is no plain TCP connection is left to Twisted."""
        self.assertFalse(self.poller.can_watch(StringTransport()))
