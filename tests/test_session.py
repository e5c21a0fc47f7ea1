"""Tests of :mod:`jsongle_server.session`: what scenarios do not show of one client's session."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import Envelope
from jsongle_server.services import Handler
from jsongle_server.session import Session, SessionState
from jsongle_server.testing import START, Client, MemoryServer
from jsongle_server.vocabulary import CloseCode
from tests.scenarios import SERVER


class BrokenPeer:
    """A connection on which nothing can be sent."""

    def attach(self, session: Session | None) -> None:
        """Nothing comes from it either."""

    def rest(self, delay: float) -> None:
        """Nothing comes from it either."""

    def send_later(self, payload: bytes) -> None:
        """Does as :meth:`send`."""
        self.send(payload)

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Nothing waits for it."""

    def send(self, payload: bytes) -> None:
        """Fails."""
        raise OSError("broken pipe")

    def wake(self) -> None:
        """Listens all the time."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes all the same."""


class Journal:
    """The connections of several clients that note in one list who was sent what."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def peer(self, name: str) -> JournalPeer:
        """The connection of one of them."""
        return JournalPeer(name, self.entries)


class JournalPeer:
    """A connection that notes what is sent on it."""

    def __init__(self, name: str, entries: list[tuple[str, str]]) -> None:
        self._name = name
        self._entries = entries
        self._witness = Client.witness_class()

    def attach(self, session: Session | None) -> None:
        """What comes from it is handed to the session by the test."""

    def rest(self, delay: float) -> None:
        """What comes from it is handed to the session by the test."""

    def wake(self) -> None:
        """What comes from it is handed to the session by the test."""

    def send_later(self, payload: bytes) -> None:
        """Notes a message as :meth:`send` does."""
        self.send(payload)

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Notes messages."""
        for payload in payloads:
            self.send(payload)

    def send(self, payload: bytes) -> None:
        """Notes a message by its event or action."""
        message = orjson.loads(payload)
        self._witness.heard(message)
        jsongle = message["jsongle"]
        self._entries.append((self._name, jsongle.get("event") or jsongle["action"]))

    def close(self, code: CloseCode, reason: str) -> None:
        """Notes the close."""
        self._entries.append((self._name, f"close {int(code)}"))


def receive(session: Session, to: str, action: str, **jsongle: Any) -> None:
    """Has a session receive a message."""
    session.receive(orjson.dumps({"to": to, "jsongle": {"action": action, **jsongle}}), START)


def identified(server: MemoryServer, peer: BrokenPeer | JournalPeer, uid: str) -> Session:
    """A session that has said hello, on a connection of one's own."""
    session = server.signaling.open(peer, remote="192.0.2.9:1", now=START)
    receive(session, SERVER, "iq-result", query="session-hello", description={"uid": uid})
    return session


class OrderTests(SynchronousTestCase):
    """In which order several clients are told."""

    def setUp(self) -> None:
        """Two clients that note what they get in one journal."""
        self.server = MemoryServer()
        self.journal = Journal()
        self.alice, self.bob = (identified(self.server, self.journal.peer(name), name) for name in ("alice", "bob"))
        receive(self.alice, SERVER, "iq-set", query="join", description={"rid": "r"})
        self.journal.entries.clear()

    def test_members_hear_of_a_join_before_the_joiner(self) -> None:
        """Members get ``joined`` before the joiner gets its result: whom the joiner then calls knows of it."""
        receive(self.bob, SERVER, "iq-set", query="join", description={"rid": "r"})
        self.assertEqual(self.journal.entries, [("alice", "joined"), ("bob", "iq-result")])

    def test_recipients_before_the_sender(self) -> None:
        """A message reaches its recipient before its sender is told so."""
        for action, answer in (("session-text", "ack"), ("session-propose", "session-info")):
            self.journal.entries.clear()
            receive(self.alice, "bob", action)
            self.assertEqual([name for name, _ in self.journal.entries], ["bob", "alice"])
            self.assertEqual(self.journal.entries[1], ("alice", answer))

    def test_nothing_after_the_close(self) -> None:
        """The close is the last thing that a client hears, and its rooms have heard of it by then."""
        receive(self.bob, SERVER, "iq-set", query="join", description={"rid": "r"})
        self.journal.entries.clear()
        self.bob.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", START)
        receive(self.alice, "bob", "session-terminate")
        receive(self.bob, "alice", "session-text")
        self.assertEqual(self.journal.entries, [("alice", "left"), ("bob", "close 4004")])


class FailingPeerTests(SynchronousTestCase):
    """A connection that fails while it is written to."""

    def test_does_not_stop_a_fan_out(self) -> None:
        """Those after it in the room get the message, and the sender its ack."""
        server = MemoryServer()
        alice = server.user("alice")
        alice.join("r")
        receive(identified(server, BrokenPeer(), "broken"), SERVER, "iq-set", query="join", description={"rid": "r"})
        carol = server.user("carol")
        carol.join("r")
        alice.take()
        mid = alice.say("r", "session-text", description={"content": "x"})
        self.assertEqual(carol.take_one()["id"], mid)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "ack")
        self.assertNotEqual(self.flushLoggedErrors(OSError), [])

    def test_does_not_stop_a_goodbye(self) -> None:
        """Those after it in the room hear that somebody left, and nothing of the leaver remains."""
        server = MemoryServer()
        leaver = server.user("leaver")
        leaver.join("r")
        receive(identified(server, BrokenPeer(), "broken"), SERVER, "iq-set", query="join", description={"rid": "r"})
        carol = server.user("carol")
        carol.join("r")
        server.drop(leaver)
        self.assertEqual(carol.take_one()["jsongle"]["event"], "left")
        self.assertIsNone(server.signaling.registry.find(leaver.identity))
        self.assertNotEqual(self.flushLoggedErrors(OSError), [])


