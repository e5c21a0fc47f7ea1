"""Scenarios of devices that ring together: who wins, who is told, who hears the caller (protocol section 6)."""

from __future__ import annotations

from jsongle_server.call_steps import Outcome
from tests.call_scenarios import CALL, ELSEWHERE, PROCEED, RINGING, SID, TRYING, CallCase
from tests.scenarios import on_both_transports


@on_both_transports
class AnswerTests(CallCase):
    """The first answer wins."""

    def test_first_proceed_wins(self) -> None:
        """The caller gets the first proceed; a device that rings is told at once that it was not the first."""
        alice, phone, laptop = self.ringing("bob", "bob")
        mid = self.say(phone, alice, "session-proceed")
        self.assertEqual(alice.take_one()["id"], mid)
        self.assertRetracted(laptop, "answered-elsewhere")
        self.assertNothing(phone)

    def test_accept_wins_too(self) -> None:
        """A client that skips the proceed has answered with its accept."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-accept")
        self.assertHeard(alice, ("session-accept", None))
        self.assertHeard(laptop, ELSEWHERE)

    def test_two_proceeds_at_once(self) -> None:
        """Of two proceeds the caller gets the first alone; whoever sent the second hears that it came too late."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-proceed")
        self.say(laptop, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertHeard(laptop, ELSEWHERE, ELSEWHERE)
        self.assertNothing(phone)

    def test_two_proceeds_of_devices_that_were_silent(self) -> None:
        """A device whose first message is a proceed that comes too late is told once, and its proceed goes nowhere."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(phone, alice, "session-proceed")
        self.assertNothing(laptop)
        self.say(laptop, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertRetracted(laptop, "answered-elsewhere")

    def test_every_late_proceed(self) -> None:
        """A proceed that comes too late is answered each time."""
        alice, _, laptop = self.bound("bob", "bob")
        for _ in range(3):
            self.say(laptop, alice, "session-proceed")
            self.assertHeard(laptop, ELSEWHERE)
        self.assertNothing(alice)

    def test_late_proceed_in_an_active_call(self) -> None:
        """So it is when the others already talk."""
        alice, phone, laptop = self.active("bob", "bob")
        self.say(laptop, alice, "session-proceed")
        self.assertHeard(laptop, ELSEWHERE)
        self.assertNothing(alice, phone)

    def test_silent_device_is_told_when_it_reacts(self) -> None:
        """A device that has sent nothing yet gets its retract for its first message, which goes nowhere."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(phone, alice, "session-proceed")
        alice.take()
        self.assertNothing(laptop)
        self.say(laptop, alice, "session-info", reason="ringing")
        self.assertRetracted(laptop, "answered-elsewhere")
        self.say(laptop, alice, "session-info", reason="ringing")
        self.assertNothing(alice, laptop, phone)

    def test_silent_device_is_told_after_the_call_too(self) -> None:
        """Its retract waits for it when the call itself is long over, and is the only thing that was kept."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(phone, alice, "session-proceed")
        self.say(alice, phone, "session-terminate")
        self.assertNothingLeft(Outcome.CANCELED, owing=True)
        alice.take()
        self.say(laptop, alice, "session-info", reason="ringing")
        self.assertRetracted(laptop, "answered-elsewhere")
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.CANCELED)

    def test_device_in_another_call_is_never_disturbed(self) -> None:
        """Bob talks on his laptop: a call that he takes on his phone does not make a sound there."""
        carol, laptop = self.users("carol", "bob")
        carol.say("bob", "session-propose", sid="other")
        laptop.say("carol", "session-proceed", sid="other")
        phone, alice = self.users("bob", "alice")
        self.propose_from(alice, "bob")
        laptop.take()
        self.say(phone, alice, "session-info", reason="ringing")
        self.say(phone, alice, "session-proceed")
        laptop.say("carol", "session-info", sid="other", reason="mute")
        self.say(alice, phone, "session-terminate")
        self.assertNothing(laptop)

    def test_any_sign_of_life_is_a_reaction(self) -> None:
        """A device that has sent anything for the call, ringing or not, is told at once."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(laptop, alice, "transport-info")
        self.say(phone, alice, "session-proceed")
        self.assertHeard(laptop, ELSEWHERE)

    def test_losers_are_not_heard(self) -> None:
        """Whatever else a device that lost sends, the others hear nothing, and neither does it."""
        alice, phone, laptop = self.bound("bob", "bob")
        for action in ("session-info", "transport-info", "session-decline", "session-retract", "session-terminate"):
            self.say(laptop, alice, action, reason="ringing")
        self.assertNothing(alice, phone, laptop)
        self.assertLive()

    def test_decline_after_a_proceed(self) -> None:
        """A decline that crosses the proceed of another device changes nothing and is told to nobody."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-proceed")
        self.say(laptop, alice, "session-decline")
        self.assertHeard(alice, PROCEED)
        self.assertHeard(laptop, ELSEWHERE)
        self.assertNothing(phone)

    def test_proceed_after_a_decline(self) -> None:
        """A decline that was held back is forgotten when another device answers; who declined is not told."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(laptop, alice, "session-decline")
        self.say(phone, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertNothing(phone, laptop)


@on_both_transports
class BoundTests(CallCase):
    """Who hears whom."""

    def test_early_candidates_reach_all(self) -> None:
        """Until somebody answers, what the caller sends reaches all who are rung and have not declined."""
        alice, phone, laptop, tablet = self.ringing("bob", "bob", "bob")
        self.say(tablet, alice, "session-decline")
        mid = alice.say("bob", "transport-info", **SID)
        self.assertEqual([phone.take_one()["id"], laptop.take_one()["id"]], [mid, mid])
        self.assertNothing(tablet)

    def test_the_winner_alone(self) -> None:
        """After the answer, what the caller sends to the user, or even to the loser, reaches the winner alone."""
        alice, phone, laptop = self.bound("bob", "bob")
        for to in ("bob", phone.identity, laptop.identity, "nowhere"):
            for action in ("session-initiate", "transport-info", "session-info"):
                mid = alice.say(to, action, **SID)
                got = phone.take_one()
                self.assertEqual((got["id"], got["from"], got["to"]), (mid, alice.identity, phone.identity))
        self.assertNothing(laptop, alice)

    def test_the_caller_alone(self) -> None:
        """What the winner sends reaches the caller alone, whatever it is addressed to."""
        alice, phone, laptop = self.bound("bob", "bob")
        carol = self.server.user("carol")
        for to in (alice.identity, "alice", "carol", laptop.identity, "nowhere"):
            mid = phone.say(to, "transport-info", **SID)
            self.assertEqual(alice.take_one()["id"], mid)
        self.assertNothing(phone, laptop, carol)

    def test_caller_proceeds_too(self) -> None:
        """The caller's own proceed, which clients send with early candidates, is relayed, before and after binding."""
        alice, phone, laptop = self.ringing("bob", "bob")
        alice.say("bob", "session-proceed", **SID)
        self.assertEqual([self.heard(phone), self.heard(laptop)], [[PROCEED], [PROCEED]])
        self.say(phone, alice, "session-proceed")
        alice.say("bob", "session-proceed", **SID)
        self.assertHeard(phone, PROCEED)
        self.assertHeard(laptop, ELSEWHERE)

    def test_winner_proceeds_again(self) -> None:
        """A proceed that the winner repeats, and its accept, are relayed."""
        alice, phone, _ = self.bound("bob", "bob")
        self.say(phone, alice, "session-proceed")
        self.say(phone, alice, "session-accept")
        self.assertHeard(alice, PROCEED, ("session-accept", None))
        self.assertEqual(self.server.metrics.calls_answered, 1)

    def test_no_call_action_is_lost(self) -> None:
        """Both ways, all that is neither an end nor a propose arrives, with its stamps, in order."""
        alice, phone = self.bound("bob")
        actions = ("session-info", "session-initiate", "session-accept", "transport-info", "session-proceed")
        for sender, recipient in ((alice, phone), (phone, alice)):
            mids = [self.say(sender, recipient, action) for action in actions]
            got = recipient.take()
            self.assertEqual([message["id"] for message in got], mids)
            for message in got:
                self.assertEqual(set(message["jsongle"]["description"]), {"sent", "relayed"})

    def test_either_ends_it(self) -> None:
        """Terminate or retract of either party reaches the other, and nobody else, and is the end."""
        for who in (0, 1):
            for action in ("session-terminate", "session-retract", "session-decline"):
                self.serve()
                clients = self.bound("bob", "bob")
                self.say(clients[who], clients[1 - who], action)
                self.assertHeard(clients[1 - who], (action, None))
                self.assertNothing(clients[who], clients[2])
                self.assertNothingLeft(Outcome.CANCELED)

    def test_either_ends_an_active_call(self) -> None:
        """A call that was active is completed by its end; either party may have said that it is."""
        for who in (0, 1):
            self.serve()
            clients = self.bound("bob", "bob")
            self.say(clients[who], clients[1 - who], "session-info", reason="active")
            self.server.clock.advance(30)
            self.say(clients[1 - who], clients[who], "session-terminate")
            self.assertHeard(clients[who], ("session-terminate", None))
            self.assertNothingLeft(Outcome.COMPLETED)
            self.assertEqual(self.server.metrics.talk_seconds.total, 30)

    def test_the_sid_is_free_again(self) -> None:
        """The sid of a call that is over can be used for another one."""
        alice, phone, laptop = self.active("bob", "bob")
        self.say(alice, phone, "session-terminate")
        phone.take()
        self.propose_from(alice, "bob")
        for device in (phone, laptop):
            self.assertHeard(device, ("session-propose", None))
            self.say(device, alice, "session-info", reason="ringing")
        self.assertHeard(alice, RINGING, RINGING)

    def test_a_new_call_of_the_sid_is_not_ended_by_the_last_one(self) -> None:
        """A device that did not react to a call of that sid is not told of its end when it reacts to the next one."""
        alice, _, laptop = self.propose("bob", "bob")
        self.say(alice, laptop, "session-retract")
        self.propose_from(alice, "bob")
        laptop.take()
        self.say(laptop, alice, "session-info", reason="ringing")
        self.assertNothing(laptop)
        self.assertHeard(alice, RINGING)


@on_both_transports
class ProposeAgainTests(CallCase):
    """A propose that is repeated with its ``sid``."""

    def test_trying_again(self) -> None:
        """The caller is told ``trying`` again; nobody else hears of it, and the call goes on as it was."""
        alice, phone, laptop = self.ringing("bob", "bob")
        alice.say("bob", "session-propose", **CALL)
        self.assertHeard(alice, TRYING)
        self.assertNothing(phone, laptop)
        self.say(phone, alice, "session-proceed")
        alice.say("bob", "session-propose", **CALL)
        self.assertHeard(alice, PROCEED, TRYING)
        self.assertHeard(laptop, ELSEWHERE)
        self.assertNothing(phone)

    def test_does_not_reach_newcomers(self) -> None:
        """A device that came after the propose is not rung by its repetition."""
        alice, _ = self.ringing("bob")
        newcomer = self.server.user("bob")
        alice.say("bob", "session-propose", **CALL)
        self.assertNothing(newcomer)

    def test_does_not_ring_longer(self) -> None:
        """The time to answer is counted from the first propose."""
        alice, _ = self.ringing("bob")
        self.server.clock.advance(59)
        alice.say("bob", "session-propose", **CALL)
        self.server.clock.advance(1)
        self.assertHeard(alice, TRYING, ("session-info", "unreachable"))

    def test_by_somebody_who_was_called(self) -> None:
        """Only the caller may: the others get 403006, and nobody hears of it."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.assertError(phone, 403006, mid=phone.say("alice", "session-propose", **CALL))
        self.say(laptop, alice, "session-proceed")
        alice.take()
        phone.take()
        for device in (phone, laptop):
            self.assertError(device, 403006, mid=device.say("alice", "session-propose", **CALL))
        self.assertNothing(alice)

    def test_refused_propose_is_no_reaction(self) -> None:
        """A device that has only sent a propose of the sid, which is refused, is not told until it reacts."""
        alice, phone, laptop = self.propose("bob", "bob")
        mid = self.say(laptop, alice, "session-propose")
        self.assertError(laptop, 403006, mid=mid)
        self.say(phone, alice, "session-proceed")
        self.assertNothing(laptop)
