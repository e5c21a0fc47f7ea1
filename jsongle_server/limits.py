"""How much is too much, counted over time.

Layer 1: takes ``now`` as an argument and says yes or no; what follows from it is the caller's.
"""

from __future__ import annotations

from collections import deque


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

        :param now: when it happened, in seconds; never earlier than the one before.
        :returns: whether this event and the ``limit - 1`` before it came within the span.
        """
        self._times.append(now)
        return len(self._times) == self._limit and now - self._times[0] <= self._span
