"""Clients that lose their connection and go on where they were (protocol section 7)."""

from __future__ import annotations

from jsongle_server.registry import MAX_ALIASES
from tests.resuming import SERVER, ResumeCase, contents, numbers
from tests.scenarios import on_both_transports


@on_both_transports
class OptInTests(ResumeCase):
    """How a client says that it may come back."""

    def test_ack(self) -> None:
        """The ack tells the token and for how long the session would wait."""
        self.serve(resume_window=12)
        ack = self.server.connect().hello("u", resume=True)["jsongle"]["description"]
        self.assertEqual(ack["resume"], {"token": ack["resume"]["token"], "window": 12})
        self.assertNotIn("resumed", ack)

    def test_numbers_begin_after_the_ack(self) -> None:
        """The ack has no number; everything after it has: 1, 2, 3, …, whatever it is."""
        client = self.server.connect()
        self.assertNotIn("seq", client.inbox[0])
        self.assertNotIn("seq", client.hello("u", resume=True))
        bob = self.server.user("bob")
        client.join("r")
        bob.join("r")
        self.text(bob, "r", "one")
        client.say("nowhere", "session-text")
        client.send_bytes(b"garbage")
        self.assertEqual(numbers(client.take()), [2, 3, 4, 5])

    def test_later_ack_is_numbered(self) -> None:
        """A later hello's ack is a message like others."""
        client, _ = self.enter("u")
        self.assertEqual(client.hello("u", dn="Jon")["seq"], 1)

    def test_failed_hello_before(self) -> None:
        """What goes wrong before is not numbered either."""
        client = self.server.connect()
        client.greeted()
        client.say(SERVER, "iq-result", query="session-hello", description={"resume": True})
        self.assertEqual(numbers(client.take()), [None, None])
        client.hello("u", resume=True)
        self.assertEqual(client.ask("ping")["seq"], 1)

    def test_without(self) -> None:
        """Who does not opt in gets no token and no numbers."""
        for resume in (None, False):
            client = self.server.connect()
            self.assertEqual(client.hello("u", resume=resume)["jsongle"]["description"], {"id": client.identity})
            self.assertNotIn("seq", client.ask("ping"))

    def test_others_see_no_numbers(self) -> None:
        """Numbers are each recipient's own."""
        alice, _ = self.enter("alice")
        bob = self.server.user("bob")
        for client in (alice, bob):
            client.join("r")
        self.text(self.server.user("carol"), "bob", "x")
        self.assertEqual(numbers(bob.take()), [None])


