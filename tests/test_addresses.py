"""Tests of :mod:`jsongle_server.addresses`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import addresses
from jsongle_server.addresses import MAX_REMEMBERED, Addresses
from jsongle_server.config import Config
from jsongle_server.limits import TokenBucket

HERE, THERE = "192.0.2.1", "192.0.2.2"


class AddressesTests(SynchronousTestCase):
    """Connections and handshakes by address."""

    def setUp(self) -> None:
        """Nobody is there."""
        self.addresses = Addresses()

    def may(self, host: str, now: float = 0.0, **settings: Any) -> bool:
        """Whether an address may have another connection."""
        return self.addresses.may_open(host, Config(**settings), now)

    def test_off(self) -> None:
        """With the default settings there is no limit."""
        for _ in range(1000):
            self.addresses.opened(HERE)
            self.assertTrue(self.may(HERE))

    def test_connections(self) -> None:
        """An address may have so many connections, and another one when one of them has ended."""
        for _ in range(2):
            self.assertTrue(self.may(HERE, max_connections_per_address=2))
            self.addresses.opened(HERE)
        self.assertFalse(self.may(HERE, max_connections_per_address=2))
        self.assertTrue(self.may(THERE, max_connections_per_address=2))
        self.addresses.closed(HERE)
        self.assertTrue(self.may(HERE, max_connections_per_address=2))

    def test_nothing_is_kept_of_the_gone(self) -> None:
        """Addresses without connections are not remembered."""
        self.addresses.opened(HERE)
        self.addresses.closed(HERE)
        self.assertEqual(len(self.addresses._connections), 0)

    def test_handshakes(self) -> None:
        """An address may try so often at once, and so often a second; refused ones do not count."""
        tries = [self.may(HERE, handshake_rate=1, handshake_burst=2) for _ in range(5)]
        self.assertEqual(tries, [True, True, False, False, False])
        self.assertTrue(self.may(THERE, handshake_rate=1, handshake_burst=2))
        self.assertTrue(self.may(HERE, 1.0, handshake_rate=1, handshake_burst=2))

    def test_other_rates(self) -> None:
        """After a change of rates the count begins anew."""
        self.assertTrue(self.may(HERE, handshake_rate=1, handshake_burst=1))
        self.addresses.forget_handshakes()
        tries = [self.may(HERE, handshake_rate=1, handshake_burst=3) for _ in range(4)]
        self.assertEqual(tries, [True, True, True, False])

    def test_ipv6(self) -> None:
        """Of IPv6 a client has all addresses of one ``/64``, which count as one; they are counted out as such, too."""
        self.addresses.opened("2001:db8::1")
        self.assertFalse(self.may("2001:db8::2", max_connections_per_address=1))
        self.assertTrue(self.may("2001:db8:0:1::2", max_connections_per_address=1))
        self.addresses.closed("2001:db8::3")
        self.assertTrue(self.may("2001:db8::2", max_connections_per_address=1))
        tries = [self.may(f"2001:db8::{number}", handshake_rate=1, handshake_burst=2) for number in range(3)]
        self.assertEqual(tries, [True, True, False])

    def test_memory_is_bounded(self) -> None:
        """However many addresses come, few are remembered: those that have been quiet for longest are forgotten."""
        self.patch(addresses, "MAX_REMEMBERED", 3)
        for number in (0, 1, 2, 0):
            self.may(f"192.0.2.{number}", handshake_rate=0.1, handshake_burst=1)
        self.may("198.51.100.1", handshake_rate=0.1, handshake_burst=1)
        self.assertEqual(list(self.addresses._handshakes), ["192.0.2.2", "192.0.2.0", "198.51.100.1"])
        self.assertFalse(self.may("192.0.2.0", handshake_rate=0.1, handshake_burst=1))
        for number in range(100):
            self.may(f"203.0.113.{number}", handshake_rate=0.1, handshake_burst=1)
            self.assertEqual(len(self.addresses._handshakes), 3)

    def test_room_is_made_at_once(self) -> None:
        """Once as many are remembered as may be, a new address costs no look at the others."""
        for number in range(MAX_REMEMBERED + 100):
            self.may(f"192.0.{number >> 8}.{number & 255}", handshake_rate=1, handshake_burst=1)
        filled: list[object] = []
        fill = TokenBucket._fill

        def note(bucket: TokenBucket, now: float) -> float:
            filled.append(bucket)
            return fill(bucket, now)

        self.patch(TokenBucket, "_fill", note)
        for number in range(10):
            self.may(f"198.51.100.{number}", 1.0, handshake_rate=1, handshake_burst=1)
        self.assertEqual(len(filled), 10)
        self.assertEqual(len(self.addresses._handshakes), MAX_REMEMBERED)
