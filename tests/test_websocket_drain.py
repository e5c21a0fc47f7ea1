"""How the clients of a server that stops are sent away."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import outbox
from jsongle_server.lifecycle import Phase
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT
from jsongle_server.websocket_factory import HURRY

SPREAD = 10.0
COUNT = 20


class DrainTests(SynchronousTestCase):
    """Twenty clients are sent away over ten seconds."""

    def setUp(self) -> None:
        """Everybody has said hello, and nothing but the end of the server is to come."""
        self.server = WebSocketMemoryServer(max_concurrent_users=100, ping_interval=0)
        self.clients = [cast(WireClient, self.server.user(f"user-{number}")) for number in range(COUNT)]
        self.server.clock.advance(self.server.config.hello_timeout)
        self.use_jitter(lambda: 0.5)

    def use_jitter(self, jitter: Callable[[], float]) -> None:
        """Has the factory take its random numbers from somewhere."""
        self.server.factory._jitter = jitter

    def drain(self, spread: float = SPREAD) -> Deferred[None]:
        """Begins."""
        self.server.lifecycle.phase = Phase.DRAINING
        return self.server.factory.close_all(CloseCode.SERVICE_RESTART, "stopping", spread=spread)

    def gone(self) -> list[WireClient]:
        """Those that were told to go; they answer, and go."""
        gone = []
        for client in self.clients:
            client.take()
            if client.closed is not None:
                gone.append(client)
                client.wire.send_frame(8, b"\x03\xf4")
        self.server.clock.advance(0)
        return gone

    def test_spread(self) -> None:
        """They are told one by one, evenly over the time, and it is over when the last has gone."""
        drained = self.drain()
        counts = []
        for _ in range(10):
            self.server.clock.advance(SPREAD / 10)
            counts.append(len(self.gone()))
        self.assertEqual(counts, list(range(2, COUNT + 1, 2)))
        self.assertEqual({client.closed for client in self.clients}, {(1012, "stopping")})
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_jitter(self) -> None:
        """Each is told at a moment of its own within its part of the time."""
        numbers = iter([0.0, 0.999] * COUNT)
        self.use_jitter(lambda: next(numbers))
        now = self.server.clock.seconds()
        self.drain()
        times = sorted(call.getTime() - now for call in self.server.clock.getDelayedCalls())
        part = SPREAD / COUNT
        for number, time in enumerate(times):
            self.assertAlmostEqual(time, (number + (0.999 if number % 2 else 0.0)) * part, places=5)

    def test_who_is_still_there_is_served(self) -> None:
        """Until it is told, a client is served as ever."""
        self.drain()
        self.server.clock.advance(SPREAD / 2)
        left = [client for client in self.clients if client not in self.gone()]
        self.assertEqual(len(left), COUNT // 2)
        for client in left:
            self.assertEqual(client.ask("ping")["jsongle"]["action"], "iq-result")

    def test_over_when_all_have_gone(self) -> None:
        """It does not wait for its time to be over when everybody has gone by himself."""
        drained = self.drain()
        for client in self.clients:
            client.wire.transport.cut()
        self.assertIsNone(self.successResultOf(drained))

    def test_nobody_there(self) -> None:
        """Without clients it is over at once."""
        for client in self.clients:
            client.wire.transport.cut()
        self.assertIsNone(self.successResultOf(self.drain()))

    def test_at_once(self) -> None:
        """With no time to spread it over, all are told at once."""
        self.drain(spread=0)
        self.assertEqual(len(self.gone()), COUNT)

    def test_hurry(self) -> None:
        """In a hurry all are told at once, and cut a moment later, whether or not they answer."""
        drained = self.drain()
        self.server.clock.advance(SPREAD / 4)
        self.server.factory.hurry()
        for client in self.clients:
            client.take()
        self.assertEqual({client.closed for client in self.clients}, {(1012, "stopping")})
        self.assertNoResult(drained)
        self.server.clock.advance(HURRY)
        self.server.clock.advance(0)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_hurry_when_nothing_is_to_be_done(self) -> None:
        """A hurry when all have gone already finds nothing."""
        for client in self.clients:
            client.wire.transport.cut()
        self.successResultOf(self.drain())
        self.server.factory.hurry()
        self.server.clock.advance(HURRY)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_what_was_relayed_arrives(self) -> None:
        """What was relayed before comes before the close frame, also to a client that reads slowly."""
        alice, bob = self.clients[:2]
        bob.wire.transport.stalled = True
        mids = [alice.say("user-1", "session-text", description={"content": "x" * 10_000}) for _ in range(20)]
        drained = self.drain()
        for client in self.clients[2:]:
            client.wire.transport.cut()
        self.server.clock.advance(SPREAD)
        bob.wire.transport.read_on()
        self.assertEqual([message["id"] for message in bob.take()], mids)
        self.assertEqual(bob.closed, (1012, "stopping"))
        self.server.clock.pump([CLOSE_TIMEOUT, CLOSE_TIMEOUT, 0])
        self.assertIsNone(self.successResultOf(drained))

    def test_calls_go_on(self) -> None:
        """Nobody is told that the other of his call is unreachable: they hear each other without the server."""
        alice, bob = self.clients[:2]
        alice.say("user-1", "session-propose", sid="c-1")
        bob.say("user-0", "session-proceed", sid="c-1")
        alice.take()
        bob.take()
        self.drain()
        for _ in range(50):
            self.server.clock.advance(SPREAD / 50)
            for client in (alice, bob):
                self.assertEqual(client.take(), [])
        self.assertEqual((alice.closed, bob.closed), ((1012, "stopping"), (1012, "stopping")))

    def test_who_reads_slowly_is_waited_for(self) -> None:
        """As long as a client goes on reading, it is not cut, until another ``drainTimeout`` is over."""
        alice, bob = self.clients[:2]
        transport = bob.wire.transport
        transport.stalled = True
        for number in range(60):
            alice.say("user-1", "session-text", description={"content": "x" * 5_000, "n": number})
        drained = self.drain(spread=0)
        for client in self.clients[2:]:
            client.wire.transport.cut()
        alice.wire.transport.cut()
        for seconds in range(1, int(self.server.config.drain_timeout)):
            self.server.clock.advance(1)
            bob.wire.protocol._outbox.resumeProducing()  # the transport has sent some
            self.assertIsNone(transport.lost, f"cut after {seconds} s")
        self.assertNoResult(drained)
        self.server.clock.pump([CLOSE_TIMEOUT] * 3)
        self.assertIsNone(self.successResultOf(drained))

    def test_what_only_the_system_has_is_left_to_it(self) -> None:
        """Where time is up for a client that reads, and all the rest is the system's, the connection is not reset."""
        bob = self.clients[1]
        transport = bob.wire.transport
        transport.stalled = True
        left = 1_000_000

        def kept_by_system(transport: object) -> int:
            return left

        self.patch(outbox, "kept_by_system", kept_by_system)
        self.drain(spread=0)
        self.patch(transport, "abortConnection", self.fail)
        for _ in range(int(self.server.config.drain_timeout / CLOSE_TIMEOUT) + 1):
            self.assertFalse(transport.disconnecting)
            left -= 1_000
            self.server.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(transport.disconnecting)

    def test_who_has_stopped_reading_is_not(self) -> None:
        """A client that reads nothing of what is before the close frame is cut after the close timeout."""
        alice, bob = self.clients[:2]
        bob.wire.transport.stalled = True
        for _ in range(20):
            alice.say("user-1", "session-text", description={"content": "x" * 10_000})
        self.drain(spread=0)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNotNone(bob.wire.transport.lost)

    def test_messages_of_a_call_that_goes_on(self) -> None:
        """Who still speaks to a party that was sent away is not told that it is unreachable, ringing or talking."""
        alice, bob, carol, dave = self.clients[:4]
        alice.say("user-1", "session-propose", sid="c-1")
        bob.say("user-0", "session-proceed", sid="c-1")
        carol.say("user-3", "session-propose", sid="c-2")
        for client in (alice, bob, carol, dave):
            client.take()
        self.server.factory.signaling.begin_to_stop()
        for gone in (alice, dave):
            gone.wire.protocol.shut(CloseCode.SERVICE_RESTART, "stopping")
        bob.say("user-0", "session-info", sid="c-1", reason="mute")
        carol.say("user-3", "transport-info", sid="c-2")
        self.assertEqual((bob.take(), carol.take()), ([], []))

    def test_window_that_ends_meanwhile(self) -> None:
        """A session whose client cannot come back because of the drain ends without a word to its calls."""
        alice, _ = self.clients[:2]
        erin = cast(WireClient, self.server.user("erin", resume=True))
        erin.say("user-0", "session-propose", sid="c-1")
        alice.say("erin", "session-proceed", sid="c-1")
        alice.say("erin", "session-info", sid="c-1", reason="active")
        erin.wire.transport.cut()
        alice.take()
        window = self.server.config.resume_window
        self.use_jitter(lambda: 0.999)
        self.drain(spread=window * 2 * COUNT)
        self.server.clock.advance(window)
        self.assertEqual(len(self.server.signaling.resumes), 0)
        self.assertEqual(alice.take(), [])
