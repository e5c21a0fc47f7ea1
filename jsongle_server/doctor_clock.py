"""The clocks of this machine and of others: tokens, TURN credentials and certificates go wrong where they differ.

Layer 5.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from jsongle_server.doctor_findings import Finding, Findings, ok, problem, skipped, warning

CHECK: Final = "clock"

YEARS: Final = range(2026, 2100)
"""A clock that shows another year was never set."""

SLIGHT: Final = 5.0
"""Seconds that two clocks that are kept right never differ by."""

SEVERE: Final = 60.0
"""Seconds from which on tokens are refused."""

_ADVICE: Final = "have both machines keep their clocks by NTP: timedatectl set-ntp true, or chrony"


def check_clock(now: float) -> Findings:
    """Whether the clock of this machine has been set at all.

    :param now: seconds since the epoch.
    """
    at = datetime.fromtimestamp(now, UTC)
    if at.year in YEARS:
        yield ok(CHECK, f"{at:%Y-%m-%d %H:%M} UTC on this machine")
    else:
        advice = "set it: certificates, tokens and TURN credentials depend on it"
        yield problem(CHECK, f"{at:%Y-%m-%d %H:%M} UTC on this machine cannot be", advice)


def compare_clocks(whose: str, theirs: float, *, before: float, after: float) -> Finding:
    """How far a clock is from that of this machine.

    :param theirs: what it showed, in seconds since the epoch.
    :param before: what this machine's showed when it was asked, so that it does not count how long the answer took.
    :param after: what this machine's showed when the answer was there.
    """
    apart = max(before - theirs, theirs - after, 0.0)
    seen = f"that of {whose} is {apart:.0f} s {'behind' if theirs < before else 'ahead of'} this machine's"
    if apart > SEVERE:
        return problem(CHECK, seen, _ADVICE)
    if apart > SLIGHT:
        return warning(CHECK, seen, _ADVICE)
    return ok(CHECK, f"that of {whose} agrees with this machine's")


def read_http_date(text: str) -> float:
    """The time of a ``Date`` header (RFC 9110 section 5.6.7), in seconds since the epoch.

    :raises ValueError: it is none.
    """
    return parsedate_to_datetime(text).timestamp()


def read_timestamp(text: str) -> float:
    """The time of a message of the server, in seconds since the epoch.

    :raises ValueError: it is none.
    """
    return datetime.fromisoformat(text).timestamp()


def compare_http_date(whose: str, date: str | None, *, before: float, after: float) -> Finding:
    """As :func:`compare_clocks`, with the ``Date`` header of an answer, which shows whole seconds."""
    try:
        theirs = read_http_date(date or "")
    except ValueError:
        return skipped(CHECK, f"{whose} does not say what time it is")
    return compare_clocks(whose, theirs, before=before - 1, after=after)
