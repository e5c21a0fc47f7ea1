"""What waits to be sent to one client, and how much of it (backpressure).

Stands between a connection and its transport as the transport's producer. Bytes wait here until the end of a read, and
for as long as the transport has enough; they are counted, and a client for which too many wait is too slow, which is
the connection's to deal with: nobody else ever waits for it. Layer 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from jsongle_server.flusher import Flusher
from jsongle_server.unread import kept_by_system, kept_by_transport

PIECE: Final = 65_537
"""Bytes that are handed to a transport at a time, at least: just so many that it says it has enough."""


@implementer(IPushProducer)
class Outbox:
    """Writes to a transport, or keeps what it would rather not have yet.

    :param transport: writes to the network, and says when it has enough.
    :param flusher: says when to write.
    :param limit: most bytes that may wait for the client.
    :param overflow: called when more would have to; what waits has been dropped by then.

    :ivar size: bytes that wait.
    """

    __slots__ = (
        "_flusher",
        "_is_direct",
        "_is_due",
        "_is_full",
        "_limit",
        "_more",
        "_overflow",
        "_paused",
        "_transport",
        "_waiting",
        "size",
    )

    def __init__(self, transport: Any, flusher: Flusher, *, limit: float, overflow: Callable[[], None]) -> None:
        self._transport = transport
        self._flusher = flusher
        self._limit = limit
        self._more = 0
        self._overflow = overflow
        self._waiting: list[bytes] = []
        self._paused = False
        self._is_due = False
        self._is_full = False
        self._is_direct = isinstance(transport, FileDescriptor)
        self.size = 0
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Sends bytes after all those before, with whatever else is sent to the client in this read."""
        self._waiting.append(data)
        self.size = size = self.size + len(data)
        if size > self._limit:
            self._look_after()
        elif not self._is_due and not self._paused:
            self._is_due = True
            self._flusher.soon(self)

    def write_later(self, data: bytes) -> None:
        """Sends bytes after all those before, along with the next that are sent, or soon."""
        self._waiting.append(data)
        self.size = size = self.size + len(data)
        if size > self._limit:
            self._look_after()
        elif len(self._waiting) == 1 and not self._paused:
            self._flusher.later(self)

    def flush(self) -> None:
        """Writes what waits, as far as the transport takes it."""
        self._is_due = False
        waiting = self._waiting
        if self._paused or not waiting:
            return
        if self.size > PIECE:
            self._flush_in_pieces()
            return
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        waiting.clear()
        self.size = 0
        self._send(data)

    @property
    def kept(self) -> int:
        """Bytes for the client that are in this process."""
        return self.size + kept_by_transport(self._transport)

    @property
    def unread(self) -> int:
        """Bytes for the client that it may not have read, as far as can be known."""
        return self.kept + kept_by_system(self._transport)

    def lift_limit(self) -> None:
        """Takes whatever else there is, also after too many have waited: the close frame."""
        self._is_full = False
        self._limit = math.inf

    def drop(self) -> None:
        """Forgets what waits."""
        self._waiting.clear()
        self.size = 0

    def make_room(self, size: int) -> None:
        """Lets so many bytes more wait, until nothing waits."""
        self._more += size

    def finish(self) -> None:
        """Leaves the rest to the transport, as the connection is about to end."""
        self._transport.unregisterProducer()
        self.resumeProducing()
        # From now on this is not told when the connection is lost, and its socket with it.
        self._is_direct = False

    def pauseProducing(self) -> None:
        """Called by the transport when it has enough."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Called by the transport when it can take more."""
        self._paused = False
        self.flush()
        if not self._waiting:
            self._more = 0

    def stopProducing(self) -> None:
        """Called by the transport when the connection is gone."""
        self._paused = True
        self.drop()

    def _look_after(self) -> None:
        """Finds out whether it is the client for which too many bytes wait."""
        if self._is_full:
            self.drop()
            return
        if not self._paused:
            self.flush()
        if self.size > self._limit + self._more:
            # From now on anything is too much.
            self._is_full, self._limit = True, -1
            self.drop()
            self._overflow()

    def _flush_in_pieces(self) -> None:
        """Writes much that waits, until the transport has enough.

        Pieces end where frames do. What is dropped later is never the rest of a frame that the client has begun to
        read, and the close frame, which comes then, is one that it understands.
        """
        waiting, count = self._waiting, 0
        while count < len(waiting) and not self._paused:
            start, size = count, 0
            while count < len(waiting) and size < PIECE:
                size += len(waiting[count])
                count += 1
            self.size -= size
            self._send(b"".join(waiting[start:count]))
        # Whoever drops what waits, while it is being written, leaves nothing to be deleted.
        del waiting[:count]

    def _send(self, data: bytes) -> None:
        """Writes whole frames; what the socket does not take at once is the transport's to write."""
        sent = self._send_now(data) if self._is_direct else 0
        if sent < len(data):
            self._transport.write(data[sent:] if sent else data)
        if self._more:
            self._more = max(0, self._more - len(data))

    def _send_now(self, data: bytes) -> int:
        """Writes to the socket, where nothing else is to be written before; returns how many bytes it has taken.

        Twisted would wait for the next turn of the reactor, and have the system watch the socket until then.
        """
        transport = self._transport
        if transport._tempDataLen or transport.dataBuffer:
            return 0
        try:
            sent: int = transport.socket.send(data)
        except OSError:
            return 0  # it takes no more, or the connection is lost: the transport sees which
        return sent
