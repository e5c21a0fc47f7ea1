"""Tests of :mod:`jsongle_server.tls`: connections under TLS, and what a server needs to begin with it."""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Callable
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.logger import LogLevel, formatEvent

from jsongle_server import certificates
from jsongle_server.config import Config, ConfigError
from jsongle_server.rest_site import CLOSE_TIMEOUT, IDLE_TIMEOUT, MAX_CONNECTIONS
from jsongle_server.testing_certificates import make_certificate
from jsongle_server.testing_websocket import masked_frame, parse_frame
from jsongle_server.tls import WATCH_INTERVAL, make_tls
from jsongle_server.websocket import HANDSHAKE_TIMEOUT
from tests.rest_support import RestServer, parse
from tests.tls_support import REQUEST, TlsCase, TlsWire, der, lax_context

LIVEZ: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class ConnectionTests(TlsCase):
    """What clients get."""

    def setUp(self) -> None:
        """Starts the server."""
        super().setUp()
        self.start()

    def test_conversation(self) -> None:
        """A client shakes hands twice, for TLS and for WebSocket, and says hello."""
        wire = self.wire()
        wire.send(REQUEST)
        head, _, rest = wire.read().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        parsed = parse_frame(rest)
        assert parsed is not None
        greeting = orjson.loads(parsed[1])
        answer = {"action": "iq-result", "query": "session-hello", "description": {"uid": "alice"}}
        wire.send(masked_frame(1, orjson.dumps({"to": greeting["from"], "jsongle": answer})))
        self.clock.advance(0)
        self.clock.advance(0)
        parsed = parse_frame(wire.read())
        assert parsed is not None
        self.assertEqual(orjson.loads(parsed[1])["jsongle"]["status"], "success")
        (session,) = self.server.signaling.sessions()
        self.assertEqual(session.remote, "192.0.2.1:1024")

    def test_versions_and_ciphers(self) -> None:
        """TLS 1.3, or 1.2 with a key of its own for each connection."""
        wire = self.wire()
        wire.shake_hands()
        self.assertEqual(wire.agreed[0], "TLSv1.3")
        context = lax_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        wire = self.wire(context)
        wire.shake_hands()
        version, _, cipher = wire.agreed
        self.assertEqual(version, "TLSv1.2")
        self.assertRegex(str(cipher), "^ECDHE-.*(GCM|CHACHA20)")

    def test_old_clients_are_refused(self) -> None:
        """TLS 1.1 is not spoken, nor TLS 1.2 with ciphers that lack forward secrecy or authentication of the data."""
        old = lax_context()
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        weak = lax_context()
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256")
        for context, alert in ((old, "ALERT_PROTOCOL_VERSION"), (weak, "ALERT_HANDSHAKE_FAILURE")):
            with self.assertRaises(ssl.SSLError) as raised:
                self.wire(context).shake_hands()
            self.assertIn(alert, str(raised.exception.reason))

    def test_renegotiation_is_refused(self) -> None:
        """A client cannot have the server shake hands again and again on one connection."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        client = SSL.Connection(context, None)
        client.set_connect_state()
        wire = self.wire()

        def exchange(step: Callable[[], Any]) -> None:
            for _ in range(10):
                with contextlib.suppress(SSL.WantReadError):
                    step()
                with contextlib.suppress(SSL.WantReadError):
                    wire.protocol.dataReceived(client.bio_read(65_536))
                self.clock.advance(0)
                if came := wire.transport.value():
                    wire.transport.clear()
                    client.bio_write(came)

        exchange(client.do_handshake)
        self.assertEqual(client.get_protocol_version_name(), "TLSv1.2")
        self.assertTrue(client.renegotiate())
        with self.assertRaises(SSL.Error) as raised:
            exchange(client.do_handshake)
        self.assertIn("no renegotiation", str(raised.exception))

    def test_what_is_spoken(self) -> None:
        """Browsers say that they speak HTTP/1.1, others say nothing, or would rather speak HTTP/2: all are let in."""
        for offered, agreed in ((["http/1.1"], "http/1.1"), ([], None), (["h2", "http/1.1"], "http/1.1")):
            context = lax_context()
            if offered:
                context.set_alpn_protocols(offered)
            else:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            wire = self.wire(context)
            wire.send(REQUEST)
            self.assertTrue(wire.read().startswith(b"HTTP/1.1 101 "))
            self.assertEqual(wire.agreed[1], agreed)

    def test_chain(self) -> None:
        """Clients get the certificates that lead from the server's own to the root, which they know."""
        root = make_certificate(name="root")
        middle = make_certificate(name="middle", issuer=root)
        own = make_certificate(issuer=middle)
        own.write(self.folder)
        (self.folder / "cert.pem").write_bytes(own.cert_pem + middle.cert_pem)
        self.clock.advance(WATCH_INTERVAL)
        context = ssl.create_default_context(cadata=root.cert_pem.decode())
        wire = self.wire(context)
        wire.shake_hands()
        self.assertEqual(wire.certificate, der(own))

    def test_stalled_handshakes(self) -> None:
        """Who does not get through the handshake of TLS has no more time than others have for their opening one."""
        silent, halfway, secure = self.wire(), self.wire(), self.wire()
        halfway.send_raw(20)
        secure.shake_hands()
        self.clock.advance(HANDSHAKE_TIMEOUT - 0.1)
        self.assertEqual(len(self.server.factory.connections), 3)
        self.clock.advance(0.2)
        self.clock.advance(0)
        for wire in (silent, halfway, secure):
            self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual(self.server.metrics.refusals["timeout"], 3)

    def test_plain_client(self) -> None:
        """Who speaks no TLS is hung up on and counted; a line at debug says who it was, and none above that."""
        wire = self.wire()
        wire.protocol.dataReceived(REQUEST)
        self.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual(dict(+self.server.metrics.refusals), {"tls": 1})
        (line,) = [event for event in self.seen if "failed" in str(formatEvent(event))]
        self.assertTrue(formatEvent(line).startswith("TLS with 192.0.2.1:1024 failed: "))
        self.assertEqual({event["log_level"] for event in self.seen} - {LogLevel.info}, {LogLevel.debug})

    def test_nonsense_later(self) -> None:
        """What is no TLS in an open connection ends it, and is no refused handshake."""
        wire = self.wire()
        wire.send(REQUEST)
        wire.protocol.dataReceived(REQUEST)
        self.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(dict(+self.server.metrics.refusals), {})
        self.assertEqual(self.server.signaling.connection_count, 0)


