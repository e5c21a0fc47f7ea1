"""A client that the self-test talks as, and the world around it: a clock that nobody waits for, a log that is quiet.

Owns what a client of :mod:`jsongle_server.selftest` hears and says; must not know what should be heard. Layer 3: a
:class:`SelfTestClient` is the ``Peer`` of its own session, so that no connection is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import orjson
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, globalLogPublisher
from zope.interface import provider

from jsongle_server.session import Session
from jsongle_server.vocabulary import Action, CloseCode, Query

if TYPE_CHECKING:
    from jsongle_server.signaling import Signaling

Message = dict[str, Any]
"""A message as a client reads it."""


class PacedClock:
    """Tells a time that moves with every message, and never runs a timer: nothing in the self-test is late.

    :param now: seconds since the epoch.
    :param pace: seconds from one message to the next.
    """

    def __init__(self, now: float, pace: float) -> None:
        self._now = now
        self._pace = pace

    def seconds(self) -> float:
        """The time."""
        return self._now

    def tick(self) -> float:
        """Goes on to the next message; the time then."""
        self._now += self._pace
        return self._now

    def callLater(self, delay: float, call: Callable[..., object], /, *args: object) -> Never:  # noqa: N802
        """Takes note of nothing."""
        return Never()


class Never:
    """A timer that does not run."""

    def cancel(self) -> None:
        """Changes nothing."""


@provider(ILogObserver)
def _log_faults(event: LogEvent) -> None:
    if event["log_level"] >= LogLevel.error:
        globalLogPublisher(event)


class QuietSession(Session):
    """A session whose coming and going is nobody's business; faults of the server are logged as ever."""

    __slots__ = ()

    log = Logger(namespace="jsongle_server.selftest", observer=_log_faults)


class SelfTestClient:
    """A client and its connection.

    :param signaling: the service that it connects to.
    :param clock: paces what it says.
    :param uid: who it says it is.

    :ivar inbox: what it was sent and has not taken.
    :ivar identity: its session identity, once it was greeted.
    """

    def __init__(self, signaling: Signaling, clock: PacedClock, uid: str) -> None:
        self.uid = uid
        self.identity = ""
        self.inbox: list[Message] = []
        self._signaling = signaling
        self._clock = clock
        self._count = 0
        self._connection: _Connection | None = None

    def connect(self) -> Message:
        """Opens a connection; the server's hello."""
        self._connection = _Connection(self.inbox)
        self._signaling.open(self._connection, remote="self-test", now=self._clock.tick())
        hello = self.take(Action.IQ_GET)
        self.identity = self.identity or hello["to"]
        return hello

    def cut(self) -> None:
        """Loses the connection."""
        if self._connection is not None:
            self._signaling.lost(self._connection, self._clock.tick())
        self._connection = None

    def hello(self, greeting: Message, **description: Any) -> Message:
        """Says who it is; the ack.

        :param greeting: the server's hello.
        """
        self.say(
            greeting["from"],
            Action.IQ_RESULT,
            query=Query.HELLO,
            transaction=greeting["jsongle"]["transaction"],
            description={"uid": self.uid, **description},
        )
        return self.take(Action.ACK)

    def say(self, to: str, action: Action, **jsongle: Any) -> str:
        """Sends a message; its id."""
        self._count += 1
        mid = f"{self.uid}-{self._count}"
        if self._connection is not None and self._connection.session is not None:
            envelope = {"id": mid, "from": self.identity, "to": to, "jsongle": {"action": action, **jsongle}}
            self._connection.session.receive(orjson.dumps(envelope), self._clock.tick())
        return mid

    def take(self, action: Action) -> Message:
        """Takes the next message.

        :raises Unexpected: there is none, or one that is about something else.
        """
        if not self.inbox:
            raise Unexpected(f"{self.uid} waits for {action} in vain")
        message = self.inbox.pop(0)
        if message["jsongle"]["action"] != action:
            raise Unexpected(f"{self.uid} waits for {action} and gets {message['jsongle']['action']}")
        return message


class Unexpected(Exception):
    """A client was not sent what it should be."""


class _Connection:
    """A connection in memory: a :class:`jsongle_server.services.Peer`.

    :param inbox: where to put what the server sends.
    """

    def __init__(self, inbox: list[Message]) -> None:
        self._inbox = inbox
        self.session: Session | None = None

    def attach(self, session: Session | None) -> None:
        self.session = session

    def send(self, payload: bytes) -> None:
        self._inbox.append(orjson.loads(payload))

    def send_later(self, payload: bytes) -> None:
        self.send(payload)

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        for payload in payloads:
            self.send(payload)

    def rest(self, delay: float) -> None:
        pass  # whoever says one thing at a time is never too fast

    def wake(self) -> None:
        pass  # it listens all the time

    def close(self, code: CloseCode, reason: str) -> None:
        self.session = None
