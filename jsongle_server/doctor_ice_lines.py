"""The doctor's ways to STUN and TURN servers: over UDP, TCP and TLS.

Owns how an address is read, and how a request gets there and an answer back. Must not know what is asked. Layer 5.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final, Protocol

from jsongle_server import stun
from jsongle_server.doctor_wire import Place, Wire, resolve

FIRST_WAIT: Final = 0.5
"""Seconds until a request over UDP is sent again, doubled each time (RFC 8489 section 6.2.1)."""

_PORTS: Final = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
_LARGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class IceUrl:
    """The address of a STUN or TURN server (RFC 7064, RFC 7065).

    :param text: as it is configured.
    :param is_udp: whether it is spoken to over UDP, or DTLS.
    """

    text: str
    place: Place
    is_udp: bool


class Line(Protocol):
    """A way to a server: sends a request, gives the answer."""

    def ask(self, request: bytes) -> bytes:
        """The answer to a request, in time.

        :raises OSError: there is none.
        :raises NotStun: it is no STUN message.
        """
        ...

    def close(self) -> None:
        """Is done."""
        ...


def read_ice_url(text: str) -> IceUrl:
    """Reads an address that the settings accept."""
    scheme, _, rest = text.partition(":")
    host_port, _, query = rest.partition("?transport=")
    host, _, port = host_port.rpartition(":") if host_port[-1] != "]" and ":" in host_port else (host_port, "", "")
    is_secure = scheme.endswith("s")
    place = Place(host.strip("[]"), int(port or _PORTS[scheme]), is_secure=is_secure)
    return IceUrl(text, place, is_udp=query == "udp" or (not query and not is_secure))


def open_line(url: IceUrl, seconds: float) -> Line:
    """A line to a server.

    :param seconds: how long a step on it may take.
    :raises OSError: there is none.
    """
    if url.is_udp:
        return DatagramLine.open(url.place, seconds)
    wire = Wire.connect(url.place, seconds)
    if url.place.is_secure:
        try:
            wire.secure(ssl.create_default_context(), url.place.host)
        except OSError:
            wire.close()
            raise
    return StreamLine(wire)


class DatagramLine:
    """Over UDP, where what gets lost is sent again.

    :param connected: a socket that knows where the server is.
    :param seconds: how long to ask.
    """

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self._socket = connected
        self._seconds = seconds

    @classmethod
    def open(cls, place: Place, seconds: float) -> DatagramLine:
        """A line to the first address of a host that there is a way to.

        :raises OSError: there is none.
        """
        failure = OSError("there is no such host")
        for family, kind, protocol, _, address in resolve(place.host, place.port, socket.SOCK_DGRAM, seconds):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
            else:
                return cls(opened, seconds)
        raise failure

    def ask(self, request: bytes) -> bytes:
        """Asks until there is an answer to this request; others are none of its business."""
        end = time.monotonic() + self._seconds
        wait = FIRST_WAIT
        while (left := end - time.monotonic()) > 0:
            self._socket.send(request)
            answer = self._receive(request, min(wait, left))
            if answer is not None:
                return answer
            wait *= 2
        raise TimeoutError(f"no answer within {self._seconds:g} s")

    def _receive(self, request: bytes, seconds: float) -> bytes | None:
        """The answer to a request, if it comes in time; whatever else comes is left out."""
        end = time.monotonic() + seconds
        data = b""
        while data[4 : stun.HEADER_SIZE] != request[4 : stun.HEADER_SIZE]:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self._socket.recv(_LARGEST)
            except TimeoutError:
                return None
        return data

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()


class StreamLine:
    """Over TCP or TLS, where each message says how long it is."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._unread = b""

    def ask(self, request: bytes) -> bytes:
        """Asks once, and reads one message."""
        self._wire.begin_step()
        self._wire.send(request)
        size = stun.message_size(self._read(stun.HEADER_SIZE))
        data = self._read(size)
        self._unread = self._unread[size:]
        return data

    def _read(self, size: int) -> bytes:
        """The first bytes of what comes, which stay there."""
        while len(self._unread) < size:
            chunk = self._wire.receive()
            if not chunk:
                raise ConnectionResetError("the connection was closed")
            self._unread += chunk
        return self._unread[:size]

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()
