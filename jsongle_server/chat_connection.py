"""The connection of the terminal client: Autobahn's client, and what its ends mean.

Owns how a WebSocket is opened and which trouble its end is; must not know what is said. Layer 5. Importing it installs
no reactor.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

import txaio
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from OpenSSL.SSL import Error as TlsError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import optionsForClientTLS

from jsongle_server import __version__
from jsongle_server.chat_errors import Trouble, closed, no_connection, no_tls, refused_handshake, silent, unknown_host
from jsongle_server.doctor_wire import LARGEST_HEAD, STEP_SECONDS, Place, read_http
from jsongle_server.tls_names import NamedCreator, WrongName
from jsongle_server.vocabulary import SUBPROTOCOL

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from jsongle_server.doctor_subject import Target

LARGEST_MESSAGE: Final = 16_777_216
"""Bytes of a message of the server."""

PING_SECONDS: Final = 15
"""How often the server is asked whether it is there, and how long it may take to answer."""


class Owner(Protocol):
    """Whom a connection tells what happens."""

    def heard(self, frame: str) -> None:
        """A text frame has come."""
        ...

    def closed(self, trouble: Trouble) -> None:
        """The connection has ended, or no WebSocket came of it."""
        ...


class Connection(WebSocketClientProtocol):
    """A connection to a server.

    :param owner: who hears of it.
    """

    transport: Any

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self.owner = owner
        self._is_open = False
        self._answer = b""
        self._reason: BaseException | None = None

    def connectionMade(self) -> None:
        """Begins the handshake."""
        super().connectionMade()
        # Autobahn's own setting for this takes no effect.
        self.transport.setTcpNoDelay(True)

    def processHandshake(self) -> None:
        """Reads the answer to the handshake; another one than a WebSocket's to its end, for what it says."""
        if not self.data.startswith(b"HTTP/1.1 101 "[: len(self.data)]):
            self._answer = self.data
            if _is_whole(self._answer) or len(self._answer) > LARGEST_HEAD:
                self.dropConnection(abort=True)
            return
        super().processHandshake()

    def leave(self) -> None:
        """Ends it: with a close frame, as soon as there can be one."""
        if self._is_open:
            self.sendClose(1000)
        else:
            self.dropConnection(abort=True)

    def onOpen(self) -> None:
        """The handshake is done."""
        self._is_open = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hands on a text frame; the server sends no others."""
        if not isBinary:
            self.owner.heard(payload.decode("utf-8"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keeps the reason, which TLS alone has."""
        self._reason = reason.value
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Says what the end means."""
        self.owner.closed(self._trouble())

    def _trouble(self) -> Trouble:
        if self._is_open:
            return closed(self.remoteCloseCode, self.remoteCloseReason or "")
        if isinstance(self._reason, TlsError | WrongName):
            return no_tls(_tls_words(self._reason))
        if not self._answer:
            return silent("no answer in time" if self.wasOpenHandshakeTimeout else "it hangs up")
        try:
            return refused_handshake(read_http(self._answer))
        except ValueError:
            return silent("it does not speak HTTP")


class ConnectionFactory(WebSocketClientFactory):
    """Makes one connection.

    :param owner: who hears of it.
    :param options: Autobahn's.
    """

    noisy = False

    def __init__(self, owner: Owner, *options: Any, **named: Any) -> None:
        super().__init__(*options, **named)
        self._owner = owner

    def buildProtocol(self, addr: object) -> Connection:
        """Makes it."""
        connection = Connection(self._owner)
        connection.factory = self
        return connection


def open_connection(reactor: Any, target: Target, owner: Owner, *, origin: str | None) -> Deferred[Connection]:
    """Opens a connection.

    :param reactor: runs it.
    :param target: where the server is.
    :param owner: who hears of it.
    :param origin: the ``Origin`` header, which browsers send; none by default.
    :returns: fires with the connection before the handshake is done; what fails before that is for :func:`failed`.
    """
    # Autobahn's timers do not run on the reactor of their factory.
    txaio.config.loop = reactor  # type: ignore[attr-defined]  # made by the part of txaio for Twisted
    place = target.place
    scheme = "wss" if place.is_secure else "ws"
    agent = f"jsongle-server-chat/{__version__}"
    factory = ConnectionFactory(
        owner,
        f"{scheme}://{place}{target.path}",
        origin=origin,
        protocols=[SUBPROTOCOL],
        useragent=agent,
        reactor=reactor,
    )
    factory.host = f"[{place.host}]" if ":" in place.host else place.host
    factory.setProtocolOptions(
        maxMessagePayloadSize=LARGEST_MESSAGE,
        openHandshakeTimeout=STEP_SECONDS,
        autoPingInterval=PING_SECONDS,
        autoPingTimeout=PING_SECONDS,
    )
    endpoint: Any = HostnameEndpoint(reactor, place.host.encode("ascii"), place.port, timeout=STEP_SECONDS)
    if place.is_secure:
        # Browsers say so, too; some proxies choose by it (RFC 7301).
        options = optionsForClientTLS(place.host, acceptableProtocols=[b"http/1.1"])
        endpoint = wrapClientTLS(NamedCreator(options, place.host), endpoint)
    opening: Deferred[Connection] = endpoint.connect(factory)
    return opening


def failed(error: BaseException, place: Place) -> Trouble:
    """Why a connection did not come about."""
    if isinstance(error, DNSLookupError):
        return unknown_host(place.host)
    if isinstance(error, ConnectError):
        return no_connection(str(place), _system_words(error))
    return no_connection(str(place), str(error) or type(error).__name__)


def _is_whole(data: bytes) -> bool:
    """Whether an answer over HTTP is there to its end, as far as it says how long it is."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def _system_words(error: ConnectError) -> str:
    number = error.osError
    return os.strerror(number) if isinstance(number, int) else "no answer in time"


def _tls_words(error: BaseException) -> str:
    if isinstance(error, WrongName):
        return "the certificate is for another name"
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(part[-1]) for part in parts) or "the connection is closed during the handshake"
