"""Handshakes from addresses that have too many connections, or come too fast (protocol section 1)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.blocks import Block
from jsongle_server.config import Config
from jsongle_server.lifecycle import Phase
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WebSocketWire

HERE, THERE = "192.0.2.1", "192.0.2.2"
PROXY = "10.0.0.1"


class AddressCase(SynchronousTestCase):
    """Handshakes from several addresses."""

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


class AddressLimitTests(AddressCase):
    """Connections by address."""

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

    def test_ipv6(self) -> None:
        """Of IPv6, all addresses of one ``/64`` count as one."""
        self.serve(max_connections_per_address=1)
        hosts = ("2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:1::1")
        self.assertEqual([self.status(host) for host in hosts], [101, 429, 101])

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


class ProxyTests(AddressCase):
    """Connections whose proxies say whom they come from (``trustedProxies``)."""

    def remotes(self) -> list[str]:
        """Where the sessions come from, as they are shown."""
        return [session.remote for session in self.server.signaling.sessions()]

    def assert_direct(self, host: str) -> None:
        """The one session comes from a host, by its connection."""
        self.assertEqual(self.remotes(), [f"{host}:1024"])

    def test_address_of_the_client(self) -> None:
        """A session comes from the address that a trusted proxy gives, also where it takes several lines."""
        self.serve(trusted_proxies=("10.0.0.0/8",))
        for headers in (
            (f"X-Forwarded-For: {THERE}",),
            (f"X-Forwarded-For: 127.0.0.1, {THERE}",),
            ("X-Forwarded-For: 127.0.0.1", f"x-forwarded-for: {THERE}"),
            (f"Forwarded: for={THERE};proto=https",),
        ):
            self.assertEqual(self.status(PROXY, *headers), 101)
        self.assertEqual(self.remotes(), [THERE] * 4)

    def test_blocked(self) -> None:
        """A client that is blocked stays out, also behind a proxy through which others come in."""
        self.serve(trusted_proxies=(PROXY,))
        now = self.server.clock.seconds()
        block = Block("b-1", "a nuisance", now, now + 60, network=ip_network(HERE))
        self.server.signaling.blocks.add(block, now)
        header = "X-Forwarded-For: {}".format
        self.assertEqual([self.status(PROXY, header(host)) for host in (HERE, THERE)], [403, 101])

    def test_ipv6(self) -> None:
        """An IPv6 address stands in brackets before its port, and as it is without one (RFC 3986 section 3.2.2)."""
        self.serve(trusted_proxies=("2001:db8::1",))
        self.status("2001:db8::2")
        self.status("2001:db8::1", "X-Forwarded-For: 2001:DB8:0::3")
        self.assertEqual(self.remotes(), ["[2001:db8::2]:1024", "2001:db8::3"])

    def test_others_are_not_believed(self) -> None:
        """What anybody else says of the address does not count, nor does a proxy's that is not configured."""
        self.serve(trusted_proxies=("10.0.0.0/8",))
        self.status(HERE, f"X-Forwarded-For: {THERE}", "Forwarded: for=127.0.0.1")
        self.assert_direct(HERE)
        self.serve()
        self.status(PROXY, f"X-Forwarded-For: {THERE}")
        self.assert_direct(PROXY)

    def test_proxy_without_a_word(self) -> None:
        """Where it says nothing it is the client, whose port is known."""
        self.serve(trusted_proxies=("10.0.0.0/8",))
        self.status(PROXY)
        self.assert_direct(PROXY)

    def test_limits(self) -> None:
        """Clients behind one proxy are counted by their own addresses, and counted out again."""
        self.serve(trusted_proxies=(PROXY,), max_connections_per_address=1)
        header = "X-Forwarded-For: {}".format
        _, wire, _ = self.asked(PROXY, header(HERE))
        self.assertEqual([self.status(PROXY, header(host)) for host in (HERE, THERE, THERE)], [429, 101, 429])
        wire.transport.cut()
        self.assertEqual(self.status(PROXY, header(HERE)), 101)
        self.assertEqual(self.status(HERE), 429)

    def test_contradiction(self) -> None:
        """Where both headers name different clients the request is refused, and the answer says why."""
        self.serve(trusted_proxies=(PROXY,))
        status, _, answer = self.asked(PROXY, f"X-Forwarded-For: {THERE}", "Forwarded: for=127.0.0.1")
        self.assertEqual(status, 400)
        body = orjson.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual(body["errorCode"], 400000)
        self.assertIn("X-Forwarded-For and Forwarded", body["errorMsg"])
        self.assertEqual(self.server.metrics.refusals["bad_request"], 1)

    def test_unreadable(self) -> None:
        """Where the header cannot be read the request is refused, and nobody counts as the proxy."""
        self.serve(trusted_proxies=(PROXY,))
        for headers in ((f'Forwarded: for="x, for={THERE}',), ('Forwarded: for="x', f"Forwarded: for={THERE}")):
            status, _, answer = self.asked(PROXY, *headers)
            self.assertEqual(status, 400)
            self.assertIn(b"Forwarded cannot be read", answer)
        self.assertEqual(self.remotes(), [])

    def test_mapped_in_other_forms(self) -> None:
        """An IPv4 address is shown and compared as one, in whatever form it is mapped into IPv6."""
        self.serve()
        for host in ("::ffff:102:304", "0:0:0:0:0:ffff:102:304", "::FFFF:1.2.3.4"):
            self.status(host)
        self.assertEqual(self.remotes(), ["1.2.3.4:1024"] * 3)

    def test_reload(self) -> None:
        """Connections that come after a change of the setting go by it."""
        self.serve()
        self.status(PROXY, f"X-Forwarded-For: {HERE}")
        self.server.factory.reconfigure(Config(trusted_proxies=(PROXY,)))
        self.status(PROXY, f"X-Forwarded-For: {HERE}")
        self.assertEqual(self.remotes(), [f"{PROXY}:1024", HERE])

    def test_nothing_is_kept_without_it(self) -> None:
        """A connection whose address no proxy gave has no attribute for it."""
        self.serve()
        _, wire, _ = self.asked(HERE, f"X-Forwarded-For: {THERE}")
        self.assertNotIn("_client", vars(wire.protocol))
