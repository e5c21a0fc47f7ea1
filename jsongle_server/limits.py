"""How much is too much, counted over time.

Layer 1: takes ``now`` as an argument and says yes or no; what follows from it is the caller's.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_WHOLE: Final = 0.999
"""What counts as one thing: whoever waits exactly as told must not be refused for a time's last digit."""


class RecentCount:
    """Counts events and tells when too many came within a span of time.

    :param limit: that many events within the span are too many.
    :param span: its length in seconds.
    """

    __slots__ = ("_limit", "_span", "_times")

    def __init__(self, limit: int, span: float) -> None:
        self._limit = limit
        self._span = span
        self._times: deque[float] = deque(maxlen=limit)

    def too_many(self, now: float) -> bool:
        """Counts one event.

        :param now: when it happened, in seconds.
        :returns: whether this event and the ``limit - 1`` before it came within the span.
        """
        if self._times and now < self._times[-1]:
            # The clock was set back: how long ago the others were cannot be known.
            self._times.clear()
        self._times.append(now)
        return len(self._times) == self._limit and now - self._times[0] <= self._span


class TokenBucket:
    """Allows so many things a second, and more at once after a pause.

    :param rate: things a second.
    :param burst: most things at once.
    :param now: seconds since the epoch.
    """

    __slots__ = ("_burst", "_rate", "_seen", "_tokens")

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._seen = now

    def take(self, now: float) -> float:
        """Takes one, whether or not it is there.

        :returns: seconds until there is room for another; 0 while there is.
        """
        tokens = self._fill(now) - 1
        # However much was taken at once, as at the end of a connection: nobody waits longer than for a burst.
        self._tokens = max(tokens, -self._burst)
        return max(0.0, -self._tokens / self._rate)

    def try_take(self, now: float) -> float:
        """Takes one if it is there.

        :returns: 0 if it was, else seconds until there will be one.
        """
        tokens = self._fill(now)
        if tokens >= _WHOLE:
            self._tokens = tokens - 1
            return 0.0
        return (1 - tokens) / self._rate

    def _fill(self, now: float) -> float:
        passed = now - self._seen
        self._seen = now
        # The clock may be set back: that is no time passed.
        if passed > 0 and self._tokens < self._burst:
            tokens = self._tokens + passed * self._rate
            self._tokens = tokens if tokens < self._burst else self._burst
        return self._tokens
