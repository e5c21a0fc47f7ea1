"""The HTTP side of REST: connections and requests within limits, and nothing but JSON errors.

Twisted's server answers what is no request without a word, keeps slow senders for as long as they trickle, and takes
bodies of any size; here all of that has an end. Knows no route. Layer 4.
"""

# ruff: noqa: N802, N815  (the names that Twisted calls and reads)
from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import LogLevel
from twisted.protocols.basic import LineReceiver
from twisted.web.http import HTTPChannel
from twisted.web.server import Request, Site

from jsongle_server.peers import peer_of
from jsongle_server.rest_json import HttpError, answer_error, raw_error

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

    from jsongle_server.rest_front import Front

IDLE_TIMEOUT: Final = 60
"""Seconds that a connection may take from one answer to the end of its next request."""

CLOSE_TIMEOUT: Final = 30
"""Seconds that a client has to take the last of its answers once the connection is to be closed."""

LINGER: Final = 5
"""Seconds for which the rest of a body that is too large is taken and thrown away, so that the answer arrives."""

MAX_BODY: Final = 65_536
"""Largest body of a request, in bytes."""

MAX_CONNECTIONS: Final = 512
"""Most connections at a time; the descriptors of the process are for signaling."""

MAX_HEAD: Final = 16_384
"""Largest request line with its headers, in bytes."""

MAX_LENGTH_DIGITS: Final = 19
"""Most digits of a ``Content-Length``: those of the largest file that there can be."""

OTHER_ROUTE: Final = "other"
"""The label of every request that no route belongs to."""

Counter = Callable[[str, int], None]
"""Counts an answer: takes the route and the HTTP status."""


