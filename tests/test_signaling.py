"""Tests of :mod:`jsongle_server.signaling`."""

from __future__ import annotations

from itertools import count
from typing import cast
from uuid import UUID

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.metrics import Metrics
from jsongle_server.session import Session, SessionState
from jsongle_server.signaling import Signaling
from jsongle_server.testing import START, Client, MemoryServer, RecordingPeer
from jsongle_server.vocabulary import CloseCode, RoomKind


class SignalingTests(SynchronousTestCase):
    """Who is there, from the connection's beginning to its end."""

    def setUp(self) -> None:
        """A server with nobody."""
        self.server = MemoryServer()
        self.signaling = self.server.signaling

    def test_connections_and_sessions(self) -> None:
        """A connection counts from its opening; its session changes state with the hello."""
        client = self.server.connect()
        self.assertEqual(self.signaling.connection_count, 1)
        self.assertEqual(self.signaling.count_sessions(), {"awaiting_hello": 1, "identified": 0, "detached": 0})
        client.hello("u")
        self.assertEqual(self.signaling.count_sessions(), {"awaiting_hello": 0, "identified": 1, "detached": 0})
        self.server.drop(client)
        self.assertEqual(self.signaling.connection_count, 0)
        self.assertEqual(self.signaling.count_sessions(), {"awaiting_hello": 0, "identified": 0, "detached": 0})

    def test_rooms_by_kind(self) -> None:
        """Rooms are counted while they have members."""
        client = self.server.user("u")
        client.join("a")
        client.join("b")
        client.join("m", muc=True)
        self.assertEqual(self.signaling.count_rooms(), {RoomKind.ROOM: 2, RoomKind.MUC: 1})
        self.server.drop(client)
        self.assertEqual(self.signaling.count_rooms(), {RoomKind.ROOM: 0, RoomKind.MUC: 0})

    def test_lost_twice(self) -> None:
        """A connection that is reported lost twice is lost once."""
        client = self.server.user("u")
        self.server.clock.advance(3)
        for _ in range(2):
            self.server.drop(client)
            self.server.clock.advance(3)
        self.assertEqual(self.signaling.connection_count, 0)
        self.assertAlmostEqual(self.server.metrics.session_seconds, 3)

    def test_closed_connection_counts_until_it_is_lost(self) -> None:
        """A connection that is being closed is still open, but its session has ended."""
        client = self.server.user("u")
        self.server.session_of(client).close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", START)
        self.assertEqual(self.signaling.connection_count, 1)
        self.assertEqual(self.signaling.sessions(), [])
        self.server.drop(client)
        self.assertEqual(self.signaling.connection_count, 0)

    def test_find(self) -> None:
        """A live session is found by its identity, hello or not; one that has ended is not."""
        waiting, client = self.server.connect(), self.server.user("u")
        self.assertEqual([session.state for session in self.signaling.sessions()], ["awaiting_hello", "identified"])
        for each in (waiting, client):
            session = self.server.session_of(each)
            self.assertIs(self.signaling.find(session.identity), session)
        gone = self.server.session_of(client)
        self.server.drop(client)
        self.assertIs(gone.state, SessionState.ENDED)
        self.assertIsNone(self.signaling.find(gone.identity))

    def test_ids_can_be_injected(self) -> None:
        """Every id that the server makes comes from one place."""
        numbers = count(1)
        signaling = Signaling(
            Config(), Metrics("1.0"), clock=Clock(), new_id=lambda: str(UUID(int=next(numbers), version=4))
        )
        client = Client(lambda payload: None)
        session = signaling.open(RecordingPeer(client), remote="192.0.2.1:1", now=START)
        hello = client.take_one()
        ids = [session.identity, session.transaction, hello["id"]]
        self.assertEqual(ids, [f"00000000-0000-4000-8000-{number:012}" for number in (1, 2, 3)])
        self.assertEqual([hello["to"], hello["jsongle"]["transaction"]], ids[:2])


class TraceTests(SynchronousTestCase):
    """Whether single messages are logged."""

    def setUp(self) -> None:
        """Notes what sessions log."""
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        self.patch(Session, "log", Logger(namespace="jsongle_server.session", observer=observer))
        self.server = MemoryServer()
        self.client = self.server.user("u")

    def logged(self) -> list[str]:
        """The lines about messages since the last time."""
        lines = [formatEvent(event) for event in self.events if event["log_level"] is LogLevel.debug]
        self.events.clear()
        return lines

    def test_off(self) -> None:
        """Not unless somebody asks for it."""
        self.client.ask("join", rid="r")
        self.assertEqual(self.logged(), [])

    def test_switched(self) -> None:
        """It is switched on and off while sessions go on, and counts for those that are there."""
        self.server.signaling.trace(enabled=True)
        self.client.ask("join", rid="r")
        identity = self.client.identity
        first, second = self.logged()
        self.assertRegex(first, rf"from {identity}: iq-set, \d+ bytes")
        self.assertRegex(second, rf"to {identity}: iq-result, \d+ bytes")
        self.server.signaling.trace(enabled=False)
        self.client.ask("join", rid="s")
        self.assertEqual(self.logged(), [])
