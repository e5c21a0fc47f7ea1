"""An outbox over Twisted's own connection and a real pair of sockets: what the system takes, and what it does not."""

from __future__ import annotations

import errno
import socket
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.flusher import Flusher
from jsongle_server.outbox import Outbox

LIMIT = 10_000


class CountingSocket(socket.socket):
    """A socket that counts what it is asked to send, and may take only so much.

    :ivar sends: how many bytes it was asked to send, each time.
    :ivar allowance: how many bytes it takes in all from now on; ``None`` is no bound but the system's.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setblocking(False)
        self.sends: list[int] = []
        self.allowance: int | None = None

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Sends as much as it may."""
        self.sends.append(len(data))
        if self.allowance is not None:
            data = data[: self.allowance]
            if not data:
                raise BlockingIOError(errno.EAGAIN, "enough")
        sent = super().send(data, flags)
        if self.allowance is not None:
            self.allowance -= sent
        return sent


class SocketCase(SynchronousTestCase):
    """A connection whose other end is in the hands of the test; the reactor writes when the test says so."""

    def setUp(self) -> None:
        """Connects."""
        near, self.far = socket.socketpair()
        self.addCleanup(self.far.close)
        self.far.setblocking(False)
        self.socket = CountingSocket(near)
        self.addCleanup(self.socket.close)
        self.reactor = MemoryReactorClock()
        self.transport = Connection(self.socket, Protocol(), self.reactor)
        self.transport.connected = True
        self.flusher = Flusher(self.reactor)
        self.overflows = 0
        self.outbox = Outbox(self.transport, self.flusher, limit=LIMIT, overflow=self.overflow)

    def overflow(self) -> None:
        """Counts."""
        self.overflows += 1

    def read(self) -> bytes:
        """What has come to the other end."""
        data = b""
        try:
            while chunk := self.far.recv(1 << 20):
                data += chunk
        except BlockingIOError:
            pass
        return data

    @property
    def wants_to_write(self) -> bool:
        """Whether the system is watching the socket."""
        return self.transport in self.reactor.getWriters()

    def drain(self) -> bytes:
        """Writes and reads until nothing is left; what came."""
        data = self.read()
        while self.wants_to_write:
            self.transport.doWrite()
            data += self.read()
        return data


class DirectTests(SocketCase):
    """Where nothing is to be written before."""

    def test_at_once(self) -> None:
        """Bytes go to the socket at once, in one call, and the reactor has nothing to do."""
        self.outbox.write(b"abc")
        self.assertEqual(self.read(), b"abc")
        self.assertEqual((self.socket.sends, self.wants_to_write), ([3], False))

    def test_one_call_for_a_read(self) -> None:
        """However many messages follow from a read, they take one call."""
        self.flusher.begin()
        for number in range(5):
            self.outbox.write(b"%d" % number)
        self.flusher.end()
        self.assertEqual((self.read(), self.socket.sends), (b"01234", [5]))

    def test_partly(self) -> None:
        """What the system does not take, the transport writes when it does."""
        self.socket.allowance = 2
        self.outbox.write(b"abcdef")
        self.assertEqual((self.read(), self.wants_to_write, self.outbox.size), (b"ab", True, 0))
        self.socket.allowance = None
        self.assertEqual(self.drain(), b"cdef")

    def test_nothing(self) -> None:
        """So it is when the system takes nothing."""
        self.socket.allowance = 0
        self.outbox.write(b"abc")
        self.assertEqual((self.read(), self.wants_to_write), (b"", True))
        self.socket.allowance = None
        self.assertEqual(self.drain(), b"abc")

    def test_behind_what_is_there(self) -> None:
        """Nothing overtakes what the transport still has, even if the system would take it."""
        self.socket.allowance = 2
        self.outbox.write(b"abcdef")
        self.socket.allowance = None
        calls = len(self.socket.sends)
        self.outbox.write(b"ghi")
        self.assertEqual(len(self.socket.sends), calls)
        self.assertEqual(self.drain(), b"abcdefghi")

    def test_direct_again(self) -> None:
        """Once the transport has nothing left, bytes go to the socket at once again."""
        self.test_nothing()
        self.outbox.write(b"def")
        self.assertEqual((self.read(), self.wants_to_write), (b"def", False))

    def test_behind_half_of_what_is_there(self) -> None:
        """What the transport has begun to write comes first, too."""
        self.socket.allowance = 0
        self.outbox.write(b"abcdef")
        self.socket.allowance = 2
        self.transport.doWrite()
        self.socket.allowance = None
        self.outbox.write(b"ghi")
        self.assertEqual(self.drain(), b"abcdefghi")


