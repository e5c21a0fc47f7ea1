"""Noticing peers that are gone without a word (RFC 6455 section 5.5.2).

A peer that vanished without closing its connection is found within interval plus timeout. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Keepalive:
    """Pings a peer that may be silent, and gives it up when nothing comes back.

    Any bytes from the peer are a sign of life, not just the pong.

    :param clock: where the timers run.
    :param interval: seconds between the last sign of life that a ping asked for and the next ping; 0 pings never.
    :param timeout: seconds that the peer has to give a sign of life after a ping.
    :param ping: sends a ping.
    :param expired: called once when the peer is given up.
    """

    __slots__ = ("_call", "_clock", "_expired", "_interval", "_ping", "_timeout", "waiting")

    def __init__(
        self,
        clock: IReactorTime,
        *,
        interval: float,
        timeout: float,
        ping: Callable[[], None],
        expired: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._expired = expired
        self._call: IDelayedCall | None = None
        self.waiting = False

    def start(self) -> None:
        """Begins; the first ping is one interval away."""
        if self._interval:
            self._call = self._clock.callLater(self._interval, self._due)

    def heard(self) -> None:
        """Takes note of a sign of life; only needs to be told while ``waiting``."""
        if self.waiting:
            self.stop()
            self.start()

    def stop(self) -> None:
        """Ends it; no timer is left behind."""
        self.waiting = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _due(self) -> None:
        self.waiting = True
        self._call = self._clock.callLater(self._timeout, self._overdue)
        self._ping()

    def _overdue(self) -> None:
        self._call = None
        self.waiting = False
        self._expired()
