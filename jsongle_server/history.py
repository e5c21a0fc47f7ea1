"""How the server has been lately: a sample every two seconds, those of the last quarter of an hour.

They are taken whether or not anybody looks, so that whoever comes late sees what was. A sample is what is there at its
moment, and how far the counters of the metrics have come since the one before; nothing is counted here. Layer 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jsongle_server.messages import timestamp
from jsongle_server.metrics import RELAY_BUCKETS, Live, Metrics

INTERVAL: Final = 2.0
"""Seconds from one sample to the next."""

MAX_SAMPLES: Final = 450
"""Most samples that are kept: those of 15 minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How the server was at some moment; JSON writes it as it is.

    :ivar at: when it was taken.
    :ivar connections: open WebSocket connections.
    :ivar sessions: live sessions by state.
    :ivar rooms: rooms with somebody in them.
    :ivar calls: live calls.
    :ivar received: messages from clients, a second.
    :ivar sent: messages to clients, a second.
    :ivar errors: errors told to clients since the sample before, by code; those that there were.
    :ivar relay: how long relaying took, in seconds: ``p50`` and ``p99``; ``None`` where nothing was relayed.
    :ivar memory: bytes of memory that the process has, swap aside.
    """

    at: str
    connections: int
    sessions: Mapping[str, int]
    rooms: int
    calls: int
    received: float
    sent: float
    errors: Mapping[str, int]
    relay: Mapping[str, float] | None
    memory: int


@dataclass(frozen=True, slots=True)
class _Counters:
    """How far the counters have come."""

    received: int
    sent: int
    errors: Mapping[int, int]
    relay: tuple[int, ...]


class History:
    """The latest samples.

    :param metrics: what is counted.
    :param live: what is there.
    """

    def __init__(self, metrics: Metrics, live: Live) -> None:
        self._metrics = metrics
        self._live = live
        self._counters = self._read()
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)

    def samples(self) -> list[Sample]:
        """Those that are kept, the oldest first."""
        return list(self._samples)

    def take(self, now: float, *, elapsed: float, memory: int) -> Sample:
        """Takes a sample.

        :param now: seconds since the epoch.
        :param elapsed: seconds since the one before, by a clock that nobody sets; above 0.
        :param memory: bytes of memory that the process has.
        """
        former, counters = self._counters, self._read()
        self._counters = counters
        sample = Sample(
            at=timestamp(now),
            connections=self._live.connection_count,
            sessions=self._live.count_sessions(),
            rooms=sum(self._live.count_rooms().values()),
            calls=sum(self._live.count_calls().values()),
            received=round((counters.received - former.received) / elapsed, 3),
            sent=round((counters.sent - former.sent) / elapsed, 3),
            errors=_increase(former.errors, counters.errors),
            relay=_relay_times([new - old for old, new in zip(former.relay, counters.relay, strict=True)]),
            memory=memory,
        )
        self._samples.append(sample)
        return sample

    def _read(self) -> _Counters:
        metrics = self._metrics
        return _Counters(
            received=metrics.received.total(),
            sent=metrics.sent.total(),
            errors=dict(metrics.errors),
            relay=metrics.relay_seconds.counts(),
        )


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Below which value so large a share of the counted ones lies, as far as their buckets tell.

    Within a bucket they are taken to be spread evenly, as Prometheus does; of what is larger than all bounds nothing is
    known but that.

    :param bounds: upper bounds of the buckets, ascending.
    :param counts: how many are in each, and in one more behind them.
    :param share: from 0 to 1.
    :returns: ``None`` where there are none.
    """
    if not any(counts):
        return None
    rank = share * sum(counts)
    lower, passed = 0.0, 0
    for bound, count in zip(bounds, counts, strict=False):
        if count and passed + count >= rank:
            return lower + (bound - lower) * (rank - passed) / count
        lower, passed = bound, passed + count
    return lower


def _relay_times(counts: Sequence[int]) -> dict[str, float] | None:
    times = {f"p{percent}": quantile(RELAY_BUCKETS, counts, percent / 100) for percent in (50, 99)}
    known = {name: round(time, 7) for name, time in times.items() if time is not None}
    return known or None


def _increase(former: Mapping[int, int], counts: Mapping[int, int]) -> dict[str, int]:
    grown = {code: count - former.get(code, 0) for code, count in counts.items()}
    return {str(int(code)): count for code, count in grown.items() if count}