@on_both_transports
class ComeBackTests(ResumeCase):
    """A client that comes back in time."""

    def test_goes_on(self) -> None:
        """It has its old identity, its rooms, a fresh token, and nobody heard that it was away."""
        bob = self.server.user("bob")
        bob.join("r")
        client, token = self.enter("u", dn="Jon")
        client.join("r")
        bob.take()
        self.server.drop(client)
        back = self.come_back("u", token, 1)
        self.assertEqual([back.ack["resumed"], back.ack["id"]], [True, client.identity])
        self.assertEqual(back.ack["resume"]["window"], self.window())
        self.assertNotEqual(back.ack["resume"]["token"], token)
        self.assertEqual(
            [member["id"] for member in back.client.ask("room-members", rid="r")["jsongle"]["description"]["members"]],
            [bob.identity],
        )
        self.assertNothing(bob)
        self.assertEqual(self.server.metrics.resumed, 1)

    def test_gets_what_it_missed(self) -> None:
        """What came after ``seq`` is sent again, before the loss or since, as it was; then numbers go on."""
        bob = self.server.user("bob")
        client, token = self.enter("u")
        self.text(bob, "u", 1, 2, 3)
        seen = client.take()
        self.server.drop(client)
        self.text(bob, "u", 4, 5)
        back = self.come_back("u", token, 1)
        self.assertEqual(contents(back.missed), [2, 3, 4, 5])
        self.assertEqual(numbers(back.missed), [2, 3, 4, 5])
        self.assertEqual(back.missed[:2], seen[1:])
        self.text(bob, "u", 6)
        live = back.client.take()
        self.assertEqual([contents(live), numbers(live)], [[6], [6]])
        self.assertEqual(self.server.metrics.replayed, 4)

    def test_nothing_missed(self) -> None:
        """Who has seen all gets nothing again."""
        client, token = self.enter("u")
        client.ask("ping")
        self.server.drop(client)
        self.assertEqual(self.come_back("u", token, 1).missed, [])

    def test_from_the_first_message_on(self) -> None:
        """Who has seen nothing gets everything but the acks of its first hellos."""
        bob = self.server.user("bob")
        client, token = self.enter("u")
        self.text(bob, "u", 1)
        for content in (2, 3):
            self.server.drop(client)
            self.text(bob, "u", content)
            client, ack, missed = self.come_back("u", token, 0)
            token = ack["resume"]["token"]
            self.assertEqual(contents(missed), list(range(1, content + 1)))
            self.assertEqual(numbers(missed), list(range(1, content + 1)))

    def test_again_and_again(self) -> None:
        """It may come back any number of times, each with the token that it got last."""
        bob = self.server.user("bob")
        client, token = self.enter("u")
        identity = client.identity
        for number in range(1, 6):
            self.server.drop(client)
            self.text(bob, identity, number)
            client, ack, missed = self.come_back("u", token, number - 1)
            token = ack["resume"]["token"]
            self.assertEqual([ack["resumed"], ack["id"], contents(missed)], [True, identity, [number]])

    def test_description_is_the_new_one(self) -> None:
        """What it says of itself as it comes back is what others are shown."""
        client, token = self.enter("u", dn="Jon")
        client.join("r")
        self.server.drop(client)
        self.come_back("u", token, 1)
        self.assertEqual(self.server.user("bob").join("r"), [{"uid": "u", "id": client.identity}])

    def test_window_begins_anew(self) -> None:
        """Each loss has the whole window."""
        client, token = self.enter("u")
        for _ in range(3):
            self.server.drop(client)
            self.server.clock.advance(self.window() - 1)
            client, ack, _ = self.come_back("u", token, 0)
            token = ack["resume"]["token"]
            self.assertTrue(ack["resumed"])
            client.ask("ping")

    def test_ack_was_lost(self) -> None:
        """Where the answer to its return was lost, it comes back with the same token again."""
        client, token = self.enter("u")
        for _ in range(3):
            self.server.drop(client)
            client, ack, _ = self.come_back("u", token, 0)
            self.assertTrue(ack["resumed"])
        fresh = ack["resume"]["token"]
        for good in (fresh, fresh):
            self.server.drop(client)
            client, ack, _ = self.come_back("u", good, 0)
            self.assertTrue(ack["resumed"])
        self.server.drop(client)
        self.assertFalse(self.come_back("u", token, 0).ack["resumed"])

    def test_numbers_are_the_servers_alone(self) -> None:
        """Nobody can make a client miss something, or lose its session, by a ``seq`` of his own."""
        bob = self.server.user("bob")
        client, token = self.enter("u")
        bob.send({"to": "u", "seq": 10**9, "jsongle": {"action": "session-text", "description": {"content": 1}}})
        (message,) = client.take()
        self.assertEqual(message["seq"], 1)
        self.server.drop(client)
        self.text(bob, "u", 2)
        back = self.come_back("u", token, message["seq"])
        self.assertEqual((back.ack["resumed"], contents(back.missed)), (True, [2]))


