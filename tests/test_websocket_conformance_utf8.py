"""What RFC 6455 wants of text, case by case, after group 6 of the Autobahn|Testsuite: UTF-8, and nothing else.

The sequences are those of RFC 3629, and of Markus Kuhn's stress test for decoders. Each is sent in one frame, in two
that part it, and in frames of one byte.
"""

from __future__ import annotations

import json
from typing import Final

from tests.conformance import CONTINUATION, FIN, NO_MESSAGE, TEXT, Event, StreamCase, Talk, bytewise, fragments
from tests.conformance import message as message_of
from tests.frame_streams import frame

VALID: Final = {
    "plain": "Hello-µ@ßöäüàá-UTF-8!!",
    "Greek": "κόσμε",
    "first of one byte": "\x20",
    "last of one byte": "\x7f",
    "first of two bytes": "\x80",
    "last of two bytes": "\u07ff",
    "first of three bytes": "\u0800",
    "last of three bytes": "\uffff",
    "first of four bytes": "\U00010000",
    "last of all": "\U0010ffff",
    "before the surrogates": "\ud7ff",
    "behind the surrogates": "\ue000",
    "replacement character": "\ufffd",
    "no characters": "\ufffe\uffff\ufdd0\ufdef",
    "no characters of any plane": "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)),
    "mark of byte order": "\ufeff",
    "right-to-left override": "\u202eabc\u202c",
    "family of emoji": "👩‍👩‍👧‍👦" * 7,
}

CONTROLS: Final = (b"\x00", b"\x1f", b"\n")
"""Valid UTF-8 that JSON wants escaped (RFC 8259 section 7)."""

INVALID: Final = {
    # Bytes that only ever go on with a character.
    "first continuation": b"\x80",
    "last continuation": b"\xbf",
    "all continuations": bytes(range(0x80, 0xC0)),
    # Characters that are cut off, before another one and before the end of the text.
    "two bytes, one missing": b"\xc3",
    "three bytes, two missing": b"\xe2",
    "three bytes, one missing": b"\xe2\x82",
    "four bytes, three missing": b"\xf0",
    "four bytes, one missing": b"\xf0\x9f\x98",
    "starts of two bytes": b" ".join(bytes((byte,)) for byte in range(0xC2, 0xE0)),
    "starts of three bytes": b" ".join(bytes((byte,)) for byte in range(0xE0, 0xF0)),
    "starts of four bytes": b" ".join(bytes((byte,)) for byte in range(0xF0, 0xF5)),
    "cut off, each after the other": b"\xc3\xe2\x82\xf0\x9f\x98",
    # Bytes that never occur.
    "FE": b"\xfe",
    "FF": b"\xff",
    "FE FE FF FF": b"\xfe\xfe\xff\xff",
    # Characters in more bytes than they take.
    "slash in two bytes": b"\xc0\xaf",
    "slash in three bytes": b"\xe0\x80\xaf",
    "slash in four bytes": b"\xf0\x80\x80\xaf",
    "slash in five bytes": b"\xf8\x80\x80\x80\xaf",
    "slash in six bytes": b"\xfc\x80\x80\x80\x80\xaf",
    "last that fits into one byte, in two": b"\xc1\xbf",
    "last that fits into two bytes, in three": b"\xe0\x9f\xbf",
    "last that fits into three bytes, in four": b"\xf0\x8f\xbf\xbf",
    "last that fits into four bytes, in five": b"\xf8\x87\xbf\xbf\xbf",
    "last that fits into five bytes, in six": b"\xfc\x83\xbf\xbf\xbf\xbf",
    "NUL in two bytes": b"\xc0\x80",
    "NUL in three bytes": b"\xe0\x80\x80",
    "NUL in four bytes": b"\xf0\x80\x80\x80",
    "NUL in five bytes": b"\xf8\x80\x80\x80\x80",
    "NUL in six bytes": b"\xfc\x80\x80\x80\x80\x80",
    # Halves of characters of UTF-16.
    "first high surrogate": b"\xed\xa0\x80",
    "last high surrogate": b"\xed\xaf\xbf",
    "first low surrogate": b"\xed\xb0\x80",
    "last low surrogate": b"\xed\xbf\xbf",
    "pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "last pair of surrogates": b"\xed\xaf\xbf\xed\xbf\xbf",
    # Beyond what there is.
    "first beyond": b"\xf4\x90\x80\x80",
    "last of four bytes": b"\xf7\xbf\xbf\xbf",
    "first of five bytes": b"\xf8\x88\x80\x80\x80",
    "last of five bytes": b"\xfb\xbf\xbf\xbf\xbf",
    "first of six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "last of six bytes": b"\xfd\xbf\xbf\xbf\xbf\xbf",
}

