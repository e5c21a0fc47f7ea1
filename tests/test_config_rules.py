"""Tests of :mod:`jsongle_server.config_rules`: settings that do not go together."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.config_addresses import host_in
from jsongle_server.testing_certificates import make_certificate
from tests.test_config import SettingCase
from tests.token_makers import SECRET, jwk, key_set


class TogetherTests(SettingCase):
    """Each rule: what it refuses, and what it leaves alone."""

    def file(self, text: str = "") -> str:
        """The path of a file that can be read."""
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        return str(path)

    def assertRefused(self, problem: str, **values: str) -> None:
        """The one thing that is wrong with these settings."""
        self.assertEqual(self.problems(**values), (problem,))

    def assertFine(self, **values: str) -> None:
        """Nothing is wrong with these settings."""
        Config.from_mapping(values)

    def test_one_source_of_keys(self) -> None:
        """Two keys would leave open which one counts."""
        self.assertRefused(
            "jwtKey and jwksUrl: more than one is not accepted; one source of keys for signed tokens is",
            jwtKey=SECRET,
            jwksUrl="https://example.com/jwks",
        )
        self.assertFine(jwksPath=self.file(key_set(jwk("a")).decode()))

    def test_what_is_said_of_tokens_needs_a_key(self) -> None:
        """Whoever names an audience thinks that tokens are checked: without a key they are not."""
        self.assertRefused(
            "jwtIssuer and jwtAudience: not accepted without a key to check tokens with; "
            "one of jwtKey, jwksUrl, jwksPath is",
            jwtIssuer="me",
            jwtAudience="you",
        )
        self.assertFine(jwtIssuer="me", jwtAudience="you", jwtKey=SECRET)

    def test_algorithms_fit_the_key(self) -> None:
        """A secret is not used as a public key, nor a public key as a secret."""
        self.assertRefused(
            "jwtAlgorithms: RS256 does not fit the key; of HS256 any is accepted",
            jwtAlgorithms="rs256, hs256",
            jwtKey=SECRET,
        )
        (problem,) = self.problems(jwtAlgorithms="HS256", jwksUrl="https://example.com/jwks")
        self.assertTrue(problem.startswith("jwtAlgorithms: HS256 does not fit the key; of RS256, "), problem)
        self.assertFine(jwtAlgorithms="HS256", jwtKey=SECRET)

    def test_tls_needs_both_files(self) -> None:
        """TLS without a certificate is none."""
        self.assertRefused(
            "useHTTPS: 'on' is not accepted without key and cert; on with both files, or off, is", useHTTPS="on"
        )
        self.assertFine(key=self.file())

    def test_tls_needs_files_that_belong_together(self) -> None:
        """What is wrong with the files is said under the name by which the user knows the setting."""
        folder = Path(self.mktemp())
        folder.mkdir()
        make_certificate().write(folder)
        cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
        self.assertFine(useHTTPS="on", key=key, cert=cert)
        (problem,) = self.problems(useHTTPS="on", key=key, cert=self.file())
        self.assertRegex(problem, "^cert: '/.*' is not accepted; a file with a certificate in PEM is")
        self.assertFine(useHTTPS="off", key=key, cert=self.file())

    def test_turn_needs_address_and_secret(self) -> None:
        """A server without credentials, and credentials without a server, are of no use."""
        self.assertRefused(
            "turnUrls: not accepted without turnSecret; both, or neither, are", turnUrls="turn:a.example"
        )
        self.assertRefused("turnSecret: not accepted without turnUrls; both, or neither, are", turnSecret="s" * 16)
        self.assertFine(turnUrls="turn:a.example", turnSecret="s" * 16)

    def test_webhook_needs_address_and_secret(self) -> None:
        """What is not signed could come from anybody."""
        self.assertRefused(
            "webhookUrl: not accepted without webhookSecret; both, or neither, are", webhookUrl="http://a.example"
        )
        self.assertRefused(
            "webhookSecret: not accepted without webhookUrl; both, or neither, are", webhookSecret="s" * 16
        )

    def test_endpoints_have_no_ports(self) -> None:
        """Where an endpoint says where to listen, the ports do not matter."""
        self.assertFine(wsPort="8081", wsEndpoint="unix:/run/ws.sock")
        self.assertEqual(len(self.problems(wsPort="8081")), 1)

    def test_unreadable_settings_break_no_rule(self) -> None:
        """What is wrong by itself is said once."""
        self.assertEqual(len(self.problems(jwtKey="short", jwtIssuer="me")), 1)


class ListTests(SettingCase):
    """Lists of networks, words and servers."""

    def test_networks(self) -> None:
        """Networks and addresses, each in its shortest form, and Unix sockets."""
        self.assertAccepts(
            "trustedProxies",
            {
                "": (),
                "127.0.0.1": ("127.0.0.1",),
                "10.0.0.0/8, ::1 unix": ("10.0.0.0/8", "::1", "unix"),
                "2001:0DB8::/32 UNIX": ("2001:db8::/32", "unix"),
                "192.0.2.1/32 192.0.2.1": ("192.0.2.1",),
                "::ffff:10.0.0.0/104 ::ffff:a00:1": ("10.0.0.0/8", "10.0.0.1"),
                "::ffff:0:0/96 ::/0": ("0.0.0.0/0", "::/0"),
            },
        )
        self.assertRefuses("trustedProxies", ["10.0.0.1/8", "proxy.example", "*", "10.0.0.0/33", ","])

    def test_algorithms(self) -> None:
        """Names of algorithms, in any case; none is none of them."""
        self.assertEqual(self.read_with_key("es256 ES256"), ("ES256",))
        self.assertRefuses("jwtAlgorithms", ["none", "RS256 none", "HS1", ","])

    def read_with_key(self, text: str) -> object:
        """The algorithms, where there is a key set that any fit."""
        path = Path(self.mktemp())
        path.write_bytes(key_set(jwk("a")))
        return Config.from_mapping({"jwtAlgorithms": text, "jwksPath": str(path)}).jwt_algorithms

    def test_ice_servers(self) -> None:
        """STUN and TURN addresses as browsers take them."""
        self.assertAccepts(
            "stunUrls",
            {
                "": (),
                "stun:a.example": ("stun:a.example",),
                "stun:192.0.2.1:3478,stuns:[::1]:5349": ("stun:192.0.2.1:3478", "stuns:[::1]:5349"),
            },
        )
        self.assertRefuses(
            "stunUrls",
            [
                "turn:a.example",
                "stun://a.example",
                "stun:",
                "stun:a b",
                "a.example",
                "stun:a?transport=udp",
                "stun:[z]",
            ],
        )
        self.assertRefuses("turnUrls", ["turn:a.example?transport=tls", "stun:a.example", "turn:-.example", "turn:a:x"])
        self.assertRefuses("stunUrls", ["stun:a:0", "stun:a:99999", "stun:[192.0.2.1]", "stun:[::1]:65536"])
        self.assertAccepts("stunUrls", {"stun:a_b:1,stun:a:65535": ("stun:a_b:1", "stun:a:65535")})

    def test_web_addresses(self) -> None:
        """Addresses that can be asked, without secrets in them."""
        for text in ("http://a.example", "https://a.example:8443/x?y=z", "http://[::1]:80/", "http://127.0.0.1/hook"):
            self.assertEqual(self.read("jwksUrl", text), text)
        self.assertRefuses(
            "jwksUrl",
            [
                "a.example",
                "ftp://a.example",
                "http://u:p@a.example",
                "http://a.example/#x",
                "http://a b",
                "http://a.example:0",
                "http://a.example:65536",
                "http://[zz]",
                "http://[192.0.2.1]",
                "http://my_host.example/",
                "http://xn--a/",
                "http://ab--c.example/",
                "http://",
                "http://a.example/ü",
            ],
        )

    def test_files(self) -> None:
        """A file that can be read, by its absolute path."""
        path = Path(self.mktemp())
        path.write_text("x")
        self.assertEqual(self.read("cert", str(path)), str(path.absolute()))
        self.assertRefuses("cert", ["/nowhere", str(path.parent.absolute())])

    def test_lines(self) -> None:
        """Any text of one line."""
        self.assertAccepts("wsEndpoint", {"": None, "unix:/run/a b": "unix:/run/a b"})
        self.assertRefuses("wsEndpoint", ["unix:\n/x", "x" * 1025])

    def test_demo(self) -> None:
        """Off, on, or on with the address of a WebSocket server, which has no user, password or fragment in it."""
        self.assertAccepts(
            "demo",
            {
                **{"off": "off", "ON": "on", "ws://localhost": "ws://localhost"},
                **{"wss://a.example:443/x?y=z": "wss://a.example:443/x?y=z", "ws://[::1]:80": "ws://[::1]:80"},
            },
        )
        self.assertRefuses(
            "demo",
            [
                *("", "yes", "http://a.example", "WSS://a.example", "ws://", "ws:a.example", "ws://a b", "ws://a#b"),
                *("ws://u@a", "ws://a:0", "ws://a:65536", "ws://::1", "ws://[a]", "ws://a/ü", "ws://a/ b", "ws://-a"),
            ],
        )


class HostTests(SynchronousTestCase):
    """What a ``Host`` header says."""

    def test_hosts(self) -> None:
        """With a port or without, which may be empty, each in its one form."""
        for text, host in (
            ("A.example", "a.example"),
            ("a:80", "a"),
            ("a:", "a"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[0:0::1]:80", "[::1]"),
        ):
            self.assertEqual(host_in(text), host)

    def test_no_hosts(self) -> None:
        """Anything else is none."""
        for text in ("", ":80", "a:b", "a:0", "a:65536", "::1", "[127.0.0.1]", "[a]", "a b", "a,b", "u@a", "a/b", "a."):
            self.assertIsNone(host_in(text), text)
