"""What is told of conversations to whoever listens: joins, leaves and calls (docs/webhooks.md)."""

from __future__ import annotations

from typing import Any

from jsongle_server.calls import MAX_CALLS
from jsongle_server.occurrences import Kind, Occurrence
from jsongle_server.testing import START, Client
from tests.call_scenarios import CALL, CallCase


class NewsCase(CallCase):
    """A server to which somebody listens."""

    def setUp(self) -> None:
        """Begins to listen."""
        self.serve()

    def serve(self, **settings: Any) -> None:
        """Begins to listen to another server."""
        super().serve(**settings)
        self.server.listen()

    def told(self) -> list[Occurrence]:
        """What was told since the last time."""
        taken, self.server.occurrences[:] = list(self.server.occurrences), []
        return taken

    def kinds(self) -> list[str]:
        """The kinds of that, in order."""
        return [occurrence.kind.value for occurrence in self.told()]

    def one(self) -> Occurrence:
        """The one thing that was told since the last time."""
        (occurrence,) = self.told()
        return occurrence

    def assertTold(self, *expected: tuple[str, dict[str, Any]]) -> None:
        """This was told since the last time, in this order; of the data, what is given here."""
        told = self.told()
        self.assertEqual([occurrence.kind.value for occurrence in told], [kind for kind, _ in expected])
        for occurrence, (_, data) in zip(told, expected, strict=True):
            self.assertEqual({key: occurrence.data[key] for key in data}, data)


def who(client: Client, uid: str, dn: str | None = None) -> dict[str, Any]:
    """What is told of a client."""
    return {"id": client.identity, "uid": uid, "dn": dn}


class RoomTests(NewsCase):
    """Joins and leaves."""

    def test_joined(self) -> None:
        """Who joins which room is told, by the name that he has in there, and nothing else that he says of himself."""
        alice = self.server.user("alice", dn="Alice", phone="555")
        self.assertEqual(self.told(), [])
        alice.join("tea", dn="Al")
        data = {"member": who(alice, "alice", "Al"), "rid": "tea", "kind": "room"}
        self.assertEqual(self.told(), [Occurrence(Kind.MEMBER_JOINED, alice.identity, START, data)])

    def test_left(self) -> None:
        """Who leaves is told in the same way, a muc being called one."""
        alice = self.server.user("alice")
        alice.join("tea", muc=True)
        self.told()
        self.server.clock.advance(1)
        alice.ask("leave", rid="tea")
        data = {"member": who(alice, "alice"), "rid": "tea", "kind": "muc"}
        self.assertEqual(self.told(), [Occurrence(Kind.MEMBER_LEFT, alice.identity, START + 1, data)])

    def test_nothing_new(self) -> None:
        """Joining a room again, and leaving none, is nothing to be told."""
        alice = self.server.user("alice")
        alice.join("tea")
        self.told()
        alice.join("tea")
        alice.ask("leave", rid="coffee")
        self.assertEqual(self.told(), [])

    def test_end(self) -> None:
        """A session that ends leaves each of its rooms."""
        alice = self.server.user("alice")
        for rid in ("tea", "coffee"):
            alice.join(rid)
        self.told()
        self.server.drop(alice)
        self.assertTold(("member.left", {"rid": "tea"}), ("member.left", {"rid": "coffee"}))

    def test_detached(self) -> None:
        """A session that waits for its client is still there; its end is told when it comes."""
        alice = self.server.user("alice", resume=True)
        alice.join("tea")
        self.told()
        self.server.drop(alice)
        self.assertEqual(self.told(), [])
        self.server.clock.advance(self.server.config.resume_window + 1)
        self.assertEqual(self.kinds(), ["member.left"])


