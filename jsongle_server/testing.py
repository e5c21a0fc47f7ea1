"""Fakes to test with: a peer that records, a server in memory, clients that talk to it.

They ship with the server, so that whoever builds on it can test without sockets or waiting. A :class:`MemoryServer` is
everything but the network; its clients speak JSON to their sessions. A :class:`WebSocketMemoryServer` is the same
behind the real protocol and its frames. Both take their time from a ``Clock``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

import orjson
from twisted.internet.task import Clock

from jsongle_server import __version__
from jsongle_server.config import Config
from jsongle_server.keys import Keys
from jsongle_server.metrics import Metrics
from jsongle_server.occurrences import Occurrence
from jsongle_server.session import Session
from jsongle_server.signaling import Signaling
from jsongle_server.vocabulary import CloseCode

START: Final = 1795356548.451
"""When the clock of every fake begins: 2026-11-22T14:09:08.451Z."""


class Witness:
    """Sees what one client and the server say to each other, and thinks nothing of it.

    Whoever wants to look at every message of a test sets a subclass as :attr:`Client.witness_class`.
    """

    def said(self, message: object) -> None:
        """Called with each JSON value that the client sends, before it does."""

    def heard(self, message: dict[str, Any]) -> None:
        """Called with each message that the client gets."""


class Client:
    """A client in a test: sends messages, and collects those that it gets.

    :param send: takes the bytes of one text frame.
    :param witness: sees its messages; one of its own unless there is one that sees what comes already.

    :cvar witness_class: what sees the messages of each new client.

    :ivar inbox: what came and was not taken yet.
    :ivar closed: close code and reason, once the server has closed the connection.
    :ivar identity: the session identity, once greeted.
    """

    witness_class: ClassVar[type[Witness]] = Witness

    def __init__(self, send: Callable[[bytes], None], *, witness: Witness | None = None) -> None:
        self._send = send
        self._count = 0
        self._witness = witness or self.witness_class()
        self.inbox: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.identity = ""
        self.server_id = ""
        self.transaction = ""

    def take(self) -> list[dict[str, Any]]:
        """Everything that came since the last time, in order."""
        taken, self.inbox[:] = list(self.inbox), []
        return taken

    def take_one(self) -> dict[str, Any]:
        """The one message that came since the last time.

        :raises AssertionError: none came, or several did.
        """
        taken = self.take()
        if len(taken) != 1:
            raise AssertionError(f"expected one message, got {taken}")
        return taken[0]

    def receive(self, payload: bytes) -> None:
        """Takes one text frame from the server, and puts the message in it into the inbox."""
        message: dict[str, Any] = orjson.loads(payload)
        self._witness.heard(message)
        self.inbox.append(message)

    def send_bytes(self, payload: bytes) -> None:
        """Sends one text frame with these bytes in it."""
        self._send(payload)

    def send(self, message: object) -> None:
        """Sends any JSON value."""
        self._witness.said(message)
        self.send_bytes(orjson.dumps(message))

    def say(self, to: str, action: str, **jsongle: Any) -> str:
        """Sends a well-formed message.

        :param jsongle: what else stands in its ``jsongle`` object.
        :returns: its id.
        """
        self._count += 1
        mid = f"m-{self._count}"
        self.send({"id": mid, "from": self.identity, "to": to, "jsongle": {"action": action, **jsongle}})
        return mid

    def greeted(self) -> dict[str, Any]:
        """Takes the server's hello and remembers what it says."""
        hello = self.take_one()
        self.identity = hello["to"]
        self.server_id = hello["from"]
        self.transaction = hello["jsongle"]["transaction"]
        return hello

    def hello(self, uid: str, **description: Any) -> dict[str, Any]:
        """Answers the server's hello, taking it first if that is still to be done, and takes the ack.

        :param description: what else the client says of itself.
        """
        if not self.identity:
            self.greeted()
        self.say(
            self.server_id,
            "iq-result",
            query="session-hello",
            transaction=self.transaction,
            description={"uid": uid, **description},
        )
        return self.take_one()

    def ask(self, query: str, *, action: str = "iq-set", **description: Any) -> dict[str, Any]:
        """Sends an iq to the server and takes the one message that comes back; what came before stays."""
        before = len(self.inbox)
        self.say(self.server_id, action, query=query, transaction=f"t-{self._count}", description=description)
        if len(self.inbox) != before + 1:
            raise AssertionError(f"expected one answer, got {self.inbox[before:]}")
        return self.inbox.pop()

    def join(self, rid: str, *, muc: bool = False, **description: Any) -> list[dict[str, Any]]:
        """Joins a room; returns those already there.

        :raises AssertionError: it was refused.
        """
        answer = self.ask("muc-join" if muc else "join", rid=rid, **description)
        if answer["jsongle"]["action"] != "iq-result":
            raise AssertionError(f"not let in: {answer}")
        members: list[dict[str, Any]] = answer["jsongle"]["description"]["members"]
        return members


