"""What the terminal client shows: colours, harmless text, JSON, and words for what goes wrong."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.chat_commands import COMMANDS
from jsongle_server.chat_errors import (
    CLOSES,
    COMING_BACK,
    MEANINGS,
    closed,
    no_tls,
    refused_handshake,
    refused_message,
    silent,
)
from jsongle_server.chat_json import LONGEST_JSON, shown_json
from jsongle_server.chat_lines import NAME_COLOURS, Kind, Line, Piece, Style, colour_of, harmless_text, rendered
from jsongle_server.chat_script import LONGEST_LINE, read_lines
from jsongle_server.chat_typed import DOES
from jsongle_server.doctor_wire import HttpAnswer
from jsongle_server.vocabulary import CloseCode, ErrorCode

LEVELS = (0, 95, 135, 175, 215, 255)


def luminance(colour: int) -> float:
    """Of a colour of the cube, as WCAG 2.2 has it."""
    cube = colour - 16
    parts = [LEVELS[part] / 255 for part in (cube // 36, cube // 6 % 6, cube % 6)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class LineTests(SynchronousTestCase):
    """Lines."""

    def test_contrast(self) -> None:
        """Every colour of a name can be read on black and on white."""
        for colour in NAME_COLOURS:
            light = luminance(colour)
            self.assertGreater(min(1.05 / (light + 0.05), (light + 0.05) / 0.05), 3.8, colour)

    def test_stable(self) -> None:
        """A name has always the same colour, and names do not all have one."""
        self.assertEqual(colour_of("alice"), colour_of("alice"))
        self.assertGreater(len({colour_of(f"user_{number}") for number in range(50)}), 8)

    def test_rendered(self) -> None:
        """Colours are written only where they are wanted."""
        line = Line(Kind.TALK, (Piece("a"), Piece("b", Style.ERROR), Piece("c", name="x")))
        self.assertEqual(rendered(line, coloured=False), "abc")
        self.assertEqual(rendered(line, coloured=True), f"a\x1b[31mb\x1b[0m\x1b[1;38;5;{colour_of('x')}mc\x1b[0m")

    def test_rows(self) -> None:
        """Many rows are shortened; joined emoji stay as they are."""
        shown = harmless_text("\n".join("x" * 30))
        self.assertEqual(shown.count("│"), 19)
        self.assertIn("(59 characters in all)", shown)
        self.assertEqual(harmless_text("👩\u200d💻"), "👩\u200d💻")

    def test_json(self) -> None:
        """JSON stays JSON, without secrets, and is bounded in size and depth."""
        value = {"token": "t", "a": [{"credential": "c", "appToken": ""}], "e": "\x9b\u202e\U000e0001\x7f"}
        shown = shown_json(value)
        self.assertTrue(shown.isprintable())
        self.assertEqual(json.loads(shown), {**value, "token": "…", "a": [{"credential": "…", "appToken": ""}]})
        deep: object = 1
        for _ in range(900):
            deep = [deep]
        self.assertIn("…", shown_json(deep))
        self.assertEqual(len(shown_json("x" * 50_000)), LONGEST_JSON)
        self.assertGreater(len(shown_json({"a": "x" * 100, "b": 1}, rows=True).splitlines()), 3)


class WordTests(SynchronousTestCase):
    """What went wrong."""

    def test_codes(self) -> None:
        """Every error code and close code of the server has words; others are shown as they are."""
        self.assertEqual(set(MEANINGS), set(ErrorCode))
        self.assertLessEqual(set(CloseCode), set(CLOSES))
        self.assertEqual(refused_message("x\x1b", None).seen, r"error x\x1b: None")
        self.assertEqual(closed(3000, "why\r").seen, r"the server has closed the connection (3000: why\r)")

    def test_coming_back(self) -> None:
        """A client comes back after the codes that the protocol says, and stays away after the others."""
        back = {1001, 1011, 1012, 1013, 4001, 4003}
        self.assertEqual({code for code in CLOSES if closed(code, "").may_pass}, back)
        self.assertLessEqual(back, COMING_BACK)
        self.assertTrue(closed(None, "").may_pass)

    def test_handshakes(self) -> None:
        """A server that is full, or busy, may be tried again, when it says; a page is no WebSocket."""
        full = HttpAnswer(503, {"retry-after": "7"}, b'{"errorCode": 503001, "errorMsg": "full"}')
        trouble = refused_handshake(full)
        self.assertEqual((trouble.may_pass, trouble.retry_after), (True, 7.0))
        self.assertIn("the server takes no new clients now, and says: full", trouble.seen)
        busy = HttpAnswer(429, {"retry-after": "soon"}, b'{"errorCode": 429001, "errorMsg": "slow down"}')
        self.assertEqual(refused_handshake(busy).retry_after, 0.0)
        page = refused_handshake(HttpAnswer(200, {}, b"<html>"))
        self.assertIn("is it the REST port?", page.advice)
        self.assertFalse(page.may_pass)

    def test_tls(self) -> None:
        """A certificate is one thing, no TLS at all another."""
        self.assertIn("not trusted", no_tls("certificate verify failed").seen)
        self.assertIn("ws://", no_tls("wrong version number").advice)
        self.assertIn("no answer in time", silent("no answer in time").seen)


class TableTests(SynchronousTestCase):
    """What can be typed."""

    def test_every_command_does_something(self) -> None:
        """The table of commands and that of what they do have the same names."""
        self.assertEqual(list(COMMANDS), list(DOES))


class ReadingTests(SynchronousTestCase):
    """Lines from a pipe."""

    def read(self, *chunks: bytes) -> list[str]:
        """The lines in these chunks."""
        left = [*chunks, b""]
        return list(read_lines(lambda: left.pop(0)))

    def test_lines(self) -> None:
        """Lines are put together from chunks; the last needs no end, and what is no UTF-8 is replaced."""
        self.assertEqual(self.read(b"a\nb", b"c\n\n", b"d\xff"), ["a", "bc", "", "d\ufffd"])
        self.assertEqual(self.read(), [])

    def test_longest(self) -> None:
        """What is longer than a line may be comes as several."""
        lines = self.read(b"x" * LONGEST_LINE, b"y\nz\n")
        self.assertEqual([len(line) for line in lines], [LONGEST_LINE, 1, 1])

    def test_broken(self) -> None:
        """A stream that fails has ended."""

        def fail() -> bytes:
            raise OSError

        self.assertEqual(list(read_lines(fail)), [])