class CallTests(NewsCase):
    """Calls that ring somebody."""

    def test_started(self) -> None:
        """A call that rings is told: who calls, who is called, with what; and not what else the propose says."""
        alice, bob = self.server.user("alice", dn="Alice"), self.server.user("bob")
        alice.say("bob", "session-propose", **CALL, description={"media": ["audio"], "sdp": "v=0"})
        data = {
            "sid": "s-1",
            "caller": who(alice, "alice", "Alice"),
            "called": {"to": "bob", "uid": "bob", "rid": None},
            "media": ["audio"],
        }
        self.assertEqual(self.told(), [Occurrence(Kind.CALL_STARTED, alice.identity, START, data)])
        self.assertEqual(self.heard(bob), [("session-propose", None)])

    def test_answered_and_completed(self) -> None:
        """The answer is told with whose it was, the end with how it came and how long they talked."""
        alice, bob = self.active("bob")
        self.assertTold(("call.started", {}), ("call.answered", {"sid": "s-1", "answeredBy": who(bob, "bob")}))
        self.server.clock.advance(90)
        self.say(bob, alice, "session-terminate")
        ended = {"sid": "s-1", "answeredBy": who(bob, "bob"), "outcome": "completed", "seconds": 90.0}
        self.assertTold(("call.ended", ended))

    def test_all_of_a_call_is_its_callers(self) -> None:
        """All that is told of a call has the caller's session, which keeps it in order."""
        alice, bob = self.active("bob")
        self.say(bob, alice, "session-terminate")
        told = self.told()
        self.assertEqual({occurrence.session for occurrence in told}, {alice.identity})
        self.assertEqual(len(told), 3)

    def test_declined(self) -> None:
        """A call that nobody wanted is over; it was not missed."""
        alice, bob = self.ringing("bob")
        self.told()
        self.say(bob, alice, "session-decline")
        self.assertTold(("call.ended", {"outcome": "declined", "seconds": 0.0, "answeredBy": None}))

    def test_timeout(self) -> None:
        """A call that nobody answered in time is over, and missed."""
        self.ringing("bob")
        self.told()
        self.server.clock.advance(60)
        self.assertTold(("call.ended", {"outcome": "timeout"}), ("call.missed", {"sid": "s-1", "reason": "timeout"}))

    def test_canceled(self) -> None:
        """So is one that the caller gave up before there was an answer."""
        alice, bob = self.ringing("bob")
        self.told()
        self.say(alice, bob, "session-retract")
        self.assertTold(("call.ended", {"outcome": "canceled"}), ("call.missed", {"reason": "canceled"}))

    def test_canceled_after_the_answer(self) -> None:
        """A call that was answered was not missed, even if nobody talked."""
        alice, bob = self.bound("bob")
        self.told()
        self.say(alice, bob, "session-terminate")
        self.assertTold(("call.ended", {"outcome": "canceled"}))

    def test_lost(self) -> None:
        """A call of which a party was lost before the answer is missed, whichever party it was."""
        for lost in (0, 1):
            self.serve()
            clients = self.ringing("bob")
            self.told()
            self.server.drop(clients[lost])
            self.assertTold(("call.ended", {"outcome": "lost"}), ("call.missed", {"reason": "lost"}))

    def test_lost_after_the_answer(self) -> None:
        """After the answer it was not missed."""
        _, bob = self.bound("bob")
        self.told()
        self.server.drop(bob)
        self.assertTold(("call.ended", {"outcome": "lost"}))

    def test_repeated(self) -> None:
        """A propose that is said again is no other call."""
        alice, _ = self.ringing("bob")
        self.told()
        self.propose_from(alice, "bob")
        self.assertEqual(self.told(), [])

    def test_room(self) -> None:
        """A call to a room has the room, and the name that the caller has in there, and nobody's user id."""
        for muc in (False, True):
            self.serve()
            self.members("tea", "bob", "carol", muc=muc)
            alice = self.server.user("alice", dn="Alice")
            alice.join("tea", muc=muc, dn="Al")
            self.told()
            alice.say("tea", "session-propose", **CALL)
            called = {"to": "tea", "uid": None, "rid": "tea"}
            self.assertTold(("call.started", {"called": called, "caller": who(alice, "alice", "Al")}))

    def test_member_of_a_muc(self) -> None:
        """A call to a member of a muc has both."""
        alice, _ = self.members("tea", "alice", "bob", muc=True)
        self.told()
        alice.say("tea/bob", "session-propose", **CALL)
        self.assertTold(("call.started", {"called": {"to": "tea/bob", "uid": "bob", "rid": "tea"}}))

    def test_identity(self) -> None:
        """A call to a session has the user id that is behind it."""
        alice, bob = self.users("alice", "bob")
        alice.say(bob.identity, "session-propose", **CALL)
        self.assertTold(("call.started", {"called": {"to": bob.identity, "uid": "bob", "rid": None}}))

    def test_too_many(self) -> None:
        """A call that is refused has not started."""
        alice, _ = self.users("alice", "bob")
        for number in range(MAX_CALLS + 1):
            alice.say("bob", "session-propose", sid=f"s-{number}")
        self.assertEqual(self.kinds(), ["call.started"] * MAX_CALLS)

    def test_not_followed(self) -> None:
        """Of a call without a ``sid`` the server knows nothing once it has passed it on, so nothing is told."""
        alice, bob = self.users("alice", "bob")
        alice.say("bob", "session-propose")
        bob.say(alice.identity, "session-proceed")
        self.assertEqual(self.told(), [])

    def test_stop(self) -> None:
        """A server that stops has what becomes of its calls told all the same."""
        self.ringing("bob")
        self.told()
        for session in self.server.signaling.sessions():
            session.end(START, cause="the server stops", tell_calls=False)
        self.assertEqual(self.kinds(), ["call.ended", "call.missed"])


