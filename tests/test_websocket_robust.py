"""Whatever goes wrong with one connection stays with it."""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from jsongle_server import websocket
from jsongle_server.session import Session
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT

REQUEST = "\r\n".join((*HANDSHAKE, "", "")).encode()
TEXT_TO_BOB = b'{"to":"bob","jsongle":{"action":"session-text","description":{}}}'


class Boom(Exception):
    """A mistake of ours that no test should see the text of on the wire."""


def boom(*args: object, **kwargs: object) -> None:
    """Fails."""
    raise Boom("the secret inside")


class RobustCase(SynchronousTestCase):
    """Two clients in a room, of whom one will suffer and the other must not."""

    def setUp(self) -> None:
        """Starts a server and opens both connections."""
        self.server = WebSocketMemoryServer(max_concurrent_users=1000, rate_limit=0)
        self.alice = self.user("alice")
        self.bob = self.user("bob")
        self.alice.join("room")
        self.bob.join("room")
        self.alice.take()

    def user(self, uid: str) -> WireClient:
        """A client that has said hello."""
        client = self.server.connect()
        client.hello(uid)
        return client

    def assert_well(self, client: WireClient) -> None:
        """A client is served as ever."""
        self.assertEqual(client.ask("ping")["jsongle"]["action"], "iq-result")

    def assert_failed(self, client: WireClient) -> None:
        """A connection was closed for a mistake of ours, of which it says nothing; its session has left no trace."""
        client.take()
        self.assertEqual(client.closed, (1011, "internal error"))
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNotNone(client.wire.transport.lost)
        self.assertNotIn(client.wire.protocol, self.server.factory.connections)


class OwnMistakeTests(RobustCase):
    """Exceptions in our own code, wherever Autobahn or the reactor calls it."""

    def test_in_a_message(self) -> None:
        """While a message is handled: its sender is told 500001, then closed with 1011."""
        self.patch(self.server.signaling.rooms, "join", boom)
        self.alice.say("jsongle-server", "iq-set", query="join", transaction="t", description={"rid": "other"})
        answer = self.alice.take_one()["jsongle"]
        self.assertEqual((answer["action"], answer["description"]["errorCode"]), ("iq-error", 500001))
        self.assertNotIn("secret", answer["description"]["errorDetails"])
        self.assert_failed(self.alice)
        self.assertEqual(self.bob.take_one()["jsongle"]["event"], "left")
        self.assert_well(self.bob)

    def test_in_the_session(self) -> None:
        """The session itself failing: 1011."""
        self.patch(Session, "receive", boom)
        self.alice.send_bytes(TEXT_TO_BOB)
        self.assert_failed(self.alice)

    def test_in_a_message_that_came_with_the_handshake(self) -> None:
        """The same with a frame that came in one read with the handshake, which Autobahn handles elsewhere."""
        self.patch(Session, "receive", boom)
        wire = self.server.open_wire()
        wire.send(REQUEST + masked_frame(1, TEXT_TO_BOB))
        self.assertTrue(wire.transport.value().endswith(b"\x88\x10\x03\xf3internal error"))
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_at_the_handshake(self) -> None:
        """A handshake that cannot be judged: 500, without a word on why."""
        self.patch(websocket, "check_request", boom)
        wire = self.server.open_wire()
        wire.send(REQUEST)
        head, _, body = wire.read_rest().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 500 "))
        self.assertEqual(orjson.loads(body), {"errorCode": 500000, "errorMsg": "Internal error"})
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)

    def test_before_the_handshake_is_judged(self) -> None:
        """The same where Autobahn itself stumbles over a request."""
        self.patch(websocket.SignalingProtocol, "_parseExtensionsHeader", boom)
        wire = self.server.open_wire()
        wire.send(REQUEST[:-2] + b"Sec-WebSocket-Extensions: x\r\n\r\n")
        self.assertTrue(wire.read_rest().startswith(b"HTTP/1.1 500 "))
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_at_the_opening(self) -> None:
        """A session that cannot begin: 1011."""
        self.patch(self.server.signaling, "open", boom)
        wire = self.server.open_wire()
        wire.handshake()
        self.assertEqual(wire.read_frames(), [(8, b"\x03\xf3internal error")])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def assert_ends_anyway(self, end: Callable[[WireClient], None]) -> None:
        """A session that fails to end in order takes its connection and its place along all the same."""
        self.patch(Session, "end", boom)
        end(self.alice)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertNotEqual(self.flushLoggedErrors(Boom), [])
        self.assertEqual(self.server.factory.connections, {self.bob.wire.protocol})
        self.assertEqual(self.server.signaling.connection_count, 1)

    def test_at_the_end_of_a_connection(self) -> None:
        """The end of a connection is the end of its session's place, even if the session cannot end in order."""
        self.assert_ends_anyway(self.server.drop)

    def test_at_a_close_frame(self) -> None:
        """A close frame is answered and the connection ended, even if the session cannot end in order."""
        self.assert_ends_anyway(lambda client: client.wire.send_frame(8))

    def test_at_the_hello_timeout(self) -> None:
        """A timer that fails does not leave its connection hanging."""
        client = self.server.connect()
        client.take()
        self.patch(Session, "close", boom)
        self.server.clock.advance(self.server.config.hello_timeout)
        self.assert_failed(client)

    def test_at_the_stop(self) -> None:
        """One session that cannot be closed does not keep the others open, nor the server from stopping."""
        close = Session.close

        def fail_for_alice(session: Session, code: CloseCode, reason: str, now: float) -> None:
            if session.uid == "alice":
                boom()
            close(session, code, reason, now)

        self.patch(Session, "close", fail_for_alice)
        stopped = self.server.factory.close_all(CloseCode.GOING_AWAY, "stopping")
        self.bob.take()
        self.assertEqual(self.bob.closed, (1001, "stopping"))
        self.assert_failed(self.alice)
        self.assertIsNone(self.successResultOf(stopped))

    def test_while_sending(self) -> None:
        """A recipient whose connection fails does not keep the others from their message."""
        carol = self.user("carol")
        carol.join("room")
        self.alice.take()
        self.bob.take()
        self.patch(self.bob.wire.protocol, "send", boom)
        self.alice.say("room", "session-text", description={"content": "hi"})
        self.assertEqual(carol.take_one()["jsongle"]["action"], "session-text")
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)


