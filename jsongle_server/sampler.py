"""Takes a sample of the server every two seconds while it runs (:mod:`jsongle_server.history`). Layer 4."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import psutil
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, LogLevel

from jsongle_server.history import INTERVAL, History, Sample

Meter = Callable[[], int]
"""Measures something, at once."""

SHORTEST: Final = 0.001
"""Seconds that at least are taken to have passed between two samples."""


class Sampler:
    """Takes samples.

    :param history: keeps them.
    :param reactor: gives the time.
    :param tell: called with each.
    :param stopwatch: seconds on a clock that only serves to measure.
    :param make_meter: makes what measures the memory of the process, when the sampler starts: a server may be another
        process by then than the one that made it.
    """

    _log = Logger()

    def __init__(
        self,
        history: History,
        reactor: Any,
        tell: Callable[[Sample], None],
        *,
        stopwatch: Callable[[], float] = perf_counter,
        make_meter: Callable[[], Meter] | None = None,
    ) -> None:
        self._history = history
        self._reactor = reactor
        self._tell = tell
        self._stopwatch = stopwatch
        self._make_meter = make_meter or _memory_meter
        self._meter: Meter = lambda: 0
        self._taken = 0.0
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Takes the first sample in a moment, and others from then on."""
        self._meter = self._make_meter()
        self._taken = self._stopwatch()
        self._wait()

    def stop(self) -> None:
        """Takes none any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def look(self) -> None:
        """Makes sure that the next sample is not far off: it is where the clock was set back.

        :mod:`jsongle_server.clock_watch` does the same for all timers, but only once a client says something.
        """
        if self._call is not None and self._call.getTime() > self._reactor.seconds() + INTERVAL:
            self._call.reset(INTERVAL)

    def _wait(self) -> None:
        self._call = self._reactor.callLater(INTERVAL, self._take)

    def _take(self) -> None:
        self._wait()
        taken = self._stopwatch()
        elapsed = max(SHORTEST, taken - self._taken)
        self._taken = taken
        try:
            self._tell(self._history.take(self._reactor.seconds(), elapsed=elapsed, memory=self._meter()))
        except Exception:
            self._log.failure("a sample of the server failed", level=LogLevel.error)


def _memory_meter() -> Meter:
    process = psutil.Process()

    def resident() -> int:
        size: int = process.memory_info().rss
        return size

    return resident
