"""Tests of :mod:`jsongle_server.rest_auth`."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_auth import WARN_INTERVAL, is_loopback
from jsongle_server.rest_caller import describe_caller
from jsongle_server.testing_websocket import MemoryTransport
from tests.rest_support import LOCAL, REMOTE, TOKEN, RestServer, parse

PAGE = "https://app.example"


def v4(host: str) -> IPv4Address:
    """A peer at an IPv4 address."""
    return IPv4Address("TCP", host, 1)


def v6(host: str) -> IPv6Address:
    """A peer at an IPv6 address."""
    return IPv6Address("TCP", host, 1)


class BearerTests(SynchronousTestCase):
    """The token in its header."""

    def setUp(self) -> None:
        """Make a server with a token."""
        self.server = RestServer(admin_token=TOKEN)

    def status_with(self, authorization: str) -> int:
        """The status of a request with such a header."""
        return self.server.ask("GET", "/rooms", headers={"Authorization": authorization}).status

    def test_the_scheme_is_case_insensitive(self) -> None:
        """As RFC 9110 section 11.1 has it; blanks around the token do not count."""
        for scheme in ("Bearer", "bearer", "BEARER"):
            self.assertEqual(self.status_with(f"{scheme} {TOKEN}"), 200)
        self.assertEqual(self.status_with(f"Bearer   {TOKEN} "), 200)

    def test_anything_else_is_refused(self) -> None:
        """Another scheme, a part of the token, more than the token, bytes that are no text."""
        for authorization in (
            "",
            "Bearer",
            f"Basic {TOKEN}",
            TOKEN,
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN.upper()}",
            "Bearer \udcff\udcfe",
            "Bearer ä",
        ):
            self.assertEqual((authorization, self.status_with(authorization)), (authorization, 401))

    def test_two_headers_are_refused(self) -> None:
        """What one program takes for the token must not be another's."""
        wire = self.server.open_wire()
        wire.send(f"GET /rooms HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nAuthorization: Bearer x\r\n\r\n".encode())
        self.assertIn(b" 401 ", wire.read())

    def test_refused_tokens_are_logged_once_a_second_and_never_shown(self) -> None:
        """The log tells of an attack without helping it along, and is not flooded by it."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        self.addCleanup(globalLogPublisher.removeObserver, seen)
        for _ in range(5):
            self.status_with("Bearer guess")
        self.server.clock.advance(WARN_INTERVAL)
        self.status_with("Bearer guess")
        lines = [formatEvent(event) for event in seen if "count" in event]
        self.assertEqual(
            lines,
            [
                "refused 1 admin tokens, the last from 192.0.2.7:40000",
                "refused 5 admin tokens, the last from 192.0.2.7:40000",
            ],
        )
        self.assertNotIn("guess", str(list(seen)))


class LocalTests(SynchronousTestCase):
    """Who may change the log level while there is no token."""

    def setUp(self) -> None:
        """Make a server without a token."""
        self.server = RestServer(cors_policy_origin=(PAGE,))

    def status_for(self, peer: IAddress, **headers: str) -> int:
        """The status of a change of level."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.ask("PUT", "/logs/levels", body=b'{"level": "info"}', peer=peer, headers=named).status

    def test_loopback_addresses_and_unix_sockets_are_local(self) -> None:
        """Each of the forms that they come in."""
        for peer in (LOCAL, v4("127.9.9.9"), v6("::1"), v6("::ffff:127.0.0.1"), UNIXAddress(None)):
            self.assertEqual((peer, self.status_for(peer)), (peer, 200))

    def test_other_addresses_are_not(self) -> None:
        """Private networks are not this machine, nor is an address that only looks alike."""
        for peer in (REMOTE, v4("10.0.0.1"), v4("0.0.0.0"), v6("::"), v6("::ffff:10.0.0.1"), v6("fe80::1")):
            self.assertEqual((peer, self.status_for(peer)), (peer, 403))

    def test_an_address_that_is_none_is_not_local(self) -> None:
        """Whatever a transport says of its peer."""
        self.assertFalse(is_loopback(HostnameAddress(b"localhost", 1)))
        self.assertFalse(is_loopback(v4("localhost")))

    def test_callers_are_described_by_their_addresses(self) -> None:
        """As sessions are: an IPv4 address as such, whatever the socket, and a word for what has none."""
        peers = (REMOTE, v6("::ffff:192.0.2.7"), v6("2001:db8::1"), UNIXAddress(None))
        described = [describe_caller(peer) for peer in peers]
        self.assertEqual(described, ["192.0.2.7:40000", "192.0.2.7:1", "[2001:db8::1]:1", "unix"])

    def test_forwarded_requests_are_not_local(self) -> None:
        """A proxy on this machine speaks for somebody else; one header is enough, even an empty one."""
        for name in (
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-proto",
            "X-FORWARDED",
            "X-Original-Forwarded-For",
            "X-Real-IP",
            "X-Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "Via",
        ):
            for value in ("for=192.0.2.1", ""):
                self.assertEqual((name, self.status_for(LOCAL, **{name: value})), (name, 403))

    def test_who_claims_to_be_local_by_a_proxy_header_is_not(self) -> None:
        """The address that the PROXY protocol gives counts as little as any other claim, unless it comes from here."""
        for peer, status in ((LOCAL, 200), (REMOTE, 403), (v6("::1"), 200)):
            factory: Any = HAProxyWrappingFactory(self.server.site)
            channel = factory.buildProtocol(peer)
            transport = MemoryTransport(self.server.clock, peer)  # type: ignore[arg-type]  # any address will do
            transport.protocol = channel
            channel.makeConnection(transport)
            body = b'{"level": "info"}'
            head = f"PUT /logs/levels HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            channel.dataReceived(b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 8081\r\n" + head.encode() + body)
            self.server.clock.advance(0)
            self.assertEqual((peer, parse(transport.value()).status), (peer, status))

    def test_a_page_may_not_unless_its_origin_is_allowed(self) -> None:
        """A page in the operator's browser calls from this machine, under a name that it may have rebound."""
        self.assertEqual(self.status_for(LOCAL, Origin=PAGE), 200)
        for origin in ("https://evil.example", "null", "", "http://localhost:8081", f"{PAGE}.evil.example"):
            self.assertEqual((origin, self.status_for(LOCAL, Origin=origin)), (origin, 403))