@on_both_transports
class ReceivedTests(ResumeCase):
    """``received``: the number of frames that need not be sent again."""

    def received(self, token: str) -> tuple[int, str]:
        """Comes back; returns what the ack says and the new token."""
        back = self.come_back("u", token, 0)
        self.server.drop(back.client)
        return back.ack["received"], back.ack["resume"]["token"]

    def test_none(self) -> None:
        """Hello answers are not counted, the first or later ones, good or bad."""
        client, token = self.enter("u")
        client.hello("u", dn="Jon")
        client.say(SERVER, "iq-result", query="session-hello", description={"uid": "other"})
        client.say(SERVER, "iq-result", query="session-hello", description={})
        self.server.drop(client)
        self.assertEqual(self.received(token)[0], 0)

    def test_every_frame(self) -> None:
        """Every text frame is, whatever became of it: relayed, answered, refused, or not even JSON."""
        client, token = self.enter("u")
        client.ask("ping")
        client.say("nowhere", "session-text")
        client.say("nowhere", "no-such-action")
        client.send({"from": "somebody else", "to": "u", "jsongle": {"action": "session-text"}})
        client.send_bytes(b"garbage")
        self.server.drop(client)
        self.assertEqual(self.received(token)[0], 5)

    def test_too_fast(self) -> None:
        """Frames that came too fast were read as well; hellos among them are hellos all the same."""
        self.serve(rate_limit=1, rate_burst=1)
        client, token = self.enter("u")
        for _ in range(5):
            client.say("nowhere", "session-text")
        client.say(SERVER, "iq-result", query="session-hello", description={"uid": "u"})
        self.server.drop(client)
        self.assertEqual(self.received(token)[0], 5)

    def test_over_all_connections(self) -> None:
        """The count goes on from connection to connection."""
        client, token = self.enter("u")
        client.ask("ping")
        self.server.drop(client)
        for count in (1, 3):
            back = self.come_back("u", token, 0)
            self.assertEqual(back.ack["received"], count)
            token = back.ack["resume"]["token"]
            back.client.ask("ping")
            back.client.ask("ping")
            self.server.drop(back.client)

    def test_before_the_hello(self) -> None:
        """What came before the first hello is not: it was refused."""
        client = self.server.connect()
        client.greeted()
        client.say("nowhere", "session-text")
        client.take()
        token = client.hello("u", resume=True)["jsongle"]["description"]["resume"]["token"]
        self.server.drop(client)
        self.assertEqual(self.received(token)[0], 0)

    def test_sending_the_rest_again(self) -> None:
        """A client that sends again what comes after ``received`` loses nothing and doubles nothing."""
        bob = self.server.user("bob")
        client, token = self.enter("u")
        written = [
            {"to": "bob", "jsongle": {"action": "session-text", "description": {"content": n}}} for n in range(9)
        ]
        sent = 0
        for arrived in (2, 0, 4, 3):
            for frame in written[sent : sent + arrived]:  # the others are written, and never arrive
                client.send(frame)
            self.server.drop(client)
            client, ack, _ = self.come_back("u", token, 0)
            token, sent = ack["resume"]["token"], ack["received"]
        self.assertEqual([contents(bob.take()), sent], [list(range(9)), 9])


