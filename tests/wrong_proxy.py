"""A small HTTP proxy that does what misconfigured proxies do, for :mod:`tests.test_doctor_servers`.

It runs in threads of its own, since the doctor blocks.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final

HOST: Final = "127.0.0.9"
"""The address that it connects to the server from: not the one that its clients have."""

Change = Callable[[bytes], bytes]
"""Gives the head of a request as it is passed on."""


def as_it_should(head: bytes) -> bytes:
    """Passes on the whole head, and says whom it is from."""
    return head.replace(b"\r\n", b"\r\nX-Forwarded-For: 127.0.0.1\r\n", 1)


def anonymous(head: bytes) -> bytes:
    """Passes on the whole head, and does not say whom it is from."""
    return head


def without_upgrade(head: bytes) -> bytes:
    """Passes on what a proxy does that knows nothing of WebSocket (RFC 9110 section 7.6.1)."""
    return re.sub(rb"\r\n(Upgrade|Connection): [^\r]*", b"", head)


class WrongProxy:
    """Listens on a free port of the loopback interface.

    :param port: that of the server.
    :param change: what becomes of the head of each request.
    :param answer: what it answers itself, instead of asking the server.
    :param idle: after how many silent seconds it closes a connection.

    :ivar port: where it listens.
    """

    def __init__(
        self, port: int, *, change: Change = as_it_should, answer: bytes | None = None, idle: float | None = None
    ) -> None:
        self._server_port = port
        self._change = change
        self._answer = answer
        self._idle = idle
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self._sockets: list[socket.socket] = []

    def stop(self) -> None:
        """Closes everything, and waits for the threads to end."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for opened in self._sockets:
            opened.close()

    def cut(self) -> None:
        """Cuts every connection; new ones are taken."""
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        head = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in head:
                chunk = client.recv(65_536)
                if not chunk:
                    return
                head += chunk
            if self._answer is not None:
                client.sendall(self._answer)
                client.shutdown(socket.SHUT_RDWR)
                return
            server = socket.create_connection(("127.0.0.1", self._server_port), source_address=(HOST, 0))
            self._sockets.append(server)
            server.sendall(self._change(head))
            self._start(self._pump, server, client)
            self._pump(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(self._idle)
        with suppress(OSError):
            while chunk := source.recv(65_536):
                sink.sendall(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
