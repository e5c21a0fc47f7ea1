"""Tests of :mod:`jsongle_server.framing`."""

from __future__ import annotations

import sys

from autobahn.websocket.utf8validator import Utf8Validator
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.framing import is_utf8, take_text, text_frame, unmask

LIMIT = 100_000
KEYS = st.binary(min_size=4, max_size=4)
SIZES = st.sampled_from((0, 1, 3, 4, 5, 124, 125, 126, 127, 4095, 4096, 4097, 65_534, 65_535)) | st.integers(0, 300)
TRICKY = (b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xff", "€😀\U0010ffff".encode())
"""Overlong, a surrogate, too large, cut off, never a byte of UTF-8; and the end of what is valid."""

LENGTH_FORMS = {1: 125, 3: 0xFFFF, 9: 2**63}
"""Bytes that a length takes, and the longest that fits (RFC 6455 section 5.2)."""


def parse(frame: bytes) -> tuple[int, int, bytes]:
    """Reads one unmasked frame as RFC 6455 section 5.2 has it: first byte, bytes of length, payload."""
    size, start = frame[1], 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(frame[2:10], "big"), 10
    payload = frame[start:]
    assert len(payload) == size
    return frame[0], start - 1, payload


def mask(payload: bytes, key: bytes) -> bytes:
    """Masks or unmasks byte by byte, word for word as RFC 6455 section 5.3 has it."""
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def length_field(size: int, form: int) -> bytes:
    """The masked length field of so many bytes, the shortest form or not."""
    if form == 1:
        return bytes((0x80 | size,))
    return bytes((0x80 | (126 if form == 3 else 127),)) + size.to_bytes(form - 1, "big")


def client_frame(payload: bytes, key: bytes, *, form: int | None = None, first: int = 0x81) -> bytes:
    """A frame as a client sends it; its length in the shortest form unless another is asked for."""
    size = len(payload)
    form = form or next(form for form, longest in LENGTH_FORMS.items() if size <= longest)
    return bytes((first,)) + length_field(size, form) + key + mask(payload, key)


def reference(data: bytes, limit: int) -> tuple[bytes, int] | None:
    """Reads a text frame at the beginning, one field after the other; the payload and the size of the frame."""
    if len(data) < 2 or data[0] != 0x81 or data[1] < 0x80:
        return None
    form = {126: 3, 127: 9}.get(data[1] & 0x7F, 1)
    head = 1 + form + 4
    if form == 9 or len(data) < head:  # frames of more than 64 KiB are nobody's hurry
        return None
    size = data[1] & 0x7F if form == 1 else int.from_bytes(data[2 : 1 + form], "big")
    whole = data[head : head + size]
    if length_field(size, form) != data[1 : 1 + form] or (form == 3 and size <= 125):
        return None
    if size > limit or len(whole) < size:
        return None
    payload = mask(whole, data[head - 4 : head])
    try:
        payload.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None
    return payload, head + size


TEXTS = st.builds(lambda text, size: (text.encode() * size)[:size].decode(errors="ignore").encode(), st.text(), SIZES)
PAYLOADS = TEXTS | st.binary(max_size=200) | st.builds(lambda text, end: text + end, TEXTS, st.sampled_from(TRICKY))
FRAMES = st.builds(client_frame, PAYLOADS, KEYS) | st.builds(
    lambda payload, key, form, first: client_frame(payload, key, form=form, first=first),
    TEXTS.filter(lambda payload: len(payload) <= 125),
    KEYS,
    st.sampled_from((1, 3, 9)),
    st.sampled_from((0x81, 0x82, 0x80, 0x01, 0xC1, 0xA1, 0x91, 0x88, 0x89)),
)


class TakeTextTests(SynchronousTestCase):
    """Whole text frames, taken out of what was read."""

    def test_frame_of_the_rfc(self) -> None:
        """The masked example of RFC 6455 section 5.7 is read, and where the next frame begins."""
        frame = bytes.fromhex("818537fa213d7f9f4d5158")
        self.assertEqual(take_text(b"??" + frame + b"!", 2, LIMIT), (b"Hello", 2 + len(frame)))

    @given(FRAMES | st.binary(max_size=20), st.binary(max_size=3), st.binary(max_size=8), st.integers(0, 300))
    @example(b"\x81\xfe\x00\x7d" + b"k" * 4 + b"a" * 125, b"", b"", 300)
    @example(b"\x81\xff" + (5).to_bytes(8, "big") + b"k" * 9, b"", b"", 300)
    def test_reads_as_the_reference_does(self, frame: bytes, before: bytes, after: bytes, low: int) -> None:
        """Whatever is there, wherever it begins and whatever comes after: both read the same, or both leave it."""
        for limit in (low, LIMIT):
            expected = reference(frame + after, limit)
            if expected is not None:
                expected = expected[0], expected[1] + len(before)
            self.assertEqual(take_text(before + frame + after, len(before), limit), expected)

    def test_cut_off(self) -> None:
        """A frame that lacks a byte, any byte, is left alone; the whole of it is taken."""
        for size in (0, 1, 125, 126, 127, 1000):
            frame = client_frame(b"x" * size, b"\1\2\3\4")
            for cut in range(len(frame)):
                self.assertIsNone(take_text(frame[:cut], 0, LIMIT), (size, cut))
            self.assertEqual(take_text(frame, 0, LIMIT), (b"x" * size, len(frame)))

    def test_limit(self) -> None:
        """The limit itself is taken, one byte more is not."""
        for size in (0, 100, 125, 126, 200, 65_535):
            frame = client_frame(b"x" * size, b"\1\2\3\4")
            self.assertIsNotNone(take_text(frame, 0, size))
            self.assertIsNone(take_text(frame, 0, size - 1))

    def test_length_in_too_long_a_form(self) -> None:
        """A length that would fit into less is an error, which is not found here."""
        for size in (0, 125):
            self.assertIsNone(take_text(client_frame(b"x" * size, b"\1\2\3\4", form=3), 0, LIMIT))
        for size in (0, 125, 126, 0xFFFF):
            self.assertIsNone(take_text(client_frame(b"x" * size, b"\1\2\3\4", form=9), 0, LIMIT))

    def test_first_byte(self) -> None:
        """Only a final text frame without reserved bits is taken: of all first bytes that is one."""
        frames = [client_frame(b"hi", b"\1\2\3\4", first=first) for first in range(256)]
        self.assertEqual([first for first in range(256) if take_text(frames[first], 0, LIMIT)], [0x81])

    def test_unmasked(self) -> None:
        """A frame without a mask is left alone, whatever its length."""
        for size in (0, 5, 125, 126, 0xFFFF, 0x10000):
            self.assertIsNone(take_text(text_frame(b"x" * size) + b"x" * 4, 0, LIMIT))

    def test_broken_text(self) -> None:
        """A payload that is not UTF-8 is left alone, wherever it breaks."""
        for broken in TRICKY[:-1]:
            for payload in (broken, b"x" * 124 + broken, broken + b"x" * 124):
                self.assertIsNone(take_text(client_frame(payload, b"\1\2\3\4"), 0, LIMIT))


class UnmaskTests(SynchronousTestCase):
    """Payloads and their keys."""

    @given(st.builds(lambda some, size: (some * size)[:size], st.binary(min_size=1), SIZES), KEYS)
    @example(b"x" * 4097, b"\0\0\0\0")
    @example(b"\0" * 5, b"\xff\xfe\xfd\xfc")
    def test_same_as_byte_by_byte(self, payload: bytes, key: bytes) -> None:
        """Of any length, the result is that of the definition."""
        self.assertEqual(unmask(payload, key), mask(payload, key))

    def test_every_length(self) -> None:
        """No length is special, neither where words end nor where prepared numbers do."""
        payload, key = bytes(range(251)) * 20, b"\x80\x01\xff\x00"
        masked = mask(payload, key)
        for size in (*range(70), *range(4085, 4110), len(payload)):
            self.assertEqual(unmask(masked[:size], key), payload[:size])


class Utf8Tests(SynchronousTestCase):
    """What is text, which Autobahn must see no other way: it reads the frames that come in parts."""

    def is_autobahns(self, payload: bytes) -> bool:
        """Whether Autobahn has a payload be text."""
        valid, ends_whole, _, _ = Utf8Validator().validate(payload)
        return bool(valid and ends_whole)

    def test_every_character(self) -> None:
        """All characters are text, and surrogates, which are none, are not."""
        characters = "".join(map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))).encode()
        self.assertTrue(is_utf8(characters))
        self.assertTrue(self.is_autobahns(characters))
        for surrogate in map(chr, range(0xD800, 0xE000)):
            payload = surrogate.encode(errors="surrogatepass")
            self.assertFalse(is_utf8(payload) or self.is_autobahns(payload))

    @given(
        st.lists(st.sampled_from(TRICKY) | st.binary(max_size=4) | st.text(max_size=3).map(str.encode)).map(b"".join)
    )
    def test_anything(self, payload: bytes) -> None:
        """Whatever it is, both judge it the same."""
        self.assertEqual(is_utf8(payload), self.is_autobahns(payload))


class TextFrameTests(SynchronousTestCase):
    """Text messages as frames."""

    def test_frame_of_the_rfc(self) -> None:
        """The example of RFC 6455 section 5.7 comes out byte by byte."""
        self.assertEqual(text_frame(b"Hello"), b"\x81\x05Hello")

    def test_length_takes_the_shortest_form(self) -> None:
        """Lengths take 1, 3 or 9 bytes, and never more than they need (RFC 6455 section 5.2)."""
        sizes = (0, 125, 126, 0xFFFF, 0x10000)
        self.assertEqual([parse(text_frame(b"x" * size))[1] for size in sizes], [1, 1, 3, 3, 9])

    @given(
        st.builds(lambda size, fill: fill * size, st.integers(0, 70_000), st.binary(min_size=1, max_size=1)),
        st.booleans(),
    )
    @example(b"x" * 126, True)
    @example(b"x" * 0x10000, True)
    def test_payload_survives(self, payload: bytes, compressed: bool) -> None:
        """Whatever the length, it is one final, unmasked text frame with the payload; compressed ones are marked."""
        first, _, read = parse(text_frame(payload, compressed=compressed))
        self.assertEqual(first, 0xC1 if compressed else 0x81)
        self.assertEqual(read, payload)
