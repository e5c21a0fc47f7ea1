"""Tests of :mod:`jsongle_server.tls`: connections under TLS, and certificates that change while the server runs."""

from __future__ import annotations

import contextlib
import os
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config, ConfigError
from jsongle_server.rest_site import CLOSE_TIMEOUT, IDLE_TIMEOUT, MAX_CONNECTIONS
from jsongle_server.testing_certificates import DAY, Made, make_certificate
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, masked_frame, parse_frame
from jsongle_server.tls import WATCH_INTERVAL, Tls, make_tls
from jsongle_server.websocket import HANDSHAKE_TIMEOUT
from tests.rest_support import RestServer, parse
from tests.tls_support import TlsWire, lax_context

REQUEST: Final = "\r\n".join((*HANDSHAKE, "", "")).encode()
LIVEZ: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TlsCase(SynchronousTestCase):
    """A server in memory whose connections are under TLS."""

    def setUp(self) -> None:
        """Makes a certificate, and a server with it."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.made = make_certificate()
        self.made.write(self.folder)
        self.server = WebSocketMemoryServer()
        self.clock = self.server.clock
        self.clock.rightNow = (self.made.certificate.not_valid_before_utc + DAY).timestamp()
        self.config = Config(
            use_https=True, cert=str(self.folder / "cert.pem"), key=str(self.folder / "key.pem"), max_concurrent_users=9
        )
        self.seen = EventLoggingObserver()
        globalLogPublisher.addObserver(self.seen)
        self.addCleanup(globalLogPublisher.removeObserver, self.seen)

    def start(self) -> Tls:
        """The TLS of the configuration, watching its files to the end of the test."""
        tls = make_tls(self.config, self.clock)
        assert tls is not None
        tls.start()
        self.addCleanup(tls.stop)
        self.tls = tls
        return tls

    def wire(self, context: ssl.SSLContext | None = None) -> TlsWire:
        """A new connection to the WebSocket side."""
        return TlsWire(self.tls.wrap(self.server.factory), self.clock, context)

    def served(self) -> bytes | None:
        """The certificate that a new connection gets, in DER."""
        wire = self.wire()
        wire.shake_hands()
        return wire.certificate

    def lines(self) -> list[str]:
        """What was logged of TLS since the last time."""
        found = [formatEvent(event) for event in self.seen if event.get("log_namespace") == "jsongle_server.tls.Tls"]
        self.seen._events.clear()
        return found


def der(made: Made) -> bytes:
    """A certificate in DER."""
    return made.certificate.public_bytes(Encoding.DER)


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
        """Who speaks no TLS is hung up on, without a traceback."""
        wire = self.wire()
        wire.protocol.dataReceived(REQUEST)
        self.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.factory.connections, set())


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


class ChangeTests(TlsCase):
    """Certificates that change."""

    def replace(self, name: str, content: bytes) -> None:
        """Puts another file in the place of one, in one step."""
        other = self.folder / "new"
        other.write_bytes(content)
        os.replace(other, self.folder / name)

    def test_renewed(self) -> None:
        """Soon after both files were replaced new connections get the new certificate; open ones go on."""
        self.start()
        self.assertEqual(len(self.lines()), 1)
        open_one = self.wire()
        open_one.send(REQUEST)
        renewed = make_certificate(expires_in=2 * DAY)
        renewed.write(self.folder)
        self.assertEqual(self.served(), der(self.made))
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))
        self.assertEqual(
            self.lines(), [f"TLS with a certificate that is good until {renewed.certificate.not_valid_after_utc}"]
        )
        open_one.read()
        open_one.send(masked_frame(9, b"still there?"))
        self.assertEqual(parse_frame(open_one.read()), (10, b"still there?", b""))
        self.assertEqual(open_one.certificate, der(self.made))

    def test_link(self) -> None:
        """A link that leads to other files is a change, too: that is how certbot renews."""
        for number, made in enumerate((self.made, renewed := make_certificate())):
            folder = self.folder / str(number)
            folder.mkdir()
            made.write(folder)
        live = self.folder / "live"
        live.symlink_to("0")
        self.config = Config(use_https=True, cert=str(live / "cert.pem"), key=str(live / "key.pem"))
        self.start()
        live.unlink()
        live.symlink_to("1")
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_one_file_after_the_other(self) -> None:
        """With one file replaced the old pair serves on, which is said once; the other file completes the new one."""
        self.start()
        self.lines()
        renewed = make_certificate()
        self.replace("cert.pem", renewed.cert_pem)
        for _ in range(5):
            self.clock.advance(WATCH_INTERVAL)
        (line,) = self.lines()
        self.assertRegex(
            line, "^TLS goes on with the certificate that it has: key: '/.*key.pem' is not accepted; the key that"
        )
        self.assertEqual(self.served(), der(self.made))
        self.replace("key.pem", renewed.key_pem)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_gone_and_back(self) -> None:
        """Files that are gone for a while, or hold nonsense, change nothing, and are read when they are back."""
        self.start()
        self.lines()
        (self.folder / "cert.pem").unlink()
        self.clock.advance(WATCH_INTERVAL)
        (self.folder / "cert.pem").write_text("half a certif")
        self.clock.advance(WATCH_INTERVAL)
        gone, nonsense = self.lines()
        self.assertIn("(No such file or directory)", gone)
        self.assertIn("a file with a certificate in PEM is", nonsense)
        self.assertEqual(self.served(), der(self.made))
        renewed = make_certificate(key=self.made.key)
        self.replace("cert.pem", renewed.cert_pem)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_same_content(self) -> None:
        """Files that were written again as they were are no news."""
        self.start()
        self.lines()
        self.made.write(self.folder)
        os.utime(self.folder / "cert.pem", ns=(1, 1))
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.lines(), [])

    def test_reload(self) -> None:
        """A reload reads them at once, also where others are configured; with a mistake it keeps what it has."""
        tls = self.start()
        self.lines()
        renewed = make_certificate()
        renewed.write(self.folder)
        tls.reconfigure(self.config)
        self.assertEqual(self.served(), der(renewed))
        other = self.folder / "other"
        other.mkdir()
        self.made.write(other)
        tls.reconfigure(Config(use_https=True, cert=str(other / "cert.pem"), key=str(other / "key.pem")))
        self.assertEqual(self.served(), der(self.made))
        self.assertEqual(len(self.lines()), 2)
        tls.reconfigure(Config(use_https=True, cert=str(other / "cert.pem"), key=self.config.key))
        self.assertIn("TLS goes on with the certificate that it has", self.lines()[0])
        self.assertEqual(self.served(), der(self.made))

    def test_reload_without_files(self) -> None:
        """Where ``useHTTPS`` was taken away, which only a restart takes, the files of the start are the ones."""
        tls = self.start()
        tls.reconfigure(Config())
        renewed = make_certificate()
        renewed.write(self.folder)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_not_valid_now(self) -> None:
        """A certificate that clients refuse is served all the same, with a warning."""
        for made, words in (
            (make_certificate(begins_in=-3 * DAY, expires_in=-2 * DAY), "expired at"),
            (make_certificate(begins_in=2 * DAY, expires_in=3 * DAY), "is not valid before"),
        ):
            made.write(self.folder)
            self.clock.rightNow = made.certificate.not_valid_before_utc.timestamp() + (
                2 * DAY.total_seconds() if words == "expired at" else -1
            )
            self.start()
            (line,) = self.lines()
            self.assertIn(words, line)
            self.assertEqual(self.served(), der(made))

    def test_stop(self) -> None:
        """A server that stops watches nothing; stopping twice does no harm."""
        tls = self.start()
        tls.stop()
        tls.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


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
        """A key that is too weak for OpenSSL is refused in its words."""
        make_certificate(key=ec.generate_private_key(ec.SECP192R1())).write(self.folder)
        with self.assertRaises(ConfigError) as raised:
            make_tls(self.config, self.clock)
        self.assertEqual(
            str(raised.exception), "cert: OpenSSL does not accept it (ee key too small); another certificate is"
        )
