"""A server in memory whose connections are under TLS, and a client that speaks it."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.testing_certificates import DAY, Made, make_certificate
from jsongle_server.testing_websocket import HANDSHAKE, MemoryTransport, WebSocketMemoryServer
from jsongle_server.tls import Tls, make_tls

PEER: Final = IPv4Address("TCP", "192.0.2.1", 1024)
REQUEST: Final = "\r\n".join((*HANDSHAKE, "", "")).encode()


def lax_context() -> ssl.SSLContext:
    """What a client goes by that takes any certificate, and offers HTTP/1.1 as browsers do for a WebSocket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsWire:
    """One connection through TLS, whose handshake begins when something is sent or read.

    :param factory: the server's, TLS included.

    :ivar transport: the server's end of it, under TLS.
    """

    def __init__(self, factory: Any, clock: Clock, context: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = (context or lax_context()).wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self._is_secure = False
        self.transport = MemoryTransport(clock, PEER)
        self.protocol: Any = factory.buildProtocol(PEER)
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def shake_hands(self) -> None:
        """Goes through the handshake of TLS.

        :raises ssl.SSLError: the server does not.
        """
        while not self._is_secure:
            try:
                self._tls.do_handshake()
                self._is_secure = True
            except ssl.SSLWantReadError:
                if not self._exchange():
                    raise
        self._exchange()

    def send(self, data: bytes) -> None:
        """Sends something under TLS."""
        self.shake_hands()
        self._tls.write(data)
        self._exchange()

    def send_raw(self, size: int) -> None:
        """Sends the first bytes of the handshake as they are, and no more."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.protocol.dataReceived(self._outgoing.read()[:size])

    def read(self) -> bytes:
        """What came under TLS since the last time."""
        self._exchange()
        received = b""
        with suppress(ssl.SSLWantReadError):
            while data := self._tls.read(65_536):
                received += data
        return received

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate in DER, once hands are shaken."""
        return self._tls.getpeercert(binary_form=True)

    @property
    def agreed(self) -> tuple[str | None, str | None, str | None]:
        """The version of TLS, the protocol under it that was agreed on, and the cipher."""
        cipher = self._tls.cipher()
        return self._tls.version(), self._tls.selected_alpn_protocol(), cipher[0] if cipher else None

    def _exchange(self) -> bool:
        """Passes on what each end has written; whether there was anything."""
        moved = False
        while True:
            sent = self._outgoing.read()
            if sent and self.transport.lost is None:
                self.protocol.dataReceived(sent)
            self._clock.advance(0)
            came = self.transport.value()
            self.transport.clear()
            self._incoming.write(came)
            if not sent and not came:
                return moved
            moved = True


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