class UnreachedTests(NewsCase):
    """Calls that ring nobody."""

    def missed(self, to: str, **jsongle: Any) -> list[Occurrence]:
        """What is told when Alice, who has said hello, calls somebody."""
        self.alice.say(to, "session-propose", **jsongle)
        return self.told()

    def setUp(self) -> None:
        """Lets Alice in."""
        super().setUp()
        self.alice = self.server.user("alice")

    def test_nobody(self) -> None:
        """A call to somebody who is not there is missed: who called whom, with what."""
        data = {
            "sid": "s-1",
            "caller": who(self.alice, "alice"),
            "called": {"to": "bob", "uid": "bob", "rid": None},
            "media": "video",
            "reason": "unreachable",
        }
        told = self.missed("bob", **CALL, description={"media": "video"})
        self.assertEqual(told, [Occurrence(Kind.CALL_MISSED, self.alice.identity, START, data)])

    def test_once(self) -> None:
        """It is missed once, however often it is said, and whatever else is said of it."""
        self.missed("bob", **CALL)
        self.assertEqual(self.missed("bob", **CALL), [])
        self.alice.say("bob", "transport-info", **CALL)
        self.alice.say("bob", "session-retract", **CALL)
        self.assertEqual(self.told(), [])
        self.assertEqual(len(self.missed("bob", sid="s-2")), 1)

    def test_other_messages(self) -> None:
        """A message of a call that reaches nobody, and is no propose, is no missed call."""
        self.alice.say("bob", "transport-info", sid="s-3")
        self.assertEqual(self.told(), [])

    def test_without_sid(self) -> None:
        """A call that cannot be followed is missed as well, without a ``sid``."""
        for sid in ({}, {"sid": 7}, {"sid": "x" * 257}):
            (occurrence,) = self.missed("bob", **sid)
            self.assertEqual((occurrence.kind, occurrence.data["sid"]), (Kind.CALL_MISSED, None))

    def test_empty_room(self) -> None:
        """A room with nobody else in it is called in vain."""
        for muc in (False, True):
            rid = f"tea-{muc}"
            self.alice.join(rid, muc=muc)
            self.told()
            (occurrence,) = self.missed(rid, sid=rid)
            self.assertEqual(occurrence.data["called"], {"to": rid, "uid": None, "rid": rid})

    def test_member_who_left(self) -> None:
        """The address of a member who is gone still says whose it was."""
        self.alice.join("tea", muc=True)
        self.told()
        (occurrence,) = self.missed("tea/bob", **CALL)
        self.assertEqual(occurrence.data["called"], {"to": "tea/bob", "uid": "bob", "rid": "tea"})

    def test_former_session(self) -> None:
        """The identity of a session that has ended is nobody's user id."""
        bob = self.server.user("bob")
        self.server.drop(bob)
        (occurrence,) = self.missed(bob.identity, **CALL)
        self.assertEqual(occurrence.data["called"], {"to": bob.identity, "uid": None, "rid": None})

    def test_server(self) -> None:
        """Nobody has missed a call to the server, or to oneself."""
        self.assertEqual(self.missed("jsongle-server", **CALL), [])
        self.assertEqual(self.missed(self.alice.identity, sid="s-2"), [])

    def test_what_cannot_be_a_name(self) -> None:
        """A ``to`` that is longer than any name is not told: it may be as long as a message."""
        self.assertEqual(len(self.missed("x" * 513, sid="a")), 1)
        self.assertEqual(self.missed("x" * 514, sid="b"), [])


class ListenTests(NewsCase):
    """Beginning to listen, and ceasing to."""

    def test_call_that_began_before(self) -> None:
        """A call that began while nobody listened is not told; the next one is."""
        self.server.signaling.publish_to(None)
        alice, bob = self.ringing("bob")
        self.server.listen()
        self.say(bob, alice, "session-proceed")
        self.say(bob, alice, "session-terminate")
        self.assertEqual(self.told(), [])
        alice.say("bob", "session-propose", **CALL)
        self.assertEqual(self.kinds(), ["call.started"])

    def test_call_that_ends_after(self) -> None:
        """Once nobody listens any more, nothing is told."""
        alice, bob = self.ringing("bob")
        self.told()
        self.server.signaling.publish_to(None)
        self.say(bob, alice, "session-proceed")
        self.say(bob, alice, "session-terminate")
        alice.say("nobody", "session-propose", sid="s-2")
        alice.join("tea")
        self.assertEqual(self.told(), [])
