"""How much one connection may have done before the others have their turn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.frame_reader import FRAMES_PER_TURN
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WebSocketWire, WireClient, masked_frame
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT

CLOSE, PING, PONG = 8, 9, 10
MANY = 5 * FRAMES_PER_TURN


def text(mid: str) -> bytes:
    """A frame with a text to Carol."""
    return masked_frame(1, b'{"id":"%b","to":"carol","jsongle":{"action":"session-text"}}' % mid.encode())


BURST = b"".join(text(str(number)) for number in range(MANY))


class TurnCase(SynchronousTestCase):
    """Alice sends more than fits into a turn, Bob a little, Carol gets all of it."""

    def setUp(self) -> None:
        """Starts a server; everybody says hello."""
        self.server = WebSocketMemoryServer(rate_limit=0)
        self.alice, self.bob, self.carol = (self.user(uid) for uid in ("alice", "bob", "carol"))

    def user(self, uid: str) -> WireClient:
        """A client that has said hello."""
        client = self.server.connect()
        client.hello(uid)
        return client

    def ids(self) -> list[str]:
        """The ids of what Carol got once nobody has anything to do any more."""
        return [message["id"] for message in self.carol.take()]

    def assert_nothing_left(self, wire: WebSocketWire) -> None:
        """A connection is gone, and neither a timer nor an exception is left of it."""
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertNotIn(wire.protocol, self.server.factory.connections)
        self.server.drop(self.bob)
        self.server.drop(self.carol)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])


class TurnTests(TurnCase):
    """Connections take turns."""

    def test_others_have_their_turn(self) -> None:
        """What another client sends meanwhile is handled before the rest of a burst that came in one read."""
        self.alice.wire.send(BURST)
        self.bob.wire.send(text("bob"))
        ids = self.ids()
        self.assertIn("bob", ids)
        self.assertGreater(ids.index("bob"), 0)
        self.assertLessEqual(ids.index("bob"), FRAMES_PER_TURN)

    def test_nothing_is_lost_or_out_of_order(self) -> None:
        """In the end all of a burst has been handled, in the order in which it was sent."""
        self.alice.wire.send(BURST)
        self.assertEqual(self.ids(), [str(number) for number in range(MANY)])

    def test_what_comes_meanwhile_waits_behind(self) -> None:
        """A read that was on its way already neither overtakes what is waiting nor brings the next turn forward."""
        self.alice.wire.send(BURST)
        done = len(self.carol.wire.transport.value())
        self.alice.wire.send(text("last"))
        self.assertEqual(len(self.carol.wire.transport.value()), done)
        self.assertEqual(self.ids(), [*(str(number) for number in range(MANY)), "last"])

    def test_nothing_is_read_meanwhile(self) -> None:
        """Nothing more is read from the client until its burst is done; then it is read from again."""
        transport = self.alice.wire.transport
        self.alice.wire.send(BURST)
        self.assertEqual(transport.producerState, "paused")
        self.ids()
        self.assertEqual(transport.producerState, "producing")
        self.alice.wire.send(text("again"))
        self.assertEqual(self.ids(), ["again"])

    def test_frames_that_came_with_the_handshake(self) -> None:
        """A burst in one read with the handshake is parted into turns too."""
        wire = self.server.open_wire()
        wire.send("\r\n".join((*HANDSHAKE, "", "")).encode() + masked_frame(PING, b"") * MANY)
        self.assertEqual(wire.transport.producerState, "paused")
        self.server.clock.advance(0)
        _, _, answers = wire.read_rest().partition(b"\r\n\r\n")
        self.assertTrue(answers.endswith(bytes((0x80 | PONG, 0)) * MANY))

    def test_control_frames_count(self) -> None:
        """Pings, which no limit on messages counts, do not keep the others waiting either."""
        self.alice.wire.send(masked_frame(PING, b"") * MANY)
        self.assertEqual(self.alice.wire.transport.producerState, "paused")
        self.assertLessEqual(len(self.alice.wire.transport.value()), FRAMES_PER_TURN * 2)
        self.assertEqual(self.alice.wire.read_frames(), [(PONG, b"")] * MANY)

    def test_a_few_frames_are_taken_at_once(self) -> None:
        """What fits into a turn waits for nothing."""
        self.alice.wire.send(text("1") + text("2"))
        self.assertEqual(self.alice.wire.transport.producerState, "producing")
        self.assertIn(b'"id":"2"', self.carol.wire.transport.value())


class EndTests(TurnCase):
    """Connections that end while the rest of their burst is waiting."""

    def setUp(self) -> None:
        """Alice has sent her burst, of which a part is done."""
        super().setUp()
        self.alice.wire.send(BURST)

    def test_lost(self) -> None:
        """What was read before a connection was lost is handled: the client may have sent it and gone."""
        self.alice.wire.transport.cut()
        self.server.clock.advance(0)
        now = self.server.clock.seconds()
        self.assertEqual([call for call in self.server.clock.getDelayedCalls() if call.getTime() <= now], [])
        self.assertEqual(len(self.ids()), MANY)
        self.assert_nothing_left(self.alice.wire)

    def test_closed_by_the_server(self) -> None:
        """A session that was closed gets nothing more handled."""
        self.alice.wire.protocol.shut(CloseCode.GOING_AWAY, "stopping")
        self.assertLess(len(self.ids()), FRAMES_PER_TURN + 1)
        self.assert_nothing_left(self.alice.wire)

    def test_aborted_by_the_server(self) -> None:
        """A connection that was cut by the server ends as cleanly."""
        self.alice.wire.transport.abortConnection()
        self.ids()
        self.assert_nothing_left(self.alice.wire)

    def test_closed_by_the_client(self) -> None:
        """A close frame at the end of a burst is answered when all before it was handled."""
        self.alice.wire.send(masked_frame(CLOSE, b"\x03\xe8"))
        self.assertEqual(len(self.ids()), MANY)
        self.assertEqual(self.alice.wire.read_frames()[-1], (CLOSE, b"\x03\xe8"))
        self.assert_nothing_left(self.alice.wire)

    def test_failing(self) -> None:
        """A bad frame in the waiting part is answered as any other."""
        self.alice.wire.send(b"\xff\xff")
        self.alice.take()
        assert self.alice.closed is not None
        self.assertEqual(self.alice.closed[0], 1002)
        self.assert_nothing_left(self.alice.wire)
