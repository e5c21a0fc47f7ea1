"""Tests of :mod:`jsongle_server.peers`: what is believed of headers of the PROXY protocol."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.peers import host_of, peer_of, socket_peer

SOCKET = IPv4Address("TCP", "10.0.0.1", 4000)


class PeerTests(SynchronousTestCase):
    """Connections that begin with such a header."""

    def transport(self, header: bytes) -> Any:
        """What a protocol has for its transport behind a header."""
        protocol = Protocol()
        inner: Any = Factory()
        inner.buildProtocol = lambda address: protocol
        self.outer = StringTransport(peerAddress=SOCKET)
        wrapper: Any = HAProxyWrappingFactory(inner).buildProtocol(SOCKET)
        wrapper.makeConnection(self.outer)
        wrapper.dataReceived(header + b"\r\n")
        return protocol.transport

    def test_named(self) -> None:
        """It is the client that the header names; the socket leads to the proxy all the same."""
        transport = self.transport(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443")
        self.assertEqual(peer_of(transport), IPv4Address("TCP", "192.0.2.7", 4711))
        self.assertEqual(socket_peer(transport), SOCKET)
        transport = self.transport(b"PROXY TCP6 2001:DB8:0::7 ::1 4711 443")
        self.assertEqual(host_of(peer_of(transport)), "2001:db8::7")

    def test_no_address(self) -> None:
        """What is no address is not believed: the client is who connects."""
        for claimed in (b"localhost", b"\x1b[31m", b"::1%\x1b[31m", b"192.0.2.7:80", b"192.0.2.07", b"", b"a" * 50):
            for kind in (b"TCP4", b"TCP6"):
                transport = self.transport(b"PROXY " + kind + b" " + claimed + b" 192.0.2.1 4711 443")
                self.assertEqual(peer_of(transport), SOCKET, claimed)

    def test_unknown(self) -> None:
        """An unknown client is who connects, too; without anything behind it Twisted hangs up, as the docs say."""
        transport = self.transport(b"PROXY UNKNOWN ffff::1 ffff::2 1 2")
        self.assertEqual(peer_of(transport), SOCKET)
        self.transport(b"PROXY UNKNOWN")
        self.assertTrue(self.outer.disconnecting)

    def test_hosts(self) -> None:
        """Hosts are in the form in which they are compared, and Unix sockets have none."""
        for peer, host in (
            (SOCKET, "10.0.0.1"),
            (IPv6Address("TCP", "::ffff:102:304", 1), "1.2.3.4"),
            (IPv6Address("TCP", "2001:db8:0:0:0:0:0:1", 1), "2001:db8::1"),
            (UNIXAddress(None), "unix"),
        ):
            self.assertEqual(host_of(peer), host)
