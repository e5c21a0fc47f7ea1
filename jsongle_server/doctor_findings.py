"""What the doctor finds: one line each of what was seen, how bad it is, and what to do about it.

Owns the form of findings; must not know what is looked at nor how findings are shown. Layer 5.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jsongle_server.privacy import printable

LONGEST_QUOTE: Final = 160
"""Characters of what others say that are repeated."""


class Level(StrEnum):
    """How bad something is."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at.

    :param check: what it belongs to, in a word.
    :param level: how bad it is; ``skipped`` is what could not be looked at.
    :param seen: what was seen. Never holds a secret.
    :param advice: what to do about it; empty where nothing is to be done.
    """

    check: str
    level: Level
    seen: str
    advice: str = ""


Findings = Iterator[Finding]
"""What a check gives, one after the other, as it goes on."""


class Stop(Exception):
    """Ends a check: what comes next in it makes no sense after this.

    :param finding: why.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.seen)
        self.finding = finding


def ok(check: str, seen: str) -> Finding:
    """Something is as it should be."""
    return Finding(check, Level.OK, seen)


def skipped(check: str, seen: str, advice: str = "") -> Finding:
    """Something could not be looked at."""
    return Finding(check, Level.SKIPPED, seen, advice)


def warning(check: str, seen: str, advice: str) -> Finding:
    """Something may be wrong, or will be soon."""
    return Finding(check, Level.WARNING, seen, advice)


def problem(check: str, seen: str, advice: str) -> Finding:
    """Something is wrong."""
    return Finding(check, Level.PROBLEM, seen, advice)


def quoted(text: str) -> str:
    """What somebody else says, fit to be repeated on one line of a terminal."""
    return printable(text, limit=LONGEST_QUOTE)


def reason(error: OSError) -> str:
    """What the system says of a failure, in its words and without numbers."""
    if isinstance(error, TimeoutError) and not error.strerror:
        return "no answer in time"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return quoted(error.strerror or str(error) or type(error).__name__)
