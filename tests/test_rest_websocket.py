"""Tests of :mod:`jsongle_server.rest_websocket`: where the demo page is told that the WebSocket server is."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from tests.rest_support import Answer, RestServer

PROXY = IPv4Address("TCP", "10.0.0.1", 40000)


def told(answer: Answer) -> str:
    """The address that a page has been given."""
    found = re.findall(r'<meta name="jsongle-websocket" content="([^"]*)">', answer.body.decode())
    (address,) = found
    return unescape(address)


class WebSocketCase(SynchronousTestCase):
    """A server that guesses, unless it is told otherwise."""

    def ask(self, host: str | None = "localhost", *, headers: dict[str, str] | None = None, **settings: Any) -> Answer:
        """Ask for the page.

        :param host: the header Host.
        :param settings: those of the server.
        """
        server = RestServer(**{"demo": "on", "trusted_proxies": ("10.0.0.1",), **settings})
        return server.ask("GET", "/demo", host=host, headers=headers, peer=self.peer)

    peer = IPv4Address("TCP", "192.0.2.7", 40000)


class DirectTests(WebSocketCase):
    """Who asks the server itself."""

    def test_same_host_on_the_real_port(self) -> None:
        """Whatever the port of the REST side, the WebSocket's is that which is open; an IPv6 host is in brackets."""
        for host, shown in (
            ("localhost:8081", "localhost"),
            ("LOCALHOST", "localhost"),
            ("signaling.example.org:", "signaling.example.org"),
            ("192.0.2.1:8081", "192.0.2.1"),
            ("[::1]:8081", "[::1]"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ):
            self.assertEqual(told(self.ask(host)), f"ws://{shown}:4711")

    def test_tls(self) -> None:
        """Both ports speak TLS, or none does."""
        self.assertEqual(told(self.ask("example.org", use_https=True)), "wss://example.org:4711")

    def test_host_that_is_none(self) -> None:
        """What is no host, several of them, or none at all is refused, and told no page."""
        bad = [
            "", " ", "a b", "::1", "[::1", "[127.0.0.1]", "[::1%25eth0]", "a:b", "a:65536", "a:0", "a,b", "a;b", "'a'",
            "user@a", "a/b", "a?b", "-a", "1.2.3.4.5", "a\"><script>", "*", "ä", "a:-1", "x" * 300,
        ]  # fmt: skip
        for host in (*bad, None, "a\r\nHost: b"):
            answer = self.ask(host)
            self.assertEqual((host, answer.status), (host, 400))
            self.assertIsNone(answer.headers["Content-Security-Policy"])
            self.assertIn("Host", answer.json["errorMsg"])

    @given(st.text(st.characters(exclude_characters="\r\n\0", max_codepoint=255), max_size=30))
    def test_hosts_never_get_out_of_their_place(self, host: str) -> None:
        """Whatever is sent, it is refused, or it becomes one address with nothing but a host's characters."""
        answer = self.ask(host)
        if answer.status == 200:
            self.assertRegex(told(answer), r"\Aws://(\[[0-9a-f:.]+\]|[a-z0-9._-]+):4711\Z")
            self.assertEqual(str(answer.headers["Content-Security-Policy"]).count(";"), 8)
        else:
            self.assertEqual(answer.status, 400)

    def test_clients_are_not_believed(self) -> None:
        """Whoever is no trusted proxy may say what he likes."""
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "Forwarded": "proto=https"}
        self.assertEqual(told(self.ask("localhost", headers=headers)), "ws://localhost:4711")

    def test_endpoint(self) -> None:
        """An endpoint says nothing that a browser could use: the page is told nothing, and says what is missing."""
        answer = self.ask("localhost", ws_endpoint="unix:/run/ws.sock")
        self.assertEqual((told(answer), answer.status), ("", 200))
        self.assertIn("connect-src 'self';", str(answer.headers["Content-Security-Policy"]))


class ProxyTests(WebSocketCase):
    """Who asks by way of a proxy."""

    peer = PROXY

    def test_scheme_and_host_of_a_trusted_proxy(self) -> None:
        """It is reached as the proxy was, on the port of the scheme; the last entry is the proxy's own."""
        for headers, shown in (
            ({"X-Forwarded-Proto": "https"}, "wss://inner"),
            ({"X-Forwarded-Proto": "http"}, "ws://inner"),
            ({"X-Forwarded-For": "192.0.2.7"}, "ws://inner"),
            (
                {"X-Forwarded-Proto": "http, HTTPS", "X-Forwarded-Host": "evil.example, a.example:8443"},
                "wss://a.example",
            ),
            ({"Forwarded": 'for=192.0.2.7;proto=https;host="a.example:443"'}, "wss://a.example"),
            ({"Forwarded": 'host=evil.example, Host="[2001:db8::1]";Proto=https'}, "wss://[2001:db8::1]"),
            ({"Forwarded": "proto=https;proto=http"}, "ws://inner"),
        ):
            self.assertEqual(told(self.ask("inner:8081", headers=headers)), shown)

    def test_endpoint_behind_a_proxy(self) -> None:
        """What it listens on behind the proxy does not matter."""
        headers = {"X-Forwarded-Proto": "https"}
        self.assertEqual(told(self.ask("a.example", headers=headers, ws_endpoint="unix:/run/x")), "wss://a.example")

    def test_proxy_that_says_nothing(self) -> None:
        """A browser at the address of a proxy, as on the same machine, is no proxy."""
        self.assertEqual(told(self.ask("localhost:8081")), "ws://localhost:4711")

    def test_what_cannot_be_read(self) -> None:
        """A host that is none, or a header that has no meaning, is refused."""
        for headers in ({"X-Forwarded-Host": "a b"}, {"Forwarded": 'host="a'}, {"X-Forwarded-Host": "a, \"'"}):
            self.assertEqual(self.ask(headers=headers).status, 400)


class SettingTests(WebSocketCase):
    """An address in the settings."""

    def test_it_is_told_as_it_is(self) -> None:
        """Whatever the request says; in the page it is text, and in the policy nothing but its origin."""
        address = "wss://signaling.example.org:8443/a?b=\"'&<c>;d,e"
        answer = self.ask(None, demo=address)
        self.assertEqual(told(answer), address)
        policy = str(answer.headers["Content-Security-Policy"])
        self.assertIn("connect-src 'self' wss://signaling.example.org:8443;", policy)
        self.assertNotIn("<c>", answer.body.decode())

    def test_ipv6_in_the_policy(self) -> None:
        """A policy cannot name an IPv6 address: its scheme stands for it."""
        policy = str(self.ask(demo="wss://[::1]:8").headers["Content-Security-Policy"])
        self.assertIn("connect-src 'self' wss:;", policy)

    def test_reload(self) -> None:
        """It changes while the server runs, and so do the proxies that are believed."""
        server = RestServer()
        self.assertEqual(server.ask("GET", "/demo").status, 404)
        server.api.reconfigure(replace(server.config, demo="on", trusted_proxies=("10.0.0.1",)))
        answer = server.ask("GET", "/demo", headers={"X-Forwarded-Proto": "https"}, peer=PROXY)
        self.assertEqual(told(answer), "wss://localhost")
        server.api.reconfigure(replace(server.config, demo="ws://a.example"))
        self.assertEqual(told(server.ask("GET", "/demo")), "ws://a.example")
        server.api.reconfigure(replace(server.config, demo="off"))
        self.assertEqual(server.ask("GET", "/demo").status, 404)
