"""What a connection does as time passes: pings, the hello that never comes, and timers that must not outlive it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT

CLOSE, PING, PONG = 8, 9, 10

INTERVAL, TIMEOUT = 25, 20


class TimerCase(SynchronousTestCase):
    """A server with the default timers."""

    def setUp(self) -> None:
        """Starts a server."""
        self.server = WebSocketMemoryServer(ping_interval=INTERVAL, ping_timeout=TIMEOUT)

    def user(self) -> WireClient:
        """A client that has said hello."""
        client = self.server.connect()
        client.hello("alice")
        return client

    def advance(self, seconds: float) -> None:
        """Lets time pass, and what follows from it happen."""
        self.server.clock.advance(seconds)
        self.server.clock.advance(0)


class PingTests(TimerCase):
    """Noticing clients that vanished."""

    def test_ping_comes_when_due(self) -> None:
        """A ping comes ``pingInterval`` seconds after the connection opened, not before."""
        client = self.user()
        self.advance(INTERVAL - 0.1)
        self.assertEqual(client.wire.read_frames(), [])
        self.advance(0.1)
        self.assertEqual(client.wire.read_frames(), [(PING, b"")])

    def test_silent_client(self) -> None:
        """A client that says nothing more is cut ``pingTimeout`` after the ping, and its session ends."""
        client = self.user()
        self.advance(INTERVAL)
        self.advance(TIMEOUT - 0.1)
        self.assertIsNone(client.wire.transport.lost)
        self.advance(0.1)
        self.assertIsNotNone(client.wire.transport.lost)
        self.assertEqual(self.server.signaling.connection_count, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_others_learn_of_it(self) -> None:
        """The rooms of a client that vanished see it leave."""
        vanished, other = self.user(), self.server.connect()
        other.hello("bob")
        vanished.join("room")
        other.join("room")
        for _ in range(2):
            self.advance(INTERVAL - 5)
            other.wire.send_frame(PONG)
        other.take()
        self.advance(INTERVAL)
        self.assertEqual(other.take_one()["jsongle"]["event"], "left")

    def test_client_that_answers_stays(self) -> None:
        """Pongs keep a connection open for as long as they come, one ping an interval."""
        client = self.user()
        for _ in range(50):
            self.advance(INTERVAL)
            self.assertEqual(client.wire.read_frames(), [(PING, b"")])
            client.wire.send_frame(PONG)
        self.assertIsNone(client.wire.transport.lost)

    def test_any_traffic_counts(self) -> None:
        """A message, a ping of the client's or half a frame is as good as the pong."""
        client = self.user()
        signs: tuple[Callable[[], None], ...] = (
            lambda: client.send_bytes(b'{"to":"bob","jsongle":{"action":"session-custom"}}'),
            lambda: client.wire.send_frame(PING),
            lambda: client.wire.send(b"\x81"),
        )
        for give_sign in signs:
            self.advance(INTERVAL)
            self.advance(TIMEOUT - 1)
            give_sign()
        self.advance(INTERVAL - 1)
        self.assertIsNone(client.wire.transport.lost)

    def test_late_pong(self) -> None:
        """A pong just in time is in time."""
        client = self.user()
        self.advance(INTERVAL)
        self.advance(TIMEOUT - 0.1)
        client.wire.send_frame(PONG)
        self.advance(INTERVAL - 0.1)
        self.assertIsNone(client.wire.transport.lost)

    def test_no_pings(self) -> None:
        """With ``pingInterval`` 0 nobody is pinged or cut."""
        self.server = WebSocketMemoryServer(ping_interval=0)
        client = self.user()
        self.advance(100_000)
        self.assertEqual(client.wire.read_frames(), [])
        self.assertIsNone(client.wire.transport.lost)


class HelloTests(TimerCase):
    """The time to say hello."""

    def test_no_hello(self) -> None:
        """A client that does not say who it is in ``helloTimeout`` seconds is closed with 4001."""
        client = self.server.connect()
        self.advance(9.9)
        client.take()
        self.assertIsNone(client.closed)
        self.advance(0.1)
        client.take()
        self.assertEqual(client.closed, (4001, "no session-hello in time"))
        self.advance(CLOSE_TIMEOUT)
        self.assertIsNotNone(client.wire.transport.lost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_hello_in_time(self) -> None:
        """One that did is never asked again."""
        client = self.user()
        self.advance(11)
        client.take()
        self.assertIsNone(client.closed)

    def test_nothing_runs_for_those_who_said_it(self) -> None:
        """Once they have said hello, one timer at most is left of all that clients had for it."""
        self.server = WebSocketMemoryServer(ping_interval=0)
        for _ in range(10):
            self.user()
            self.advance(0.5)
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
        self.advance(10)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_failed_hello_buys_no_time(self) -> None:
        """Hellos that fail do not extend it; one that succeeds afterwards is in time."""
        failing, late = self.server.connect(), self.server.connect()
        late.take()
        for _ in range(9):
            self.advance(1)
            failing.send({"jsongle": {"action": "iq-result", "query": "session-hello", "description": {}}})
            late.send({"jsongle": {"action": "iq-result", "query": "session-hello", "description": {}}})
        late.send({"jsongle": {"action": "iq-result", "query": "session-hello", "description": {"uid": "late"}}})
        self.advance(1)
        failing.take()
        late.take()
        assert failing.closed is not None
        self.assertEqual(failing.closed[0], 4001)
        self.assertIsNone(late.closed)


class LeftoverTests(TimerCase):
    """No timer outlives its connection, however that ends."""

    def test_every_end(self) -> None:
        """After each way to end, at each stage, nothing is scheduled any more."""
        ends: dict[str, Callable[[WireClient], None]] = {
            "cut": self.server.drop,
            "closed by the client": lambda client: client.wire.send_frame(CLOSE),
            "bad frame": lambda client: client.wire.send(b"\xff\xff"),
            "binary frame": lambda client: client.wire.send_frame(2),
            "ended by the server": lambda client: self.server.session_of(client).close(
                CloseCode.ENDED_BY_ADMINISTRATOR, "enough", self.server.clock.seconds()
            ),
            "shut": lambda client: client.wire.protocol.shut(CloseCode.GOING_AWAY, "stopping"),
        }
        for name, end in ends.items():
            for identified in (False, True):
                for waiting_for_pong in (False, True):
                    with self.subTest(name, identified=identified, waiting_for_pong=waiting_for_pong):
                        client = self.server.connect()
                        if identified:
                            client.hello("alice")
                        self.advance(INTERVAL if identified and waiting_for_pong else 1)
                        end(client)
                        self.advance(CLOSE_TIMEOUT)
                        self.assertEqual(self.server.clock.getDelayedCalls(), [], name)
                        self.assertEqual(self.server.factory.connections, set(), name)

    def test_global_reactor_is_untouched(self) -> None:
        """Autobahn's own timers, which know only the global reactor, never run."""
        real = IReactorTime(reactor)
        before = list(real.getDelayedCalls())
        client = self.user()
        self.server.open_wire().send(b"hello\r\n\r\n")
        self.advance(INTERVAL)
        client.wire.send_frame(CLOSE)
        other = self.user()
        other.wire.protocol.shut(CloseCode.GOING_AWAY, "stopping")
        self.assertEqual(list(real.getDelayedCalls()), before)
