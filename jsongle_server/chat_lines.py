"""What the terminal client shows: lines of styled pieces, in which nothing that others say can act on a terminal.

Owns styles and colours, and how text from outside is made harmless. Must not know what a line is about. Layer 5.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zlib import crc32

from jsongle_server.privacy import escaped, printable

LONGEST_NAME: Final = 40
"""Characters of a name that are shown."""

LONGEST_TEXT: Final = 2000
"""Characters of a text that are shown."""

MOST_ROWS: Final = 20
"""Rows of a text that are shown."""

NAME_COLOURS: Final = (27, 28, 30, 63, 64, 66, 97, 99, 129, 130, 132, 162, 164)
"""Colours of names, of the 256 of a terminal (the 6 by 6 by 6 cube from 16 on): each has a contrast of at least 3.8 to
black and to white, and none looks like the red of errors."""

_JOINERS: Final = "\u200c\u200d"
"""Zero-width joiners: scripts and emoji are wrong without them, and they move nothing."""

_INDENT: Final = " " * 9 + "│ "


class Style(StrEnum):
    """How a piece looks; the value is its SGR code (ECMA-48 section 8.3.117), empty for as it is."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    GOOD = "32"
    WARNING = "33"
    ERROR = "31"


class Kind(StrEnum):
    """What a line is, for whoever shows some otherwise than others."""

    TALK = "talk"
    ACK = "ack"
    NEWS = "news"
    ERROR = "error"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line.

    :param text: harmless already.
    :param style: how it looks.
    :param name: whose colour it has, instead of one of ``style``.
    """

    text: str
    style: Style = Style.PLAIN
    name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Something to show: a line, or more that belong together.

    :param at: when, in seconds since the epoch; ``None`` for a line without a time.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    at: float | None = None

    @property
    def text(self) -> str:
        """What it says, without time and colours."""
        return "".join(piece.text for piece in self.pieces)


def harmless(text: str, limit: int = LONGEST_NAME) -> str:
    """A name or the like from outside, on one line.

    :param limit: the most characters to show.
    """
    return printable(text, limit=limit) if not text.isprintable() else shortened(text, limit)


def harmless_text(text: str) -> str:
    """A text from outside: with the lines that it has, each of which can be told from lines of our own."""
    rows = text[: LONGEST_TEXT + 1].replace("\r\n", "\n").split("\n")
    shown = [escaped(row.replace("\t", "    "), keep=_JOINERS) for row in rows[:MOST_ROWS]]
    whole = shortened(("\n" + _INDENT).join(shown), 2 * LONGEST_TEXT)
    if len(text) <= LONGEST_TEXT and len(rows) <= MOST_ROWS:
        return whole
    return f"{shortened(whole, LONGEST_TEXT)} … ({len(text):,} characters in all)"


def shortened(text: str, limit: int) -> str:
    """A text of no more characters than this; what is longer ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def rendered(line: Line, *, coloured: bool) -> str:
    """A line for a terminal or a file, without the end of it.

    :param coloured: whether to write colours.
    """
    pieces = line.pieces
    if line.at is not None:
        pieces = (Piece(clock_time(line.at) + " ", Style.DIM), *pieces)
    if not coloured:
        return "".join(piece.text for piece in pieces)
    return "".join(_painted(piece) for piece in pieces)


def clock_time(now: float) -> str:
    """The time of day here."""
    return time.strftime("%H:%M:%S", time.localtime(now))


def colour_of(name: str) -> int:
    """The colour of a name: always the same, whoever else is there."""
    return NAME_COLOURS[crc32(name.encode("utf-8", "replace")) % len(NAME_COLOURS)]


def _painted(piece: Piece) -> str:
    codes = f"1;38;5;{colour_of(piece.name)}" if piece.name else piece.style.value
    return f"\x1b[{codes}m{piece.text}\x1b[0m" if codes else piece.text
