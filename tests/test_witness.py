"""Tests of :mod:`tests.witness`: a test with a message that the document does not have fails, wherever it comes up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Final
from unittest import TestResult

import orjson
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from jsongle_server import messages, relay, selftest_client
from jsongle_server.codec import Envelope
from jsongle_server.config import Config
from jsongle_server.selftest import talk as talk_to_itself
from jsongle_server.testing import START, MemoryServer
from jsongle_server.testing_websocket import WebSocketMemoryServer
from jsongle_server.vocabulary import Status
from tests.asyncapi import document
from tests.daemons import SocketClient
from tests.resuming_client import ResumingClient
from tests.witness import Conversation

SERVERS: Final = (MemoryServer, WebSocketMemoryServer)
WRONG_DESCRIPTIONS: Final[tuple[object, ...]] = ([], "text", None)
WRONG_MESSAGES: Final[tuple[object, ...]] = (
    *({}, [], "text", {"id": 5, "to": "bob"}),
    {"to": 5, "jsongle": {"action": "session-text"}},
)


def outcome(
    scenario: Callable[[], object], *, flushes: bool = False, kind: type[SynchronousTestCase] = SynchronousTestCase
) -> str:
    """Runs something as a test of its own.

    :param flushes: whether it looks away from all errors that were logged, which trial would fail it for.
    :param kind: what it is a test of.
    :returns: what is said of its failure; empty where there is none.
    """

    class Inner(kind):  # type: ignore[valid-type, misc]
        def test(self) -> None:
            scenario()
            if flushes:
                self.flushLoggedErrors()

    result = TestResult()
    Inner("test").run(result)
    return "\n".join(text for _, text in (*result.errors, *result.failures))


def talk(server_class: type[MemoryServer]) -> None:
    """A conversation with a call and a text in it, which the recipient reads."""
    server = server_class()
    alice, bob = server.user("alice"), server.user("bob")
    alice.say("bob", "session-propose", sid="s-1")
    alice.say("bob", "session-text", description={"content": "hi"})
    alice.take()
    bob.take()


class HeardTests(SynchronousTestCase):
    """What clients get."""

    def assert_noticed(self, words: str) -> None:
        """A conversation fails its test on both transports, also where that looks away, and says what was wrong."""
        for server_class in SERVERS:
            for flushes in (False, True):
                said = outcome(partial(talk, server_class), flushes=flushes)
                self.assertIn(words, said)

    def spoil(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Has the server say something else than it does."""
        build = getattr(messages, name)

        def spoiled(*args: Any, **more: Any) -> dict[str, Any]:
            said: dict[str, Any] = build(*args, **more)
            change(said)
            return said

        self.patch(messages, name, spoiled)

    def test_right(self) -> None:
        """As long as all is well, nothing is said."""
        for server_class in SERVERS:
            self.assertEqual(outcome(partial(talk, server_class)), "")

    def test_missing(self) -> None:
        """Something is missing in what the server says."""
        self.spoil("trying", lambda said: said["description"].clear())
        self.assert_noticed("fromServer.trying: data.jsongle.description must contain ['tried'] properties")

    def test_more(self) -> None:
        """The server says more than the document has."""
        self.spoil("received", lambda said: said.update(mood="fine"))
        self.assert_noticed("fromServer.received: data.jsongle must not contain {'mood'} properties")

    def test_on_a_reactor(self) -> None:
        """So does one that waits for things to happen."""
        self.spoil("trying", lambda said: said.update(mood="fine"))
        self.assertIn("'mood'", outcome(partial(talk, MemoryServer), flushes=True, kind=TestCase))

    def test_unknown(self) -> None:
        """The server says something that the document does not have at all."""
        self.spoil("trying", lambda said: said.update(action="session-hum"))
        self.assert_noticed("is no message of fromServer")

    def test_not_stamped(self) -> None:
        """What is relayed lacks a stamp."""

        def stamp(envelope: Envelope, at: str) -> None:
            envelope.jsongle.setdefault("description", {})["sent"] = at

        self.patch(relay, "_stamp", stamp)
        self.assert_noticed("fromPeer.session-text: data.jsongle.description must contain ['relayed'] properties")

    def test_hello(self) -> None:
        """The very first message is looked at as well."""
        self.spoil("hello", lambda said: said["description"].pop("sn"))
        self.assert_noticed("fromServer.hello: data.jsongle.description must contain")