class SeverityTests(RobustCase):
    """How loud the log is about our own mistakes."""

    def levels(self) -> list[LogLevel]:
        """The levels of the tracebacks that are logged from now on, as they come."""
        levels: list[LogLevel] = []

        @provider(ILogObserver)
        def watch(event: LogEvent) -> None:
            if "log_failure" in event:
                levels.append(event["log_level"])

        globalLogPublisher.addObserver(watch)
        self.addCleanup(globalLogPublisher.removeObserver, watch)
        return levels

    def test_a_connection_is_not_the_server(self) -> None:
        """What ends a connection is an error; fatal is only what ends the server."""
        levels = self.levels()
        self.patch(self.server.signaling.rooms, "join", boom)
        self.alice.say("jsongle-server", "iq-set", query="join", description={"rid": "other"})
        self.patch(Session, "end", boom)
        self.server.drop(self.bob)
        self.patch(websocket, "check_request", boom)
        self.server.open_wire().send(REQUEST)
        self.assertEqual(levels, [LogLevel.error] * 3)
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 3)


class ClientMistakeTests(RobustCase):
    """Clients that do their worst."""

    def test_vanishing_within_a_frame(self) -> None:
        """A client that goes in the middle of a frame leaves its rooms and nothing else happens."""
        frame = masked_frame(1, TEXT_TO_BOB)
        for position in range(len(frame)):
            client = self.user("carol")
            client.wire.send(frame[:position])
            client.wire.transport.cut()
        self.assertEqual(self.bob.take(), [])
        self.assertEqual(len(self.server.factory.connections), 2)
        self.assert_well(self.bob)

    def test_random_bytes(self) -> None:
        """Random bytes after the handshake end in a close frame or nothing, never in an exception."""
        source = random.Random(1)
        for _ in range(300):
            client = self.user("carol")
            client.wire.send(source.randbytes(source.randrange(1, 200)))
            client.wire.read_frames()
            client.wire.transport.cut()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(self.server.factory.connections), 2)
        self.assert_well(self.bob)

    def test_random_requests(self) -> None:
        """Random bytes instead of a handshake are answered in HTTP or not at all."""
        source = random.Random(2)
        for _ in range(300):
            wire = self.server.open_wire()
            wire.send(source.randbytes(source.randrange(0, 100)) + b"\r\n\r\n")
            self.assertTrue(wire.transport.value().startswith(b"HTTP/1.1 4"))
            self.server.clock.advance(0)
        self.assert_well(self.bob)

    def test_flood(self) -> None:
        """A room that one member floods gets every message, in order."""
        self.alice.wire.send(
            b"".join(
                masked_frame(
                    1, b'{"id":"%d","to":"room","jsongle":{"action":"session-text","description":{}}}' % number
                )
                for number in range(500)
            )
        )
        self.assertEqual([message["id"] for message in self.bob.take()], [str(number) for number in range(500)])
        self.assert_well(self.bob)

    def test_close_twice(self) -> None:
        """A second close frame finds nobody."""
        self.alice.wire.send(masked_frame(8, b"") * 2)
        self.assertEqual([opcode for opcode, _ in self.alice.wire.read_frames()], [8])
        self.assertEqual(self.bob.take_one()["jsongle"]["event"], "left")


class StopTests(RobustCase):
    """Closing every connection at the end."""

    def test_close_all(self) -> None:
        """Everybody gets 1001, and it is over when the last has gone, handshakes included."""
        wire = self.server.open_wire()
        stopped = self.server.factory.close_all(CloseCode.GOING_AWAY, "stopping")
        for client in (self.alice, self.bob):
            client.take()
            self.assertEqual(client.closed, (1001, "stopping"))
            client.wire.send_frame(8, b"\x03\xe9")
        self.assertNoResult(stopped)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertIsNone(self.successResultOf(stopped))

    def test_stubborn_clients(self) -> None:
        """Clients that do not answer cannot hold it up for longer than the close timeout."""
        stopped = self.server.factory.close_all(CloseCode.GOING_AWAY, "stopping")
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNone(self.successResultOf(stopped))

    def test_newcomers(self) -> None:
        """It is over when those are gone who were there at its beginning; who came later is cut by ``abort_all``."""
        stopped = self.server.factory.close_all(CloseCode.GOING_AWAY, "stopping")
        newcomer = self.server.open_wire()
        for client in (self.alice, self.bob):
            self.assertNoResult(stopped)
            client.wire.transport.cut()
        self.assertIsNone(self.successResultOf(stopped))
        self.assertIsNone(newcomer.transport.lost)
        self.server.factory.abort_all()
        self.server.clock.advance(0)
        self.assertIsNotNone(newcomer.transport.lost)
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_nobody_there(self) -> None:
        """With nobody there it is over at once."""
        empty = WebSocketMemoryServer()
        self.assertIsNone(self.successResultOf(empty.factory.close_all(CloseCode.GOING_AWAY, "stopping")))
