"""Handshakes from addresses that have too many connections, or come too fast (protocol section 1)."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.lifecycle import Phase
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WebSocketWire

HERE, THERE = "192.0.2.1", "192.0.2.2"


class AddressLimitTests(SynchronousTestCase):
    """Connections by address."""

    def serve(self, **settings: Any) -> None:
        """Starts a server."""
        self.server = WebSocketMemoryServer(**settings)

    def asked(self, host: str, *headers: str) -> tuple[int, WebSocketWire, bytes]:
        """The status that a handshake from an address gets, its connection, and the whole answer."""
        wire = self.server.open_wire(host=host)
        wire.send(("\r\n".join((*HANDSHAKE, *headers)) + "\r\n\r\n").encode())
        answer = wire.read_rest()
        return int(answer.split(b" ", 2)[1]), wire, answer

    def status(self, host: str, *headers: str) -> int:
        """The status alone."""
        return self.asked(host, *headers)[0]

    def test_connections(self) -> None:
        """Over ``maxConnectionsPerAddress`` an address gets 429, others do not; one that ends makes room."""
        self.serve(max_connections_per_address=2)
        _, wire, _ = self.asked(HERE)
        self.assertEqual([self.status(host) for host in (HERE, HERE, THERE)], [101, 429, 101])
        wire.transport.cut()
        self.assertEqual([self.status(HERE) for _ in range(2)], [101, 429])

    def test_answer(self) -> None:
        """The answer says when to try again, in the header and as JSON, and the connection ends."""
        self.serve(max_connections_per_address=1)
        self.asked(HERE)
        _, wire, answer = self.asked(HERE)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertIn(b"\r\nRetry-After: ", head)
        self.assertEqual(orjson.loads(body)["errorCode"], 429001)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.metrics.refusals["address"], 1)

    def test_mapped_addresses(self) -> None:
        """An address is the same whether or not it shows as mapped into IPv6."""
        self.serve(max_connections_per_address=1)
        self.assertEqual([self.status(HERE), self.status(f"::ffff:{HERE}")], [101, 429])

    def test_handshakes(self) -> None:
        """Over ``handshakeRate`` an address gets 429 until there is room again."""
        self.serve(handshake_rate=1, handshake_burst=2)
        self.assertEqual([self.status(HERE) for _ in range(3)], [101, 101, 429])
        self.assertEqual(self.status(THERE), 101)
        self.server.clock.advance(1)
        self.assertEqual([self.status(HERE) for _ in range(2)], [101, 429])

    def test_refused_ones_hold_no_place(self) -> None:
        """A handshake that is refused for something else does not count as a connection."""
        self.serve(max_connections_per_address=1, cors_policy_origin=("https://a.example",))
        for _ in range(3):
            self.assertEqual(self.status(HERE, "Origin: https://b.example"), 403)
        self.assertEqual(self.status(HERE), 101)

    def test_draining_comes_first(self) -> None:
        """While the server stops that is what everybody is told."""
        self.serve(max_connections_per_address=1)
        self.asked(HERE)
        self.server.lifecycle.phase = Phase.DRAINING
        self.assertEqual(self.status(HERE), 503)

    def test_off(self) -> None:
        """By default one address may have as many as there is room for."""
        self.serve(max_concurrent_users=100)
        self.assertEqual({self.status(HERE) for _ in range(100)}, {101})
