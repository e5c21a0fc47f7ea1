"""Handshakes from blocked addresses (protocol section 1), and what becomes of clients that are blocked while here."""

from __future__ import annotations

from ipaddress import ip_network

from jsongle_server.blocks import Block
from jsongle_server.lifecycle import Phase
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer
from tests.test_websocket_handshake import HandshakeCase


class BlockedTests(HandshakeCase):
    """An address that an administrator keeps out."""

    def block(self, network: str) -> None:
        """Block a network for a minute."""
        now = self.server.clock.seconds()
        self.server.signaling.blocks.add(Block("b", "spam", now, now + 60, network=ip_network(network)), now)

    def test_a_blocked_address_is_refused_until_the_block_ends(self) -> None:
        """With 403 and its own error code, and it is counted as blocked, however odd the handshake."""
        self.block("192.0.2.0/24")
        self.assert_refused(self.asked(*HANDSHAKE), 403, code=403005)
        # What is odd is read by Autobahn.
        self.assert_refused(self.with_header("X-Twice: 1", "X-Twice: 2"), 403, code=403005)
        self.assertEqual(self.server.metrics.refusals["blocked"], 2)
        self.assertEqual(self.server.signaling.connection_count, 0)
        self.server.clock.advance(60)
        self.assert_open(self.asked(*HANDSHAKE))

    def test_other_addresses_come_in(self) -> None:
        """A block is of whom it is of."""
        self.block("198.51.100.0/24")
        self.assert_open(self.asked(*HANDSHAKE))

    def test_a_block_comes_before_a_lack_of_room(self) -> None:
        """Nobody is told to try again who may not come in anyway."""
        self.block("192.0.2.0/24")
        self.server.lifecycle.phase = Phase.DRAINING
        self.assert_refused(self.asked(*HANDSHAKE), 403, code=403005)

    def test_behind_a_trusted_proxy_it_is_the_client_who_is_blocked(self) -> None:
        """Whom the proxy names is looked at, and neither the proxy nor its other clients suffer."""
        self.server = WebSocketMemoryServer(trusted_proxies=("192.0.2.1/32",))
        self.block("198.51.100.0/24")
        self.assert_refused(self.with_header("X-Forwarded-For: 198.51.100.7"), 403, code=403005)
        self.assert_open(self.with_header("X-Forwarded-For: 198.51.101.7"))
