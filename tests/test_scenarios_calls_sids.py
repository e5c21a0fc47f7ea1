"""Scenarios of what is a call and whose it is: strangers, odd sids, rooms, how many (protocol section 6)."""

from __future__ import annotations

from typing import Any

from jsongle_server.call_steps import Outcome
from jsongle_server.vocabulary import CALL_ACTIONS
from tests.call_scenarios import CALL, ELSEWHERE, PROCEED, RINGING, SID, TRYING, UNREACHABLE, CallCase, unreachable
from tests.scenarios import SERVER, on_both_transports


@on_both_transports
class StrangerTests(CallCase):
    """Somebody who is no party of a call."""

    def test_every_action(self) -> None:
        """Whatever a stranger sends with the sid of a live call, to whomever, is 403006 and reaches nobody."""
        alice, phone, laptop = self.ringing("bob", "bob")
        eve, mallory = self.users("eve", "mallory")
        for to in ("alice", "bob", "mallory", "nowhere"):
            for action in sorted(CALL_ACTIONS):
                self.assertError(eve, 403006, mid=eve.say(to, action, **SID))
        self.assertNothing(alice, phone, laptop, mallory)
        self.say(phone, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)

    def test_other_devices_of_the_parties(self) -> None:
        """Parties are sessions: another device of the caller, or one that was not rung, is a stranger too."""
        alice, bob = self.ringing("bob")
        tablet, newcomer = self.users("alice", "bob")
        for device in (tablet, newcomer):
            self.assertError(device, 403006, mid=device.say("bob", "session-retract", **SID))
        self.assertNothing(alice, bob)
        self.assertLive()

    def test_in_the_room_of_the_call(self) -> None:
        """Being in the same room makes no party of anybody."""
        alice, bob = self.members("r", "alice", "bob")
        self.propose_from(alice, "r")
        (eve,) = self.members("r", "eve")
        self.assertError(eve, 403006, mid=eve.say("r", "session-terminate", **SID))
        bob.take(), alice.take()
        self.say(bob, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)

    def test_texts_are_no_calls(self) -> None:
        """What is no call action goes where it is addressed, whatever sid it carries."""
        alice, bob = self.ringing("bob")
        eve = self.server.user("eve")
        for action in ("session-text", "session-custom", "session-event"):
            mid = eve.say("bob", action, **SID)
            self.assertEqual(bob.take_one()["id"], mid)
        self.assertNothing(alice)

    def test_room_named_like_somebody(self) -> None:
        """A party cannot speak to the other in another's name by way of a room that is called like him."""
        for name in ("carol", "conf/carol", ""):
            self.serve()
            alice, bob, carol = self.users("alice", "bob", "carol")
            rid = name or carol.identity
            bob.join(rid)
            bob.say("alice", "session-propose", **SID)
            self.assertEqual(alice.take_one()["from"], bob.identity)
            bob.say(rid, "transport-info", **SID)
            self.assertEqual(alice.take_one()["from"], bob.identity)
            self.assertNothing(carol)


