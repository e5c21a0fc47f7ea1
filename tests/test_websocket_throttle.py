"""A connection that is not read from for a while, because its client is too fast."""

from __future__ import annotations

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import websocket
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient, masked_frame

PING, PONG = 9, 10
BURST, RATE = 5, 10


class PausedReadingTests(SynchronousTestCase):
    """Alice has a call with Bob; both may send five messages at once, and ten a second."""

    def setUp(self) -> None:
        """Alice calls Bob and waits until she may send at full speed again."""
        self.server = WebSocketMemoryServer(rate_limit=RATE, rate_burst=BURST)
        self.alice, self.bob = (cast(WireClient, self.server.user(uid)) for uid in ("alice", "bob"))
        self.alice.say("bob", "session-propose", sid="c-1")
        self.server.clock.advance(1)
        self.transport = self.alice.wire.transport
        self.alice.take()
        self.bob.take()

    def say(self, count: int) -> None:
        """Alice sends so many messages of the call in one go."""
        frame = masked_frame(1, b'{"to":"bob","jsongle":{"action":"session-info","sid":"c-1","reason":"x"}}')
        self.alice.wire.send(frame * count)

    def test_pause(self) -> None:
        """Over the rate, nothing is read until there is room; then reading goes on."""
        self.say(BURST)
        self.assertEqual(self.transport.producerState, "producing")
        self.say(1)
        self.assertEqual(self.transport.producerState, "paused")
        self.server.clock.advance(0.09)
        self.assertEqual(self.transport.producerState, "paused")
        self.server.clock.advance(0.02)
        self.assertEqual(self.transport.producerState, "producing")

    def test_never_faster_than_the_rate(self) -> None:
        """What was read in one go is taken at the rate, after the burst."""
        self.say(30)
        self.assertEqual(len(self.bob.take()), BURST + 1)
        for _ in range(24):
            self.server.clock.advance(0.1001)
            self.assertEqual(len(self.bob.take()), 1)
        self.server.clock.advance(0.1001)
        self.assertEqual(self.transport.producerState, "producing")

    def test_others_do_not_wait(self) -> None:
        """Bob is read from meanwhile."""
        self.say(30)
        self.bob.take()
        self.assertEqual(self.bob.ask("ping")["jsongle"]["action"], "iq-result")

    def test_is_not_given_up(self) -> None:
        """A client that the server does not read from cannot be heard: only when it is read from is its silence one."""
        self.server = WebSocketMemoryServer(rate_limit=1, rate_burst=BURST, ping_interval=1, ping_timeout=2)
        self.alice, self.bob = (cast(WireClient, self.server.user(uid)) for uid in ("alice", "bob"))
        self.alice.say("bob", "session-propose", sid="c-1")
        self.say(30)
        for _ in range(100):
            self.server.clock.advance(0.2)
            self.bob.wire.send_frame(PONG)
        self.assertIsNone(self.alice.wire.transport.lost)
        for _ in range(100):
            self.server.clock.advance(0.2)
            self.bob.wire.send_frame(PONG)
        self.assertIsNotNone(self.alice.wire.transport.lost)

    def test_longer_than_the_time_to_answer(self) -> None:
        """A pause that outlasts the time to answer a ping ends nothing; silence after it does."""
        config = self.server.config
        self.server.clock.advance(config.ping_interval)
        self.alice.wire.protocol.rest(config.ping_timeout + 1)
        self.server.clock.advance(config.ping_timeout)
        self.server.clock.advance(1)
        self.assertIsNone(self.transport.lost)
        for wait in (config.ping_interval, config.ping_timeout, 0):
            self.server.clock.advance(wait)
        self.assertIsNotNone(self.transport.lost)

    def test_vanished_meanwhile(self) -> None:
        """What a client sent long ago and is still to be read is no sign of life, where the system knows when."""
        self.server = WebSocketMemoryServer(rate_limit=1, rate_burst=BURST, ping_interval=3, ping_timeout=2)
        self.alice, self.bob = (cast(WireClient, self.server.user(uid)) for uid in ("alice", "bob"))
        self.alice.say("bob", "session-propose", sid="c-1")
        sent = self.server.clock.seconds()
        self.say(60)
        for silence, is_lost in ((lambda: 0.0, False), (lambda: self.server.clock.seconds() - sent, True)):
            self.patch(websocket, "silent_for", lambda transport, now=silence: now())
            for _ in range(60):
                self.server.clock.advance(0.1)
                self.bob.wire.send_frame(PONG)
            self.assertEqual(self.alice.wire.transport.lost is not None, is_lost)

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost meanwhile has all that was read of it handled, and leaves no timer."""
        self.say(30)
        self.transport.cut()
        self.assertEqual(len([m for m in self.bob.take() if m["jsongle"].get("reason") == "x"]), 30)
        self.bob.wire.transport.cut()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_garbage(self) -> None:
        """Frames that are no JSON are read at the rate."""
        self.alice.wire.send(masked_frame(1, b"nonsense") * 15)
        self.assertEqual(len(self.alice.take()), BURST + 1)
        self.assertEqual(self.transport.producerState, "paused")

    def test_twenty_frames_of_garbage(self) -> None:
        """Twenty frames that are no JSON within a minute end the connection."""
        self.alice.wire.send(masked_frame(1, b"nonsense") * 20)
        self.server.clock.pump([0.1] * 20)
        self.alice.take()
        self.assertEqual(self.alice.closed, (1008, "too many frames that are not JSON"))

    def test_close_frame(self) -> None:
        """A close frame behind what waits is answered in its turn, and the connection ends."""
        self.say(BURST + 2)
        self.alice.wire.send_frame(8, b"\x03\xe8")
        self.assertIsNone(self.transport.lost)
        self.server.clock.pump([0.1] * 5)
        self.assertEqual(self.alice.wire.read_frames(), [(8, b"\x03\xe8")])
        self.assertIsNotNone(self.transport.lost)

    def test_pong_that_was_not_read(self) -> None:
        """A pong may wait unread behind a pause: the client is not given up as the pause ends."""
        protocol = self.alice.wire.protocol
        self.server.clock.advance(self.server.config.ping_interval)
        protocol.rest(self.server.config.ping_timeout - 0.001)
        self.assertTrue(protocol._is_pinged)
        self.server.clock.advance(self.server.config.ping_timeout)
        self.server.clock.advance(0)
        self.assertIsNone(self.alice.wire.transport.lost)
