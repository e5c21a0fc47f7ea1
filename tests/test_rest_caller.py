"""Tests of :mod:`jsongle_server.rest_caller`: whom a request comes from, behind proxies and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.rest_support import LOCAL, REMOTE, TOKEN, RestServer

PROXY = IPv4Address("TCP", "10.0.0.1", 40000)


class CallerTests(SynchronousTestCase):
    """The caller that the log names when a token is refused."""

    def serve(self, **settings: Any) -> None:
        """Starts a server that trusts a network and Unix sockets."""
        self.server = RestServer(admin_token=TOKEN, **({"trusted_proxies": ("10.0.0.0/8", "unix")} | settings))

    def caller(self, peer: IAddress, **headers: str) -> str:
        """Whom the log names for a request."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = self.server.ask("GET", "/rooms", peer=peer, headers={"Authorization": "Bearer x", **named})
        finally:
            globalLogPublisher.removeObserver(seen)
        self.assertEqual(answer.status, 401)
        self.server.clock.advance(1)  # one line a second
        (line,) = [formatEvent(event) for event in seen if "count" in event]
        return line.rpartition(" ")[2]

    def test_named_by_a_trusted_proxy(self) -> None:
        """It is the client that the proxy names, whose port nobody knows."""
        self.serve()
        for peer in (PROXY, UNIXAddress(None)):
            self.assertEqual(self.caller(peer, X_Forwarded_For="127.0.0.1, 192.0.2.9"), "192.0.2.9")
            self.assertEqual(self.caller(peer, Forwarded='for="[2001:db8::9]:80"'), "2001:db8::9")

    def test_named_by_nobody(self) -> None:
        """Without a word of the proxy's, or from anybody else, it is who makes the connection."""
        self.serve()
        self.assertEqual(self.caller(PROXY), "10.0.0.1:40000")
        self.assertEqual(self.caller(UNIXAddress(None)), "unix")
        self.assertEqual(self.caller(UNIXAddress(None), Forwarded="for=unknown"), "unix")
        self.assertEqual(self.caller(REMOTE, X_Forwarded_For="127.0.0.1"), "192.0.2.7:40000")
        mapped = IPv4Address("TCP", "::ffff:192.0.2.7", 40000)
        self.assertEqual(self.caller(mapped, X_Forwarded_For="127.0.0.1"), "192.0.2.7:40000")
        self.serve(trusted_proxies=())
        self.assertEqual(self.caller(PROXY, X_Forwarded_For="192.0.2.9"), "10.0.0.1:40000")

    def test_what_is_no_text(self) -> None:
        """Bytes that are no UTF-8 are no address from a proxy, and from anybody else not looked at."""
        self.serve()
        for name in ("X_Forwarded_For", "Forwarded"):
            for value in ("\udcff", "for=\udcff", "192.0.2.9, \udcff\udcfe"):
                self.assertEqual(self.caller(REMOTE, **{name: value}), "192.0.2.7:40000")
        self.assertEqual(self.caller(PROXY, X_Forwarded_For="192.0.2.9, \udcff"), "10.0.0.1:40000")
        self.assertEqual(self.caller(PROXY, X_Forwarded_For="\udcff, 192.0.2.9"), "192.0.2.9")

    def test_contradiction(self) -> None:
        """Two headers that name different clients are a bad request on every route."""
        self.serve()
        headers = {"X-Forwarded-For": "192.0.2.9", "Forwarded": "for=127.0.0.1"}
        for path in ("/about", "/nowhere"):
            answer = self.server.ask("GET", path, peer=PROXY, headers=headers)
            self.assertEqual((answer.status, answer.json["errorCode"]), (400, 400001))
            self.assertIn("X-Forwarded-For and Forwarded", answer.json["errorMsg"])
        self.assertEqual(self.server.ask("GET", "/about", peer=REMOTE, headers=headers).status, 200)

    def test_unreadable(self) -> None:
        """A header of a trusted proxy that cannot be read is a bad request, too."""
        self.serve()
        for value in ('for="x, for=192.0.2.9', "\udcff"):
            answer = self.server.ask("GET", "/about", peer=PROXY, headers={"Forwarded": value})
            self.assertEqual((answer.status, answer.json["errorCode"]), (400, 400001))
            self.assertIn("Forwarded cannot be read", answer.json["errorMsg"])

    def test_reload(self) -> None:
        """Requests that come after a change of the setting go by it."""
        self.serve()
        self.server.api.reconfigure(replace(self.server.config, trusted_proxies=("192.0.2.7",)))
        self.assertEqual(self.caller(PROXY, X_Forwarded_For="192.0.2.9"), "10.0.0.1:40000")
        self.assertEqual(self.caller(REMOTE, X_Forwarded_For="192.0.2.9"), "192.0.2.9")

    def test_a_forwarded_request_is_never_local(self) -> None:
        """Not even one that a trusted proxy on this machine passes on for a client on this machine."""
        self.server = RestServer(trusted_proxies=("127.0.0.1",))
        for header in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Forwarded-For": ""}):
            answer = self.server.ask("PUT", "/logs/levels", body=b'{"level": "info"}', peer=LOCAL, headers=header)
            self.assertEqual(answer.status, 403)