@on_both_transports
class IdentityTests(ResumeCase):
    """A session has the identity of its first connection, and may be called by that of its latest."""

    def setUp(self) -> None:
        """A client that came back, and somebody else."""
        super().setUp()
        self.bob = self.server.user("bob")
        client, self.token = self.enter("u")
        self.old = client.identity
        self.server.drop(client)
        self.back = self.come_back("u", self.token, 0)
        self.client = self.back.client
        self.new = self.client.identity

    def test_both_are_accepted_as_from(self) -> None:
        """It may write either as ``from``; others see the old one."""
        self.assertNotEqual(self.old, self.new)
        for sender in (self.old, self.new, "", None):
            self.client.send({"from": sender, "to": "bob", "jsongle": {"action": "session-info"}})
            self.assertEqual(self.bob.take_one()["from"], self.old)

    def test_both_lead_to_it(self) -> None:
        """A message to either arrives, addressed to the old one."""
        for to in (self.old, self.new, "u"):
            self.text(self.bob, to, to)
            message = self.client.take_one()
            self.assertEqual([message["to"], contents([message])], [self.old, [to]])

    def test_one_session(self) -> None:
        """There is one session, not two."""
        self.assertEqual(len(self.server.signaling.registry), 2)
        self.assertEqual(self.server.signaling.count_sessions()["identified"], 2)
        self.assertIsNone(self.server.signaling.find(self.new))

    def test_shown(self) -> None:
        """Rooms show the old one alone."""
        self.client.join("r")
        self.assertEqual([member["id"] for member in self.bob.join("r")], [self.old])

    def test_end(self) -> None:
        """When it has ended, neither leads anywhere."""
        self.server.drop(self.client)
        self.server.clock.advance(self.window())
        for to in (self.old, self.new):
            mid = self.bob.say(to, "session-text")
            self.assertError(self.bob, 404002, mid=mid)

    def test_another_return(self) -> None:
        """After another return, frames that were written under an earlier connection's identity may still come."""
        self.server.drop(self.client)
        latest = self.come_back("u", self.back.ack["resume"]["token"], 0).client
        for name in (self.old, self.new, latest.identity):
            self.text(self.bob, name, "x")
            latest.take_one()
            latest.send({"id": "m", "from": name, "to": self.bob.identity, "jsongle": {"action": "session-info"}})
            self.assertEqual(self.bob.take_one()["from"], self.old)

    def test_many_returns(self) -> None:
        """So many later identities lead to a session, the latest ones; those before them lead nowhere."""
        token, client = self.back.ack["resume"]["token"], self.client
        for _ in range(MAX_ALIASES):
            self.server.drop(client)
            back = self.come_back("u", token, 0)
            token, client = back.ack["resume"]["token"], back.client
        mid = self.bob.say(self.new, "session-text")
        self.assertError(self.bob, 404002, mid=mid)
        self.text(self.bob, self.old, "x")


@on_both_transports
class HalfOpenTests(ResumeCase):
    """A client that comes back before the server has noticed that it was gone."""

    def test_new_connection_wins(self) -> None:
        """The old connection is closed with 4002; the session goes on in the new one."""
        bob = self.server.user("bob")
        old, token = self.enter("u")
        self.text(bob, "u", 1)
        back = self.come_back("u", token, 0)
        old.take()
        assert old.closed is not None
        self.assertEqual([back.ack["resumed"], old.closed[0]], [True, 4002])
        self.assertEqual(contents(back.missed), [1])
        self.text(bob, "u", 2)
        self.assertEqual([contents(back.client.take()), contents(old.take())], [[2], []])

    def test_old_connection_is_not_heard(self) -> None:
        """What still comes over the old one is ignored, and counts for nothing."""
        bob = self.server.user("bob")
        old, token = self.enter("u")
        back = self.come_back("u", token, 0)
        old.say("bob", "session-text")
        self.assertNothing(bob)
        self.assertEqual(self.come_back("u", back.ack["resume"]["token"], 0).ack["received"], 0)

    def test_end_of_the_old_connection(self) -> None:
        """The end of the old one, whenever it comes, is not that of the session."""
        old, token = self.enter("u")
        back = self.come_back("u", token, 0)
        self.server.drop(old)
        self.server.clock.advance(self.window())
        self.assertEqual(back.client.ask("ping")["jsongle"]["action"], "iq-result")
        self.assertEqual(self.server.signaling.connection_count, 1)

    def test_nothing_left(self) -> None:
        """Nothing remains of either when the session has ended."""
        old, token = self.enter("u")
        back = self.come_back("u", token, 0)
        self.server.drop(back.client)
        self.server.drop(old)
        self.server.clock.advance(self.window())
        self.assertNothingLeft()

    def test_delayed_attempt(self) -> None:
        """An earlier attempt that arrives late takes over, but the newest token that the client has stays good."""
        client, first = self.enter("u")
        self.server.drop(client)
        live = self.come_back("u", first, 0)
        self.come_back("u", first, 0)
        back = self.come_back("u", live.ack["resume"]["token"], 0)
        self.assertTrue(back.ack["resumed"])