@on_both_transports
class SidTests(CallCase):
    """Which messages belong to a call."""

    def test_of_no_live_call(self) -> None:
        """A message with a sid that nobody has proposed, or whose call is over, is relayed as it is."""
        alice, bob = self.ringing("bob")
        self.say(bob, alice, "session-decline")
        alice.take()
        for sid in ("s-1", "never"):
            for action in sorted(CALL_ACTIONS - {"session-propose"}):
                mid = alice.say("bob", action, sid=sid)
                self.assertEqual(bob.take_one()["id"], mid)
        self.assertNothing(alice)

    def test_without_a_sid(self) -> None:
        """Without one, all devices hear all of it, and nothing is kept."""
        alice, phone, laptop = self.users("alice", "bob", "bob")
        for action in ("session-propose", "session-info", "session-retract"):
            alice.say("bob", action)
        phone.say("alice", "session-proceed")
        laptop.say("alice", "session-proceed")
        expected = [("session-propose", None), ("session-info", None), ("session-retract", None)]
        self.assertEqual([self.heard(phone), self.heard(laptop)], [expected, expected])
        self.assertHeard(alice, TRYING, PROCEED, PROCEED)
        self.assertNothingLeft()

    def test_odd_sids(self) -> None:
        """So it is with a sid that is no text, empty or longer than 256 characters."""
        sids: list[Any] = ["", "s" * 257, None, 0, 1.5, True, ["s"], {"s": {}}]
        alice, phone, laptop = self.users("alice", "bob", "bob")
        for sid in sids:
            alice.say("bob", "session-propose", sid=sid)
            phone.say("alice", "session-proceed", sid=sid)
            laptop.say("alice", "session-proceed", sid=sid)
            self.assertHeard(alice, TRYING, PROCEED, PROCEED)
        self.assertNothingLeft()

    def test_longest_sid(self) -> None:
        """A sid of 256 characters is followed, also if they are not ASCII."""
        alice, phone, laptop = self.users("alice", "bob", "bob")
        alice.say("bob", "session-propose", sid="é" * 256)
        phone.say("alice", "session-proceed", sid="é" * 256)
        laptop.say("alice", "session-proceed", sid="é" * 256)
        self.assertHeard(alice, TRYING, PROCEED)

    def test_unreachable_propose(self) -> None:
        """A propose that reaches nobody begins no call."""
        alice = self.server.user("alice")
        alice.say("nowhere", "session-propose", **CALL)
        self.assertHeard(alice, UNREACHABLE)
        self.assertNothingLeft()

    def test_oneself(self) -> None:
        """Whoever calls its own identity hears itself and begins no call; among others it is not rung."""
        alice = self.server.user("alice")
        alice.say(alice.identity, "session-propose", **CALL)
        self.assertHeard(alice, ("session-propose", None), TRYING)
        self.assertNothingLeft()
        tablet = self.server.user("alice")
        self.propose_from(alice, "alice")
        self.assertHeard(tablet, ("session-propose", None))

    def test_addressed_to_the_server(self) -> None:
        """The server is no way to reach a party: its sender is told once that nobody is there, the call goes on."""
        alice, bob = self.ringing("bob")
        alice.say(SERVER, "transport-info", **SID)
        alice.say(SERVER, "session-retract", **SID)
        self.assertHeard(alice, UNREACHABLE)
        self.assertNothing(bob)
        self.assertLive()


