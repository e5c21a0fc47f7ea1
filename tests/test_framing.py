"""Tests of :mod:`jsongle_server.framing`."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.framing import text_frame


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


class TextFrameTests(SynchronousTestCase):
    """Text messages as frames."""

    def test_frame_of_the_rfc(self) -> None:
        """The example of RFC 6455 section 5.7 comes out byte by byte."""
        self.assertEqual(text_frame(b"Hello"), b"\x81\x05Hello")

    def test_length_takes_the_shortest_form(self) -> None:
        """Lengths take 1, 3 or 9 bytes, and never more than they need (RFC 6455 section 5.2)."""
        sizes = (0, 125, 126, 0xFFFF, 0x10000)
        self.assertEqual([parse(text_frame(b"x" * size))[1] for size in sizes], [1, 1, 3, 3, 9])

    @settings(deadline=None)
    @given(st.builds(lambda size, fill: fill * size, st.integers(0, 70_000), st.binary(min_size=1, max_size=1)))
    @example(b"x" * 126)
    @example(b"x" * 0x10000)
    def test_payload_survives(self, payload: bytes) -> None:
        """Whatever the length, the frame is one final, unmasked text frame with the payload in it."""
        first, _, read = parse(text_frame(payload))
        self.assertEqual(first, 0x81)
        self.assertEqual(read, payload)
