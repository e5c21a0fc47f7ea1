"""What becomes of a session whose connection is lost: it waits for its client, or it ends (protocol section 7)."""

from __future__ import annotations

from collections.abc import Callable

from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.vocabulary import CloseCode
from tests.resuming import SERVER, ResumeCase, contents, say_hello
from tests.scenarios import on_both_transports


@on_both_transports
class DetachedTests(ResumeCase):
    """A session that waits for its client."""

    def setUp(self) -> None:
        """A client that was in a room with another, and is away."""
        super().setUp()
        self.bob = self.server.user("bob")
        self.bob.join("r")
        self.client, self.token = self.enter("u")
        self.client.join("r")
        self.bob.take()
        self.server.drop(self.client)
        self.identity = self.client.identity

    def test_is_in_its_rooms(self) -> None:
        """It is shown in its rooms, to newcomers too, and nobody hears that it left."""
        self.assertNothing(self.bob)
        self.assertEqual([member["id"] for member in self.server.user("carol").join("r")[1:]], [self.identity])

    def test_is_reached(self) -> None:
        """What is said to it, in whichever way, is relayed and acknowledged."""
        for to in (self.identity, "u", "r"):
            self.bob.say(to, "session-text", description={"content": to})
            self.assertEqual(self.bob.take_one()["jsongle"]["event"], "ack")
            self.bob.say(to, "session-propose", sid=f"call to {to}")
            self.assertEqual(self.bob.take_one()["jsongle"]["reason"], "trying")
        missed = self.come_back("u", self.token, 1).missed
        self.assertEqual(contents(missed), [self.identity, "u", "r"])
        self.assertEqual(len(missed), 6)

    def test_counts(self) -> None:
        """It counts as detached; its connection does not count any more."""
        self.assertEqual(self.server.signaling.count_sessions(), {"awaiting_hello": 0, "identified": 1, "detached": 1})
        self.assertEqual(self.server.signaling.connection_count, 1)

    def test_window_over(self) -> None:
        """It ends when the window is over, not before; then it leaves its rooms, once, and is out of reach."""
        self.server.clock.advance(self.window() - 0.1)
        self.assertWaits(self.identity)
        self.assertNothing(self.bob)
        self.server.clock.advance(0.1)
        left = self.bob.take_one()["jsongle"]
        self.assertEqual([left["event"], left["description"]["member"]["id"]], ["left", self.identity])
        mid = self.bob.say(self.identity, "session-text")
        self.assertError(self.bob, 404002, mid=mid)
        self.server.clock.advance(self.window())
        self.assertNothing(self.bob)

    def test_nothing_left(self) -> None:
        """Nothing remains after the last has gone."""
        self.server.drop(self.bob)
        self.server.clock.advance(self.window())
        self.assertNothingLeft()

    def test_nothing_left_after_a_return(self) -> None:
        """Nor after it has come back and gone for good."""
        back = self.come_back("u", self.token, 0)
        for client in (self.bob, back.client):
            self.server.drop(client)
        self.server.clock.advance(self.window())
        self.assertNothingLeft()

    def test_ended_by_an_administrator(self) -> None:
        """It can be ended while its client is away, and cannot be gone on with."""
        session = self.server.signaling.find(self.identity)
        assert session is not None
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", self.server.clock.seconds())
        self.assertEqual(self.bob.take_one()["jsongle"]["event"], "left")
        self.assertFalse(self.come_back("u", self.token, 0).ack["resumed"])


@on_both_transports
class NotOptedInTests(ResumeCase):
    """A client that did not opt in."""

    def test_ends_at_once(self) -> None:
        """Its session ends with its connection."""
        bob = self.server.user("bob")
        bob.join("r")
        for resume in (False, None):
            client = self.server.connect()
            say_hello(client, "u", resume)
            client.join("r")
            bob.take()
            self.server.drop(client)
            self.assertEqual(bob.take_one()["jsongle"]["event"], "left")
            self.assertEnded(client.identity)

    def test_nobody_before_the_hello(self) -> None:
        """A connection that never said hello leaves nothing."""
        self.server.drop(self.server.connect())
        self.assertNothingLeft()