class AddressTests(SynchronousTestCase):
    """What no schema can say, as it takes more than one message."""

    def conversation(self, *, resume: dict[str, Any] | None = None) -> tuple[Conversation, dict[str, Any]]:
        """A conversation that has got as far as the ack, and something that may follow."""
        found = {
            name: message["examples"][0]["payload"] for name, message in document()["components"]["messages"].items()
        }
        conversation = Conversation()
        conversation.heard(found["fromServer.hello"])
        ack = messages.hello_ack(Status.SUCCESS, "t", {"id": found["fromServer.hello"]["to"], **(resume or {})})
        conversation.heard({**found["fromServer.hello"], "jsongle": ack})
        return conversation, found["fromPeer.session-text"]

    def assert_wrong(self, conversation: Conversation, message: dict[str, Any]) -> None:
        """A message is not what may come."""
        self.assertRaises(AssertionError, conversation.heard, message)
        self.assertRaises(AssertionError, Conversation.audit.check)

    def test_somebody_elses(self) -> None:
        """A message that is for another session."""
        conversation, text = self.conversation()
        conversation.heard(text)
        self.assert_wrong(conversation, {**text, "to": text["from"]})

    def test_number_for_nothing(self) -> None:
        """A number, although the client has not opted into resume."""
        conversation, text = self.conversation()
        self.assert_wrong(conversation, {**text, "seq": 1})

    def test_no_number(self) -> None:
        """No number, although it has."""
        conversation, text = self.conversation(resume={"resume": {"token": "x", "window": 30}})
        self.assert_wrong(conversation, text)

    def test_numbers_go_on_by_one(self) -> None:
        """They begin with 1, and none is left out or comes twice."""
        for wrong in (1, 3):
            conversation, text = self.conversation(resume={"resume": {"token": "x", "window": 30}})
            conversation.heard({**text, "seq": 1})
            self.assert_wrong(conversation, {**text, "seq": wrong})
        conversation, text = self.conversation(resume={"resume": {"token": "x", "window": 30}})
        self.assert_wrong(conversation, {**text, "seq": 2})

    def test_numbers_after_a_return(self) -> None:
        """Who comes back may be anywhere, and goes on from there."""
        resume = {"resume": {"token": "x", "window": 30}, "resumed": True, "received": 3}
        conversation, text = self.conversation(resume=resume)
        conversation.heard({**text, "seq": 7})
        conversation.heard({**text, "seq": 8})
        self.assert_wrong(conversation, {**text, "seq": 8})


class SaidTests(SynchronousTestCase):
    """What clients send."""

    def test_taken(self) -> None:
        """The server takes something that the document does not have."""

        def scenario(server_class: type[MemoryServer], wrong: object) -> None:
            alice = server_class().user("alice")
            alice.join("stage", muc=True)
            alice.say("stage", "session-text", description=wrong)
            alice.take()

        self.patch(relay, "check_description", lambda envelope: {})
        for server_class in SERVERS:
            for wrong in WRONG_DESCRIPTIONS:
                self.assertIn("not refused: {'id': 'm-3'", outcome(partial(scenario, server_class, wrong)))

    def test_refused(self) -> None:
        """What is refused may be anything, whichever way it is refused."""

        def scenario(server_class: type[MemoryServer]) -> None:
            server = server_class()
            client = server.connect()
            client.greeted()
            for uid in (5, "alice"):
                client.say(client.server_id, "iq-result", query="session-hello", description={"uid": uid})
                client.take()
            for wrong in WRONG_MESSAGES:
                client.send(wrong)
            client.say(client.server_id, "iq-set", query="knit")
            client.say("alice", "session-event", event="joined")
            client.take()

        for server_class in SERVERS:
            self.assertEqual(outcome(partial(scenario, server_class)), "")


class SelfTestTests(SynchronousTestCase):
    """Clients that the server has of itself."""

    def test_talk(self) -> None:
        """What the server says to itself is as the document has it."""
        heard: list[str] = []

        class Overheard(selftest_client._Connection):
            def __init__(self, inbox: list[selftest_client.Message]) -> None:
                super().__init__(inbox)
                self.witness = Conversation()

            def send(self, payload: bytes) -> None:
                message = orjson.loads(payload)
                self.witness.heard(message)
                heard.append(message["jsongle"]["action"])
                super().send(payload)

        self.patch(selftest_client, "_Connection", Overheard)
        self.assertEqual(talk_to_itself(Config(), now=START, stopwatch=count().__next__).score, 100)
        self.assertIn("session-accept", heard)


class OtherClientTests(SynchronousTestCase):
    """Clients over real networks."""

    def setUp(self) -> None:
        """A hello without what it is about."""
        hello: dict[str, Any] = document()["components"]["messages"]["fromServer.hello"]["examples"][0]["payload"]
        del hello["jsongle"]["query"]
        self.wrong = orjson.dumps(hello)

    def test_over_a_socket(self) -> None:
        """A client of a server in another process looks at what it takes."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=self.serve, args=(listening,))
            thread.start()
            client = SocketClient(f"ws://127.0.0.1:{listening.getsockname()[1]}")
            self.assertIn("is no message of fromServer", outcome(client.take_one))
            client.disconnect()
            thread.join()

    def serve(self, listening: socket.socket) -> None:
        """Lets one client in and says something wrong."""
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            head = bytes((0x81, 126)) + len(self.wrong).to_bytes(2, "big")
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + head + self.wrong)

    def test_that_comes_back(self) -> None:
        """So does one that resumes, at each message; and at each that it says."""
        client = ResumingClient(Clock(), 1, "alice", heard=lambda message: None, back_after=lambda: None)
        self.assertIn("is no message of fromServer", outcome(lambda: client.received(self.wrong)))
        self.assertIn("no message of toPeer", outcome(lambda: client.say("bob", "session-hum")))
