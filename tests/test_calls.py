"""Tests of :mod:`jsongle_server.calls`: who is what, and what is kept."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.call_steps import CallState, Role
from jsongle_server.calls import MAX_CALLS, MAX_OWED, Call, Calls, is_followed
from jsongle_server.codec import Outgoing, address, encode
from jsongle_server.errors import TooManyCalls
from jsongle_server.vocabulary import MAX_NAME
from tests.members import PlainMember


def members(*identities: str) -> list[PlainMember]:
    """Members by these identities."""
    return [PlainMember(identity) for identity in identities]


def call_of(caller: PlainMember, *rung: PlainMember, sid: str = "s") -> Call[PlainMember]:
    """A call that has just been proposed."""
    return Call(sid, {"sid": sid}, caller=caller, rung=rung, rid=None, started=0.0)


def outgoing(mid: str = "m") -> Outgoing:
    """Something to be told."""
    return encode(mid, address("server"), {"jsongle": {"action": "session-retract"}})


class RoleTests(SynchronousTestCase):
    """Who is what to a call, and who hears whom."""

    def setUp(self) -> None:
        """A call that rings two."""
        self.alice, self.one, self.two, self.eve = members("alice", "one", "two", "eve")
        self.call = call_of(self.alice, self.one, self.two)

    def test_ringing(self) -> None:
        """Before the answer there are the caller and the rung; anybody else is no party."""
        roles = [self.call.role_of(member) for member in (self.alice, self.one, self.two, self.eve)]
        self.assertEqual(roles, [Role.CALLER, Role.RUNG, Role.RUNG, None])

    def test_answered(self) -> None:
        """After it there are a winner and losers."""
        self.call.winner = self.two
        roles = [self.call.role_of(member) for member in (self.alice, self.one, self.two, self.eve)]
        self.assertEqual(roles, [Role.CALLER, Role.LOSER, Role.WINNER, None])

    def test_recipients(self) -> None:
        """The caller speaks to those who may still answer, then to the winner; the others to the caller."""
        self.assertEqual(self.call.recipients_from(Role.CALLER), [self.one, self.two])
        self.call.rung[self.one].declined = True
        self.assertEqual(self.call.recipients_from(Role.CALLER), [self.two])
        self.call.winner = self.two
        self.assertEqual(self.call.recipients_from(Role.CALLER), [self.two])
        for role in (Role.RUNG, Role.WINNER):
            self.assertEqual(self.call.recipients_from(role), [self.alice])

    def test_declined(self) -> None:
        """A call is declined once one has declined and nobody who rings has not."""
        self.assertFalse(self.call.is_declined())
        self.call.rung[self.two].ringing = True
        self.call.rung[self.one].declined = True
        self.call.held = outgoing()
        self.assertFalse(self.call.is_declined())
        self.call.rung[self.two].declined = True
        self.assertTrue(self.call.is_declined())


class SidTests(SynchronousTestCase):
    """Which calls can be followed."""

    def test_sids(self) -> None:
        """Texts of 1 to 256 characters can be followed, and nothing else."""
        self.assertTrue(is_followed("s"))
        self.assertTrue(is_followed("s" * MAX_NAME))
        odd: list[Any] = ["", "s" * (MAX_NAME + 1), None, 5, 0.5, True, ["s"], {"s": 1}]
        self.assertEqual([sid for sid in odd if is_followed(sid)], [])


class CallsTests(SynchronousTestCase):
    """What is kept of calls, and for how long."""

    def setUp(self) -> None:
        """No calls."""
        self.calls: Calls[PlainMember] = Calls()
        self.alice, self.one, self.two = members("alice", "one", "two")

    def assertEmpty(self) -> None:
        """Nothing whatever is kept."""
        self.assertEqual(set(map(str, vars(self.calls).values())), {"{}"})

    def begin(self, sid: str = "s") -> Call[PlainMember]:
        """A call from Alice to the two others, followed."""
        call = call_of(self.alice, self.one, self.two, sid=sid)
        self.calls.begin(call)
        return call

    def test_found_by_sid_and_party(self) -> None:
        """A live call is found by its sid and by each party; one that is over by nobody."""
        call = self.begin()
        self.assertIs(self.calls.find("s"), call)
        self.assertEqual([self.calls.of(member) for member in (self.alice, self.one, self.two)], [[call]] * 3)
        self.calls.end(call)
        self.assertIsNone(self.calls.find("s"))
        self.assertEqual(self.calls.of(self.one), [])
        self.assertEmpty()

    def test_odd_sids_find_nothing(self) -> None:
        """A sid may be any JSON value."""
        self.begin()
        odd: list[Any] = [None, 1, ["s"], {"s": 1}, True]
        self.assertEqual([self.calls.find(sid) for sid in odd], [None] * 5)
        self.assertEqual([self.calls.settle(self.one, sid) for sid in odd], [None] * 5)

    def test_withdrawn(self) -> None:
        """Who has left a call is no party any more; the call goes on and ends without a trace."""
        call = self.begin()
        self.calls.withdraw(call, self.one)
        self.assertEqual((self.calls.of(self.one), call.role_of(self.one)), ([], None))
        self.calls.end(call)
        self.assertEmpty()

    def test_most_calls(self) -> None:
        """A caller may have 32 live calls; one more is refused and not followed, until one ends."""
        first = self.begin()
        for number in range(MAX_CALLS - 1):
            self.begin(f"s-{number}")
        self.assertRaises(TooManyCalls, self.begin, "more")
        self.assertEqual((len(self.calls), self.calls.find("more")), (MAX_CALLS, None))
        self.calls.end(first)
        self.begin("more")

    def test_being_called_is_no_limit(self) -> None:
        """Calls that others propose do not count: nobody can keep a user from calling by calling him."""
        for number in range(MAX_CALLS):
            self.begin(f"s-{number}")
        self.calls.begin(call_of(self.one, self.alice, sid="back"))
        self.assertIsNotNone(self.calls.find("back"))

    def test_answered_calls_are_counted(self) -> None:
        """Calls that ring do not count."""
        calls = [self.begin(state) for state in CallState]
        for call, state in zip(calls, CallState, strict=True):
            call.state = state
        self.assertEqual((len(self.calls), self.calls.count_answered()), (3, 2))

    def test_news_are_kept_until_the_first_message(self) -> None:
        """What a session is to be told is given out once, for its sid alone."""
        news = outgoing()
        self.calls.owe(self.one, call_of(self.alice, self.one, sid="s"), news)
        self.assertIsNone(self.calls.settle(self.one, "other"))
        self.assertIsNone(self.calls.settle(self.two, "s"))
        self.assertIs(self.calls.settle(self.one, "s"), news)
        self.assertIsNone(self.calls.settle(self.one, "s"))
        self.assertEmpty()

    def test_news_are_bounded(self) -> None:
        """A session that never reacts has the latest 16 kept for it."""
        for number in range(5 * MAX_OWED):
            self.calls.owe(self.one, call_of(self.alice, self.one, sid=f"s-{number}"), outgoing())
        kept = [number for number in range(5 * MAX_OWED) if self.calls.settle(self.one, f"s-{number}")]
        self.assertEqual(kept, list(range(4 * MAX_OWED, 5 * MAX_OWED)))
        self.assertEmpty()

    def test_news_of_others_are_not_pushed_out(self) -> None:
        """Whoever calls again and again makes a session forget calls of his own alone."""
        self.calls.owe(self.one, call_of(self.alice, self.one, sid="first"), outgoing())
        for number in range(5 * MAX_OWED):
            self.calls.owe(self.one, call_of(self.two, self.one, sid=f"s-{number}"), outgoing())
        self.assertIsNotNone(self.calls.settle(self.one, "first"))
        kept = [number for number in range(5 * MAX_OWED) if self.calls.settle(self.one, f"s-{number}")]
        self.assertEqual(kept, list(range(4 * MAX_OWED + 1, 5 * MAX_OWED)))

    def test_news_go_with_the_session(self) -> None:
        """Nothing is kept for a session that has ended."""
        self.calls.owe(self.one, call_of(self.alice, self.one, sid="s"), outgoing())
        self.calls.forget(self.one)
        self.calls.forget(self.two)
        self.assertEmpty()

    def test_news_of_an_earlier_call(self) -> None:
        """A new call of the same sid makes what was kept of the last one void."""
        self.calls.owe(self.one, call_of(self.alice, self.one, sid="s"), outgoing())
        self.begin()
        self.assertIsNone(self.calls.settle(self.one, "s"))
