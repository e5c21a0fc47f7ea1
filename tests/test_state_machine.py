"""Clients that come, talk, call, stall, lose their connections and come back, in any order.

Hypothesis chooses what happens; a naive model knows who must have got what. It is told of the server's state only where
that depends on how much fits into a buffer: when a client that does not read is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.session import Session, SessionState
from jsongle_server.testing import Client
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient
from tests.resuming import ResumeCase, say_hello
from tests.scenarios import SERVER, Message

UIDS: Final = ("a", "a", "b", "c")
"""Two devices of one user, and two others."""

ROOMS: Final = {"r": "join", "m": "muc-join"}
WINDOW: Final = 30.0

ACTIONS: Final = st.sampled_from(["session-proceed", "session-proceed", "session-decline", "session-terminate"])

who = st.integers(0, len(UIDS) - 1)
target = st.sampled_from([*ROOMS, *sorted(set(UIDS))])


class User:
    """One session as its client sees it, and what it must come to see.

    :ivar written: every frame since the first hello, with what it does once it arrives.
    :ivar arrived: how many of them the server has read.
    :ivar marks: the texts that it got.
    :ivar expected: those that it must have got.
    :ivar seen: by room, whom it takes to be there, from what it was told.
    :ivar away_since: when it lost its connection, ``None`` while it has one.
    """

    def __init__(self, uid: str, client: WireClient, session: Session, *, token: str) -> None:
        self.uid = uid
        self.client = client
        self.session = session
        self.identity = session.identity
        self.token = token
        self.seq = 0
        self.written: list[tuple[bytes, Callable[[], None]]] = []
        self.arrived = 0
        self.marks: list[int] = []
        self.expected: list[int] = []
        self.seen: dict[str, set[str]] = {}
        self.away_since: float | None = None
        self.is_stalled = False

    @property
    def is_live(self) -> bool:
        """Whether it can speak and hears at once."""
        return self.away_since is None and not self.is_stalled


class Machine(RuleBasedStateMachine):
    """A server, its clients, and the model."""

    def __init__(self) -> None:
        super().__init__()
        self.server = WebSocketMemoryServer(
            max_concurrent_users=1000,
            resume_window=WINDOW,
            max_send_queue=4096,
            rate_limit=0,
            candidate_rate=0,
            ping_interval=86_400,
        )
        self.users: list[User | None] = [None] * len(UIDS)
        self.rooms: dict[str, list[User]] = {rid: [] for rid in ROOMS}
        self.meant_for: dict[str, dict[str, None]] = {}
        self.mark = 0

    @initialize(opted=st.lists(st.booleans(), min_size=4, max_size=4))
    def gather(self, opted: list[bool]) -> None:
        """It begins with everybody in a room, most of them having opted in."""
        for index, resumable in enumerate(opted):
            self.connect(index, resumable or not index % 2)
            self.join(index, "r")  # those that can speak being all that there are so far, it is this one
            self.model_holds()

    # What may happen.

    @rule(index=who, opted=st.booleans())
    def connect(self, index: int, opted: bool) -> None:
        """A client where there is none."""
        if self.users[index] is None:
            self.begin(index, self.dial(), opted)

    @rule(index=who, rid=st.sampled_from(list(ROOMS)))
    def join(self, index: int, rid: str) -> None:
        """A client joins a room, or asks again."""
        if user := self.live(index):
            self.ask(user, ROOMS[rid], rid, lambda: self.enter(user, rid))

    @rule(index=who, rid=st.sampled_from(list(ROOMS)))
    def leave(self, index: int, rid: str) -> None:
        """A client leaves a room, whether or not it is in it."""
        if user := self.live(index):
            self.ask(user, "leave", rid, lambda: self.exit(user, rid))

    @rule(index=who, places=st.lists(target, min_size=1, max_size=4), size=st.sampled_from([0, 1500]))
    def text(self, index: int, places: list[str], size: int) -> None:
        """A client says something to rooms and others."""
        if user := self.live(index):
            for to in places:
                self.write_text(user, to, size=size, arrives=True)

    @rule(index=who, to=st.sampled_from(sorted(set(UIDS))))
    def propose(self, index: int, to: str) -> None:
        """A client calls somebody."""
        if user := self.live(index):
            self.mark += 1
            self.call(user, f"call-{self.mark}", "session-propose", to)

    @rule(index=who, latest=st.integers(1, 3), action=ACTIONS, back=st.booleans())
    def react(self, index: int, latest: int, action: str, back: bool) -> None:
        """A party, or whoever knows the ``sid`` of one of the latest calls, says something in it, to another party."""
        sids = [*self.meant_for][-latest : -latest + 1 or None]
        parties = self.meant_for[sids[0]] if sids else {}
        if user := self.pick(index, lambda user: user.is_live and user.identity in parties):
            others = [identity for identity in parties if identity != user.identity]
            if others:
                self.call(user, sids[0], action, others[0 if back else -1])

    @rule(index=who, read=st.integers(0, 5), lost=st.lists(target, max_size=3))
    def drop(self, index: int, read: int, lost: list[str]) -> None:
        """A connection is cut: some of what came was read, and some of what was written is lost."""
        user = self.pick(index, lambda user: user.away_since is None)
        if user is None:
            return
        for message in user.client.take()[:read]:
            self.hear(user, message)
        for to in lost:
            self.write_text(user, to, arrives=False)
        self.server.drop(user.client)
        self.went_away(user)

    @rule(index=who)
    def resume(self, index: int) -> None:
        """A client comes back after its connection was lost."""
        if user := self.pick(index, lambda user: user.away_since is not None):
            self.come_back(user)

    @rule(index=who, read=st.integers(0, 3))
    def change_networks(self, index: int, read: int) -> None:
        """A client comes back before the server has noticed that it was gone; it has not read all that came."""
        if user := self.pick(index, lambda user: bool(user.token) and user.away_since is None):
            for message in user.client.take()[:read]:
                self.hear(user, message)
            self.come_back(user)

    @rule(index=who)
    def begin_anew(self, index: int) -> None:
        """A client comes back with a number that was never given: its session ends, and another begins."""
        if user := self.pick(index, lambda user: user.away_since is not None):
            place = self.users.index(user)
            self.gone(user)
            self.begin(place, self.dial(), {"token": user.token, "seq": 1_000_000})

    @rule(index=who)
    def close(self, index: int) -> None:
        """A client ends its session with a close frame."""
        if user := self.live(index):
            user.client.wire.send_frame(8)
            self.gone(user)

    @rule(index=who)
    def stall(self, index: int) -> None:
        """A client does not read for a while."""
        if user := self.live(index):
            user.is_stalled = True
            user.client.wire.protocol._outbox.pauseProducing()

    @rule(index=who)
    def go_on_reading(self, index: int) -> None:
        """It reads again."""
        if user := self.pick(index, lambda user: user.is_stalled):
            user.is_stalled = False
            user.client.wire.protocol._outbox.resumeProducing()

    @precondition(lambda self: any(self.users))
    @rule(seconds=st.sampled_from([1.0, 10.0, WINDOW - 1, WINDOW, 61.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.server.clock.advance(seconds)

    # What must hold.

    @invariant()
    def model_holds(self) -> None:
        """Everybody knows what it must, and nobody anything else."""
        self.server.clock.advance(0)
        self.notice_ends()
        for user in filter(None, self.users):
            if user.is_live:
                for message in user.client.take():
                    self.hear(user, message)
                assert user.marks == user.expected
            else:
                assert user.marks == user.expected[: len(user.marks)]
        for rid, members in self.rooms.items():
            for user in members:
                if user.is_live:
                    assert user.seen[rid] == {member.identity for member in members if member is not user}
        present = [user for user in self.users if user is not None]
        assert len(self.server.signaling.registry) == len(present)
        assert self.server.metrics.errors[500001] == 0

    def teardown(self) -> None:
        """When the last has gone, nothing is left."""
        for user in filter(None, self.users):
            self.server.drop(user.client)
        self.server.clock.advance(WINDOW + 1)
        case = ResumeCase()
        case.server = self.server
        case.assertNothingLeft()

    # The model.

    def dial(self) -> WireClient:
        """A new connection."""
        client: Client = self.server.connect()
        assert isinstance(client, WireClient)
        return client

    def begin(self, index: int, client: WireClient, resume: Any) -> None:
        """Says a hello that begins a session."""
        session = self.server.session_of(client)
        (ack,) = say_hello(client, UIDS[index], resume)
        told = ack["jsongle"]["description"]
        assert told.get("resumed", False) is False
        self.users[index] = User(UIDS[index], client, session, token=told["resume"]["token"] if resume else "")

    def come_back(self, user: User) -> None:
        """A client goes on over another connection, and sends again what the server has not read."""
        client = self.dial()
        ack, *missed = say_hello(client, user.uid, {"token": user.token, "seq": user.seq})
        told = ack["jsongle"]["description"]
        assert told["resumed"] is True
        assert told["id"] == user.identity
        assert told["received"] == user.arrived
        user.client, user.token, user.away_since, user.is_stalled = client, told["resume"]["token"], None, False
        for message in missed:
            self.hear(user, message)
        for payload, effect in user.written[told["received"] :]:
            self.arrive(user, payload, effect)

    def pick(self, index: int, fits: Callable[[User], bool]) -> User | None:
        """One of the users for whom something holds, if there is any."""
        found = [user for user in self.users if user is not None and fits(user)]
        return found[index % len(found)] if found else None

    def live(self, index: int) -> User | None:
        """A client that can speak."""
        return self.pick(index, lambda user: user.is_live)

    def notice_ends(self) -> None:
        """Takes over from the server who was given up as too slow; who is gone after the window is known."""
        now = self.server.clock.seconds()
        for user in filter(None, list(self.users)):
            if user.is_stalled and user.session.state is not SessionState.IDENTIFIED:
                user.client.wire.protocol._outbox.resumeProducing()
                self.went_away(user)
            if user.away_since is not None and now - user.away_since >= WINDOW:
                assert user.session.state is SessionState.ENDED
                self.gone(user)

    def went_away(self, user: User) -> None:
        """A user has no connection any more."""
        if user.token:
            user.away_since, user.is_stalled = self.server.clock.seconds(), False
        else:
            self.gone(user)

    def gone(self, user: User) -> None:
        """A session has ended."""
        self.users[self.users.index(user)] = None
        for rid in ROOMS:
            self.exit(user, rid)

    def enter(self, user: User, rid: str) -> None:
        """A user is in a room."""
        if user not in self.rooms[rid]:
            self.rooms[rid].append(user)

    def exit(self, user: User, rid: str) -> None:
        """A user is in a room no more."""
        if user in self.rooms[rid]:
            self.rooms[rid].remove(user)

    def reached(self, user: User, to: str) -> list[User]:
        """Whom an address reaches."""
        if user in self.rooms.get(to, ()):
            return [member for member in self.rooms[to] if member is not user]
        present = [other for other in self.users if other is not None]
        named = [other for other in present if other.identity == to]
        return named or [other for other in present if other.uid == to and other is not user]

    def write(self, user: User, to: str, jsongle: Message, effect: Callable[[], None], *, arrives: bool = True) -> None:
        """A user writes a frame, which arrives or is lost on the way."""
        payload = orjson.dumps({"to": to, "jsongle": jsongle})
        user.written.append((payload, effect))
        if arrives:
            self.arrive(user, payload, effect)

    def arrive(self, user: User, payload: bytes, effect: Callable[[], None]) -> None:
        """A frame gets to the server."""
        user.arrived += 1
        effect()
        user.client.send_bytes(payload)

    def ask(self, user: User, query: str, rid: str, effect: Callable[[], None]) -> None:
        """A user asks the server for something."""
        self.write(user, SERVER, {"action": "iq-set", "query": query, "description": {"rid": rid}}, effect)

    def write_text(self, user: User, to: str, *, arrives: bool, size: int = 0) -> None:
        """A user writes a text that can be told from others."""
        self.mark += 1
        mark = self.mark

        def effect() -> None:
            for other in self.reached(user, to):
                other.expected.append(mark)

        jsongle = {"action": "session-text", "mark": mark, "description": {"content": "x" * size}}
        self.write(user, to, jsongle, effect, arrives=arrives)

    def call(self, user: User, sid: str, action: str, to: str) -> None:
        """A user says something in a call."""

        def effect() -> None:
            parties = self.meant_for.setdefault(sid, {user.identity: None})
            parties.update((other.identity, None) for other in self.reached(user, to))

        self.write(user, to, {"action": action, "sid": sid}, effect)

    def hear(self, user: User, message: Message) -> None:
        """A user reads a message."""
        assert message["to"] == user.identity
        if user.token:
            assert message["seq"] == user.seq + 1
            user.seq = message["seq"]
        else:
            assert "seq" not in message
        jsongle = message["jsongle"]
        description = jsongle.get("description", {})
        if "mark" in jsongle:
            user.marks.append(jsongle["mark"])
        elif "sid" in jsongle:
            assert user.identity in self.meant_for[jsongle["sid"]]
        elif jsongle.get("event") in ("joined", "left"):
            seen, member = user.seen[description["rid"]], description["member"]["id"]
            assert (member in seen) is (jsongle["event"] == "left")
            (seen.remove if jsongle["event"] == "left" else seen.add)(member)
        elif jsongle["action"] == "iq-result" and jsongle["query"] == "leave":
            del user.seen[description["rid"]]
        elif jsongle["action"] == "iq-result":
            user.seen[description["rid"]] = {member["id"] for member in description["members"]}


class StateMachineTests(SynchronousTestCase):
    """The machine runs."""

    def test_whatever_happens(self) -> None:
        """Every ``joined`` has one ``left``, all get what is theirs, in order and once, and nothing is left behind."""
        run_state_machine_as_test(Machine, settings=settings(max_examples=120, stateful_step_count=60, deadline=None))
        self.assertEqual(self.flushLoggedErrors(), [])
