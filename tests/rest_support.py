"""A server's REST side in memory, and a client that speaks HTTP to it."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email.message import Message
from typing import Any

import orjson
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.history import History
from jsongle_server.lifecycle import Lifecycle, Phase
from jsongle_server.logs import LogControl
from jsongle_server.rest import RestApi, make_site
from jsongle_server.sampler import Sampler
from jsongle_server.telemetry import Probe
from jsongle_server.testing import START, MemoryServer
from jsongle_server.testing_websocket import MemoryTransport

TOKEN = "correct horse battery".replace(" ", "-")
BEARER = {"Authorization": f"Bearer {TOKEN}"}
REMOTE = IPv4Address("TCP", "192.0.2.7", 40000)
LOCAL = IPv4Address("TCP", "127.0.0.1", 40000)
MEMORY = 50_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came over the wire."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.body)


class Wire:
    """One connection to the REST port."""

    def __init__(self, server: RestServer, peer: IAddress) -> None:
        self.clock = server.clock
        self.transport = MemoryTransport(server.clock, peer)  # type: ignore[arg-type]  # any address will do
        self.channel = server.site.buildProtocol(peer)
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Hands bytes to the server, and lets it work."""
        self.channel.dataReceived(data)
        self.work()

    def work(self) -> None:
        """Lets the server do what it does without delay, however many turns it takes."""
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def read(self) -> bytes:
        """What came since the last time."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    @property
    def is_closed(self) -> bool:
        """Whether the server is done with the connection."""
        return self.transport.disconnecting or self.transport.disconnected


class RestServer(MemoryServer):
    """A server without a network, its REST side included."""

    def __init__(self, *, log_path: str | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.lifecycle = Lifecycle(started=START)
        self.lifecycle.phase = Phase.READY
        self.lifecycle.ws_port, self.lifecycle.rest_port = 4711, 4712
        self.control = LogControl()
        self.history = History(self.metrics, self.signaling)
        self.api = RestApi(
            config=self.config,
            lifecycle=self.lifecycle,
            signaling=self.signaling,
            metrics=self.metrics,
            history=self.history,
            control=self.control,
            log_path=log_path,
            reactor=self.clock,
            run=run_at_once,
        )
        self.site: Any = make_site(self.api, self.clock)
        self.sampler = Sampler(
            self.history,
            self.clock,
            self.api.streams.take,
            stopwatch=self.clock.seconds,
            make_meter=lambda: lambda: MEMORY,
        )
        self.api.streams.opened = self.sampler.look

    def open_wire(self, peer: IAddress = REMOTE) -> Wire:
        """A new connection."""
        return Wire(self, peer)

    def ask(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        peer: IAddress = REMOTE,
        host: str | None = "localhost",
    ) -> Answer:
        """Makes one request on a connection of its own.

        :param host: the header Host; ``None`` leaves it out.
        """
        lines = [f"{method} {target} HTTP/1.1", *([] if host is None else [f"Host: {host}"])]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        wire = self.open_wire(peer)
        wire.send("\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + body)
        return parse(wire.read())

    def get(self, target: str, **headers: str) -> Answer:
        """Gets something, with the token."""
        return self.ask("GET", target, headers={**BEARER, **headers})


class RestCase(SynchronousTestCase):
    """A test of a server with a token."""

    def setUp(self) -> None:
        """Make the server, and note what it logs."""
        self.server = RestServer(admin_token=TOKEN, id="barracuda")
        self._audited = 0
        self.logged = EventLoggingObserver()
        globalLogPublisher.addObserver(self.logged)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged)

    def do(self, method: str, target: str, body: object = None, **headers: str) -> Answer:
        """Ask for something, with the token.

        :param body: what to send as JSON.
        """
        content = b"" if body is None else orjson.dumps(body)
        return self.server.ask(method, target, headers={**BEARER, **headers}, body=content)

    def audited(self) -> list[str]:
        """The audit lines since the last time."""
        lines = [formatEvent(event) for event in self.logged if event["log_namespace"] == "jsongle_server.audit"]
        self._audited, before = len(lines), self._audited
        return lines[before:]

    def assert_refused(self, answer: Answer, status: int, *words: str) -> None:
        """An answer is an error of this status, in whose text these words are."""
        self.assertEqual((answer.status, answer.json["errorCode"] // 1000), (status, status))
        for word in words:
            self.assertIn(word, answer.json["errorMsg"])


def parse(data: bytes) -> Answer:
    """Reads an answer, and makes sure that its length is true."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"no answer, but {data[:100]!r}")
    line, _, rest = head.decode("latin-1").partition("\r\n")
    headers = email.message_from_string(rest)
    is_chunked = headers["Transfer-Encoding"] == "chunked"  # what does not end has no length
    if body and not is_chunked and headers["Content-Length"] != str(len(body)):
        raise AssertionError(f"{len(body)} bytes are not {headers['Content-Length']}")
    return Answer(int(line.split(" ")[1]), headers, body)


def run_at_once(probe: Probe) -> Deferred[float]:
    """Runs a probe as a thread would, only now."""
    return maybeDeferred(probe)
