"""Scenarios of calls of which a party goes away: who is told, and that it is told once (protocol section 6)."""

from __future__ import annotations

from collections.abc import Callable

from jsongle_server.call_steps import Outcome
from jsongle_server.testing import Client
from jsongle_server.vocabulary import CloseCode
from tests.call_scenarios import CALL, PROCEED, RINGING, SID, TRYING, UNREACHABLE, CallCase, unreachable
from tests.scenarios import on_both_transports


@on_both_transports
class RingingTests(CallCase):
    """Somebody goes while it rings."""

    def test_the_only_device(self) -> None:
        """The caller is told once; what it still sends for that sid is met with silence."""
        alice, bob = self.ringing("bob")
        self.server.drop(bob)
        self.assertOwn(alice, unreachable(**CALL))
        for action in ("transport-info", "session-info", "session-retract", "session-propose"):
            alice.say("bob", action, **SID)
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.LOST)

    def test_one_of_two(self) -> None:
        """While another device is rung nobody is told, and that one can answer."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.server.drop(laptop)
        self.assertNothing(alice, phone)
        self.say(phone, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertNothing(phone)

    def test_the_last_of_two(self) -> None:
        """When the last device has gone the caller is told, once."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.server.drop(laptop)
        self.server.drop(phone)
        self.assertHeard(alice, UNREACHABLE)
        self.assertNothingLeft(Outcome.LOST)

    def test_the_caller(self) -> None:
        """All who ring are told, once, and can go on."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.server.drop(alice)
        for device in (phone, laptop):
            self.assertOwn(device, unreachable(**CALL))
            self.say(device, alice, "session-proceed")
        self.assertNothing(phone, laptop)
        self.assertNothingLeft(Outcome.LOST)

    def test_the_caller_and_silent_devices(self) -> None:
        """A device that has sent nothing is told when it does, once; one that has declined is not told."""
        alice, phone, laptop, tablet = self.propose("bob", "bob", "bob")
        self.say(tablet, alice, "session-info", reason="ringing")
        self.say(laptop, alice, "session-decline")
        alice.take()
        self.server.drop(alice)
        self.assertHeard(tablet, UNREACHABLE)
        self.assertNothing(phone, laptop)
        self.say(phone, alice, "session-info", reason="ringing")
        self.assertOwn(phone, unreachable(**CALL))
        self.say(phone, alice, "session-proceed")
        self.say(laptop, alice, "session-decline")
        self.assertNothing(phone, laptop)
        self.assertNothingLeft(Outcome.LOST)


@on_both_transports
class AnsweredTests(CallCase):
    """Somebody goes after the answer."""

    def test_before_active(self) -> None:
        """The caller and the winner are each told of the other, once."""
        for who in (0, 1):
            self.serve()
            clients = self.bound("bob", "bob")
            gone, other, loser = clients[who], clients[1 - who], clients[2]
            self.server.drop(gone)
            self.assertOwn(other, unreachable(**CALL))
            self.say(other, gone, "session-info", reason="active")
            self.say(other, gone, "transport-info")
            self.assertNothing(other, loser)
            self.assertNothingLeft(Outcome.LOST)

    def test_active(self) -> None:
        """In an active call nobody is told: media flow without the server. The call is over all the same."""
        for who in (0, 1):
            self.serve()
            clients = self.active("bob", "bob")
            self.server.drop(clients[who])
            self.assertNothing(clients[1 - who], clients[2])
            self.assertNothingLeft(Outcome.COMPLETED)

    def test_a_loser(self) -> None:
        """A device that lost goes unnoticed, silent or not, before and after the call is active."""
        alice, phone, laptop, tablet = self.propose("bob", "bob", "bob")
        self.say(laptop, alice, "session-info", reason="ringing")
        self.say(phone, alice, "session-proceed")
        alice.take()
        self.server.drop(laptop)
        self.say(phone, alice, "session-info", reason="active")
        alice.take()
        self.server.drop(tablet)
        self.assertNothing(alice, phone)
        self.assertLive()
        self.say(alice, phone, "session-terminate")
        self.assertNothingLeft(Outcome.COMPLETED)

    def test_every_call_of_a_session(self) -> None:
        """Who goes leaves all of its calls, whatever it was to them, and nothing of any is left."""
        alice, bob, carol = self.users("alice", "bob", "carol")
        alice.say("bob", "session-propose", sid="out")
        carol.say("alice", "session-propose", sid="in")
        alice.say("carol", "session-proceed", sid="in")
        bob.say("alice", "session-info", sid="out", reason="ringing")
        bob.take(), carol.take()
        self.server.drop(alice)
        self.assertOwn(bob, unreachable(sid="out"))
        self.assertOwn(carol, unreachable(sid="in"))
        self.assertNothingLeft(Outcome.LOST, Outcome.LOST)

    def test_everybody_at_once(self) -> None:
        """When all go, in any order, nothing is left."""
        for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
            for begin in (self.propose, self.ringing, self.bound, self.active):
                self.serve()
                clients = begin("bob", "bob")
                for index in order:
                    self.server.drop(clients[index])
                by_sid, by_member, owed = vars(self.server.signaling.calls).values()
                self.assertEqual((by_sid, by_member, owed), ({}, {}, {}))
                self.server.clock.advance(120)

    def test_ended_by_an_administrator(self) -> None:
        """A session that is ended by the server is gone like any other."""
        alice, bob = self.ringing("bob")
        session = self.server.session_of(bob)
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", self.server.clock.seconds())
        self.assertHeard(alice, UNREACHABLE)

    def test_what_is_still_said_in_an_active_call(self) -> None:
        """Who was not told, as media flow without the server, is not told by an answer either."""
        for who in (0, 1):
            self.serve()
            clients = self.active("bob")
            self.server.drop(clients[who])
            self.say(clients[1 - who], clients[who], "session-info", reason="mute")
            self.assertNothing(clients[1 - who])


@on_both_transports
class LeaveTests(CallCase):
    """Somebody leaves the room of the call."""

    def in_room(self, *uids: str, muc: bool = False, to: str = "r") -> list[Client]:
        """A call that rings in a room: the caller first, then the others."""
        clients = self.members("r", "alice", *uids, muc=muc)
        caller, *others = clients
        self.propose_from(caller, to)
        for other in others:
            self.say(other, caller, "session-info", reason="ringing")
            self.assertHeard(other, ("session-propose", None))
        caller.take()
        return clients

    def leaves(self, client: Client, *others: Client) -> None:
        """A client leaves the room; the others read that it has."""
        client.ask("leave", rid="r")
        for other in others:
            other.inbox[:] = [message for message in other.take() if message["jsongle"].get("event") != "left"]

    def test_own_propose(self) -> None:
        """A device that was to hear of the end of a call may call with that sid itself."""
        alice, phone, _ = self.propose("bob", "bob")
        self.say(alice, phone, "session-retract")
        alice.take()
        phone.say("alice", "session-propose", **CALL)
        self.assertHeard(phone, TRYING)
        self.assertHeard(alice, ("session-propose", None))

    def test_bystander(self) -> None:
        """A device that has not reacted hears nothing of what the caller still says when the winner has left."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        self.propose_from(alice, "r")
        self.say(bob, alice, "session-proceed")
        for client in (alice, bob, carol):
            client.take()
        self.leaves(bob, alice, carol)
        for action in ("transport-info", "session-terminate"):
            alice.say("r", action, **SID)
        self.assertNothing(carol)

    def test_the_one_who_is_called(self) -> None:
        """The caller is told, in a room and in a muc, by whatever address the call went there."""
        for muc, to in ((False, "r"), (True, "r"), (True, "r/bob")):
            self.serve()
            alice, bob = self.in_room("bob", muc=muc, to=to)
            self.leaves(bob, alice)
            self.assertOwn(alice, unreachable(**CALL))
            self.assertNothingLeft(Outcome.LOST)

    def test_the_caller(self) -> None:
        """Those who ring are told."""
        alice, bob, carol = self.in_room("bob", "carol")
        self.leaves(alice, bob, carol)
        for other in (bob, carol):
            self.assertHeard(other, UNREACHABLE)
        self.assertNothingLeft(Outcome.LOST)

    def test_the_caller_and_a_silent_device(self) -> None:
        """A device that reacts after the caller has left is told then, once, and nobody in the room hears of it."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        self.propose_from(alice, "r")
        bob.take(), carol.take()
        self.leaves(alice, bob, carol)
        self.assertNothing(bob, carol)
        self.assertNothingLeft(Outcome.LOST, owing=True)
        bob.say("r", "session-info", **SID, reason="ringing")
        self.assertOwn(bob, unreachable(**CALL))
        bob.say("nowhere", "session-proceed", **SID)
        self.assertNothing(alice, bob, carol)

    def test_the_winner(self) -> None:
        """The caller is told, as long as the call is not active."""
        alice, bob, carol = self.in_room("bob", "carol")
        bob.say("r", "session-proceed", **SID)
        alice.take(), carol.take()
        self.leaves(bob, alice, carol)
        self.assertHeard(alice, UNREACHABLE)
        self.assertNothing(carol)
        self.assertNothingLeft(Outcome.LOST)

    def test_active(self) -> None:
        """In an active call nobody is told."""
        alice, bob = self.in_room("bob")
        bob.say("r", "session-proceed", **SID)
        bob.say("r", "session-info", **SID, reason="active")
        alice.take()
        self.leaves(bob, alice)
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.COMPLETED)

    def test_another_room(self) -> None:
        """Leaving any other room, or a room through which the call was not proposed, changes nothing."""
        steps: list[Callable[[Client], object]] = [
            lambda bob: bob.ask("leave", rid="r"),
            lambda bob: (bob.join("other"), bob.ask("leave", rid="other")),
        ]
        for step in steps:
            self.serve()
            alice, bob = self.members("r", "alice", "bob")
            self.propose_from(alice, "bob")
            step(bob)
            bob.take(), alice.take()
            self.say(bob, alice, "session-info", reason="ringing")
            self.assertHeard(alice, RINGING)
            self.assertLive()

    def test_who_comes_later_is_no_party(self) -> None:
        """Somebody who joins the room of a call that rings does not hear it and cannot take it."""
        alice, _ = self.in_room("bob")
        (carol,) = self.members("r", "carol")
        alice.take()
        alice.say("r", "transport-info", **SID)
        self.assertNothing(carol)
        self.assertError(carol, 403006, mid=carol.say("r", "session-proceed", **SID))
        self.assertNothing(alice)
