"""What RFC 6455 wants of the closing handshake, case by case, after group 7 of the Autobahn|Testsuite."""

from __future__ import annotations

from tests.conformance import CLOSE, FIN, PING, TEXT, StreamCase, close, control, fragments, message
from tests.frame_streams import frame

GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
"""Defined by RFC 6455 section 7.4.1 and registered since, the first and the last of those for libraries and for all."""

BAD_CODES = (0, 1, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
"""Below and above what there is, without a meaning, for there being none, and one that is a gateway's to say (1014)."""


class OrderTests(StreamCase):
    """What comes before a close frame, and what behind it (section 5.5.1)."""

    def test_before(self) -> None:
        """All that came before it is answered, however much it was, and the close frame last."""
        stream = frame(message()) + control(PING, b"?") + close(1000)
        self.assert_refused("before", stream, 1000, ("text", "hello"), ("pong", b"?"))
        size = 60_000
        large = frame(message("", size=size)) * 5
        text = ("text", "x" * (size - len(message(b""))))
        self.assert_refused("large", large + close(1000), 1000, *[text] * 5)

    def test_behind(self) -> None:
        """Nothing behind it is answered: no second close frame, no ping, no text, no rest of a message, no mistake."""
        whole = message()
        for name, behind in {
            "close": close(1000),
            "another close": close(1001, b"again"),
            "ping": control(PING, b"?"),
            "text": frame(whole),
            "pieces": fragments([whole[:9], whole[9:]]),
            "rest": frame(whole[9:], first=FIN),
            "reserved opcode": frame(b"", first=FIN | 3),
            "no frame": b"\xff" * 20,
            "no UTF-8": frame(b"\xff"),
            "too large": b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask",
        }.items():
            self.assert_refused(name, close(1000) + behind, 1000)

    def test_within_a_message(self) -> None:
        """A close frame ends a message that was not over."""
        self.assert_refused("within", frame(message()[:9], first=TEXT) + close(1000) + frame(message()), 1000)


class CodeTests(StreamCase):
    """Codes and reasons (sections 5.5.1 and 7.4)."""

    def test_none(self) -> None:
        """A close frame may be empty: it is answered by 1000."""
        self.assert_refused("none", close(), 1000)

    def test_good_codes(self) -> None:
        """Codes that may be sent, with and without a reason, are answered by 1000."""
        for code in GOOD_CODES:
            for reason in (b"", b"bye"):
                self.assert_refused((code, reason), close(code, reason), 1000)

    def test_bad_codes(self) -> None:
        """All others, with and without a reason: 1002."""
        for code in BAD_CODES:
            for reason in (b"", b"bye"):
                self.assert_refused((code, reason), close(code, reason), 1002)

    def test_every_code_that_nobody_may_send(self) -> None:
        """No code outside of the ranges of section 7.4.2 is one, and none in them is refused for its number."""
        for code in range(0, 65_536, 499):
            self.assert_refused(code, close(code), 1000 if 3000 <= code <= 4999 else 1002)


class ReasonTests(StreamCase):
    """How long a close frame may be, and of what (section 5.5)."""

    def test_lengths(self) -> None:
        """One byte is half a code, and 126 are too many for a control frame: 1002. All between are fine."""
        self.assert_refused(1, control(CLOSE, b"\x03"), 1002)
        for size in (1, 2, 122, 123):
            self.assert_refused(size, close(1000, b"*" * size), 1000)
        for size in (124, 125, 1000):
            self.assert_refused(size, close(1000, b"*" * size), 1002)

    def test_text(self) -> None:
        """A reason is UTF-8, or 1007."""
        for reason in ("äöü€😀".encode(), "é".encode() * 61, b"\x00"):
            self.assert_refused(reason, close(1000, reason), 1000)
        for reason in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"x" * 100 + b"\xf4\x90\x80\x80", b"\xe2\x82"):
            self.assert_refused(reason, close(1000, reason), 1007)

    def test_in_pieces(self) -> None:
        """A close frame comes in one piece: 1002."""
        self.assert_refused("pieces", fragments([b"\x03", b"\xe8"], opcode=CLOSE), 1002)
