"""What RFC 6455 wants of frames, case by case, after the groups 1 to 5 of the Autobahn|Testsuite."""

from __future__ import annotations

from typing import ClassVar, Final

from tests.conformance import (
    BINARY,
    CONTINUATION,
    FIN,
    NO_MESSAGE,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    SHORTEST,
    TEXT,
    StreamCase,
    bytewise,
    close,
    control,
    fragments,
    message,
)
from tests.frame_streams import frame

HELLO: Final = ("text", "hello")


class FramingTests(StreamCase):
    """Group 1: payloads of every length, and each form that a length takes."""

    settings: ClassVar = {"max_message_size": 70_000}

    def test_text(self) -> None:
        """Text of any length arrives whole, around each length at which the field for it grows (section 5.2)."""
        for size in (125, 126, 127, 128, 65_535, 65_536):
            sent = message(b"", size=size)
            self.assert_seen(size, frame(sent), ("text", "x" * (size - SHORTEST)))

    def test_empty_text(self) -> None:
        """A frame without a payload is a message without a text."""
        self.assert_seen("empty", frame(b"") + frame(message()), NO_MESSAGE, HELLO)

    def test_binary(self) -> None:
        """Binary messages of any length are none of this protocol: 1003."""
        for size in (0, 125, 126, 127, 128, 65_535, 65_536):
            self.assert_refused(size, frame(b"\xfe" * size, first=FIN | BINARY), 1003)

    def test_lengths_in_too_long_a_form(self) -> None:
        """A length in more bytes than it takes is an error (section 5.2): 1002."""
        for size, form in ((0, 3), (125, 3), (0, 9), (125, 9), (126, 9), (65_535, 9)):
            self.assert_refused((size, form), frame(b"x" * size, form=form), 1002)

    def test_negative_length(self) -> None:
        """The first bit of a length of eight bytes is 0 (section 5.2): 1002."""
        self.assert_refused("2**63", b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"mask", 1002)

    def test_unmasked(self) -> None:
        """Frames without a mask are an error, whatever they are (section 5.1): 1002."""
        for first in (FIN | TEXT, TEXT, FIN | BINARY, FIN | PING, FIN | PONG, FIN | 8):
            for size in (0, 5, 126):
                if size < 126 or first in (FIN | TEXT, TEXT, FIN | BINARY):
                    self.assert_refused((first, size), frame(b"x" * size, first=first, masked=False), 1002)


class PingTests(StreamCase):
    """Group 2: pings and pongs (sections 5.5.2 and 5.5.3)."""

    def test_answered(self) -> None:
        """A ping of up to 125 bytes of any kind is answered by a pong with the same."""
        for payload in (b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
            self.assert_seen(payload, control(PING, payload), ("pong", payload))

    def test_too_long(self) -> None:
        """A control frame has no more than 125 bytes: 1002."""
        for opcode in (PING, PONG):
            self.assert_refused(opcode, control(opcode, b"\xfe" * 126), 1002)

    def test_unsolicited_pongs(self) -> None:
        """Pongs that nobody asked for change nothing."""
        for payload in (b"", b"unsolicited", b"\xfe" * 125):
            stream = control(PONG, payload) + control(PING, b"ping") + frame(message())
            self.assert_seen(payload, stream, ("pong", b"ping"), HELLO)

    def test_many(self) -> None:
        """Each of many pings has its pong, in order."""
        payloads = [b"payload-%d" % number for number in range(200)]
        stream = b"".join(control(PING, payload) for payload in payloads)
        self.assert_seen("many", stream, *(("pong", payload) for payload in payloads))


class ReservedBitTests(StreamCase):
    """Group 3: bits that mean something only where an extension was agreed on (section 5.2): 1002."""

    def test_each(self) -> None:
        """Whatever the bits and the frame; what comes behind is not read."""
        for bits in range(RSV3, FIN, RSV3):
            for opcode in (TEXT, BINARY, PING, PONG, 8):
                stream = frame(message() if opcode == TEXT else b"", first=FIN | bits | opcode)
                self.assert_refused((bits, opcode), stream + control(PING), 1002)

    def test_after_a_good_message(self) -> None:
        """What came before is answered."""
        for bits in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3):
            stream = frame(message()) + frame(message(), first=FIN | bits | TEXT) + control(PING)
            self.assert_refused(bits, stream, 1002, HELLO)

    def test_on_a_later_fragment(self) -> None:
        """Not on a later frame of a message, either."""
        for bits in (RSV1, RSV2, RSV3):
            stream = frame(message()[:9], first=TEXT) + frame(message()[9:], first=FIN | bits | CONTINUATION)
            self.assert_refused(bits, stream, 1002)


