"""Scenarios of calls that nobody takes: declined, given up, not answered in time (protocol section 6)."""

from __future__ import annotations

from jsongle_server.call_steps import Outcome
from tests.call_scenarios import CALL, DECLINE, PROCEED, RINGING, SID, UNREACHABLE, CallCase, ring_timers, unreachable
from tests.scenarios import NOW, on_both_transports

AT_TIMEOUT = NOW.replace("09:08", "10:08")
"""A minute after every scenario begins."""


@on_both_transports
class DeclineTests(CallCase):
    """Declines are collected."""

    def test_the_only_device(self) -> None:
        """The decline of the only device is relayed at once, as it was sent, and the call is over."""
        alice, bob = self.ringing("bob")
        mid = bob.say("alice", "session-decline", **SID, reason="busy")
        relayed = {"sent": NOW, "relayed": NOW}
        self.assertEqual(
            alice.take_one(),
            {
                "id": mid,
                "from": bob.identity,
                "to": alice.identity,
                "jsongle": {"action": "session-decline", **SID, "reason": "busy", "description": relayed},
            },
        )
        self.assertNothing(bob)
        self.assertNothingLeft(Outcome.DECLINED)

    def test_held_back_until_all_have_declined(self) -> None:
        """While another device rings the caller hears nothing; then it hears of one decline, the last one."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-decline")
        self.assertNothing(alice)
        self.assertLive()
        mid = self.say(laptop, alice, "session-decline")
        self.assertEqual(alice.take_one()["id"], mid)
        self.assertNothing(phone, laptop)
        self.assertNothingLeft(Outcome.DECLINED)

    def test_retract_and_terminate_are_declines(self) -> None:
        """However a device says that it does not want the call, it is held back and counts."""
        for action in ("session-retract", "session-terminate"):
            self.serve()
            alice, phone, laptop = self.ringing("bob", "bob")
            self.say(phone, alice, action)
            self.assertNothing(alice)
            self.say(laptop, alice, action)
            self.assertHeard(alice, (action, None))
            self.assertNothingLeft(Outcome.DECLINED)

    def test_silent_devices_are_not_waited_for(self) -> None:
        """Only those that said they ring are; a silent one gets its retract when it reacts."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(phone, alice, "session-info", reason="ringing")
        self.say(phone, alice, "session-decline")
        self.assertHeard(alice, RINGING, DECLINE)
        self.assertNothing(laptop)
        self.assertNothingLeft(Outcome.DECLINED, owing=True)
        self.say(laptop, alice, "session-proceed")
        self.assertRetracted(laptop, "declined")
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.DECLINED)

    def test_devices_that_reacted_without_ringing(self) -> None:
        """A device that has sent something, but not that it rings, is told at once that it was declined."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(laptop, alice, "transport-info")
        self.say(phone, alice, "session-decline")
        self.assertHeard(alice, ("transport-info", None), DECLINE)
        self.assertRetracted(laptop, "declined")

    def test_declined_twice(self) -> None:
        """A device that declines again is still one that has declined."""
        alice, phone, laptop = self.ringing("bob", "bob")
        for _ in range(3):
            self.say(phone, alice, "session-decline")
        self.assertNothing(alice, laptop)
        self.assertLive()

    def test_the_last_one_rings_and_goes(self) -> None:
        """When the device for which the decline was held back goes away, the caller gets the decline."""
        alice, phone, laptop = self.ringing("bob", "bob")
        mid = self.say(phone, alice, "session-decline")
        self.server.drop(laptop)
        self.assertEqual(alice.take_one()["id"], mid)
        self.assertNothingLeft(Outcome.DECLINED)

    def test_who_declined_may_go(self) -> None:
        """A device that has declined and goes away leaves its decline behind; the other still rings."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-decline")
        self.server.drop(phone)
        self.assertNothing(alice, laptop)
        self.say(laptop, alice, "session-decline")
        self.assertHeard(alice, DECLINE)
        self.assertNothingLeft(Outcome.DECLINED)

    def test_who_declined_may_change_its_mind(self) -> None:
        """As long as the call rings elsewhere, a device that declined can still take it."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-decline")
        self.say(phone, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertRetracted(laptop, "answered-elsewhere")
        alice.say("bob", "session-initiate", **SID)
        self.assertHeard(phone, ("session-initiate", None))


@on_both_transports
class CancelTests(CallCase):
    """The caller gives up before anybody has answered."""

    def test_all_who_ring(self) -> None:
        """The caller's own retract reaches all who ring, and the call is over."""
        alice, phone, laptop = self.ringing("bob", "bob")
        mid = alice.say("bob", "session-retract", **SID)
        self.assertEqual([phone.take_one()["id"], laptop.take_one()["id"]], [mid, mid])
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.CANCELED)

    def test_terminate(self) -> None:
        """A terminate does the same."""
        alice, phone, laptop = self.ringing("bob", "bob")
        alice.say("bob", "session-terminate", **SID)
        for device in (phone, laptop):
            self.assertHeard(device, ("session-terminate", None))
        self.assertNothingLeft(Outcome.CANCELED)

    def test_silent_devices(self) -> None:
        """A device that has sent nothing gets the caller's retract for its first message, which goes nowhere."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.say(phone, alice, "session-info", reason="ringing")
        alice.take()
        mid = alice.say("bob", "session-retract", **SID, reason="cancel")
        self.assertEqual(phone.take_one()["id"], mid)
        self.assertNothing(laptop)
        self.assertNothingLeft(Outcome.CANCELED, owing=True)
        self.say(laptop, alice, "session-info", reason="ringing")
        got = laptop.take_one()
        self.assertEqual((got["id"], got["to"], got["jsongle"]["reason"]), (mid, laptop.identity, "cancel"))
        self.assertNothing(alice)
        self.assertNothingLeft(Outcome.CANCELED)

    def test_the_last_of_several_silent_devices(self) -> None:
        """So it is with the one that is left of several: it may be the one that is in another call."""
        alice, phone, laptop = self.propose("bob", "bob")
        self.server.drop(phone)
        self.say(alice, laptop, "session-retract")
        self.assertNothing(laptop)

    def test_the_only_device(self) -> None:
        """Where the propose reached one session only, the retract reaches it at once."""
        alice, bob = self.propose("bob")
        self.say(alice, bob, "session-retract")
        self.assertHeard(bob, ("session-retract", None))
        self.assertNothingLeft(Outcome.CANCELED)

    def test_those_that_declined(self) -> None:
        """A device that has declined is not told; the caller does not get the decline any more."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-decline")
        alice.say("bob", "session-retract", **SID)
        self.assertHeard(laptop, ("session-retract", None))
        self.assertNothing(alice, phone)

    def test_malformed(self) -> None:
        """A message that is refused changes nothing, whatever it would have been: the call rings on."""
        alice, phone, laptop = self.ringing("bob", "bob")
        for sender, action in (
            (alice, "session-retract"),
            (alice, "session-terminate"),
            (phone, "session-decline"),
            (phone, "session-proceed"),
        ):
            mid = self.say(sender, laptop, action, description="x")
            self.assertError(sender, 400001, mid=mid)
        self.assertNothing(alice, phone, laptop)
        self.say(laptop, alice, "session-proceed")
        self.assertHeard(phone, ("session-retract", "answered-elsewhere"))

    def test_malformed_propose(self) -> None:
        """A propose that is refused begins no call."""
        alice, bob = self.users("alice", "bob")
        mid = alice.say("bob", "session-propose", **CALL, description=[])
        self.assertError(alice, 400001, mid=mid)
        self.assertNothing(bob)
        self.assertNothingLeft()

    def test_what_the_caller_sends_after_it(self) -> None:
        """Candidates that come after its retract reach nobody, and are not answered: the devices are there."""
        alice, *devices = self.propose("bob", "bob")
        alice.say("bob", "session-retract", **SID)
        alice.say("bob", "transport-info", **SID)
        self.assertNothing(alice, *devices)


