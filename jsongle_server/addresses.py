"""How many connections come from each network address, and how fast (protocol section 1).

Layer 4: keeps count; the handshake decides what follows from it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final, TypeAlias

from jsongle_server.limits import TokenBucket

if TYPE_CHECKING:
    from jsongle_server.config import Config

MAX_REMEMBERED: Final = 10_000
"""Addresses whose handshakes are remembered: those that came last."""

SITE_BITS: Final = 64
"""Bits of an IPv6 address that one customer does not choose (RFC 6177, RFC 7421); the others count as one address."""

Site: TypeAlias = str | int
"""What counts as one address."""


class Addresses:
    """Counts connections and handshakes by network address: of IPv6, by the network that a single client may have."""

    def __init__(self) -> None:
        self._connections: Counter[Site] = Counter()
        self._handshakes: OrderedDict[Site, TokenBucket] = OrderedDict()

    def opened(self, host: str) -> None:
        """Counts a connection in."""
        self._connections[_site_of(host)] += 1

    def closed(self, host: str) -> None:
        """Counts a connection out."""
        site = _site_of(host)
        self._connections[site] -= 1
        if not self._connections[site]:
            del self._connections[site]

    def may_open(self, host: str, config: Config, now: float) -> bool:
        """Counts a handshake, and tells whether an address may have another connection.

        :param now: seconds since the epoch.
        """
        most = config.max_connections_per_address
        if not most and not config.handshake_rate:
            return True
        site = _site_of(host)
        if most and self._connections[site] >= most:
            return False
        return not config.handshake_rate or self._has_time(site, config, now)

    def forget_handshakes(self) -> None:
        """Begins anew with the rates, as they have changed."""
        self._handshakes.clear()

    def _has_time(self, site: Site, config: Config, now: float) -> bool:
        bucket = self._handshakes.get(site)
        if bucket is None:
            if len(self._handshakes) >= MAX_REMEMBERED:
                self._handshakes.popitem(last=False)
            bucket = TokenBucket(rate=config.handshake_rate, burst=config.handshake_burst, now=now)
            self._handshakes[site] = bucket
        else:
            self._handshakes.move_to_end(site)
        return not bucket.try_take(now)


def _site_of(host: str) -> Site:
    """The site of an address: IPv4 and ``unix`` as they are, of IPv6 the first :data:`SITE_BITS`."""
    return int(IPv6Address(host)) >> 128 - SITE_BITS if ":" in host else host
