"""Many timeouts of one length for the price of one timer.

Thousands of connections wait for the same few things, each for the same time. Whoever began to wait first is done
first, so that they stand in a queue, and only its head needs a timer. Layer 4.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger, LogLevel

_ROUNDING: Final = 1e-6
"""Seconds that a timer may be early: a time that was added up and taken apart again may differ in its last digit."""

K = TypeVar("K", bound=Hashable)


class Timeouts(Generic[K]):
    """Waits the same time for each of many things. Starting and stopping take the same time however many there are.

    :param clock: where the timer runs.
    :param seconds: how long to wait, above 0.
    :param expired: called with each thing whose time is over; what it raises is logged.
    :param is_done: whether something need not be waited for any more, where nobody says so by :meth:`stop`; the timer
        does not run for its sake.
    """

    _log = Logger()

    __slots__ = ("_call", "_clock", "_deadlines", "_expired", "_is_done", "_latest", "_seconds")

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        expired: Callable[[K], object],
        *,
        is_done: Callable[[K], bool] = lambda key: False,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = expired
        self._is_done = is_done
        self._deadlines: OrderedDict[K, float] = OrderedDict()
        self._latest = 0.0
        self._call: IDelayedCall | None = None

    def start(self, key: K) -> None:
        """Begins to wait for something; anew, if it was waited for already."""
        now = self._clock.seconds()
        if now < self._latest:
            self._set_back(self._latest - now)
        self._latest = now
        self._deadlines[key] = now + self._seconds
        self._deadlines.move_to_end(key)
        self._arm(now)

    def stop(self, key: K) -> bool:
        """Waits for something no longer; returns whether it did."""
        if self._deadlines.pop(key, None) is None:
            return False
        if self._call is not None and not self._deadlines:
            self._call.cancel()
            self._call = None
        return True

    def _arm(self, now: float) -> None:
        # The timer of a head that has gone stays: it finds the next one, later.
        if self._call is None and (head := self._head()):
            self._call = self._clock.callLater(max(0.0, head[1] - now), self._due)

    def _head(self) -> tuple[K, float] | None:
        """What is to be waited for first, and until when."""
        while self._deadlines:
            head = next(iter(self._deadlines.items()))
            if not self._is_done(head[0]):
                return head
            del self._deadlines[head[0]]
        return None

    def _due(self) -> None:
        self._call = None
        now = self._clock.seconds()
        while (head := self._head()) and head[1] <= now + _ROUNDING:
            del self._deadlines[head[0]]
            try:
                self._expired(head[0])
            except Exception:
                self._log.failure("a timeout could not be handled", level=LogLevel.error)
        self._arm(now)

    def _set_back(self, seconds: float) -> None:
        """Takes note that the clock was set back: nobody has to wait longer for that."""
        for key in self._deadlines:
            self._deadlines[key] -= seconds
        if self._call is not None:
            self._call.cancel()
            self._call = None