class OpcodeTests(StreamCase):
    """Group 4: opcodes that mean nothing yet (section 5.2): 1002."""

    def test_reserved(self) -> None:
        """With and without a payload, whatever came before and comes behind."""
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            for payload in (b"", b"reserved"):
                for fin in (FIN, 0):
                    bad = frame(payload, first=fin | opcode) + control(PING)
                    self.assert_refused((opcode, payload, fin), bad, 1002)
                    self.assert_refused((opcode, payload, fin), frame(message()) + bad, 1002, HELLO)


class FragmentTests(StreamCase):
    """Group 5: messages in several frames (section 5.4)."""

    def test_control_frames_in_fragments(self) -> None:
        """Control frames come whole (section 5.5): 1002."""
        for opcode in (PING, PONG, 8):
            self.assert_refused(opcode, fragments([b"frag", b"ment"], opcode=opcode), 1002)

    def test_text(self) -> None:
        """Text may come in any number of frames, with none of them or all of them empty."""
        whole = message()
        for parts in ([whole[:20], whole[20:]], bytewise(whole), [b"", whole], [whole, b""], [b"", whole, b"", b""]):
            self.assert_seen(len(parts), fragments(parts), HELLO)

    def test_control_frames_between(self) -> None:
        """A ping between the frames of a message is answered before the message, a pong by nothing."""
        whole = message()
        ping, pong = ("pong", b"between"), control(PONG, b"between")
        self.assert_seen("ping", fragments([whole[:9], whole[9:]], between=control(PING, b"between")), ping, HELLO)
        self.assert_seen("pong", fragments([whole[:9], whole[9:]], between=pong), HELLO)
        five = [whole[:1], whole[1:2], whole[2:30], whole[30:31], whole[31:]]
        self.assert_seen("pings", fragments(five, between=control(PING, b"between") * 2), *[ping] * 8, HELLO)

    def test_continuation_of_nothing(self) -> None:
        """A frame that continues nothing is an error: at the beginning, final or not, and after a whole message."""
        for first in (FIN | CONTINUATION, CONTINUATION):
            bad = frame(b"non-continuation", first=first) + frame(message())
            self.assert_refused(first, bad, 1002)
            self.assert_refused(first, frame(message()) + bad, 1002, HELLO)
            whole = message()
            self.assert_refused(first, fragments([whole[:9], whole[9:]]) + bad, 1002, HELLO)

    def test_message_within_a_message(self) -> None:
        """A message begins after the end of the one before: not as text, not as binary, final or not."""
        for opcode in (TEXT, BINARY):
            for fin in (FIN, 0):
                stream = frame(message()[:9], first=TEXT) + frame(message(), first=fin | opcode)
                self.assert_refused((opcode, fin), stream, 1002)
                stream = frame(message()[:9], first=TEXT) + control(PING) + frame(message(), first=fin | opcode)
                self.assert_refused((opcode, fin), stream, 1002, ("pong", b""))

    def test_whole_messages_around(self) -> None:
        """Messages in pieces and whole ones follow each other in order, in any mixture."""
        texts = [f"number {number}" for number in range(6)]
        sent = [message(text) for text in texts]
        stream = b"".join(
            frame(each) if number % 2 else fragments([each[:50], each[50:52], each[52:]])
            for number, each in enumerate(sent)
        )
        self.assert_seen("mixture", stream, *(("text", text) for text in texts))

    def test_closed_within_a_message(self) -> None:
        """A client may close before its message is over: the rest of that is nobody's (group 7 as well)."""
        whole = message()
        stream = frame(whole[:9], first=TEXT) + close(1000) + frame(whole[9:], first=FIN | CONTINUATION)
        self.assert_refused("within", stream, 1000)

    def test_binary_in_pieces(self) -> None:
        """Binary messages in pieces are refused as whole ones are."""
        self.assert_refused("binary", fragments([b"\xfe", b"\xff"], opcode=BINARY), 1003)
