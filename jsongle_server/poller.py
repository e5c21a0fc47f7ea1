"""Reads from every open connection in one go, where the system has epoll.

Twisted takes some six microseconds to find out who may read and to let it read, several times what the read itself
takes. So connections are watched here once they are open, and the reactor watches this one descriptor, which is
readable whenever any of them is. Whatever is not plain reading, such as the end of a connection, is left to Twisted.
Layer 4.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.tcp import Connection
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

if TYPE_CHECKING:
    import socket

    from twisted.python.failure import Failure

    from jsongle_server.clock_watch import ClockWatch
    from jsongle_server.flusher import Flusher
    from jsongle_server.frame_reader import FrameReader

READ_SIZE: Final = 65_536
"""Most bytes that are read from a connection at a time, as Twisted has it."""

EVENTS_PER_TURN: Final = 512
"""Most connections that are read from before timers and everything else have their turn."""


@implementer(IReadDescriptor)
class Poller:
    """Watches open connections and hands them what they are sent.

    :param reactor: watches this.
    :param flusher: writes what follows from what was read.
    :param clock_watch: looks at the clock whenever something was read.
    """

    _log = Logger()

    def __init__(self, reactor: Any, flusher: Flusher, clock_watch: ClockWatch) -> None:
        self._reactor = reactor
        self._clock_watch = clock_watch
        self._flusher = flusher
        # Made now: once there are clients, there may be no descriptor left for it.
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._watched: dict[int, tuple[socket.socket, FrameReader]] = {}

    def can_watch(self, transport: object) -> bool:
        """Whether a transport is one from whose socket bytes can be read as they are."""
        return self._epoll is not None and isinstance(transport, Connection) and not transport.TLS

    def watch(self, connection: FrameReader) -> int:
        """Reads from a connection from now on; Twisted does no longer.

        :returns: what to call it by, see :meth:`forget`.
        :raises OSError: the system watches no more.
        """
        assert self._epoll is not None
        transport = connection.transport
        fd: int = transport.fileno()
        self._epoll.register(fd, select.EPOLLIN)
        transport.stopReading()
        if not self._watched:
            self._reactor.addReader(self)
        self._watched[fd] = (transport.socket, connection)
        return fd

    def forget(self, fd: int) -> None:
        """Reads from a connection no longer, whether or not its socket is closed by now."""
        if self._watched.pop(fd, None) is None or self._epoll is None:
            return
        with suppress(OSError):  # the system has forgotten those that are closed
            self._epoll.unregister(fd)
        if not self._watched:
            self._reactor.removeReader(self)

    def doRead(self) -> None:
        """Called by the reactor when some connection may be read from.

        Reads from all of them, then handles what came, then writes what follows from that: each step finds the
        processor's caches as it left them, and what is for one client goes out in one piece.
        """
        self._clock_watch.look()
        received = self._receive()
        flusher = self._flusher
        flusher.begin()
        try:
            for connection, data in received:
                self._deliver(connection, data)
        finally:
            flusher.end()

    def fileno(self) -> int:
        """What the reactor watches."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def connectionLost(self, reason: Failure) -> None:
        """Called by the reactor when it ends, or will not watch this any more: Twisted has to read again."""
        for fd, (_, connection) in list(self._watched.items()):
            self._give_back(fd, connection)

    def logPrefix(self) -> str:
        """How Twisted calls this in its log."""
        return "poller"

    def _deliver(self, connection: FrameReader, data: bytes) -> None:
        try:
            connection.dataReceived(data)
        except Exception:
            self._log.failure("a connection failed", level=LogLevel.error)
            connection.transport.abortConnection()

    def _receive(self) -> list[tuple[FrameReader, bytes]]:
        assert self._epoll is not None
        received = []
        for fd, _ in self._epoll.poll(0, EVENTS_PER_TURN):
            socket, connection = self._watched[fd]
            try:
                data = socket.recv(READ_SIZE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                received.append((connection, data))
            else:
                # Twisted finds the same end of it, and does what is to be done.
                self._give_back(fd, connection)
        return received

    def _give_back(self, fd: int, connection: FrameReader) -> None:
        """Leaves a connection to Twisted for good."""
        self.forget(fd)
        connection.given_back()
        connection.transport.startReading()
