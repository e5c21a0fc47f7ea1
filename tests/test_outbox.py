"""Tests of :mod:`jsongle_server.outbox`."""

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


class OutboxTests(SynchronousTestCase):
    """Bytes on their way to a transport that may have enough; ten may wait."""

    def setUp(self) -> None:
        """A transport that takes everything."""
        self.transport = StringTransport()
        self.overflows = 0
        self.outbox = Outbox(self.transport, Flusher(Clock()), limit=LIMIT, overflow=self.overflow)

    def overflow(self) -> None:
        """Counts."""
        self.overflows += 1

    def test_passes_on(self) -> None:
        """While the transport takes them, bytes go there at once, however many."""
        self.outbox.write(b"x" * 100)
        self.assertEqual((self.transport.value(), self.outbox.size), (b"x" * 100, 0))

    def test_waits(self) -> None:
        """When the transport has enough, bytes wait, counted, until it takes more."""
        self.outbox.pauseProducing()
        self.outbox.write(b"abc")
        self.outbox.write(b"de")
        self.assertEqual((self.transport.value(), self.outbox.size), (b"", 5))
        self.outbox.resumeProducing()
        self.assertEqual((self.transport.value(), self.outbox.size), (b"abcde", 0))

    def test_stops_when_the_transport_has_enough_again(self) -> None:
        """The transport may have enough in the middle of what waited: the rest goes on waiting."""
        self.patch(outbox, "PIECE", 2)
        self.outbox.pauseProducing()
        for data in (b"ab", b"cd", b"ef"):
            self.outbox.write(data)
        write = self.transport.write

        def write_and_pause(data: bytes) -> None:
            write(data)
            self.outbox.pauseProducing()

        self.patch(self.transport, "write", write_and_pause)
        self.outbox.resumeProducing()
        self.assertEqual((self.transport.value(), self.outbox.size), (b"ab", 4))
        self.outbox.resumeProducing()
        self.outbox.resumeProducing()
        self.assertEqual((self.transport.value(), self.outbox.size), (b"abcdef", 0))

    def test_room_for_what_was_missed(self) -> None:
        """A client that comes back may have more waiting, until all of that has gone; then the limit holds again."""
        self.outbox.pauseProducing()
        self.outbox.make_room(90)
        self.outbox.write(b"x" * 100)
        self.assertEqual((self.overflows, self.outbox.size), (0, 100))
        self.outbox.resumeProducing()
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (LIMIT + 1))
        self.assertEqual((self.overflows, self.outbox.size), (1, 0))

    def test_full(self) -> None:
        """The limit itself may wait; one byte more, and all is dropped and told once."""
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * LIMIT)
        self.assertEqual((self.overflows, self.outbox.size), (0, LIMIT))
        self.outbox.write(b"x")
        self.assertEqual((self.overflows, self.outbox.size), (1, 0))
        self.outbox.write(b"x" * 3 * LIMIT)
        self.assertEqual((self.overflows, self.outbox.size), (1, 0))
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"")

    def test_reopened(self) -> None:
        """After that it takes bytes again once it is told to: the close frame."""
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * 2 * LIMIT)
        self.outbox.lift_limit()
        self.outbox.write(b"bye")
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"bye")

    def test_more_room(self) -> None:
        """More may wait where room was made for it, until nothing waits any more."""
        self.outbox.pauseProducing()
        self.outbox.make_room(5)
        self.outbox.write(b"x" * (LIMIT + 5))
        self.assertEqual(self.overflows, 0)
        self.outbox.resumeProducing()
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (LIMIT + 1))
        self.assertEqual(self.overflows, 1)

    def test_room_that_was_not_needed(self) -> None:
        """Room is used up by what did not have to wait, too."""
        self.outbox.make_room(5)
        self.outbox.write(b"x" * 5)
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (LIMIT + 1))
        self.assertEqual(self.overflows, 1)

    def test_finish(self) -> None:
        """At the end the transport gets what waits, and whatever comes after it."""
        self.outbox.pauseProducing()
        self.outbox.write(b"abc")
        self.outbox.finish()
        self.assertIsNone(self.transport.producer)
        self.outbox.write(b"de")
        self.assertEqual((self.transport.value(), self.outbox.size), (b"abcde", 0))

    def test_stopped(self) -> None:
        """When the connection is gone, nothing is kept for it."""
        self.outbox.pauseProducing()
        self.outbox.write(b"abc")
        self.outbox.stopProducing()
        self.assertEqual(self.outbox.size, 0)

    @given(st.lists(st.one_of(st.sampled_from(["pause", "resume"]), st.binary(max_size=4)), max_size=60))
    def test_order_and_size(self, steps: list[str | bytes]) -> None:
        """Whatever happens, bytes go out in order, the size is what waits, and never over the limit."""
        self.setUp()
        sent = b""
        for step in steps:
            if isinstance(step, bytes):
                self.outbox.write(step)
                sent += step
            else:
                getattr(self.outbox, f"{step}Producing")()
            self.assertLessEqual(self.outbox.size, LIMIT)
            self.assertTrue(sent.startswith(self.transport.value()))
            if not self.overflows:
                self.assertEqual(len(self.transport.value()) + self.outbox.size, len(sent))
