"""What the text of a setting may be: numbers, times, words, a name, a path, a secret.

Owns one :class:`ValueKind` a sort of value, which reads the text a user wrote and writes a value back in the same
notation. Must not know the settings themselves, nor where a text comes from. Layer 0, used by the table in
:mod:`jsongle_server.config`; hosts and origins are in :mod:`jsongle_server.config_addresses`.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LOG_FILE_NAME: Final = "jsongle-server.log"
"""The log file's name where ``logPath`` is a directory."""

LARGEST_FILE: Final = 1_048_576
"""Largest file with keys or certificates, in bytes."""

LONGEST_LINE: Final = 1_024
"""Longest text of a setting that may be any, in characters."""

# int() alone would also take "1_000" and digits of other scripts; the length keeps it from its own limit on digits.
_INTEGER: Final = re.compile(r"[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_PERIOD: Final = re.compile(r"([0-9]{1,9})([mhdw])")
_TOKEN: Final = re.compile(r"[!-~]+")
_PASTED: Final = re.compile(r"[\r\n]|-----BEGIN|^\s*(\{|\[\s*[{\"])")
_LONGEST_SHOWN: Final = 100
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
_LONGEST_PERIOD: Final = 365 * _SECONDS["d"]


@dataclass(frozen=True, slots=True)
class ValueKind(Generic[T]):
    """One sort of value and its notation.

    :param accepts: what is accepted, as a noun phrase for error messages and help texts.
    :param parse: gives the value of a text without surrounding blanks; raises :exc:`ValueError`, whose text is a
        clause that says what is accepted ("an integer from 0 to 65535 is").
    :param write: gives a text that ``parse`` reads as the same value.
    """

    accepts: str
    parse: Callable[[str], T]
    write: Callable[[T], str]

    def read(self, text: str) -> T:
        """Give the value of a text as a user wrote it; surrounding blanks do not count.

        :raises ValueError: its text says what is accepted.
        """
        return self.parse(text.strip())


def refusal(accepts: str) -> ValueError:
    """Make the error for a text that is not accepted, from what would be."""
    return ValueError(f"{accepts} is")


def integer(lowest: int, highest: int | None = None, *, note: str = "") -> ValueKind[int]:
    """Make the kind of plain decimal integers within bounds, both included.

    :param note: what is special about a value, such as ``"0 = no limit"``, for whoever reads what is accepted.
    """
    accepts = f"an integer of at least {lowest}" if highest is None else f"an integer from {lowest} to {highest}"
    accepts += f" ({note})" if note else ""

    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise refusal(accepts)
        value = int(text)
        if value < lowest or (highest is not None and value > highest):
            raise refusal(accepts)
        return value

    return ValueKind(accepts, parse, str)


def seconds(*, longest: int, zero: str = "") -> ValueKind[float]:
    """Make the kind of times in seconds, decimals allowed, above 0 and up to ``longest``.

    :param zero: what 0 means; empty where 0 is not accepted.
    """
    return _decimal("a number of seconds", longest, zero)


def rate() -> ValueKind[float]:
    """Make the kind of rates: so many a second, decimals allowed; 0 is no limit."""
    return _decimal("a number a second", 1_000_000, "no limit")


def _decimal(what: str, longest: int, zero: str) -> ValueKind[float]:
    start = f"from 0 ({zero}) to" if zero else "above 0, up to"
    accepts = f"{what} {start} {longest}"

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(text):
            raise refusal(accepts)
        value = float(text)
        if value > longest or (value == 0 and not zero):
            raise refusal(accepts)
        return value

    return ValueKind(accepts, parse, _write_number)


def _write_number(value: float) -> str:
    """Write a number without an exponent and without a needless fraction."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def period() -> ValueKind[int]:
    """Make the kind of long times, written ``30m``, ``12h``, ``1d`` or ``2w``; the value is in seconds."""
    accepts = "a time like 30m, 12h, 1d or 1w, from 1m to 365d"

    def parse(text: str) -> int:
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise refusal(accepts)
        value = int(match[1]) * _SECONDS[match[2]]
        if not _SECONDS["m"] <= value <= _LONGEST_PERIOD:
            raise refusal(accepts)
        return value

    return ValueKind(accepts, parse, _write_period)


def _write_period(value: int) -> str:
    """Write a time in the longest unit that divides it."""
    unit = next(unit for unit, length in _SECONDS.items() if value % length == 0)
    return f"{value // _SECONDS[unit]}{unit}"


def one_of(*words: str) -> ValueKind[str]:
    """Make the kind of a word from a list, in any case; the value is in lower case."""
    accepts = f"one of {', '.join(words)}"

    def parse(text: str) -> str:
        word = text.lower()
        if word not in words:
            raise refusal(accepts)
        return word

    return ValueKind(accepts, parse, str)


def switch() -> ValueKind[bool]:
    """Make the kind of what is on or off."""
    words = {"on": True, "off": False}
    accepts = "on or off"

    def parse(text: str) -> bool:
        value = words.get(text.lower())
        if value is None:
            raise refusal(accepts)
        return value

    return ValueKind(accepts, parse, lambda value: "on" if value else "off")


def server_name() -> ValueKind[str]:
    """Make the kind of the server's own identity, bounded as every ``id`` is (protocol section 2)."""
    accepts = "a name of 1 to 256 characters without control characters and '/'"

    def parse(text: str) -> str:
        # The slash ends the room in the address of a member (protocol section 5).
        if not 1 <= len(text) <= 256 or "/" in text or not _is_plain(text):
            raise refusal(accepts)
        return text

    return ValueKind(accepts, parse, str)


def words(*known: str) -> ValueKind[tuple[str, ...]]:
    """Make the kind of a list of words, each one of those, without regard to capitals, and each once."""
    accepts = f"nothing or a list of {', '.join(known)}, parted by commas or spaces"
    by_name = {word.lower(): word for word in known}

    def parse(text: str) -> tuple[str, ...]:
        chosen = [by_name.get(item.lower()) for item in split_list(text)]
        if None in chosen:
            raise refusal(accepts)
        return tuple(dict.fromkeys(word for word in chosen if word))

    return ValueKind(accepts, parse, ",".join)


def split_list(text: str) -> list[str]:
    """Give the items of a list that commas or blanks part; nothing but these is one empty item."""
    return re.split(r"[,\s]+", text.strip(", \t\r\n")) if text else []


def line() -> ValueKind[str | None]:
    """Make the kind of any text that fits on a line, or none."""
    accepts = f"nothing or a text of at most {LONGEST_LINE} characters without control characters"

    def parse(text: str) -> str | None:
        if len(text) > LONGEST_LINE or not _is_plain(text):
            raise refusal(accepts)
        return text or None

    return ValueKind(accepts, parse, write_optional)


def secret(*, shortest: int = 16) -> ValueKind[str | None]:
    """Make the kind of a token that travels in an ``Authorization`` header (RFC 9110 section 11.6.2), or none.

    :param shortest: fewest characters.
    """
    accepts = f"nothing or at least {shortest} printable ASCII characters without spaces"

    def parse(text: str) -> str | None:
        if text and (len(text) < shortest or not _TOKEN.fullmatch(text)):
            raise refusal(accepts)
        return text or None

    return ValueKind(accepts, parse, write_optional)


def log_file() -> ValueKind[str | None]:
    """Make the kind of the log file's path, or none; the value is absolute, since a daemon changes its directory."""
    accepts = "nothing (no file), a file in an existing directory or an existing directory"

    def parse(text: str) -> str | None:
        if not text:
            return None
        if not _is_plain(text):
            raise refusal(accepts)
        path = os.path.join(text, LOG_FILE_NAME) if os.path.isdir(text) else text
        names_directory = path.endswith(os.sep)
        names_device = os.path.exists(path) and not os.path.isfile(path)
        try:
            path = os.path.abspath(path)
        except OSError:  # the current folder is gone
            raise refusal(accepts) from None
        if names_directory or names_device or not os.path.isdir(os.path.dirname(path)):
            raise refusal(accepts)
        return path

    return ValueKind(accepts, parse, write_optional)


def readable_file() -> ValueKind[str | None]:
    """Make the kind of the path of a file that can be read, or none; the value is absolute, as above."""
    accepts = "nothing or the path of a file that can be read"

    def parse(text: str) -> str | None:
        if not text:
            return None
        read_file(text)
        return os.path.abspath(text)

    return ValueKind(accepts, parse, write_optional)


def read_file(path: str) -> bytes:
    """Give what a file of the user's holds, at most :data:`LARGEST_FILE` bytes.

    :raises ValueError: it cannot be read; its text says why, and what is accepted.
    """
    try:
        # Before it is opened: a pipe would wait there until somebody writes to it, and so may a device.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("a file is (it is none)")
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(f"the path of a file that can be read is ({error.strerror})") from None
    if len(content) > LARGEST_FILE:
        raise ValueError(f"a file of at most {LARGEST_FILE} bytes is")
    return content


def quoted(text: str) -> str:
    """Quote what a user wrote, for a message: only the beginning where it is long, and nothing that may be a secret.

    Whole files that stand in the place of their path are not shown, nor is what stands before the host of an address.
    """
    if _PASTED.search(text):
        return "its value"
    _, at, rest = text.rpartition("@")
    shown = f"…@{rest}" if at else text
    return repr(shown) if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]!r}…"


def write_optional(value: str | None) -> str:
    """Write a text that may be missing."""
    return value or ""


def _is_plain(text: str) -> bool:
    """Whether a text fits on one line of a log or a terminal: no control characters, line ends, lone surrogates."""
    return not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text)
