"""Noticing peers that are gone without a word (RFC 6455 section 5.5.2).

A peer that vanished without closing its connection is found within interval plus timeout. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from twisted.internet.interfaces import IReactorTime

from jsongle_server.timeouts import K, Timeouts


class Keepalive(Generic[K]):
    """Pings peers that may be silent, and gives those up from which nothing comes back.

    Any bytes from a peer are a sign of life, not just the pong.

    :param clock: where the timers run: one for the next ping, one for the first answer that is missing.
    :param interval: seconds between the last sign of life that a ping asked for and the next ping; 0 pings never.
    :param timeout: seconds that a peer has to give a sign of life after a ping.
    :param ping: sends a peer a ping.
    :param expired: called once with a peer that is given up.
    """

    __slots__ = ("_answers", "_interval", "_ping", "_pings")

    def __init__(
        self,
        clock: IReactorTime,
        *,
        interval: float,
        timeout: float,
        ping: Callable[[K], None],
        expired: Callable[[K], None],
    ) -> None:
        self._interval = interval
        self._ping = ping
        self._pings = Timeouts(clock, interval, self._due)
        self._answers = Timeouts(clock, timeout, expired)

    def start(self, peer: K) -> None:
        """Begins with a peer; the first ping is one interval away."""
        if self._interval:
            self._pings.start(peer)

    def heard(self, peer: K) -> None:
        """Takes note of a sign of life; only needs to be told of those after a ping."""
        if self._answers.stop(peer):
            self._pings.start(peer)

    def stop(self, peer: K) -> None:
        """Ends with a peer."""
        self._pings.stop(peer)
        self._answers.stop(peer)

    def _due(self, peer: K) -> None:
        self._answers.start(peer)
        self._ping(peer)