@on_both_transports
class TimeoutTests(CallCase):
    """Nobody answers in time."""

    def test_timeout(self) -> None:
        """A minute after the propose those who ring are retracted, and the caller is told ``unreachable``."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.server.clock.advance(59.9)
        self.assertNothing(alice, phone, laptop)
        self.server.clock.advance(0.1)
        retract = {**CALL, "action": "session-retract", "reason": "timeout", "description": {"ended": AT_TIMEOUT}}
        for device in (phone, laptop):
            self.assertOwn(device, retract)
        self.assertOwn(alice, {**unreachable(**CALL), "description": {"ended": AT_TIMEOUT}})
        self.assertNothingLeft(Outcome.TIMEOUT)

    def test_silent_devices(self) -> None:
        """A device that has sent nothing is retracted when it does, also if it is the only one."""
        for devices in (("bob",), ("bob", "bob")):
            self.serve()
            alice, *others = self.propose(*devices)
            self.server.clock.advance(60)
            self.assertHeard(alice, UNREACHABLE)
            self.assertNothing(*others)
            self.assertNothingLeft(Outcome.TIMEOUT, owing=True)
            for other in others:
                self.say(other, alice, "session-info", reason="ringing")
                self.assertHeard(other, ("session-retract", "timeout"))
            self.assertNothing(alice)
            self.assertNothingLeft(Outcome.TIMEOUT)

    def test_those_that_declined(self) -> None:
        """A device that has declined is not told; the caller hears of the time, not of the decline."""
        alice, phone, laptop = self.ringing("bob", "bob")
        self.say(phone, alice, "session-decline")
        self.server.clock.advance(60)
        self.assertHeard(alice, UNREACHABLE)
        self.assertHeard(laptop, ("session-retract", "timeout"))
        self.assertNothing(phone)

    def test_once(self) -> None:
        """The caller, having been told, is told nothing more for what reaches nobody afterwards."""
        alice, bob = self.ringing("bob")
        self.server.clock.advance(60)
        self.server.drop(bob)
        alice.take()
        alice.say("bob", "transport-info", **SID)
        self.assertNothing(alice)

    def test_answered_in_time(self) -> None:
        """An answer ends the wait, however long the call goes on."""
        alice, phone = self.ringing("bob")
        self.server.clock.advance(59)
        self.say(phone, alice, "session-proceed")
        self.assertHeard(alice, PROCEED)
        self.assertEqual(ring_timers(self.server), [])

    def test_configured(self) -> None:
        """``ringTimeout`` is the time."""
        self.serve(ring_timeout=5)
        alice, _ = self.ringing("bob")
        self.server.clock.advance(5)
        self.assertHeard(alice, UNREACHABLE)

    def test_off(self) -> None:
        """With 0 a call rings until somebody ends it."""
        self.serve(ring_timeout=0, ping_interval=0)
        alice, bob = self.ringing("bob")
        self.server.clock.advance(86_400)
        self.assertNothing(alice, bob)
        self.say(bob, alice, "session-decline")
        self.assertHeard(alice, DECLINE)
        self.assertNothingLeft(Outcome.DECLINED)
