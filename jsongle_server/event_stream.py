"""One answer that does not end: server-sent events (HTML standard, section 9.2) for one reader.

What a reader is too slow for is never kept: of what tells how things are only the latest is, and of what tells what
happened only how much it missed. Knows nothing of what the events say. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from jsongle_server.unread import is_dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsongle_server.rest_site import RestRequest

CONTENT_TYPE: Final = "text/event-stream"

STALL_LIMIT: Final = 60.0
"""Seconds for which a reader may take nothing, or be silent, before its connection is cut."""


def event(name: str, payload: object) -> bytes:
    """One event; JSON has no line ends, so that nothing in it can end it."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), orjson.dumps(payload))


@implementer(IPushProducer)
class EventStream:
    """Events on their way to one reader.

    :param request: gets them; its headers are set here.
    :param reactor: limits the waiting for it.
    :param ended: called once, with this stream, when it has ended for whatever reason.

    :ivar missed: how many events it was too slow for, and was not told of yet.
    """

    def __init__(self, request: RestRequest, *, reactor: Any, ended: Callable[[EventStream], None]) -> None:
        self._request = request
        self._reactor = reactor
        self._ended = ended
        self._is_open = False
        self._stall: IDelayedCall | None = None  # the end of our patience, while the reader takes nothing
        self._latest: dict[str, bytes] = {}
        self._done: Deferred[None] = Deferred(lambda _: self._close())
        self.missed = 0

    @property
    def is_paused(self) -> bool:
        """Whether its reader is to take first what was sent to it."""
        return self._stall is not None

    def start(self) -> Deferred[None]:
        """Begins; fires when the stream has ended. Cancelling it, the reader being gone, ends it."""
        self._is_open = True
        prepare(self._request)
        self._request.registerProducer(self, True)
        return self._done

    def end(self) -> None:
        """Ends the stream, and the answer with it."""
        if self._is_open:
            self._close()
            self._request.unregisterProducer()
            self._done.callback(None)

    def show(self, name: str, data: bytes) -> None:
        """Sends how something is; while the reader takes nothing, only the latest of each name is kept for it.

        :param data: a whole :func:`event` of that name.
        """
        if self.is_paused:
            self._latest[name] = data
        else:
            self._write(data)

    def tell(self, data: bytes) -> None:
        """Sends what has happened; counts it as missed while the reader takes nothing.

        :param data: a whole :func:`event`.
        """
        if self.is_paused:
            self.missed += 1
        else:
            self._write(data)

    def look(self) -> None:
        """Cuts the connection if the other side does not answer any more; to be called now and then."""
        if self._is_open and is_dead(self._request.channel.transport, STALL_LIMIT):
            self._abort()

    def pauseProducing(self) -> None:
        """Keeps back what comes, until the reader has taken what it got."""
        if self._is_open and self._stall is None:
            self._stall = self._reactor.callLater(STALL_LIMIT, self._abort)

    def resumeProducing(self) -> None:
        """Goes on with the latest, the reader having taken what it got."""
        self._stop_waiting()
        while self._latest and not self.is_paused:
            self._write(self._latest.pop(next(iter(self._latest))))

    def stopProducing(self) -> None:
        """Stops for good, the connection being lost."""
        self._close()

    def _write(self, data: bytes) -> None:
        if self._is_open:
            self._request.write(data)

    def _abort(self) -> None:
        self._close()
        self._request.transport.abortConnection()

    def _close(self) -> None:
        self._stop_waiting()
        self._latest.clear()
        if self._is_open:
            self._is_open = False
            self._ended(self)

    def _stop_waiting(self) -> None:
        if self._stall is not None and self._stall.active():
            self._stall.cancel()
        self._stall = None


def prepare(request: RestRequest) -> None:
    """Sets the headers of a stream: those that keep proxies from holding it back among them."""
    request.setHeader("Content-Type", CONTENT_TYPE)
    request.setHeader("X-Accel-Buffering", "no")