class FailingHandlerTests(SynchronousTestCase):
    """A mistake of the server's own while it handles a message."""

    def setUp(self) -> None:
        """Two clients in a room; the handler of the second one fails."""
        self.server = MemoryServer()
        self.alice, self.bob = self.server.user("alice"), self.server.user("bob")
        for client in (self.alice, self.bob):
            client.join("r")
        self.alice.take()
        self.session = self.server.session_of(self.bob)

    def fail_with(self, admit: Callable[[Session, Envelope], Handler]) -> None:
        """Has the second client's messages handled by something else."""
        self.session.services = dataclasses.replace(self.session.services, admit=admit)

    def handler(self, session: Session, envelope: Envelope) -> Handler:
        """Lets a message pass, to a handler that fails."""

        def handle(session: Session, envelope: Envelope, now: float) -> None:
            raise LookupError("the reason, which is nobody's business")

        return handle

    def guard(self, session: Session, envelope: Envelope) -> Handler:
        """Fails already as a guard."""
        raise LookupError("the reason, which is nobody's business")

    def assertEnded(self, client: Client) -> None:
        """The client was told 500001 without a reason, and then closed with 1011; the failure was logged."""
        error = client.take_one()["jsongle"]
        self.assertEqual(error["description"]["errorCode"], 500001)
        self.assertEqual(error["description"]["errorDetails"], "Internal error")
        self.assertEqual(client.closed, (1011, "internal error"))
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)

    def test_sender_is_told_and_closed(self) -> None:
        """The sender gets 500001 with the id of its message, and its connection is closed with 1011."""
        self.fail_with(self.handler)
        mid = self.bob.say("alice", "session-text")
        self.assertEqual(self.bob.inbox[-1]["jsongle"]["action"], "session-error")
        self.assertEqual(self.bob.inbox[-1]["jsongle"]["description"]["mid"], mid)
        self.assertEnded(self.bob)

    def test_iq_is_answered_by_iq_error(self) -> None:
        """An iq gets it as the answer that it waits for."""
        self.fail_with(self.handler)
        self.bob.say(SERVER, "iq-set", query="ping", transaction="t")
        answer = self.bob.inbox[-1]["jsongle"]
        self.assertEqual([answer["action"], answer["transaction"]], ["iq-error", "t"])
        self.assertEnded(self.bob)

    def test_failing_guard(self) -> None:
        """A guard that fails is no different."""
        self.fail_with(self.guard)
        self.bob.say("alice", "session-text")
        self.assertEnded(self.bob)

    def test_nobody_else_is_harmed(self) -> None:
        """Others hear that the sender has left, and go on."""
        self.fail_with(self.handler)
        self.bob.say("alice", "session-text")
        self.assertEqual(self.alice.take_one()["jsongle"]["event"], "left")
        self.assertEqual(self.alice.ask("ping")["jsongle"]["action"], "iq-result")
        self.assertIsNone(self.alice.closed)
        self.assertEqual(self.server.metrics.errors[500001], 1)
        self.assertEnded(self.bob)


class EndTests(SynchronousTestCase):
    """A session's end."""

    def test_leaves_nothing_behind(self) -> None:
        """An ended session is in no room and cannot be found, by identity or uid."""
        server = MemoryServer()
        client = server.user("u")
        client.join("r")
        client.join("m", muc=True)
        session = server.session_of(client)
        session.end(START, cause="gone")
        registry = server.signaling.registry
        self.assertEqual([registry.find(session.identity), registry.devices("u")], [None, []])
        self.assertEqual([len(server.signaling.rooms), session.rooms], [0, {}])
        self.assertIs(session.state, SessionState.ENDED)

    def test_nothing_is_received_or_sent_any_more(self) -> None:
        """What arrives after the end is ignored and not counted, and so is what would be sent."""
        server = MemoryServer()
        client = server.user("u")
        session = server.session_of(client)
        session.end(START, cause="gone")
        counts = [dict(server.metrics.received), dict(server.metrics.sent)]
        client.say(SERVER, "iq-get", query="ping")
        client.send_bytes(b"garbage")
        session.say({"action": "ack"})
        self.assertEqual(client.take(), [])
        self.assertEqual([dict(server.metrics.received), dict(server.metrics.sent)], counts)

    def test_closes_once(self) -> None:
        """The first reason for a close is the one that counts."""
        server = MemoryServer()
        client = server.user("u")
        session = server.session_of(client)
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "first", START)
        session.close(CloseCode.POLICY_VIOLATION, "second", START)
        self.assertEqual(client.closed, (4004, "first"))

    def test_time_is_counted_once(self) -> None:
        """The time that a session lasted is counted at its end, once; that of one without a hello is not."""
        server = MemoryServer()
        session, unknown = server.session_of(server.user("u")), server.session_of(server.connect())
        for _ in range(2):
            session.end(START + 5, cause="gone")
            unknown.end(START + 5, cause="gone")
        self.assertAlmostEqual(server.metrics.session_seconds, 5)

    def test_garbage_now_and_then_is_no_abuse(self) -> None:
        """Frames that are not JSON end a session only if they come within a minute."""
        server = MemoryServer()
        client = server.user("u")
        for _ in range(60):
            server.clock.advance(4)
            client.send_bytes(b"?")
        self.assertIsNone(client.closed)
