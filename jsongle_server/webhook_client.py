"""One webhook on its way: a POST over HTTP, and how it was answered.

Never raises for what a receiver or the network does, never takes longer than a limit, follows no redirect, and checks
the certificates of ``https``. Must not know what is sent, nor what becomes of the answer. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from jsongle_server import __version__
from jsongle_server.http_body import read_body
from jsongle_server.http_pool import KeptConnectionLost, QuietPool, make_agent
from jsongle_server.privacy import printable
from jsongle_server.webhook_retries import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.internet.interfaces import IConsumer

TRY_TIME: Final = 10.0
"""Seconds that a try may take, from the connection to the end of the answer."""

MAX_CONNECTIONS: Final = 8
"""Connections that are kept for the next webhook."""

KEPT_TIME: Final = 4
"""Seconds for which they are: less than the 5 after which common servers close them, in the middle of a request at
worst."""

MAX_ANSWER: Final = 16_384
"""Bytes of an answer's body that are read, so that the connection can be kept, and thrown away."""

USER_AGENT: Final = f"JSONgle-Server/{__version__}"


class WebhookClient:
    """Sends webhooks, over connections that are kept for a while.

    :param agent: makes the requests; one of Twisted's on the reactor unless a test wants another.
    """

    def __init__(self, reactor: Any, *, agent: IAgent | None = None) -> None:
        self._reactor = reactor
        self._pool = QuietPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = MAX_CONNECTIONS
        self._pool.cachedConnectionTimeout = KEPT_TIME
        self._agent = agent or make_agent(reactor, connect_timeout=TRY_TIME, pool=self._pool)
        once = QuietPool(reactor, persistent=False)
        self._fresh = agent or make_agent(reactor, connect_timeout=TRY_TIME, pool=once)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends one webhook; canceling gives it up.

        :returns: the answer. It counts from its head on, whatever becomes of its body.
        """
        ends = self._reactor.seconds() + TRY_TIME
        sent = Headers({"content-type": ["application/json"], "user-agent": [USER_AGENT]})
        for name, value in headers.items():
            sent.setRawHeaders(name, [value])
        try:
            try:
                response = await self._request(self._agent, url, sent, body, ends)
            except KeptConnectionLost:
                # The receiver may just have been about to close it: that is no failure.
                response = await self._request(self._fresh, url, sent, body, ends)
        except Exception as error:
            return Answer(None, reason=_reason(error))
        await self._throw_away(response, ends - self._reactor.seconds())
        # Asked for by a name that is text, headers are decoded as UTF-8, which they need not be.
        values = response.headers.getRawHeaders(b"retry-after", [])
        retry_after = values[0].decode("latin-1") if values else None
        return Answer(response.code, reason=f"HTTP {response.code}", retry_after=retry_after)

    def _request(self, agent: IAgent, url: str, headers: Headers, body: bytes, ends: float) -> Deferred[IResponse]:
        request: Deferred[IResponse] = agent.request(b"POST", url.encode(), headers, _Body(body))
        return request.addTimeout(max(0.0, ends - self._reactor.seconds()), self._reactor, _timed_out)

    def close(self) -> Deferred[None]:
        """Ends the connections that are kept; fires when they have ended."""
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _throw_away(self, response: IResponse, seconds: float) -> None:
        """Waits for the end of an answer, so far as it is short and quick."""
        body = read_body(response, MAX_ANSWER)
        # It may be too long, break off or be canceled: the head was there.
        await body.addTimeout(max(0.0, seconds), self._reactor).addErrback(lambda failure: None)


@implementer(IBodyProducer)
class _Body:
    """A request's body, written in one go: Twisted's own producer takes turns of the global reactor."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        consumer.write(self._body)
        return succeed(None)

    def stopProducing(self) -> None:
        """It has stopped already."""

    def pauseProducing(self) -> None:
        """As above."""

    def resumeProducing(self) -> None:
        """As above."""


def _timed_out(result: object, seconds: float) -> Failure:
    # What a request that is canceled fails with says how far it had come, not why it failed.
    return Failure(TimeoutError(seconds))


def _reason(error: Exception) -> str:
    """Why there is no answer, in a line for the log."""
    if isinstance(error, TimeoutError):
        return f"no answer in {TRY_TIME:g} seconds"
    # What Twisted's client raises is a list of what it is about.
    if isinstance(error, ResponseFailed) and error.reasons:
        error = error.reasons[0].value
    return printable(f"{type(error).__name__}: {error}", limit=200)
