"""How an outbox puts what follows from one read, and what may wait, into as few writes as it can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import outbox
from jsongle_server.flusher import Flusher
from jsongle_server.outbox import Outbox

LIMIT = 10


class WriteTests(SynchronousTestCase):
    """How many writes it takes, and when; Twisted's clock runs all turns that are due at once."""

    def setUp(self) -> None:
        """A transport that notes its writes."""
        self.clock = Clock()
        self.flusher = Flusher(self.clock)
        self.writes: list[bytes] = []
        self.overflows = 0
        self.outbox, self.transport = self.open()

    def open(self) -> tuple[Outbox, StringTransport]:
        """An outbox and its transport, whose writes are noted."""
        transport = StringTransport()
        self.patch(transport, "write", self.writes.append)
        return Outbox(transport, self.flusher, limit=LIMIT, overflow=self.overflow), transport

    def overflow(self) -> None:
        """Counts."""
        self.overflows += 1

    def test_one_write_for_a_read(self) -> None:
        """All that follows from one read goes out in one write, at its end."""
        self.flusher.begin()
        for data in (b"ab", b"cd", b"ef"):
            self.outbox.write(data)
        self.assertEqual((self.writes, self.outbox.size), ([], 6))
        self.flusher.end()
        self.assertEqual((self.writes, self.outbox.size), ([b"abcdef"], 0))

    def test_one_write_for_each_client(self) -> None:
        """Each of two clients gets a write of its own."""
        other, _ = self.open()
        self.flusher.begin()
        for data in (b"1", b"2"):
            self.outbox.write(data)
            other.write(data + b"!")
        self.flusher.end()
        self.assertEqual(self.writes, [b"12", b"1!2!"])

    def test_what_may_wait_goes_along(self) -> None:
        """It goes out in its place in the next write, and costs none of its own."""
        self.outbox.write_later(b"ab")
        self.assertEqual((self.writes, self.outbox.size), ([], 2))
        self.outbox.write(b"cd")
        self.clock.advance(0)
        self.assertEqual(self.writes, [b"abcd"])

    def test_what_comes_after_goes_along_too(self) -> None:
        """What may wait does not wait longer than the read in which something else is sent."""
        self.flusher.begin()
        self.outbox.write(b"ab")
        self.outbox.write_later(b"cd")
        self.flusher.end()
        self.clock.advance(0)
        self.assertEqual(self.writes, [b"abcd"])

    def test_what_may_wait_does_so_once(self) -> None:
        """Without anything to go along with, all of it goes out in one write, soon."""
        for data in (b"ab", b"cd"):
            self.outbox.write_later(data)
        self.clock.advance(0)
        self.assertEqual(self.writes, [b"abcd"])
        self.outbox.write_later(b"ef")
        self.clock.advance(0)
        self.assertEqual(self.writes, [b"abcd", b"ef"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_may_wait_while_the_transport_has_enough(self) -> None:
        """It waits with all else until the transport takes more; no timer runs for it after that."""
        self.outbox.pauseProducing()
        self.outbox.write_later(b"ab")
        self.clock.advance(0)
        self.assertEqual((self.writes, self.clock.getDelayedCalls()), ([], []))
        self.outbox.resumeProducing()
        self.assertEqual(self.writes, [b"ab"])

    def test_limit_within_a_read(self) -> None:
        """However much follows from one read, a client that takes it is not too slow."""
        self.flusher.begin()
        for _ in range(5):
            self.outbox.write(b"x" * (LIMIT - 1))
        self.flusher.end()
        self.assertEqual((self.overflows, b"".join(self.writes)), (0, b"x" * 5 * (LIMIT - 1)))

    def test_limit_for_what_may_wait(self) -> None:
        """What may wait counts as well, and goes out early before it is too much."""
        for _ in range(3):
            self.outbox.write_later(b"x" * (LIMIT - 1))
            self.assertLessEqual(self.outbox.size, LIMIT)
        self.clock.advance(0)
        self.assertEqual((self.overflows, len(b"".join(self.writes))), (0, 3 * (LIMIT - 1)))

    def test_too_slow_for_what_may_wait(self) -> None:
        """A client that takes nothing is too slow for the server's own messages, too."""
        self.outbox.pauseProducing()
        self.outbox.write_later(b"x" * LIMIT)
        self.outbox.write_later(b"x")
        self.assertEqual((self.overflows, self.outbox.size), (1, 0))

    def test_pause_within_a_read(self) -> None:
        """A transport that has enough before the end of a read gets nothing then, and all of it later."""
        self.flusher.begin()
        self.outbox.write(b"ab")
        self.outbox.pauseProducing()
        self.flusher.end()
        self.assertEqual(self.writes, [])
        self.outbox.resumeProducing()
        self.assertEqual(self.writes, [b"ab"])

    def test_dropped_within_a_read(self) -> None:
        """What was dropped before the end of a read is not sent; what comes after it is."""
        self.flusher.begin()
        self.outbox.write(b"ab")
        self.outbox.drop()
        self.outbox.write(b"cd")
        self.flusher.end()
        self.assertEqual((self.writes, self.outbox.size), ([b"cd"], 0))

    def test_one_that_fails(self) -> None:
        """A transport that fails is no trouble of the other clients of a read, and of its own later writes."""
        broken, transport = self.open()
        self.patch(transport, "write", lambda data: 1 // 0)
        self.flusher.begin()
        for each in (broken, self.outbox):
            each.write(b"ab")
        self.flusher.end()
        self.assertEqual(self.writes, [b"ab"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.patch(transport, "write", self.writes.append)
        broken.write(b"cd")
        self.assertEqual(self.writes, [b"ab", b"cd"])

    def test_room_while_only_a_part_is_taken(self) -> None:
        """Room for what a client missed lasts until all of that is taken, not until it is handed on."""
        self.patch(outbox, "PIECE", 5)
        self.transport.write = self.write_and_pause  # type: ignore[method-assign]
        self.outbox.pauseProducing()
        self.outbox.make_room(90)
        for _ in range(18):
            self.outbox.write(b"x" * 5)
        self.outbox.resumeProducing()
        self.assertEqual((len(self.writes), self.outbox.size), (1, 85))
        self.outbox.write(b"y")
        self.assertEqual((self.overflows, self.outbox.size), (0, 86))

    def write_and_pause(self, data: bytes) -> None:
        """Takes bytes and has enough then."""
        self.writes.append(data)
        self.outbox.pauseProducing()

    @given(
        st.lists(
            st.binary(min_size=1, max_size=9).map(lambda payload: bytes((len(payload),)) + payload)
            | st.sampled_from(("pause", "resume", "drop")),
            max_size=60,
        ),
        st.integers(1, 12),
        st.integers(0, 60),
    )
    def test_frames_are_whole(self, steps: list[str | bytes], piece: int, limit: int) -> None:
        """However much waits and whenever it is dropped, what was written and the close frame can be read apart."""
        self.setUp()
        self.patch(outbox, "PIECE", piece)
        self.transport.write = self.write_and_pause  # type: ignore[method-assign]
        self.outbox._limit = limit
        for step in steps:
            if isinstance(step, bytes):
                self.outbox.write(step)
            elif step == "drop":
                self.outbox.drop()
            else:
                getattr(self.outbox, f"{step}Producing")()
        self.outbox.lift_limit()
        self.outbox.write(b"\x03bye")
        for _ in steps:
            self.outbox.resumeProducing()
        self.outbox.resumeProducing()
        written = b"".join(self.writes)
        frames = []
        while written:
            frames.append(written[1 : 1 + written[0]])
            written = written[1 + written[0] :]
        self.assertEqual(frames[-1], b"bye")
        said = [step[1:] for step in steps if isinstance(step, bytes)]
        remaining = iter(said)
        self.assertTrue(all(frame in remaining for frame in frames[:-1]), (frames, said))

    @given(
        st.lists(
            st.tuples(st.sampled_from(("write", "write_later")), st.binary(max_size=4))
            | st.sampled_from(("pause", "resume", "begin", "end", "turn")),
            max_size=60,
        )
    )
    def test_nothing_is_lost(self, steps: list[str | tuple[str, bytes]]) -> None:
        """Whatever happens, bytes go out in order, and all of them once nothing holds them."""
        self.setUp()
        self.outbox.lift_limit()
        sent, depth = b"", 0
        for step in steps:
            if isinstance(step, tuple):
                getattr(self.outbox, step[0])(step[1])
                sent += step[1]
            elif step == "turn":
                self.clock.advance(0)
            elif step == "begin":
                self.flusher.begin()
                depth += 1
            elif step == "end":
                if depth:
                    self.flusher.end()
                depth = max(0, depth - 1)
            else:
                getattr(self.outbox, f"{step}Producing")()
            written = b"".join(self.writes)
            self.assertTrue(sent.startswith(written))
            self.assertEqual(len(written) + self.outbox.size, len(sent))
        for _ in range(depth):
            self.flusher.end()
        self.outbox.resumeProducing()
        self.clock.advance(0)
        self.assertEqual((b"".join(self.writes), self.outbox.size), (sent, 0))
