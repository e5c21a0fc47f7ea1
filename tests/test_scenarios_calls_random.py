"""Calls at random: five devices of three users say anything of any call to anybody, come, go and wait.

Whatever happens: what is said of a live call reaches its parties alone, a call has at most one winner, nobody is told
twice of a call that nobody is there, nothing fails, and when all are gone nothing is left. And what is told outside is
the whole story of each call and each membership.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.call_steps import Outcome
from jsongle_server.calls import Call
from jsongle_server.occurrences import Kind
from jsongle_server.session import Session
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.testing_websocket import WebSocketMemoryServer
from tests.call_scenarios import ring_timers

UIDS = ("alice", "bob", "bob", "bob", "carol")
SIDS = ("s-1", "s-2")
ANSWERS = ("session-proceed", "session-accept")

who = st.integers(0, len(UIDS) - 1)
sid = st.sampled_from(SIDS)
target = st.sampled_from(["alice", "bob", "carol", "r", "m", "m/bob", "nowhere", "#0", "#1", "#2", "#3", "#4"])
what = st.sampled_from(
    [
        ("session-propose", {}),
        ("session-info", {"reason": "ringing"}),
        ("session-info", {"reason": "active"}),
        ("session-info", {"description": "malformed"}),
        ("session-proceed", {}),
        ("session-proceed", {"description": []}),
        ("session-accept", {}),
        ("session-decline", {}),
        ("session-retract", {}),
        ("session-terminate", {}),
        ("transport-info", {}),
    ]
)
step = st.one_of(
    st.tuples(st.just("propose"), who, st.just("bob") | target, sid),
    st.tuples(st.just("say"), who, st.just("alice"), sid, st.sampled_from([(answer, {}) for answer in ANSWERS])),
    st.tuples(st.just("say"), who, target, sid, what),
    st.tuples(st.just("say"), who, target, sid, what),
    st.tuples(st.just("drop"), who),
    st.tuples(st.just("come"), who),
    st.tuples(st.just("join"), who, st.sampled_from("rm")),
    st.tuples(st.just("leave"), who, st.sampled_from("rm")),
    st.tuples(st.just("wait"), who, st.sampled_from([1, 30, 60])),
)


class Conversation:
    """Runs steps against a server and watches what everybody hears."""

    def __init__(self, case: SynchronousTestCase, server: MemoryServer) -> None:
        self.case = case
        self.server = server
        self.calls = server.signaling.calls
        self.devices: list[Client | None] = [server.user(uid) for uid in UIDS]
        self.mark = 0
        self.senders: dict[int, str] = {}
        self.audiences: dict[int, set[str]] = {}
        self.winners: dict[str, str] = {}
        self.told: Counter[tuple[str, str]] = Counter()

    def run(self, steps: list[tuple[Any, ...]]) -> None:
        """Alice calls Bob; then takes every step, and reads after each what everybody heard."""
        self.run_step("propose", 0, "bob", "s-1")
        for name, index, *args in steps:
            self.run_step(name, index, *args)

    def run_step(self, name: str, index: int, *args: Any) -> None:
        """Takes one step of a device that is there, or has one come that is not."""
        device = self.devices[index]
        if name == "come":
            if device is None:
                self.devices[index] = self.server.user(UIDS[index])
        elif device is not None:
            getattr(self, name)(device, index, *args)
        self.read()

    def finish(self) -> None:
        """Everybody goes."""
        for index, device in enumerate(self.devices):
            if device is not None:
                self.drop(device, index)
                self.read()
        self.case.assertEqual(list(vars(self.calls).values()), [{}, {}, {}])
        self.case.assertEqual(ring_timers(self.server), [])
        self.read_news()

    def read_news(self) -> None:
        """Holds what was told outside against its rules: whatever has begun has ended, once and in order."""
        members: set[tuple[str, str]] = set()
        calls: dict[str, list[Kind]] = {}
        for told in self.server.occurrences:
            kind, data = told.kind, told.data
            if kind is Kind.MEMBER_JOINED:
                self.case.assertNotIn((told.session, data["rid"]), members)
                members.add((told.session, data["rid"]))
            elif kind is Kind.MEMBER_LEFT:
                members.remove((told.session, data["rid"]))
            elif data.get("reason") != "unreachable":
                calls.setdefault(data["sid"], []).append(kind)
                if kind is Kind.CALL_ENDED:
                    # What must follow where it is that it was missed, and is said twice where it is not.
                    missed = data["answeredBy"] is None and data["outcome"] != Outcome.DECLINED
                    calls[data["sid"]].append(Kind.CALL_MISSED if missed else kind)
        self.case.assertEqual(members, set())
        for kinds in calls.values():
            self.case.assertEqual(_stories(kinds), [])

    def drop(self, device: Client, index: int) -> None:
        """A device vanishes."""
        self.devices[index] = None
        self.server.drop(device)

    def join(self, device: Client, index: int, rid: str) -> None:
        """A device joins the room or the muc."""
        device.join(rid, muc=rid == "m")

    def leave(self, device: Client, index: int, rid: str) -> None:
        """A device leaves, if it is there."""
        device.ask("leave", rid=rid)

    def wait(self, device: Client, index: int, seconds: int) -> None:
        """Time passes."""
        self.server.clock.advance(seconds)

    def propose(self, device: Client, index: int, to: str, sid: str) -> None:
        """A device calls."""
        self.say(device, index, to, sid, ("session-propose", {}))

    def say(self, device: Client, index: int, to: str, sid: str, what: tuple[str, dict[str, Any]]) -> None:
        """A device says something of a call."""
        if to.startswith("#"):
            other = self.devices[int(to[1])]
            to = other.identity if other is not None else to
        self.mark += 1
        self.senders[self.mark] = device.identity
        action, jsongle = what
        before = self.calls.find(sid)
        if before is not None:
            self.audiences[self.mark] = self.audience(before)
        device.say(to, action, sid=sid, mark=self.mark, **jsongle)
        after = self.calls.find(sid)
        if before is None and after is not None:
            self.winners.pop(sid, None)
            self.told = Counter({key: count for key, count in self.told.items() if key[1] != sid})
            self.audiences[self.mark] = self.audience(after)

    def audience(self, call: Call[Session]) -> set[str]:
        """Who may speak and hear in a call: all parties, until the caller has heard one of them answer."""
        winner = self.winners.get(call.sid)
        return {party.identity for party in call.parties} if winner is None else {call.caller.identity, winner}

    def read(self) -> None:
        """Takes what came to everybody, and holds it against the rules."""
        for device in self.devices:
            if device is None:
                continue
            self.case.assertIsNone(device.closed)
            for message in device.take():
                self.take(device.identity, message)

    def take(self, reader: str, message: dict[str, Any]) -> None:
        """One message that came to a device."""
        self.case.assertEqual(message["to"], reader)
        jsongle = message["jsongle"]
        description = jsongle.get("description", {})
        self.case.assertNotEqual(description.get("errorCode"), 500001)
        sid, mark = jsongle.get("sid"), jsongle.get("mark")
        if jsongle.get("reason") == "unreachable":
            self.told[reader, sid] += 1
            self.case.assertEqual(self.told[reader, sid], 1)
        if mark in self.audiences:
            self.case.assertIn(reader, self.audiences[mark])
            self.case.assertIn(self.senders[mark], self.audiences[mark])
            call = self.calls.find(sid)
            if call is not None and jsongle["action"] in ANSWERS and reader == call.caller.identity:
                self.case.assertEqual(self.winners.setdefault(sid, self.senders[mark]), self.senders[mark])


def _stories(kinds: list[Kind]) -> list[Kind]:
    """What is left of what was told of the calls of one ``sid``, once whole stories are taken away."""
    endings = {
        (Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.CALL_MISSED, Kind.CALL_MISSED),
        (Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.CALL_ENDED),
        (Kind.CALL_STARTED, Kind.CALL_ANSWERED, Kind.CALL_ENDED, Kind.CALL_ENDED),
    }
    while kinds:
        story = next((story for story in endings if tuple(kinds[: len(story)]) == story), None)
        if story is None:
            return kinds
        kinds = kinds[len(story) :]
    return []


class RandomCallTests(SynchronousTestCase):
    """Anything may be said of a call, by anybody, in any order."""

    server_class: ClassVar[type[MemoryServer]] = MemoryServer

    def converse(self, steps: list[tuple[Any, ...]]) -> None:
        """One conversation from beginning to end."""
        server = self.server_class(ping_interval=0)
        server.listen()
        conversation = Conversation(self, server)
        conversation.run(steps)
        conversation.finish()
        self.assertEqual(self.flushLoggedErrors(), [])
        ended = sum(conversation.server.metrics.calls_ended.values())
        self.assertLessEqual(conversation.server.metrics.calls_answered, ended)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(step, max_size=40))
    def test_the_rules_hold(self, steps: list[tuple[Any, ...]]) -> None:
        """Whatever is said, the rules hold."""
        self.converse(steps)


class RandomCallOverWebSocketTests(RandomCallTests):
    """The same over frames."""

    server_class = WebSocketMemoryServer

    @settings(max_examples=60, deadline=None)
    @given(st.lists(step, max_size=40))
    def test_the_rules_hold(self, steps: list[tuple[Any, ...]]) -> None:
        """Frames change nothing."""
        self.converse(steps)
