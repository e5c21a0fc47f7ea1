"""What follows from the answer to a webhook: done, again, or given up; and how long to wait before the next try.

Layer 2: pure; knows no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final

MAX_TRIES: Final = 12
"""How often something is tried: over three to six minutes, and the time that the tries themselves take."""

FIRST_DELAY: Final = 1.0
"""Longest time before the second try, in seconds; it doubles with each further one."""

LONGEST_DELAY: Final = 60.0
"""Where that ends."""

LONGEST_RETRY_AFTER: Final = 300.0
"""How many seconds a receiver may ask for at most."""

_AGAIN: Final = frozenset({408, 429})


class Verdict(Enum):
    """What became of a try."""

    DELIVERED = auto()
    AGAIN = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a receiver has answered, if it has.

    :ivar status: the HTTP status; ``None`` where none came.
    :ivar reason: why not, for the log.
    :ivar retry_after: the value of ``Retry-After``, as it came.
    """

    status: int | None
    reason: str = ""
    retry_after: str | None = None

    @property
    def verdict(self) -> Verdict:
        """What follows from it: a redirect, and any other refusal, is final."""
        if self.status is None or self.status in _AGAIN or self.status >= 500:
            return Verdict.AGAIN
        return Verdict.DELIVERED if 200 <= self.status < 300 else Verdict.FAILED

    def pause(self, now: float) -> float:
        """For how many seconds the receiver wants to hear nothing at all (RFC 9110 section 10.2.3).

        :param now: seconds since the epoch.
        """
        if self.retry_after is None or self.verdict is not Verdict.AGAIN:
            return 0.0
        return min(max(0.0, _seconds(self.retry_after.strip(), now)), LONGEST_RETRY_AFTER)


def backoff(tries: int, *, jitter: float) -> float:
    """How many seconds to wait before the next try.

    :param tries: how many there were, at least 1.
    :param jitter: from 0 to 1: where between half of the time and all of it, so that what failed together does not
        come back together.
    """
    # A large number of doublings would not fit a float.
    longest = min(LONGEST_DELAY, FIRST_DELAY * (1 << min(tries - 1, 16)))
    return longest * (1 + jitter) / 2


def _seconds(text: str, now: float) -> float:
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
