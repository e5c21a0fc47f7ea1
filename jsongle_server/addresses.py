"""How many connections come from each network address, and how fast (protocol section 1).

Layer 4: keeps count; the handshake decides what follows from it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from jsongle_server.limits import TokenBucket

if TYPE_CHECKING:
    from jsongle_server.config import Config

MAX_REMEMBERED: Final = 10_000
"""Addresses whose handshakes are remembered; those that have been quiet are forgotten when there are more."""


class Addresses:
    """Counts connections and handshakes by network address."""

    def __init__(self) -> None:
        self._connections: Counter[str] = Counter()
        self._handshakes: dict[str, TokenBucket] = {}

    def opened(self, host: str) -> None:
        """Counts a connection in."""
        self._connections[host] += 1

    def closed(self, host: str) -> None:
        """Counts a connection out."""
        self._connections[host] -= 1
        if not self._connections[host]:
            del self._connections[host]

    def may_open(self, host: str, config: Config, now: float) -> bool:
        """Counts a handshake, and tells whether an address may have another connection.

        :param now: seconds since the epoch.
        """
        most = config.max_connections_per_address
        if most and self._connections[host] >= most:
            return False
        if not config.handshake_rate:
            return True
        bucket = self._handshakes.get(host)
        if bucket is None:
            self._make_room(now)
            bucket = TokenBucket(rate=config.handshake_rate, burst=config.handshake_burst, now=now)
            self._handshakes[host] = bucket
        return not bucket.try_take(now)

    def forget_handshakes(self) -> None:
        """Begins anew with the rates, as they have changed."""
        self._handshakes.clear()

    def _make_room(self, now: float) -> None:
        if len(self._handshakes) < MAX_REMEMBERED:
            return
        self._handshakes = {host: bucket for host, bucket in self._handshakes.items() if not bucket.is_full(now)}
        while len(self._handshakes) >= MAX_REMEMBERED:
            del self._handshakes[next(iter(self._handshakes))]
