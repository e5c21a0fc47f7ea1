"""A receiver of webhooks in memory, and what it takes to look at what it gets."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from typing import Any, Final

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from jsongle_server import __version__
from jsongle_server.config import Config
from jsongle_server.metrics import Metrics
from jsongle_server.occurrences import Kind, Occurrence, Publish
from jsongle_server.testing import START
from jsongle_server.webhooks import Webhooks

SECRET: Final = "a-secret-of-enough-characters"
URL: Final = "http://192.0.2.7/hooks?of=jsongle"
OTHER_URL: Final = "https://192.0.2.8/"


class Body:
    """Takes the body of a request."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        """Takes a piece."""
        self.data += data


class Response:
    """The answer to a request, whose body has an end unless the test says otherwise."""

    def __init__(self, code: int, *, ends: bool = True, **headers: str) -> None:
        self.code = code
        self.headers = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
        self.ends = ends
        self.sink: Protocol | None = None

    def deliverBody(self, sink: Protocol) -> None:  # noqa: N802
        """Hands over the body."""
        self.sink = sink
        if self.ends:
            sink.connectionLost(Failure(ResponseDone()))


class Request:
    """A request that came, and waits for its answer.

    :ivar given_up: whether the server does not wait for it any more.
    """

    def __init__(self, uri: bytes, headers: Headers, body: bytes) -> None:
        self.uri = uri.decode()
        self.headers = {name.decode().lower(): values[0].decode() for name, values in headers.getAllRawHeaders()}
        self.body = body
        self.given_up = False
        self.waiting: Deferred[Response] = Deferred(self._give_up)

    def _give_up(self, deferred: Deferred[Response]) -> None:
        self.given_up = True

    @property
    def told(self) -> dict[str, Any]:
        """What is in it."""
        told: dict[str, Any] = orjson.loads(self.body)
        return told

    @property
    def number(self) -> int:
        """The number that the test has given to what is told."""
        return int(self.told["data"]["number"])

    def answer(self, code: int = 204, **headers: str) -> None:
        """Answers it."""
        self.waiting.callback(Response(code, **headers))  # type: ignore[arg-type]

    def refuse(self) -> None:
        """Has the connection fail."""
        self.waiting.errback(ConnectionRefusedError())


@implementer(IAgent)
class Receiver:
    """Collects requests, which wait until the test answers them.

    :ivar requests: those that were not taken yet.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803
    ) -> Deferred[Any]:
        """Takes a request."""
        assert method == b"POST" and headers is not None and bodyProducer is not None
        body = Body()
        bodyProducer.startProducing(body)
        self.requests.append(Request(uri, headers, body.data))
        return self.requests[-1].waiting

    def take(self) -> list[Request]:
        """Everything that came since the last time."""
        taken, self.requests[:] = list(self.requests), []
        return taken

    def take_one(self) -> Request:
        """The one request that came since the last time."""
        (request,) = self.take()
        return request


def is_signed(request: Request, secret: str) -> bool:
    """Whether a request is signed with this secret, by code of its own."""
    key = b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    return request.headers["webhook-signature"] == f"v1,{expected}"


class WebhookCase(SynchronousTestCase):
    """Webhooks to a receiver in memory."""

    def setUp(self) -> None:
        """Switches them on, and listens to the log."""
        self.clock = Clock()
        self.clock.rightNow = START
        self.metrics = Metrics(__version__)
        self.receiver = Receiver()
        self.publish: Publish | None = None
        self.jitter = 1.0
        self.log = EventLoggingObserver()
        globalLogPublisher.addObserver(self.log)
        self.addCleanup(globalLogPublisher.removeObserver, self.log)
        self.webhooks = Webhooks(
            Config(webhook_url=URL, webhook_secret=SECRET),
            self.metrics,
            listen=self.listen,
            reactor=self.clock,
            agent=self.receiver,
            jitter=lambda: self.jitter,
        )

    def listen(self, publish: Publish | None) -> None:
        """Takes note of who listens."""
        self.publish = publish

    def happen(self, *numbers: int, session: str = "s") -> None:
        """Has things happen that the test knows by their numbers, and gives them a turn of the reactor."""
        assert self.publish is not None
        for number in numbers:
            self.publish(Occurrence(Kind.MEMBER_JOINED, session, self.clock.seconds(), {"number": number}))
        self.clock.advance(0)

    def answer(self, code: int = 204, **headers: str) -> int:
        """Answers the one request that waits, and gives what follows a turn; the number of what was told."""
        request = self.receiver.take_one()
        request.answer(code, **headers)
        self.clock.advance(0)
        return request.number

    def lines(self) -> list[tuple[str, str]]:
        """What was logged, with its level."""
        return [(event["log_level"].name, formatEvent(event)) for event in self.log]

    def counted(self) -> dict[str, int]:
        """What was counted, without what was not."""
        counts = {**self.metrics.webhooks, **self.metrics.webhooks_dropped, "retries": self.metrics.webhook_retries}
        return {name: count for name, count in counts.items() if count}
