"""Reads the answers of other servers, no more of them than is wanted. Layer 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

if TYPE_CHECKING:
    from twisted.python.failure import Failure
    from twisted.web.iweb import IResponse


class BodyTooLarge(Exception):
    """There is more than is wanted."""


def read_body(response: IResponse, limit: int) -> Deferred[bytes]:
    """Reads the body of an answer.

    :param limit: most bytes that are wanted.
    :returns: fires with the body; fails with :exc:`BodyTooLarge` as soon as there is more, and with what Twisted says
        of an answer that breaks off. Cancelling it ends the connection.
    """
    reader = _Reader(limit)
    response.deliverBody(reader)
    return reader.done


def abandon(response: IResponse) -> None:
    """Ends the connection of an answer whose body nobody wants."""
    read_body(response, 0).addErrback(lambda failure: None).cancel()


class _Reader(Protocol):
    """Collects a body."""

    transport: Any

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self.done: Deferred[bytes] = Deferred(lambda cancelled: self._end())

    def dataReceived(self, data: bytes) -> None:
        """Takes some of it."""
        self._size += len(data)
        if self._size <= self._limit:
            self._parts.append(data)
        elif not self.done.called:
            self._parts.clear()
            self.done.errback(BodyTooLarge(f"the answer has more than {self._limit} bytes"))
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Takes note of its end; where no length was announced, that is the end of the connection."""
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(reason)

    def _end(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