class RecordingPeer:
    """A :class:`jsongle_server.services.Peer` that hands everything to a client in a test.

    :ivar session: whose connection it is, or was.
    :ivar rested: for how many seconds the server would not have listened.
    :ivar is_heard: whether what the client sends still gets to that session.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.session: Session | None = None
        self.is_heard = False
        self.rested = 0.0

    def attach(self, session: Session | None) -> None:
        """Notes whose connection it is, or that nobody listens to it any more."""
        self.is_heard = session is not None
        self.session = session or self.session

    def send(self, payload: bytes) -> None:
        """Puts a message into the client's inbox."""
        self._client.receive(payload)

    def send_later(self, payload: bytes) -> None:
        """Does as :meth:`send`."""
        self.send(payload)

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Puts messages into the client's inbox."""
        for payload in payloads:
            self.send(payload)

    def rest(self, delay: float) -> None:
        """Notes that the server would not listen for so long; it listens all the same."""
        self.rested += delay

    def wake(self) -> None:
        """Does nothing: it has listened all the time."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Notes the close."""
        self._client.closed = (int(code), reason)


class MemoryServer:
    """A server without a network.

    :param config: its settings; fields by keyword change single ones.
    :param tracing: whether it logs at level debug.

    :ivar occurrences: what has happened since :meth:`listen`.
    """

    def __init__(self, *, tracing: bool = False, **settings: Any) -> None:
        self.config = Config(**settings)
        self.clock = Clock()
        self.clock.rightNow = START
        self.metrics = Metrics(__version__)
        self.keys = Keys(self.config)
        self.signaling = Signaling(self.config, self.metrics, clock=self.clock, keys=self.keys, tracing=tracing)
        self._peers: dict[Client, RecordingPeer] = {}
        self.occurrences: list[Occurrence] = []

    def listen(self) -> None:
        """Collects what happens from now on."""
        self.signaling.publish_to(self.occurrences.append)

    def connect(self) -> Client:
        """A new client, not greeted yet: the server's hello is in its inbox."""

        def send(payload: bytes) -> None:
            if peer.is_heard:
                self.session_of(client).receive(payload, self.clock.seconds())

        client = Client(send)
        peer = self._peers[client] = RecordingPeer(client)
        self.signaling.open(peer, remote="192.0.2.1:1024", now=self.clock.seconds())
        return client

    def session_of(self, client: Client) -> Session:
        """The session behind a client."""
        session = self._peers[client].session
        assert session is not None
        return session

    def user(self, uid: str, **description: Any) -> Client:
        """A new client that has said hello."""
        client = self.connect()
        client.hello(uid, **description)
        return client

    def drop(self, client: Client) -> None:
        """Cuts a client's connection."""
        self.signaling.lost(self._peers[client], self.clock.seconds())
