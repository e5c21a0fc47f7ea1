"""Tests of :mod:`jsongle_server.listening`: ports bound before anything else happens."""

from __future__ import annotations

import os
import socket
from typing import Any
from unittest import skipUnless

from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.listening import CannotBind, adopt, bind, url


class BindTests(SynchronousTestCase):
    """Real sockets on the loopback interface."""

    def bound(self, host: str, port: int = 0) -> socket.socket:
        """Binds, and closes at the end of the test."""
        found = bind(host, port, setting="wsPort")
        self.addCleanup(found.close)
        return found

    def reached(self, family: socket.AddressFamily, host: str, port: int) -> bool:
        """Whether a client gets through to a port."""
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            return client.connect_ex((host, port)) == 0

    def test_port_zero_is_any_free_one(self) -> None:
        """Two servers that take any port get different ones, and clients reach them."""
        ports = [self.bound("127.0.0.1").getsockname()[1] for _ in range(2)]
        self.assertNotEqual(*ports)
        self.assertTrue(all(self.reached(socket.AF_INET, "127.0.0.1", port) for port in ports))

    def test_address_is_the_one_interface(self) -> None:
        """A server on one interface is bound to it alone."""
        self.assertEqual(self.bound("127.0.0.1").getsockname()[0], "127.0.0.1")

    def test_name_is_looked_up_and_ipv4_goes_first(self) -> None:
        """A name that means both families is bound to the one that proxies try."""
        self.assertEqual(self.bound("localhost").getsockname()[0], "127.0.0.1")

    def test_every_interface_answers_ipv4(self) -> None:
        """With no interface named, clients get through by IPv4."""
        self.assertTrue(self.reached(socket.AF_INET, "127.0.0.1", self.bound("").getsockname()[1]))

    @skipUnless(socket.has_dualstack_ipv6(), "needs IPv6")
    def test_every_interface_answers_ipv6(self) -> None:
        """With no interface named, clients get through by IPv6 as well, on the same port."""
        self.assertTrue(self.reached(socket.AF_INET6, "::1", self.bound("").getsockname()[1]))

    def test_port_in_use_is_one_clear_line(self) -> None:
        """Who starts a second server learns which setting, where, and why, on every interface as on one."""
        port = self.bound("127.0.0.1").getsockname()[1]
        for host, place in (("127.0.0.1", "127.0.0.1"), ("", "any interface"), ("localhost", "localhost")):
            with self.assertRaises(CannotBind) as caught:
                bind(host, port, setting="wsPort")
            self.assertEqual(
                str(caught.exception), f"wsPort: cannot listen on {place} port {port}: Address already in use"
            )

    @skipUnless(socket.has_dualstack_ipv6(), "needs IPv6")
    def test_port_in_use_by_one_family_is_in_use(self) -> None:
        """A server does not start on half of its interfaces because another one has the other half."""
        with socket.create_server(("::", 0), family=socket.AF_INET6) as other:
            self.assertRaises(CannotBind, bind, "", other.getsockname()[1], setting="wsPort")

    def test_machine_without_ipv6_listens_on_ipv4(self) -> None:
        """Where there is no IPv6, every interface means every IPv4 interface."""
        self.patch(socket, "has_dualstack_ipv6", lambda: False)
        self.assertEqual(self.bound("").getsockname()[0], "0.0.0.0")

    def test_interface_of_somebody_else_is_refused(self) -> None:
        """An address that this machine does not have cannot be listened on (RFC 5737 keeps this one free)."""
        with self.assertRaises(CannotBind) as caught:
            bind("192.0.2.1", 0, setting="restPort")
        self.assertIn("restPort: cannot listen on 192.0.2.1 port 0: ", str(caught.exception))

    def test_name_that_does_not_exist_is_refused(self) -> None:
        """A name that cannot be looked up is told like any other mistake (RFC 6761 keeps this one from existing)."""
        with self.assertRaises(CannotBind) as caught:
            bind("nowhere.invalid", 8080, setting="wsPort")
        self.assertIn("wsPort: cannot listen on nowhere.invalid port 8080: ", str(caught.exception))


class UrlTests(SynchronousTestCase):
    """Addresses for people to type."""

    def url_of(self, host: str) -> str:
        """The address of a socket, without its port."""
        with bind(host, 0, setting="wsPort") as bound:
            shown, _, port = url("ws", bound).rpartition(":")
            self.assertEqual(port, str(bound.getsockname()[1]))
        return shown

    def test_every_interface_is_localhost(self) -> None:
        """Where every interface listens, somebody on this machine takes localhost."""
        for host in ("", "0.0.0.0"):
            self.assertEqual(self.url_of(host), "ws://localhost")

    def test_single_interface_is_shown_as_it_is(self) -> None:
        """An address stays an address."""
        self.assertEqual(self.url_of("127.0.0.1"), "ws://127.0.0.1")

    @skipUnless(socket.has_dualstack_ipv6(), "needs IPv6")
    def test_ipv6_address_stands_in_brackets(self) -> None:
        """An IPv6 address can be told from its port (RFC 3986 section 3.2.2)."""
        self.assertEqual(self.url_of("::1"), "ws://[::1]")


class FakeReactor:
    """The one thing of a reactor that adopts sockets: notes what it was given, as a duplicate like the real one."""

    def __init__(self) -> None:
        self.adopted: socket.socket | None = None
        self.factory: Any = None

    def adoptStreamPort(  # noqa: N802  (Twisted's name)
        self, fileno: int, family: socket.AddressFamily, factory: Any
    ) -> str:
        """Takes over a descriptor."""
        self.adopted = socket.fromfd(fileno, family, socket.SOCK_STREAM)
        self.factory = factory
        return "port"


class AdoptTests(SynchronousTestCase):
    """Handing a socket over."""

    def test_reactor_has_the_socket_and_nobody_else(self) -> None:
        """The reactor gets a listening socket that does not block; ours is closed, so that its port can be freed."""
        bound = bind("127.0.0.1", 0, setting="wsPort")
        name = bound.getsockname()
        reactor, factory = FakeReactor(), Factory()
        self.assertEqual(adopt(reactor, bound, factory), "port")  # type: ignore[arg-type]
        assert reactor.adopted is not None
        self.addCleanup(reactor.adopted.close)
        self.assertIs(reactor.factory, factory)
        self.assertEqual(reactor.adopted.getsockname(), name)
        self.assertFalse(os.get_blocking(reactor.adopted.fileno()))
        self.assertEqual(bound.fileno(), -1)