class LimitTests(SocketCase):
    """What counts as waiting."""

    def test_what_the_system_takes(self) -> None:
        """A client that takes everything may be sent any amount."""
        for _ in range(10):
            self.outbox.write(b"x" * (LIMIT + 1))
            self.assertEqual(len(self.drain()), LIMIT + 1)
        self.assertEqual((self.overflows, self.outbox.size), (0, 0))

    def test_what_the_client_does_not_take(self) -> None:
        """One that takes nothing has the transport's buffer filled, then the limit, and is too slow after that."""
        self.socket.allowance = 0
        sent = 0
        while not self.overflows and sent < 10 * LIMIT + (1 << 20):
            self.outbox.write(b"x" * 1000)
            sent += 1000
        self.assertEqual(self.overflows, 1)
        self.assertGreater(sent, LIMIT + self.transport.bufferSize)
        self.assertLessEqual(sent, LIMIT + self.transport.bufferSize + 2000)

    def test_full_buffers_of_the_system(self) -> None:
        """A client that stops reading and goes on later gets all of it in order."""
        sent = b""
        while not self.outbox.size:
            sent += (piece := bytes((len(sent) // 1000 % 251,)) * 1000)
            self.outbox.write(piece)
        self.assertTrue(self.wants_to_write)
        self.assertEqual(self.drain(), sent)
        self.assertEqual((self.overflows, self.outbox.size), (0, 0))

    def test_resumed_client_that_reads(self) -> None:
        """One that has missed far more than the limit, and reads it bit by bit, is sent new messages meanwhile."""
        missed = [b"m" * 1000] * 300
        self.socket.allowance = 0
        self.outbox.make_room(sum(map(len, missed)))
        for message in missed:
            self.outbox.write(message)
        self.assertGreater(self.outbox.size, LIMIT)
        self.socket.allowance = 70_000
        self.transport.doWrite()
        self.read()
        self.outbox.write(b"new")
        self.assertEqual(self.overflows, 0)
        self.socket.allowance = None
        self.assertTrue(self.drain().endswith(b"new"))


class LostTests(SocketCase):
    """Connections that are gone."""

    def test_lost(self) -> None:
        """That the client is gone shows at the next write and is the transport's to tell, as it always is."""
        self.far.close()
        self.outbox.write(b"abc")
        self.assertTrue(self.wants_to_write)
        self.assertIsInstance(self.transport.doWrite(), ConnectionLost)

    def test_lost_within_a_read(self) -> None:
        """A client that is lost while there is something for it does not keep the others from theirs."""
        other = SocketCase()
        other.setUp()
        self.addCleanup(other.doCleanups)
        self.far.close()
        self.flusher.begin()
        self.outbox.write(b"abc")
        other.transport.unregisterProducer()
        second = Outbox(other.transport, self.flusher, limit=LIMIT, overflow=self.overflow)
        second.write(b"def")
        self.flusher.end()
        self.assertEqual(other.read(), b"def")

    def test_written_after(self) -> None:
        """What is written to a connection that is gone is forgotten, within a read or later."""
        self.flusher.begin()
        self.outbox.write(b"abc")
        self.outbox.write_later(b"def")
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.flusher.end()
        self.outbox.write(b"ghi")
        self.outbox.write_later(b"jkl")
        self.reactor.advance(0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_written_after_the_end(self) -> None:
        """So is what comes after the connection was ended in good order."""
        self.outbox.finish()
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.outbox.write(b"abc")
        self.outbox.write_later(b"def")
        self.reactor.advance(0)
        self.assertEqual(self.flushLoggedErrors(), [])


class AnythingTests(SocketCase):
    """All of that together."""

    @settings(max_examples=50)
    @given(
        st.lists(
            st.tuples(st.sampled_from(("write", "write_later")), st.integers(1, 60_000))
            | st.tuples(st.just("allow"), st.none() | st.integers(0, 100_000))
            | st.tuples(st.sampled_from(("begin", "end", "turn", "do_write", "read")), st.just(0)),
            max_size=40,
        )
    )
    def test_nothing_is_lost(self, steps: list[tuple[str, int | None]]) -> None:
        """Whatever the system takes and whenever, all bytes arrive, in order."""
        self.setUp()
        self.outbox.lift_limit()
        sent, came, depth = b"", b"", 0
        for number, (step, size) in enumerate(steps):
            if step in ("write", "write_later"):
                data = bytes((number,)) * (size or 0)
                sent += data
                getattr(self.outbox, step)(data)
            elif step == "allow":
                self.socket.allowance = size
            elif step == "begin":
                self.flusher.begin()
                depth += 1
            elif step == "end" and depth:
                self.flusher.end()
                depth -= 1
            elif step == "turn":
                self.reactor.advance(0)
            elif step == "do_write" and self.wants_to_write:
                self.transport.doWrite()
            elif step == "read":
                came += self.read()
        for _ in range(depth):
            self.flusher.end()
        self.socket.allowance = None
        self.reactor.advance(0)
        came += self.drain()
        self.assertEqual(came, sent)
        self.doCleanups()
