"""Connections of the doctor: blocking, and each wait on them ends in time.

Owns sockets with a deadline, TLS on them, and plain HTTP requests. Must not know what is asked and why. Layer 5: runs
in a process of its own, without a reactor.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, cast

from jsongle_server import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

STEP_SECONDS: Final = 5.0
"""How long a step may take: to connect, to shake hands, to be answered."""

LARGEST_ANSWER: Final = 4_194_304
"""Bytes of an answer over HTTP, head included, after which no more is read."""

LARGEST_HEAD: Final = 16_384
"""Bytes of the head of an answer to an opening handshake."""

USER_AGENT: Final = f"jsongle-server-doctor/{__version__}"
"""Who asks, for the logs of the other side."""

_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens.

    :param host: a name or an IP address, without brackets.
    :param port: its TCP port.
    :param is_secure: whether TLS is spoken there.
    """

    host: str
    port: int
    is_secure: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer over HTTP.

    :param headers: by name in small letters; of several the last.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection; whatever is done on it raises ``TimeoutError`` once its time is over.

    :param connected: its socket.
    :param seconds: how long a step on it may take, unless it is given another time.
    """

    def __init__(self, connected: socket.socket, seconds: float = STEP_SECONDS) -> None:
        self.socket = connected
        self._seconds = seconds
        self._end = 0.0
        self.begin_step()

    @classmethod
    def connect(cls, place: Place, seconds: float = STEP_SECONDS) -> Wire:
        """Opens a TCP connection, trying all addresses of a name within the time.

        :raises OSError: none can be opened.
        """
        end = time.monotonic() + seconds
        failure: OSError = TimeoutError(errno.ETIMEDOUT, f"no connection within {seconds:g} s")
        for family, kind, protocol, _, address in resolve(place.host, place.port, socket.SOCK_STREAM, seconds):
            left = end - time.monotonic()
            if left <= 0:
                break
            opened = socket.socket(family, kind, protocol)
            opened.settimeout(left)
            try:
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
            else:
                return cls(opened, seconds)
        raise failure

    def begin_step(self, seconds: float | None = None) -> None:
        """Gives the next step its time.

        :param seconds: another than it has otherwise.
        """
        self._end = time.monotonic() + (self._seconds if seconds is None else seconds)

    def secure(self, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        """Goes on in TLS.

        :param host: whom the certificate must be for, if the context asks for that.
        :raises OSError: the handshake fails; ``ssl.SSLCertVerificationError`` if the certificate is why.
        """
        self._allow_time()
        self.socket = secured = context.wrap_socket(self.socket, server_hostname=host)
        return secured

    def send(self, data: bytes) -> None:
        """Sends bytes.

        :raises OSError: they cannot be sent in time.
        """
        self._allow_time()
        self.socket.sendall(data)

    def receive(self) -> bytes:
        """The next bytes, empty at the end of the connection.

        :raises OSError: none come in time, or the connection breaks.
        """
        self._allow_time()
        try:
            return self.socket.recv(_CHUNK)
        except ssl.SSLEOFError:
            return b""  # ends without the farewell of TLS, which many servers leave out

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()

    def _allow_time(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self.socket.settimeout(left)


def resolve(host: str, port: int, kind: socket.SocketKind, seconds: float = STEP_SECONDS) -> list[Any]:
    """The addresses of a host, as ``socket.getaddrinfo`` gives them, but within a time.

    :raises OSError: it has none, or the resolver does not answer.
    """
    found: list[list[Any] | OSError] = []

    def look() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=kind))
        except OSError as error:
            found.append(error)
        except UnicodeError:  # a label of more than 63 characters, or an empty one
            found.append(OSError("this cannot be the name of a host"))

    # The resolver takes its own time, which nobody can shorten; nobody waits for this thread.
    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError(errno.ETIMEDOUT, f"the name was not resolved within {seconds:g} s")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def web_context() -> ssl.SSLContext:
    """TLS as browsers have it for a WebSocket: they say that they speak HTTP/1.1 under it (RFC 7301)."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def unverified_context() -> ssl.SSLContext:
    """The same with whoever answers: for a look at certificates that are not to be trusted."""
    context = web_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def http_get(place: Place, path: str, *, token: str | None = None, seconds: float = STEP_SECONDS) -> HttpAnswer:
    """Gets something over HTTP, with TLS whatever the certificate.

    :param token: a bearer token to show.
    :param seconds: how long each step may take: to connect, and to be answered.
    :raises OSError: there is no connection, or no answer in time.
    :raises ValueError: the answer is no HTTP.
    """
    wire = Wire.connect(place, seconds)
    try:
        if place.is_secure:
            wire.secure(unverified_context(), place.host)
        wire.begin_step()
        lines = [f"GET {path} HTTP/1.1", f"Host: {place}", f"User-Agent: {USER_AGENT}", "Connection: close"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        wire.send("\r\n".join((*lines, "", "")).encode("ascii"))
        return read_http(_read_all(wire))
    finally:
        wire.close()


def read_http(data: bytes) -> HttpAnswer:
    """Reads an answer over HTTP, whatever is there of it.

    :raises ValueError: it is none.
    """
    response = HTTPResponse(cast(socket.socket, _Recorded(data)))
    try:
        response.begin()
        body = response.read()
    except IncompleteRead as error:
        body = error.partial
    except (HTTPException, ValueError, OverflowError) as error:  # the last of lengths beyond all measure
        raise ValueError("the answer is not HTTP") from error
    return HttpAnswer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


class _Recorded:
    """Stands in for the socket that ``HTTPResponse`` reads from: all is there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._data)


def _read_all(wire: Wire) -> bytes:
    """Everything until the connection ends, or the time does after some of it has come."""
    data = b""
    while len(data) < LARGEST_ANSWER:
        try:
            chunk = wire.receive()
        except OSError:
            if not data:
                raise
            break
        if not chunk:
            break
        data += chunk
    return data
