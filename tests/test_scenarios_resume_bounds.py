"""What a server keeps for those who are away, and how many it lets in (protocol sections 1 and 7)."""

from __future__ import annotations

from jsongle_server.testing import Client
from jsongle_server.testing_websocket import WebSocketMemoryServer
from tests.resuming import ResumeCase, contents, say_hello
from tests.scenarios import on_both_transports


@on_both_transports
class BufferTests(ResumeCase):
    """The bounds of one session."""

    def away(self, unread: int, **settings: int) -> None:
        """A client that was sent so many texts, and then lost its connection."""
        self.serve(**settings)
        self.bob = self.server.user("bob")
        self.client, self.token = self.enter("u")
        self.text(self.bob, "u", *range(1, unread + 1))
        self.server.drop(self.client)

    def test_as_many_as_may_be(self) -> None:
        """It waits while all that was made since can be kept, and can have all of it."""
        self.away(0, resume_buffer_messages=3)
        self.text(self.bob, "u", 1, 2, 3)
        self.server.clock.advance(0)
        self.assertEqual(contents(self.come_back("u", self.token, 0).missed), [1, 2, 3])

    def test_one_more(self) -> None:
        """It ends when one more comes: who is called reachable is."""
        self.away(0, resume_buffer_messages=3)
        self.text(self.bob, "u", 1, 2, 3, 4)
        self.assertEnded(self.client.identity)
        mid = self.bob.say("u", "session-text")
        self.assertError(self.bob, 404002, mid=mid)
        self.assertFalse(self.come_back("u", self.token, 0).ack["resumed"])

    def test_ends_with_left(self) -> None:
        """Its rooms hear of it once, also while they are being told something."""
        self.serve(resume_buffer_messages=2)
        (bob,) = self.members("r", "bob")
        clients = [self.enter(f"u{number}")[0] for number in range(3)]
        for client in clients:
            client.join("r")
        for client in clients:
            self.server.drop(client)
        bob.take()
        for _ in range(3):
            bob.say("r", "session-text")
        self.server.clock.advance(0)
        events = [message["jsongle"] for message in bob.take() if message["jsongle"].get("event") == "left"]
        self.assertEqual(
            sorted(event["description"]["member"]["id"] for event in events),
            sorted(client.identity for client in clients),
        )

    def test_what_was_sent_before_may_go(self) -> None:
        """What was sent before the loss makes room first; who has seen it can go on."""
        self.away(2, resume_buffer_messages=3)
        self.text(self.bob, "u", 3, 4, 5)
        self.server.clock.advance(0)
        self.assertWaits(self.client.identity)
        self.assertEqual(contents(self.come_back("u", self.token, 2).missed), [3, 4, 5])

    def test_who_has_not_seen_it(self) -> None:
        """Who has not seen it cannot."""
        self.away(2, resume_buffer_messages=3)
        self.text(self.bob, "u", 3, 4)
        self.assertFalse(self.come_back("u", self.token, 0).ack["resumed"])

    def test_bytes(self) -> None:
        """Bytes are bounded as well."""
        self.away(0, resume_buffer_bytes=4096)
        self.text(self.bob, "u", "x" * 3000)
        self.server.clock.advance(0)
        self.assertWaits(self.client.identity)
        self.text(self.bob, "u", "x" * 1000)
        self.assertEnded(self.client.identity)

    def test_comes_back_before_it_ends(self) -> None:
        """Nobody goes on with a session that has lost something, however quick."""
        self.away(0, resume_buffer_messages=1)
        self.text(self.bob, "u", 1, 2)
        self.assertFalse(self.come_back("u", self.token, 1).ack["resumed"])
        self.server.clock.advance(0)
        for client in (self.bob, self.client):
            self.server.drop(client)

    def test_no_loss_while_connected(self) -> None:
        """A client that reads is sent any number of messages."""
        self.serve(resume_buffer_messages=1)
        bob = self.server.user("bob")
        client, _ = self.enter("u")
        self.text(bob, "u", *range(50))
        self.assertEqual(contents(client.take()), list(range(50)))


