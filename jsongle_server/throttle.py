"""How fast one client may speak (protocol sections 2 and 6).

What may wait is refused when it comes too fast. What must not be lost, because clients never repeat it, is taken all
the same, and the client is read from more slowly. Layer 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from jsongle_server.errors import TooFast
from jsongle_server.limits import RecentCount, TokenBucket
from jsongle_server.vocabulary import CALL_ACTIONS, Action

if TYPE_CHECKING:
    from jsongle_server.codec import Envelope
    from jsongle_server.config import Config
    from jsongle_server.session import Session

REFUSED_LIMIT: Final = 1000
REFUSED_SPAN: Final = 10.0
"""So many refused messages within so many seconds are abuse."""

NOT_JSON_LIMIT: Final = 20
NOT_JSON_SPAN: Final = 60.0
"""So many frames that are not JSON within so many seconds are abuse."""

MAX_REFUSED_TOKENS: Final = 3
"""So many refused tokens are one guess too many (protocol section 3)."""

ERROR_INTERVAL: Final = 1.0
"""Seconds between two errors about messages that came too fast; an iq gets one each."""


class Throttle:
    """Counts what one session sends.

    :param now: seconds since the epoch.
    """

    __slots__ = ("_candidates", "_last_error", "_messages", "_not_json", "_refused", "_refused_tokens")

    def __init__(self, config: Config, now: float) -> None:
        self._messages = _bucket(config.rate_limit, config.rate_burst, now)
        self._candidates = _bucket(config.candidate_rate, config.candidate_burst, now)
        self._refused: RecentCount | None = None
        self._not_json: RecentCount | None = None
        self._refused_tokens = 0
        self._last_error = -math.inf

    def admit(self, session: Session, envelope: Envelope, now: float) -> float:
        """Counts a message that has passed the guards.

        :returns: for how many seconds the client should not be read from; mostly 0.
        :raises TooFast: it is refused.
        """
        action = envelope.action
        bucket = self._candidates if action == Action.TRANSPORT_INFO else self._messages
        if bucket is None:
            return 0.0
        if action in CALL_ACTIONS and _must_not_be_lost(session, envelope):
            return bucket.take(now)
        wait = bucket.try_take(now)
        if wait:
            raise TooFast("Too many messages", retry_after=math.ceil(wait * 1000))
        return 0.0

    def count_other(self, now: float) -> float:
        """Counts a frame that did not pass the guards, or a hello; returns as :meth:`admit` does."""
        return self._messages.take(now) if self._messages is not None else 0.0

    def is_abuse(self, now: float) -> bool:
        """Counts a refused message, and tells whether there were too many of them."""
        if self._refused is None:
            self._refused = RecentCount(REFUSED_LIMIT, REFUSED_SPAN)
        return self._refused.too_many(now)

    def is_noise(self, now: float) -> bool:
        """Counts a frame that is not JSON, and tells whether there were too many of them."""
        if self._not_json is None:
            self._not_json = RecentCount(NOT_JSON_LIMIT, NOT_JSON_SPAN)
        return self._not_json.too_many(now)

    def is_guessing(self) -> bool:
        """Counts a refused token, and tells whether there were too many of them."""
        self._refused_tokens += 1
        return self._refused_tokens >= MAX_REFUSED_TOKENS

    def may_complain(self, now: float) -> bool:
        """Whether it is time to tell the client again that it is too fast."""
        if 0 <= now - self._last_error < ERROR_INTERVAL:
            return False
        self._last_error = now
        return True


def _bucket(rate: float, burst: int, now: float) -> TokenBucket | None:
    return TokenBucket(rate=rate, burst=burst, now=now) if rate else None


def _must_not_be_lost(session: Session, envelope: Envelope) -> bool:
    """Whether a call message is part of a call of the sender's: the client library never repeats a lost offer."""
    if envelope.action == Action.SESSION_PROPOSE:
        return True
    call = session.services.calls.find(envelope.jsongle.get("sid"))
    return call is not None and call.role_of(session) is not None