START: Final = message_of(b"").index(b'""') + 1
"""Where the text begins in a message that is echoed."""


def ways(payload: bytes, place: int) -> list[bytes]:
    """Streams of a message: in one frame, in two that part it at a place, and in frames of one byte."""
    return [frame(payload), fragments([payload[:place], payload[place:]]), fragments(bytewise(payload))]


class ValidTests(StreamCase):
    """Text that is text."""

    def test_echoed(self) -> None:
        """Every character arrives, wherever frames part it."""
        for name, text in VALID.items():
            encoded = text.encode()
            for stream in ways(message_of(encoded), START + 1):
                self.assert_seen(name, stream, ("text", text))

    def test_controls(self) -> None:
        """Control characters are UTF-8: they are an error of the message, not of the connection."""
        for raw in CONTROLS:
            self.assert_seen(raw, frame(message_of(raw)), NO_MESSAGE)
            escaped = json.dumps(raw.decode())[1:-1]
            self.assert_seen(raw, frame(message_of(escaped)), ("text", raw.decode()))

    def test_empty(self) -> None:
        """No text at all is valid, in any number of frames."""
        self.assert_seen("one", frame(b""), NO_MESSAGE)
        self.assert_seen("three", fragments([b"", b"", b""]), NO_MESSAGE)


class InvalidTests(StreamCase):
    """Text that is none: 1007."""

    def test_within_a_message(self) -> None:
        """Whatever surrounds it, and wherever frames part it."""
        for name, sequence in INVALID.items():
            for stream in ways(message_of(b"ok " + sequence + b" ok"), START + 4):
                self.assert_refused(name, stream, 1007)

    def test_at_the_end(self) -> None:
        """As the end of a message, where what is cut off has no more to come."""
        for name, sequence in INVALID.items():
            for stream in (frame(sequence), fragments(bytewise(b"ok " + sequence))):
                self.assert_refused(name, stream, 1007)


class FailFastTests(StreamCase):
    """Text is refused as soon as it cannot be text any more: the rest of it need not come."""

    def seen(self, stream: bytes, *, fast: bool) -> list[Event]:
        """What follows from a part of a message."""
        return Talk(fast_frames=fast).send([stream])

    def assert_fails_at(self, before: bytes, byte: bytes) -> None:
        """A stream is waited on with, and refused with one byte more."""
        for fast in (True, False):
            self.assertEqual((before, self.seen(before, fast=fast)), (before, []))
            self.assertEqual((byte, self.seen(before + byte, fast=fast)[:1]), (byte, [("close", 1007)]))

    def test_in_the_fragment(self) -> None:
        """At the end of the frame that holds the first wrong byte, whatever is still to come."""
        for good, bad in (
            (b"\xce\xba\xe1\xbd\xb9", b"\xf4\x90"),
            (b"\xf4", b"\x90"),
            (b"\xed", b"\xa0"),
            (b"", b"\xc0"),
        ):
            before, stream = frame(good, first=TEXT), frame(bad, first=CONTINUATION)
            self.assert_fails_at(before + stream[:-1], stream[-1:])

    def test_within_a_frame(self) -> None:
        """At the wrong byte itself, in the middle of a frame."""
        for good, bad in ((b"\xf4", b"\x90"), (b"x" * 50, b"\xff"), (b"\xe0", b"\x80")):
            stream = frame((good + bad).ljust(120), first=FIN | TEXT)
            end = 6 + len(good) + len(bad)
            self.assert_fails_at(stream[: end - 1], stream[end - 1 : end])
