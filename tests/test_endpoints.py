"""Tests of :mod:`jsongle_server.endpoints`: what an endpoint asks for is bound at once, or refused in one line."""

from __future__ import annotations

import os
import socket
import stat
from typing import Any
from unittest import skipUnless

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.plugin import getPlugins
from twisted.protocols.tls import TLSMemoryBIOFactory

from jsongle_server.endpoints import EarlyReactor, listen, problem_in
from jsongle_server.listening import CannotBind, Place
from jsongle_server.testing_certificates import make_certificate
from tests.test_unix_sockets import UnixCase


class EndpointCase(UnixCase):
    """Endpoints that are listened on, in a folder of their own."""

    def listening(self, text: str) -> Place:
        """What an endpoint binds, to the end of the test."""
        place = listen(Clock(), text, ServerFactory(), setting="wsEndpoint")
        assert isinstance(place, Place), place
        self.addCleanup(place.stopListening)
        return place

    def refused(self, text: str) -> str:
        """What is said of an endpoint that cannot be listened on."""
        with self.assertRaises(CannotBind) as raised:
            self.listening(text)
        return str(raised.exception)

    def connects(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a client gets through to a port."""
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(5)
            return client.connect_ex((address.host, address.port)) == 0


class KindTests(EndpointCase):
    """The kinds of endpoints."""

    def test_tcp(self) -> None:
        """A TCP port is bound before anything runs: on the one interface, with clients waiting to be accepted."""
        host = self.listening("tcp:0:interface=127.0.0.1").getHost()
        assert isinstance(host, IPv4Address)
        self.assertEqual(host.host, "127.0.0.1")
        self.assertTrue(self.connects(host))
        anywhere = self.listening("tcp:0").getHost()
        assert isinstance(anywhere, IPv4Address)
        self.assertEqual(anywhere.host, "0.0.0.0")

    @skipUnless(socket.has_dualstack_ipv6(), "needs IPv6")
    def test_tcp6(self) -> None:
        """So is one of IPv6: on every interface by IPv4 as well, as Twisted has it; on one, by IPv6 alone."""
        host = self.listening("tcp6:0").getHost()
        assert isinstance(host, IPv6Address)
        self.assertTrue(self.connects(IPv4Address("TCP", "127.0.0.1", host.port)))
        one = self.listening("tcp6:0:interface=\\:\\:1").getHost()
        assert isinstance(one, IPv6Address)
        self.assertEqual(one.host, "::1")
        self.assertTrue(self.connects(one))

    def test_unix(self) -> None:
        """A Unix socket has its file at once, with the mode that was asked for, which goes in the end."""
        place = self.listening("unix:s:mode=660")
        self.assertEqual(place.getHost(), UNIXAddress("s"))
        self.assertEqual(stat.S_IMODE(os.stat("s").st_mode), 0o660)
        self.assertTrue(self.reached())
        path = os.path.abspath("s")
        os.chdir("/")  # as a daemon may
        place.stopListening()
        self.assertFalse(os.path.exists(path))

    def test_unix_without_a_lock_file(self) -> None:
        """There is no other file, which would name a process that a daemon is no longer."""
        self.listening("unix:s")
        self.assertEqual(os.listdir(), ["s"])

    def test_tls(self) -> None:
        """An endpoint with TLS of its own puts it around the connections."""
        with open("both.pem", "wb") as file:
            made = make_certificate()
            file.write(made.key_pem + made.cert_pem)
        place = self.listening("ssl:0:interface=127.0.0.1:privateKey=both.pem")
        self.assertIsInstance(place._factory, TLSMemoryBIOFactory)

    def test_proxy_headers(self) -> None:
        """With the PROXY protocol the peer of a connection is the client that the header names."""
        place = self.listening("haproxy:tcp:0:interface=127.0.0.1")
        factory: Any = place._factory
        protocol = Protocol()
        factory.wrappedFactory.buildProtocol = lambda address: protocol
        wrapper = factory.buildProtocol(None)
        wrapper.makeConnection(StringTransport())
        wrapper.dataReceived(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n")
        assert protocol.transport is not None
        self.assertEqual(protocol.transport.getPeer(), IPv4Address("TCP", "192.0.2.7", 4711))

    def test_of_systemd(self) -> None:
        """A socket that systemd has bound is taken over; it may be of another family than the text says."""
        with socket.create_server(("127.0.0.1", 0)) as given:
            self.passed(os.dup(given.fileno()))
            place = self.listening("systemd:domain=INET6:index=0")
            self.assertEqual(place.getHost(), IPv4Address("TCP", *given.getsockname()))

    def test_unix_socket_of_systemd(self) -> None:
        """The file of a Unix socket that systemd has bound is systemd's to remove."""
        given = self.bound()
        self.passed(os.dup(given.fileno()))
        self.listening("systemd:domain=UNIX:index=0").stopListening()
        self.assertTrue(os.path.exists("s"))

    def test_what_systemd_has_not_passed(self) -> None:
        """Where there is no such socket, or it does not listen, or is none, one line says so."""
        self.assertEqual(
            self.refused("systemd:domain=INET:index=3"),
            "wsEndpoint: 'systemd:domain=INET:index=3' is not accepted; systemd has passed no such socket",
        )
        self.assertIn("has passed no such socket", self.refused("systemd:domain=INET:name=web"))
        with socket.socket() as silent:
            self.passed(os.dup(silent.fileno()))
            self.assertIn("the socket does not listen", self.refused("systemd:domain=INET:index=0"))
        self.passed(os.open("/dev/null", os.O_RDONLY))
        self.assertIn("Socket operation on non-socket", self.refused("systemd:domain=INET:index=0"))

    def passed(self, descriptor: int) -> None:
        """Has systemd pass a descriptor."""
        parsers: list[Any] = list(getPlugins(IStreamServerEndpointStringParser))
        (of_systemd,) = (parser for parser in parsers if parser.prefix == "systemd")
        self.patch(of_systemd._sddaemon, "_descriptors", [descriptor])

    def test_other_wishes(self) -> None:
        """Whatever else an endpoint wants of the reactor, it gets."""
        clock = Clock()
        self.assertEqual(EarlyReactor(clock).seconds(), clock.seconds())


class RefusalTests(EndpointCase):
    """Endpoints that cannot be listened on."""

    def test_texts_that_are_none(self) -> None:
        """Each is told with setting and value, and what would be right, whether or not it is to be listened on."""
        for text in (
            "8080",
            "tcp",
            "tcp:http",
            "udp:8080",
            "unix",
            "unix:s:mode=rw",
            "tcp:8080:colour=red",
            "ssl:8443:privateKey=nowhere.pem",
            "haproxy:nonsense:1",
            "systemd:domain=INET",
            ":",
        ):
            said = problem_in(text, setting="wsEndpoint")
            assert said is not None, text
            self.assertTrue(said.startswith(f"wsEndpoint: {text!r} is not accepted"), said)
            self.assertIn("unix:/run/jsongle/ws.sock", said)
            self.assertEqual(len(said.splitlines()), 1)
            self.assertEqual(self.refused(text), said)

    def test_texts_that_are_fine(self) -> None:
        """Looking at an endpoint binds nothing; what systemd will pass cannot be told before."""
        for text in ("tcp:80", "unix:s", "haproxy:unix:s", "systemd:domain=INET:index=0"):
            self.assertIsNone(problem_in(text, setting="wsEndpoint"))
        self.assertEqual(os.listdir(), [])

    def test_in_use(self) -> None:
        """A port or a file in use is told in the system's words."""
        self.listening("unix:s")
        self.assertEqual(self.refused("unix:s"), "wsEndpoint: cannot listen on unix:s: Address already in use")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            text = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            self.assertEqual(self.refused(text), f"wsEndpoint: cannot listen on {text}: Address already in use")

    def test_places_that_cannot_be(self) -> None:
        """So is a folder that is not there, and a path that is too long for a Unix socket."""
        self.assertIn("No such file or directory", self.refused("unix:nowhere/s"))
        self.assertIn("path too long", self.refused(f"unix:{'s' * 200}"))

    def test_not_at_once(self) -> None:
        """An endpoint that listens some time later is refused, and told to give up."""
        pending: list[Deferred[Any]] = [Deferred()]
        self.patch(TCP4ServerEndpoint, "listen", lambda endpoint, factory: pending[0])
        self.assertIn("an endpoint that listens at once is", self.refused("tcp:0"))
        self.assertTrue(pending[0].called)

    def test_without_a_port(self) -> None:
        """One that is no place to listen on is refused."""
        self.patch(TCP4ServerEndpoint, "listen", lambda endpoint, factory: succeed(None))
        self.assertIn("an endpoint that has a port is", self.refused("tcp:0"))

    def test_failure_of_another_kind(self) -> None:
        """Whatever an endpoint of another make raises is told, too."""

        def refuse(endpoint: object, factory: object) -> Deferred[Any]:
            found: Deferred[Any] = Deferred()
            found.errback(CancelledError("not today"))
            return found

        self.patch(TCP4ServerEndpoint, "listen", refuse)
        self.assertEqual(self.refused("tcp:0"), "wsEndpoint: cannot listen on tcp:0: not today")