@on_both_transports
class RoomTests(CallCase):
    """Calls in rooms of three and more."""

    def test_the_first_member_wins(self) -> None:
        """In a room and in a muc, the caller and whoever answers first talk alone, each by the room's address."""
        for muc in (False, True):
            self.serve()
            alice, bob, carol, dave = self.members("r", "alice", "bob", "carol", "dave", muc=muc)
            self.propose_from(alice, "r")
            for other in (bob, carol, dave):
                self.assertHeard(other, ("session-propose", None))
            for other in (bob, carol):
                other.say("r", "session-info", **SID, reason="ringing")
                self.assertHeard(alice, RINGING)
            carol.say("r", "session-proceed", **SID)
            self.assertHeard(alice, PROCEED)
            self.assertHeard(bob, ELSEWHERE)
            alice.say("r", "session-initiate", **SID)
            got = carol.take_one()
            self.assertEqual((got["from"], got["jsongle"]["action"]), ("r", "session-initiate"))
            self.assertNothing(alice, bob, dave)
            dave.say("r", "session-proceed", **SID)
            self.assertHeard(dave, ELSEWHERE)
            self.assertNothing(alice, bob, carol)

    def test_names_in_a_muc(self) -> None:
        """Parties of a call in the muc namespace see one another by their addresses in there."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        alice.say("m", "session-propose", namespace="muc", **CALL)
        self.assertEqual(bob.take_one()["from"], "m/alice")
        bob.say("m/alice", "session-proceed", **SID)
        alice.inbox[:] = alice.take()[1:]
        self.assertEqual(alice.take_one()["from"], "m/bob")

    def test_the_room_goes_on(self) -> None:
        """What is no part of the call still reaches everybody in the room."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        self.propose_from(alice, "r")
        bob.say("r", "session-proceed", **SID)
        for client in (alice, bob, carol):
            client.take()
        mid = alice.say("r", "session-text")
        self.assertEqual([bob.take_one()["id"], carol.take_one()["id"]], [mid, mid])

    def test_two_calls_in_a_room(self) -> None:
        """Calls of one room do not get into each other's way."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        alice.say("r", "session-propose", sid="one")
        carol.say("r", "session-propose", sid="two")
        bob.say("r", "session-proceed", sid="one")
        bob.say("r", "session-proceed", sid="two")
        for client in (alice, bob, carol):
            client.take()
        alice.say("r", "transport-info", sid="one")
        carol.say("r", "session-terminate", sid="two")
        self.assertHeard(bob, ("transport-info", None), ("session-terminate", None))
        self.assertNothing(alice, carol)
        self.assertLive()


@on_both_transports
class LimitTests(CallCase):
    """How many calls there may be."""

    def test_32_live_calls(self) -> None:
        """A session may have 32 that it proposed; one more is 429001 and rings nobody, until one is over."""
        alice, bob = self.users("alice", "bob")
        for number in range(32):
            alice.say("bob", "session-propose", sid=f"s-{number}")
        self.assertEqual((len(alice.take()), len(bob.take())), (32, 32))
        self.assertError(alice, 429001, mid=alice.say("bob", "session-propose", sid="more"))
        self.assertNothing(bob)
        bob.say("alice", "session-decline", sid="s-7")
        self.assertHeard(alice, ("session-decline", None))
        alice.say("bob", "session-propose", sid="more")
        self.assertHeard(alice, TRYING)
        self.assertHeard(bob, ("session-propose", None))

    def test_live_calls_go_on(self) -> None:
        """At the limit, calls can be repeated, taken and talked in, and one can be called."""
        alice, bob = self.users("alice", "bob")
        for number in range(32):
            alice.say("bob", "session-propose", sid=f"s-{number}")
        alice.take(), bob.take()
        alice.say("bob", "session-propose", sid="s-0")
        bob.say("alice", "session-proceed", sid="s-0")
        self.assertHeard(alice, TRYING, PROCEED)
        bob.say("alice", "session-propose", sid="back")
        self.assertHeard(alice, ("session-propose", None))

    def test_what_silent_devices_are_owed(self) -> None:
        """For a device that never reacts, the ends of the latest 16 calls are kept, and none once it has gone."""
        alice, phone, laptop = self.users("alice", "bob", "bob")
        for number in range(40):
            alice.say("bob", "session-propose", sid=f"s-{number}")
            phone.say("alice", "session-proceed", sid=f"s-{number}")
            alice.say("bob", "session-terminate", sid=f"s-{number}")
        laptop.take(), alice.take()
        laptop.say("alice", "session-proceed", sid="s-0")
        self.assertHeard(alice, PROCEED)
        for number in range(24, 40):
            laptop.say("alice", "session-proceed", sid=f"s-{number}")
            self.assertHeard(laptop, ELSEWHERE)
        self.assertNothing(alice)
        alice.say("bob", "session-propose", sid="last")
        alice.say("bob", "session-retract", sid="last")
        self.server.drop(laptop)
        self.server.drop(phone)
        self.assertNothingLeft(*[Outcome.CANCELED] * 41)

    def test_a_stranger_keeps_nobody_ringing(self) -> None:
        """However often somebody else calls, a device that rings late hears that a call was answered elsewhere."""
        alice, phone, laptop, *strangers = self.users("alice", "bob", "bob", *(f"x{number}" for number in range(20)))
        alice.say("bob", "session-propose", sid="s")
        phone.say("alice", "session-proceed", sid="s")
        for stranger in strangers:
            stranger.say("bob", "session-propose", sid=stranger.identity)
            stranger.say("bob", "session-retract", sid=stranger.identity)
        alice.take(), laptop.take()
        laptop.say("alice", "session-info", reason="ringing", sid="s")
        self.assertHeard(laptop, ELSEWHERE)
        laptop.say("alice", "session-info", reason="ringing", sid="s")
        self.assertNothing(alice, laptop)

    def test_what_is_repeated_of_a_propose(self) -> None:
        """Of an ``initiator`` that is no name, but as long as a message, nothing is kept with the call."""
        alice, bob = self.users("alice", "bob")
        alice.say("bob", "session-propose", sid="s-1", initiator="x" * 10_000, responder="bob")
        self.server.drop(alice)
        bob.take()
        bob.say("alice", "session-info", sid="s-1")
        self.assertOwn(bob, unreachable(sid="s-1", responder="bob"))
