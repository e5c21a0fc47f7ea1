"""How much a client may send, case by case, after the groups 9, 12 and 13 of the Autobahn|Testsuite."""

from __future__ import annotations

import tracemalloc
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance import (
    CONTINUATION,
    FIN,
    NO_MESSAGE,
    PING,
    RSV1,
    SHORTEST,
    TEXT,
    StreamCase,
    Talk,
    bytewise,
    control,
    fragments,
    message,
)
from tests.frame_streams import DEFLATE, Deflater, frame
from tests.memory import traced_memory

LIMIT = 2048

TEXT_AT_THE_LIMIT = ("text", "x" * (LIMIT - SHORTEST))


def parts(payload: bytes, size: int) -> list[bytes]:
    """A payload in parts of so many bytes."""
    return [payload[place : place + size] for place in range(0, len(payload), size)]


class SizeTests(StreamCase):
    """Group 9: messages around ``maxMessageSize``."""

    settings: ClassVar = {"max_message_size": LIMIT}

    def test_at_the_limit(self) -> None:
        """A message of just that many bytes passes, in one frame or in many."""
        whole = message(b"", size=LIMIT)
        self.assert_seen("whole", frame(whole), TEXT_AT_THE_LIMIT)
        for size in (1, 7, 64, 1024, LIMIT - 1):
            self.assert_seen(size, fragments(parts(whole, size)), TEXT_AT_THE_LIMIT)

    def test_one_more(self) -> None:
        """One byte more is too many: 1009, in one frame or in many, and what comes behind is not read."""
        whole = message(b"", size=LIMIT + 1)
        self.assert_refused("whole", frame(whole) + control(PING), 1009)
        for size in (1, 7, 64, 1024, LIMIT):
            self.assert_refused(size, fragments(parts(whole, size)) + control(PING), 1009)

    def test_counted_for_each_message(self) -> None:
        """What one message takes is not missing from the next."""
        whole = message(b"", size=LIMIT)
        self.assert_seen("pieces", fragments(parts(whole, 500)) * 3, *[TEXT_AT_THE_LIMIT] * 3)
        self.assert_seen("mixed", (frame(whole) + fragments(parts(whole, 500))) * 2, *[TEXT_AT_THE_LIMIT] * 4)

    def test_control_frames_do_not_count(self) -> None:
        """Pings between the pieces of a message take nothing of its room."""
        whole = message(b"", size=LIMIT)
        between = control(PING, b"x" * 125)
        pongs = [("pong", b"x" * 125)] * 7
        self.assert_seen("pings", fragments(parts(whole, LIMIT // 8), between=between), *pongs, TEXT_AT_THE_LIMIT)

    def test_bytes_not_characters(self) -> None:
        """It is bytes that count."""
        room = LIMIT - SHORTEST
        self.assert_seen("at", frame(message("é" * (room // 2))), ("text", "é" * (room // 2)))
        self.assert_refused("over", frame(message("é" * (room // 2 + 1))), 1009)

    def test_announced(self) -> None:
        """A length over the limit is refused when it is announced, whatever it is, in a first and in a later frame."""
        for size in (LIMIT + 1, 0xFFFF, 0x10000, 1 << 32, (1 << 63) - 1):
            field = b"\xfe" + size.to_bytes(2, "big") if size <= 0xFFFF else b"\xff" + size.to_bytes(8, "big")
            for before, first in ((b"", FIN | TEXT), (b"", TEXT), (frame(b"{", first=TEXT), CONTINUATION)):
                self.assert_refused((size, first), before + bytes((first,)) + field + b"mask", 1009)

    def test_empty_pieces(self) -> None:
        """However many pieces without a byte there are, they are no message and no mistake until the last comes."""
        empty = frame(b"", first=TEXT) + frame(b"", first=CONTINUATION) * 500
        self.assert_seen("so far", empty + control(PING), ("pong", b""))
        self.assert_seen("over", empty + frame(b"", first=FIN | CONTINUATION), NO_MESSAGE)
        self.assert_seen("something", empty + frame(message(), first=FIN | CONTINUATION), ("text", "hello"))


class MemoryTests(SynchronousTestCase):
    """What is kept of a message that never ends."""

    def assert_keeps_little(self, stream: bytes) -> None:
        """A connection takes less memory for some frames than its longest message and what handles that may take."""
        talk = Talk(max_message_size=LIMIT)
        talk.send([frame(message())])
        reads = parts(stream, 4096)
        with traced_memory():
            talk.send(reads)
            self.assertLess(tracemalloc.get_traced_memory()[1], 300_000)

    def test_empty_pieces(self) -> None:
        """Twenty thousand pieces without a byte take no memory."""
        self.assert_keeps_little(frame(b"", first=TEXT) + frame(b"", first=CONTINUATION) * 20_000)

    def test_tiny_pieces(self) -> None:
        """Pieces of a byte take no more together than an object for each that the limit lets in."""
        self.assert_keeps_little(frame(b"x", first=TEXT) + frame(b"x", first=CONTINUATION) * (LIMIT - 1))

    def test_too_many_pieces(self) -> None:
        """What goes on after it was refused is not kept."""
        self.assert_keeps_little(frame(b"x", first=TEXT) + frame(b"x" * 100, first=CONTINUATION) * 10_000)

    def test_announced(self) -> None:
        """Nor is what follows an announced length that is too much."""
        self.assert_keeps_little(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"x" * 2_000_000)


class CompressionTests(SynchronousTestCase):
    """Groups 12 and 13: messages that are compressed where that was agreed on (RFC 7692)."""

    def seen(self, stream: bytes, *, fast: bool = True) -> list[Any]:
        """What a client that speaks permessage-deflate sees, less what is in it: the kinds and codes of frames."""
        server = Talk(fast_frames=fast, per_message_deflate=True, max_message_size=LIMIT).server
        wire = server.open_wire()
        wire.handshake(DEFLATE)
        wire.read_frames()
        wire.send(stream)
        for _ in range(5):
            server.clock.advance(0)
        frames = wire.read_frames()
        self.assertEqual(self.flushLoggedErrors(), [])
        return [int.from_bytes(payload[:2], "big") if opcode == 8 else opcode for opcode, payload in frames]

    def assert_seen(self, name: str, stream: bytes, *expected: int) -> None:
        """It is that on both ways."""
        for fast in (True, False):
            self.assertEqual((name, self.seen(stream, fast=fast)), (name, list(expected)))

    def pieces(self, payload: bytes, size: int, *, each: int = 0) -> bytes:
        """A compressed message in frames of so many bytes of payload.

        :param each: what is added to the first byte of every frame but the first.
        """
        some = parts(payload, size)
        last = len(some) - 1
        return b"".join(
            frame(part, first=(each if number else TEXT | RSV1) | (FIN if number == last else 0))
            for number, part in enumerate(some)
        )

    def test_in_pieces(self) -> None:
        """A compressed message may come in any number of frames; whoever has not said hello hears 403002 of it.

        Autobahn counts what is still to come of one as it stands there: so this is a little shorter than the limit.
        """
        payload = Deflater()(message(b"", size=LIMIT - 200))
        for size in (1, 3, 50, len(payload)):
            self.assert_seen(f"{size} bytes", self.pieces(payload, size), TEXT)

    def test_marked_twice(self) -> None:
        """Only the first frame of a message says that it is compressed (RFC 7692 section 6): else 1002."""
        self.assert_seen("marked", self.pieces(Deflater()(message()), 20, each=RSV1), 1002)

    def test_control_frames(self) -> None:
        """Control frames are never compressed (RFC 7692 section 5): 1002."""
        for opcode in (8, 9, 10):
            self.assert_seen("control", frame(b"", first=FIN | RSV1 | opcode), 1002)

    def test_bombs(self) -> None:
        """What stands for more than the limit is refused: in one frame, in many, and as zeros upon zeros."""
        for size in (LIMIT + 1, 100_000, 20_000_000):
            payload = Deflater()(b" " * size)
            self.assert_seen("one", frame(payload, first=FIN | RSV1 | TEXT), 1009)
            self.assert_seen("many", self.pieces(payload, max(1, len(payload) // 3)), 1009)

    def test_memory(self) -> None:
        """Refusing twenty megabytes takes nowhere near as many."""
        stream = frame(Deflater()(b" " * 20_000_000), first=FIN | RSV1 | TEXT)
        self.seen(stream)
        with traced_memory():
            self.seen(stream)
            self.assertLess(tracemalloc.get_traced_memory()[1], 2_000_000)

    def test_bytewise(self) -> None:
        """A plain message in frames of a byte, among compressed ones."""
        self.assert_seen("plain", fragments(bytewise(message())), TEXT)
