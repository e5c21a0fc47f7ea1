"""Sends a file that may be large, and may grow or be renamed meanwhile, to a client that may be slow.

The file is read a chunk at a time, as fast as the client takes it, and exactly as much of it as was announced. Layer 4.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

if TYPE_CHECKING:
    from jsongle_server.rest_site import RestRequest

CHUNK: Final = 65_536
"""Bytes that are read at a time."""

STALL_LIMIT: Final = 60.0
"""Seconds for which a client may take nothing before its connection is cut."""


def open_regular(path: str) -> tuple[BinaryIO, int]:
    """Opens a file to send it.

    :returns: the file, and its size in bytes at this moment.
    :raises FileNotFoundError: nothing is there that is a file with an end.
    :raises OSError: it cannot be read.
    """
    # A pipe of that name must not make the server wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb", buffering=0), status.st_size


@implementer(IPushProducer)
class Download:
    """One file on its way to one client.

    :param request: gets the content; its head must be complete.
    :param file: read from where it stands, and closed in the end, whatever happens.
    :param size: how many bytes to send.
    :param reactor: runs it.
    """

    _log = Logger()

    def __init__(self, request: RestRequest, file: BinaryIO, size: int, *, reactor: Any) -> None:
        self._request = request
        self._file = file
        self._left = size
        self._reactor = reactor
        self._next: Any = None  # the next chunk, or while the client takes nothing the end of our patience
        self._done: Deferred[None] = Deferred(lambda _: self._close())

    def start(self) -> Deferred[None]:
        """Begins to send; fires when everything was. Cancelling it, the client being gone, stops it."""
        self._request.registerProducer(self, True)
        self.resumeProducing()
        return self._done

    def resumeProducing(self) -> None:
        """Goes on, the client having taken what it got."""
        self._schedule(0, self._send_chunk)

    def pauseProducing(self) -> None:
        """Stops reading until the client has taken what it got."""
        self._schedule(STALL_LIMIT, self._abort)

    def stopProducing(self) -> None:
        """Stops for good, the connection being lost."""
        self._close()

    def _schedule(self, delay: float, function: Any) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        if not self._file.closed:
            self._next = self._reactor.callLater(delay, function)

    def _send_chunk(self) -> None:
        try:
            data = self._file.read(min(CHUNK, self._left))
        except OSError:
            self._log.failure("a file could not be read to its end", level=LogLevel.error)
            self._abort()
            return
        self._left -= len(data)
        if not self._left:
            self._request.write(data)
            self._close()
            self._request.unregisterProducer()
            self._done.callback(None)
        elif data:
            # Writing may well pause us at once, so what comes next is settled before.
            self._schedule(0, self._send_chunk)
            self._request.write(data)
        else:
            # The file was cut short: only a broken connection tells the client that the length was not true.
            self._abort()

    def _abort(self) -> None:
        self._close()
        self._request.transport.abortConnection()

    def _close(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._file.close()