class ConnectionTests(ResumeCase):
    """How connections end, and what it means for a session that has opted in."""

    server: WebSocketMemoryServer
    server_class = WebSocketMemoryServer

    def client(self) -> WireClient:
        """A client that has opted in."""
        client, self.token = self.enter("u")
        assert isinstance(client, WireClient)
        return client

    def too_slow(self, client: WireClient) -> None:
        """Has the server give up a client as too slow."""
        client.wire.protocol._too_slow()
        self.server.clock.advance(0)

    def assert_ends(self, client: WireClient, code: int | None, end: Callable[[], object]) -> None:
        """Something ends the session at once, and the connection with a close code."""
        end()
        self.assertEnded(client.identity)
        client.take()
        if code is not None:
            self.assertEqual(client.closed and client.closed[0], code)
        self.assertFalse(self.come_back("u", self.token, 0).ack["resumed"])

    def test_lost(self) -> None:
        """Lost without a close frame: the session waits."""
        client = self.client()
        self.server.drop(client)
        self.assertWaits(client.identity)

    def test_ping_timeout(self) -> None:
        """Given up because nothing is heard: the session waits, from then on."""
        client = self.client()
        self.server.clock.advance(self.server.config.ping_interval)
        self.server.clock.advance(self.server.config.ping_timeout)
        self.server.clock.advance(0)
        self.assertWaits(client.identity)
        self.server.clock.advance(self.window() - 1)
        self.assertTrue(self.come_back("u", self.token, 0).ack["resumed"])

    def test_slow_consumer(self) -> None:
        """Closed by us with 4003 as it does not read: the session waits and has everything for it."""
        self.serve(max_send_queue=10_000)
        bob = self.server.user("bob")
        client = self.client()
        client.wire.protocol._outbox.pauseProducing()
        self.text(bob, "u", *("x" * 1000 for _ in range(15)))
        self.assertWaits(client.identity)
        client.wire.protocol._outbox.resumeProducing()
        client.take()
        self.assertEqual(client.closed and client.closed[0], 4003)
        back = self.come_back("u", self.token, 0)
        self.assertEqual([back.ack["resumed"], len(contents(back.missed))], [True, 15])

    def test_too_slow_for_its_ack(self) -> None:
        """A client that is given up over the very ack leaves nothing once the window is over."""
        self.serve(max_send_queue=1024)
        client = self.server.connect()
        assert isinstance(client, WireClient)
        client.greeted()
        client.wire.protocol._outbox.pauseProducing()
        hello = {"uid": "u", "resume": True}
        client.say(SERVER, "iq-result", query="session-hello", transaction="x" * 1500, description=hello)
        self.server.clock.advance(0)
        self.server.clock.advance(self.window() + 10)
        self.assertNothingLeft()

    def test_answer_to_4003(self) -> None:
        """The close frame with which the client answers our 4003 does not end the session."""
        client = self.client()
        self.too_slow(client)
        client.wire.send_frame(8, (4003).to_bytes(2, "big"))
        self.server.clock.advance(5)
        self.assertWaits(client.identity)

    def test_close_frame_of_the_client(self) -> None:
        """A close frame from the client ends it at once, whatever its code."""
        for payload in (b"", (1000).to_bytes(2, "big"), (1001).to_bytes(2, "big"), (4000).to_bytes(2, "big")):
            client = self.client()
            self.assert_ends(client, None, lambda: client.wire.send_frame(8, payload))  # noqa: B023  # called at once

    def test_frames_that_are_refused(self) -> None:
        """So do frames after which we close: 1002, 1003, 1007, 1009."""
        self.serve(max_message_size=4096)
        frames = {
            1002: b"\x81\x02{}",
            1003: masked_frame(2, b"{}"),
            1007: masked_frame(1, b'"\xff"'),
            1009: masked_frame(1, b" " * 5000),
        }
        for code, frame in frames.items():
            with self.subTest(code):
                client = self.client()
                self.assert_ends(client, code, lambda: client.wire.send(frame))  # noqa: B023  # called at once

    def test_abuse(self) -> None:
        """So does abuse: 1008."""
        client = self.client()
        self.assert_ends(client, 1008, lambda: client.wire.send(masked_frame(1, b"?") * 20))

    def test_administrator(self) -> None:
        """So does an administrator: 4004."""
        client = self.client()
        session = self.server.session_of(client)
        now = self.server.clock.seconds()
        self.assert_ends(client, 4004, lambda: session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", now))

    def test_nothing_left(self) -> None:
        """Nothing remains, however a connection ended."""
        for end in (self.too_slow, self.server.drop):
            client = self.client()
            end(client)
            client.take()
            client.wire.send_frame(8)
            self.server.clock.advance(self.window() + 10)
            self.assertNothingLeft()

    def test_all_it_missed_fits(self) -> None:
        """What a client missed does not make it too slow when it is back, however small the queue."""
        self.serve(max_send_queue=1024, rate_limit=0)
        bob = self.server.user("bob")
        client = self.client()
        self.server.drop(client)
        self.text(bob, "u", *range(900))
        back = self.server.connect()
        assert isinstance(back, WireClient)
        back.greeted()
        back.wire.protocol._outbox.pauseProducing()
        hello = {"uid": "u", "resume": {"token": self.token, "seq": 0}}
        back.say(SERVER, "iq-result", query="session-hello", description=hello)
        self.server.clock.advance(0)
        back.wire.protocol._outbox.resumeProducing()
        self.assertEqual(contents(back.take()[1:]), list(range(900)))
        self.assertIsNone(back.closed)

    def test_old_connection_keeps_nothing(self) -> None:
        """What waits on the connection that a client has left is dropped: it gets all of that on the new one."""
        bob = self.server.user("bob")
        old = self.client()
        old.wire.protocol._outbox.pauseProducing()
        self.text(bob, "u", *("x" * 1000 for _ in range(15)))
        back = self.come_back("u", self.token, 0)
        self.assertEqual(len(contents(back.missed)), 15)
        self.assertLess(old.wire.protocol._outbox.size, 127)


@on_both_transports
class CallTests(ResumeCase):
    """A connection that dies in the middle of a call."""

    def setUp(self) -> None:
        """Two that have opted in; one calls the other."""
        super().setUp()
        self.alice, self.alice_token = self.enter("alice")
        self.bob, self.bob_token = self.enter("bob")

    def propose(self) -> None:
        """The caller proposes a call."""
        self.alice.say("bob", "session-propose", sid="call-1", initiator="alice", responder="bob")

    def test_while_it_is_set_up(self) -> None:
        """Each party loses its connection at each step, and the call comes about all the same."""
        self.server.drop(self.bob)
        self.propose()
        self.server.drop(self.alice)
        bob = self.come_back("bob", self.bob_token, 0)
        self.assertEqual([message["jsongle"]["action"] for message in bob.missed], ["session-propose"])
        bob.client.say(self.alice.identity, "session-info", sid="call-1", reason="ringing")
        bob.client.say(self.alice.identity, "session-proceed", sid="call-1")
        self.server.drop(bob.client)
        alice = self.come_back("alice", self.alice_token, 0)
        said = [(message["jsongle"]["action"], message["jsongle"].get("reason")) for message in alice.missed]
        self.assertEqual(said, [("session-info", "trying"), ("session-info", "ringing"), ("session-proceed", None)])
        alice.client.say(self.bob.identity, "session-initiate", sid="call-1", description={"sdp": "offer"})
        for number in range(3):
            alice.client.say(self.bob.identity, "transport-info", sid="call-1", description={"candidate": number})
        self.assertNothing(alice.client)
        again = self.come_back("bob", bob.ack["resume"]["token"], 1)
        self.assertEqual(
            [message["jsongle"]["action"] for message in again.missed], ["session-initiate", *["transport-info"] * 3]
        )
        self.assertEqual(len(self.server.signaling.calls), 1)

    def test_does_not_come_back(self) -> None:
        """The other party hears once that nobody is there, when the window is over."""
        self.propose()
        self.bob.take()
        self.alice.take()
        self.server.drop(self.bob)
        self.assertNothing(self.alice)
        self.server.clock.advance(self.window())
        told = self.alice.take_one()["jsongle"]
        self.assertEqual([told["reason"], told["sid"]], ["unreachable", "call-1"])
        self.assertEqual(len(self.server.signaling.calls), 0)

    def test_does_not_come_back_to_an_active_call(self) -> None:
        """So it hears in an active call: nobody else would notice."""
        self.propose()
        self.bob.say(self.alice.identity, "session-proceed", sid="call-1")
        self.bob.say(self.alice.identity, "session-info", sid="call-1", reason="active")
        self.alice.take()
        self.server.drop(self.bob)
        self.server.clock.advance(self.window())
        self.assertEqual(self.alice.take_one()["jsongle"]["reason"], "unreachable")

    def test_comes_back_and_begins_anew(self) -> None:
        """A client that cannot go on is gone from its call as well."""
        self.propose()
        self.alice.take()
        self.server.drop(self.bob)
        self.assertFalse(self.come_back("bob", self.bob_token, 99).ack["resumed"])
        self.assertEqual(self.alice.take_one()["jsongle"]["reason"], "unreachable")