class RestRequest(Request):
    """One request.

    :ivar route: the template of its route, for the metrics.
    :ivar is_refused: whether it was answered before its body was in.
    """

    defaultContentType = None
    channel: Any
    content: Any
    transport: Any

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        self.route = OTHER_ROUTE
        self.is_refused = False

    def getRequestHostname(self) -> bytes:
        """Always the same name: no route depends on the Host header, and Klein cannot take every one."""
        return b"localhost"

    def gotLength(self, length: int | None) -> None:
        """Looks at the announced length of the body; ``None`` where it comes in chunks."""
        self.content = BytesIO()
        if length is not None and length > MAX_BODY:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        """Keeps a part of the body as long as there is room."""
        if self.is_refused:
            return
        if self.content.tell() + len(data) > MAX_BODY:
            self._refuse_body()
        else:
            self.content.write(data)

    def process(self) -> None:
        """Answers the request, which is complete."""
        if self.is_refused:
            self.channel.loseConnection()
            return
        self.path = _origin_form(self.path)
        super().process()

    def processingFailed(self, reason: Failure) -> None:
        """Answers 500 to what went wrong, and tells the log alone what it was."""
        self._log.failure("a request could not be served", level=LogLevel.error, failure=reason)
        self.write(answer_error(self, HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")))
        self.finish()

    def _refuse_body(self) -> None:
        """Answers at once, before the body is in; what is still to come is thrown away."""
        self.is_refused = True
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"Expect")
        self.clientproto = b"HTTP/1.1"
        self.channel.site.front.begin(self)
        self.setHeader("Connection", "close")
        too_large = HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have {MAX_BODY} bytes at most")
        self.write(answer_error(self, too_large))
        self.channel.site.log(self)
        self.channel.setTimeout(LINGER)


class RestChannel(HTTPChannel):
    """One connection."""

    maxHeaders = 100
    totalHeadersSize = MAX_HEAD
    MAX_LENGTH = MAX_HEAD
    abortTimeout = CLOSE_TIMEOUT
    site: RestSite
    transport: Any
    _networkProducer: Any
    _buffer: bytes
    _turn: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Counts itself in."""
        self.site.connections += 1
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Counts itself out."""
        self.site.connections -= 1
        self._stop_waiting()
        super().connectionLost(reason)

    def getPeer(self) -> IAddress:
        """Whom its requests come from, before a proxy's headers are asked."""
        return peer_of(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Takes data without granting more time for it: whoever trickles a request gets no longer than the others."""
        LineReceiver.dataReceived(self, data)

    def lineReceived(self, line: bytes) -> None:
        """Takes a line of a request's head; none may go on with the header before it (RFC 9112 section 5.2)."""
        if line.startswith((b" ", b"\t")):
            self._respondToBadRequestAndDisconnect()
        else:
            super().lineReceived(line)

    def requestDone(self, request: Any) -> None:
        """Ends a request. Others that came in the same read have a turn each, once the client has taken what is before.

        Twisted would answer all of them at once, thousands of them, and keep the answers for a client that takes none.
        """
        self.paused = True
        super().requestDone(request)
        if self._buffer or self._waitingForTransport:
            self._networkProducer.pauseProducing()
            self._wait_for_turn()
        else:
            self.paused = False

    def resumeProducing(self) -> None:
        """Goes on, the client having taken what it got."""
        super().resumeProducing()
        if self.paused:
            self._wait_for_turn()

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuses a line without an end."""
        self._refuse_head()

    def timeoutConnection(self) -> None:
        """Closes without a log line: idle connections are nobody's trouble."""
        self.loseConnection()

    def loseConnection(self) -> None:
        """Closes once the client has taken what was written, or has failed to for too long."""
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        self._stop_waiting()
        super().loseConnection()

    def _wait_for_turn(self) -> None:
        if self._turn is None and not self.transport.disconnecting:
            self._turn = self.callLater(0, self._take_turn)

    def _stop_waiting(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _take_turn(self) -> None:
        """Takes the next request, unless the client is still to take answers: then that has another turn come."""
        self._turn = None
        if not self._waitingForTransport:
            self.paused = False
            self._networkProducer.resumeProducing()
            self.dataReceived(b"")

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        # Twisted would ask int() for any number of digits, which raises, and take what is in HTTP no more (RFC 9112
        # section 6.1): identity, beside which there may be anything.
        is_too_long = header == b"Content-Length" and len(data) > MAX_LENGTH_DIGITS
        is_unknown = header == b"Transfer-Encoding" and data.lower() != b"chunked"
        if is_too_long or is_unknown:
            self._failChooseTransferDecoder()
            return False
        is_taken: bool = super()._maybeChooseTransferDecoder(header, data)
        return is_taken

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own, private as it is, is the only place that all malformed requests pass; it sends no body.
        if self.requests and self.requests[-1].is_refused:
            self.loseConnection()
        elif self._receivedHeaderSize > self.totalHeadersSize or self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "This is no HTTP request that can be read")

    def _refuse_head(self) -> None:
        message = f"A request may have {MAX_HEAD} bytes and {self.maxHeaders} headers at most before its body"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.site.count(OTHER_ROUTE, status)
        self.transport.write(raw_error(status, message))
        self.loseConnection()


class RestSite(Site):
    """Accepts connections.

    :param front: answers the requests.
    :param count: counts the answers.
    :param reactor: times the connections.
    """

    noisy = False
    protocol = RestChannel  # type: ignore[assignment]  # Twisted's own would bring HTTP/2 along

    def __init__(self, front: Front, count: Counter, *, reactor: Any) -> None:
        super().__init__(front, RestRequest, timeout=IDLE_TIMEOUT, reactor=reactor, parsePOSTFormSubmission=False)
        self.front = front
        self.count = count
        self.connections = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Takes a connection, or closes it if there are too many."""
        return super().buildProtocol(addr) if self.connections < MAX_CONNECTIONS else _Unserved()

    def acceptableProtocols(self) -> list[bytes]:
        """What is offered to clients of TLS (RFC 7301): never HTTP/2, whatever else is installed."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Does nothing: Twisted's would keep a clock going for an access log."""

    def stopFactory(self) -> None:
        """Does nothing, as there is no access log to close."""

    def log(self, request: Any) -> None:
        """Counts an answered request; Twisted would write it to an access log."""
        self.count(request.route, request.code)


class _Unserved(Protocol):
    """A connection that is not served; with nothing in its place, wrappers such as TLS would fail."""

    transport: Any

    def connectionMade(self) -> None:
        """Closes it."""
        self.transport.loseConnection()


def _origin_form(target: bytes) -> bytes:
    """The path of a request target in absolute form (RFC 9112 section 3.2.2); any other is a path already."""
    scheme, separator, rest = target.partition(b"://")
    if separator and scheme.lower() in (b"http", b"https"):
        return b"/" + rest.partition(b"/")[2]
    # The asterisk of OPTIONS is a path like any other here: one that does not exist.
    return b"/*" if target == b"*" else target