class RestTests(TlsCase):
    """The REST side under TLS."""

    def setUp(self) -> None:
        """Starts the server."""
        super().setUp()
        self.rest = RestServer()
        self.clock = self.rest.clock
        self.factory = self.start().wrap(self.rest.site)

    def test_request(self) -> None:
        """A request is answered, in HTTP/1.1 also where the client would rather speak HTTP/2."""
        context = lax_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        wire = TlsWire(self.factory, self.clock, context)
        wire.send(LIVEZ)
        self.assertEqual(parse(wire.read()).status, 200)
        self.assertEqual(wire.agreed[1], "http/1.1")

    def test_stalled_handshake(self) -> None:
        """Who does not get through it is closed like any idle connection."""
        wire = TlsWire(self.factory, self.clock)
        wire.send_raw(20)
        self.clock.advance(IDLE_TIMEOUT)
        self.clock.advance(CLOSE_TIMEOUT)
        self.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.rest.site.connections, 0)

    def test_one_too_many(self) -> None:
        """Over the limit a connection is closed, without an error."""
        self.rest.site.connections = MAX_CONNECTIONS
        wire = TlsWire(self.factory, self.clock)
        self.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.rest.site.connections, MAX_CONNECTIONS)


class StartTests(TlsCase):
    """What a server needs to start."""

    def test_off(self) -> None:
        """Without the setting there is no TLS, whatever the files are."""
        self.assertIsNone(make_tls(Config(), self.clock))

    def test_bad_pair(self) -> None:
        """A key of another certificate is refused in one line."""
        (self.folder / "key.pem").write_bytes(make_certificate().key_pem)
        with self.assertRaises(ConfigError) as raised:
            make_tls(self.config, self.clock)
        self.assertEqual(len(raised.exception.problems), 1)

    def test_what_openssl_refuses(self) -> None:
        """What is too weak for OpenSSL is refused in its words, should it come so far."""
        self.patch(certificates, "MIN_RSA_BITS", 1024)
        make_certificate(key=rsa.generate_private_key(65_537, 1024)).write(self.folder)
        with self.assertRaises(ConfigError) as raised:
            make_tls(self.config, self.clock)
        self.assertEqual(
            str(raised.exception), "cert: OpenSSL does not accept it (ee key too small); another certificate is"
        )
