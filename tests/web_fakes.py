"""A web server for those that ask others, in memory: answers when the test says so."""

# ruff: noqa: N802, N803, N815  (the names that Twisted calls and reads)
from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer


@implementer(IResponse)
class FakeResponse:
    """An answer, whose body comes in two pieces.

    :ivar is_aborted: whether whoever reads it has had enough.
    """

    version = (b"HTTP", 1, 1)
    phrase = b""
    length = 0
    headers: Any = None
    request: Any = None
    previousResponse: Any = None

    def __init__(self, code: int, body: bytes, *, end: type[Exception] | None = ResponseDone) -> None:
        self.code = code
        self._body = body
        self._end = end
        self.is_aborted = False

    def deliverBody(self, protocol: Any) -> None:
        """Hands out the body and its end; ``end`` being ``None``, it never ends."""
        protocol.makeConnection(self)
        half = len(self._body) // 2
        for part in (self._body[:half], self._body[half:]):
            if part:
                protocol.dataReceived(part)
        if self._end is not None:
            protocol.connectionLost(Failure(self._end()))

    def loseConnection(self) -> None:
        """Notes that the rest is not wanted."""
        self.is_aborted = True

    def setPreviousResponse(self, response: Any) -> None:
        """There are no redirects here."""


@implementer(IAgent)
class FakeAgent:
    """Makes requests that a test answers.

    :ivar requests: what was asked for: method, address, headers; with each its Deferred.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes, Any, Deferred[Any]]] = []

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:
        """Asks for something."""
        answer: Deferred[Any] = Deferred()
        self.requests.append((method, uri, headers, answer))
        return answer

    def answer(self, code: int, body: bytes = b"") -> None:
        """Answers what was asked last."""
        self.requests[-1][3].callback(FakeResponse(code, body))

    def refuse(self, error: Exception) -> None:
        """Fails what was asked last."""
        self.requests[-1][3].errback(error)


BREAKS_OFF = ConnectionDone
NO_LENGTH = PotentialDataLoss
