"""Sockets of clients: plain ones as they are, and TLS in the same shape."""

from __future__ import annotations

import select
import socket
import ssl
from typing import Final, Protocol

HOST: Final = "127.0.0.1"
PATIENCE: Final = 10.0
"""Seconds of silence after which a server counts as stalled."""

_CHUNK: Final = 65_536


class Stalled(Exception):
    """The server has done nothing for ``PATIENCE`` seconds."""


class Closed(Exception):
    """The server has closed a connection that should have stayed open."""


class Socket(Protocol):
    """What a client needs of its connection; nothing of it waits but ``send`` under TLS."""

    def fileno(self) -> int:
        """The file descriptor, for epoll."""
        ...

    def send(self, data: bytes, /) -> int:
        """Sends what the system takes at once; how many bytes it took."""
        ...

    def recv_into(self, buffer: bytearray | memoryview, /) -> int:
        """Receives what is there; 0 at the end of the connection."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...


def connect(port: int) -> socket.socket:
    """Begins to connect to a server; the connection is there once the socket can be written to."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.connect_ex((HOST, port))
    return made


def send_all(to: Socket, data: bytes) -> None:
    """Sends bytes, and waits where the system does not take them at once.

    :raises Stalled: the server does not read them.
    """
    while data:
        try:
            data = data[to.send(data) :]
        except BlockingIOError:
            if not select.select([], [to.fileno()], [], PATIENCE)[1]:
                raise Stalled(f"the server has not read for {PATIENCE:.0f} s") from None


class TlsSocket:
    """TLS over a plain socket. The certificate is not checked.

    :param connected: the plain socket, once it is connected.
    :param context: how it speaks TLS.
    """

    def __init__(self, connected: Socket, context: ssl.SSLContext) -> None:
        self._socket = connected
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._chunk = memoryview(bytearray(_CHUNK))
        self.fileno = connected.fileno
        self.close = connected.close

    def shake(self) -> bool:
        """Goes on with the TLS handshake; whether it is done. If not, something more must be received first."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def send(self, data: bytes, /) -> int:
        """Sends all of it."""
        self._tls.write(data)
        self._flush()
        return len(data)

    def recv_into(self, buffer: bytearray | memoryview, /) -> int:
        """Receives what is there; 0 at the end of the connection.

        :raises BlockingIOError: nothing is there, or no whole record.
        """
        received = self._socket.recv_into(self._chunk)
        if not received:
            return 0
        self._incoming.write(self._chunk[:received])
        view = memoryview(buffer)
        size = 0
        try:
            while data := self._tls.read(len(view) - size):
                view[size : size + len(data)] = data
                size += len(data)
        except ssl.SSLWantReadError:
            self._flush()
            if not size:
                raise BlockingIOError from None
        return size

    def _flush(self) -> None:
        send_all(self._socket, self._outgoing.read())
