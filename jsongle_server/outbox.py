"""What waits to be sent to one client, and how much of it (backpressure).

Stands between a connection and its transport as the transport's producer: while the transport has enough, bytes wait
here, counted. A client for which too many wait is too slow, which is the connection's to deal with: nobody else ever
waits for it. Layer 4.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Outbox:
    """Writes to a transport, or keeps what it would rather not have yet.

    :param transport: writes to the network, and says when it has enough.
    :param limit: most bytes that may wait.
    :param overflow: called when more would have to; what waits has been dropped by then.
    """

    __slots__ = ("_is_full", "_limit", "_more", "_overflow", "_paused", "_transport", "_waiting", "size")

    def __init__(self, transport: Any, *, limit: float, overflow: Callable[[], None]) -> None:
        self._transport = transport
        self._limit = limit
        self._more = 0
        self._overflow = overflow
        self._waiting: deque[bytes] = deque()
        self._paused = False
        self._is_full = False
        self.size = 0
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Sends bytes after all those before; drops them once too many have waited."""
        if self._is_full:
            return
        if not self._paused:
            self._more = max(0, self._more - len(data))
            self._transport.write(data)
            return
        self._waiting.append(data)
        self.size += len(data)
        if self.size > self._limit + self._more:
            self._is_full = True
            self.drop()
            self._overflow()

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
        self._paused = False

    def pauseProducing(self) -> None:
        """Called by the transport when it has enough."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Called by the transport when it can take more."""
        self._paused = False
        while self._waiting and not self._paused:
            data = self._waiting.popleft()
            self.size -= len(data)
            self._transport.write(data)
        if not self._waiting:
            self._more = 0

    def stopProducing(self) -> None:
        """Called by the transport when the connection is gone."""
        self._paused = True
        self.drop()