@on_both_transports
class AllTogetherTests(ResumeCase):
    """The bound over all who are away."""

    def test_oldest_end_first(self) -> None:
        """When more is kept than may be, those end that have been away longest, and no more than must."""
        self.serve(max_detached_bytes=10_000, resume_buffer_bytes=100_000)
        bob = self.server.user("bob")
        clients = [self.enter(f"u{number}")[0] for number in range(4)]
        for number in (2, 0, 3, 1):
            self.server.drop(clients[number])
        for number in range(4):
            self.text(bob, f"u{number}", "x" * 3000)
        self.assertEnded(clients[2].identity)
        for number in (0, 3, 1):
            self.assertWaits(clients[number].identity)
        self.assertLessEqual(self.server.signaling.resumes.detached_bytes, 10_000)

    def test_at_the_loss(self) -> None:
        """What was sent before the loss counts from then on."""
        self.serve(max_detached_bytes=5_000)
        bob = self.server.user("bob")
        clients = [self.enter(f"u{number}")[0] for number in range(2)]
        for number in range(2):
            self.text(bob, f"u{number}", "x" * 3000)
        self.server.drop(clients[0])
        self.server.clock.advance(0)
        self.assertWaits(clients[0].identity)
        self.server.drop(clients[1])
        self.assertEnded(clients[0].identity)
        self.assertWaits(clients[1].identity)

    def test_one_that_is_too_much_alone(self) -> None:
        """Even the only one ends if it is too much."""
        self.serve(max_detached_bytes=1_024)
        bob = self.server.user("bob")
        client, _ = self.enter("u")
        self.server.drop(client)
        self.text(bob, "u", "x" * 3000)
        self.assertEnded(client.identity)
        self.server.drop(bob)
        self.assertNothingLeft()

    def test_as_many_as_the_server_takes(self) -> None:
        """No more sessions wait than clients may be connected; the one that has waited longest ends first."""
        self.serve(max_concurrent_users=2)
        identities = []
        for number in range(3):
            client, _ = self.enter(f"u{number}")
            identities.append(client.identity)
            self.server.drop(client)
        self.assertEnded(identities[0])
        for identity in identities[1:]:
            self.assertWaits(identity)


class CapacityTests(ResumeCase):
    """A full server, and clients that come back to it before their dead sockets were noticed."""

    server: WebSocketMemoryServer
    server_class = WebSocketMemoryServer

    def setUp(self) -> None:
        """A server for two, with one that has opted in and one that has not."""
        super().setUp()
        self.serve(max_concurrent_users=2)
        self.client, self.token = self.enter("u")
        self.other = self.server.user("other")

    def is_let_in(self) -> bool:
        """Whether another handshake is accepted."""
        return self.server.open_wire().handshake().startswith("HTTP/1.1 101 ")

    def test_comes_back(self) -> None:
        """A client with a token is let in and goes on; then the server is as full as before."""
        back = self.come_back("u", self.token, 0)
        self.assertTrue(back.ack["resumed"])
        self.client.take()
        self.server.clock.advance(10)
        self.assertEqual(self.server.signaling.connection_count, 2)

    def test_let_in_up_to_those_who_opted_in(self) -> None:
        """As many are let in as may be coming back, and no more."""
        self.assertEqual([self.is_let_in(), self.is_let_in()], [True, False])

    def test_nobody_opted_in(self) -> None:
        """Where nobody may be coming back, nobody is let in."""
        self.client.wire.send_frame(8)  # type: ignore[attr-defined]  # clients of this server have wires
        self.server.clock.advance(10)
        self.server.user("another")
        self.assertFalse(self.is_let_in())

    def test_those_away_have_no_socket_to_be_noticed(self) -> None:
        """Those whose loss was noticed take no place, and give none beyond that."""
        self.server.drop(self.client)
        self.assertEqual([self.is_let_in(), self.is_let_in()], [True, False])

    def assertTurnedAway(self, client: Client, answer: list[dict[str, object]]) -> None:
        """Ack failed, 503001, close 1013; nothing of it remains."""
        ack, error = answer
        self.assertEqual(ack["jsongle"]["status"], "failed")  # type: ignore[index]
        self.assertEqual(error["jsongle"]["description"]["errorCode"], 503001)  # type: ignore[index]
        client.take()
        self.assertEqual(client.closed and client.closed[0], 1013)
        self.assertEqual(len(self.server.signaling.registry), 2)

    def test_must_resume(self) -> None:
        """Who is let in like that and does not come back is turned away."""
        for resume in (None, True, {"token": "x.y", "seq": 0}):
            with self.subTest(resume):
                newcomer = self.server.connect()
                self.assertTurnedAway(newcomer, say_hello(newcomer, "v", resume))
                self.server.clock.advance(10)

    def test_place_is_free_again(self) -> None:
        """Once somebody has gone, there is room for anybody."""
        self.server.drop(self.other)
        self.server.user("another")
        self.assertEqual(self.server.signaling.connection_count, 2)

    def test_never_more_than_twice_as_many(self) -> None:
        """Those who come back to sessions that wait take as many places again at the most."""
        self.server.drop(self.other)
        tokens = {"u": self.token}
        for uid in ("v", "w"):
            client, tokens[uid] = self.enter(uid)
            self.server.drop(client)
        self.enter("y")
        for uid in ("v", "w"):
            self.assertTrue(self.come_back(uid, tokens[uid], 0).ack["resumed"])
        self.assertFalse(self.is_let_in())
