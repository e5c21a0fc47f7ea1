"""Whole conversations at random: four clients say anything to anybody, and a naive model knows who must get it.

The model keeps who is connected and who is in which room, nothing else; it is told of both by what the clients do, and
never looks into the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import Client, MemoryServer
from jsongle_server.testing_websocket import WebSocketMemoryServer
from tests.scenarios import SERVER, Message

UIDS = ("u", "u", "v", "m/v")
RIDS = ("m", "r", "v", "m/v")
GARBAGE_LIMIT = 19

who = st.integers(0, 3)
word = st.sampled_from(
    ["session-propose", "session-info", "session-terminate", "session-text", "session-event", "iq-get", "iq-result"]
)
target = st.sampled_from(["m", "r", "v", "u", "m/v", "m/u", "nowhere", "", SERVER, "#0", "#1", "#2", "#3"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "ack", SERVER, "session-hello"]),
    lambda child: (
        st.lists(child, max_size=2) | st.dictionaries(st.sampled_from(["uid", "rid", "x"]), child, max_size=2)
    ),
    max_leaves=3,
)
odd_fields = st.dictionaries(st.sampled_from(["id", "from", "to", "jsongle", "x"]), anything, max_size=3)
odd_jsongle = st.dictionaries(
    st.sampled_from(["query", "transaction", "description", "namespace", "event", "sid"]), anything, max_size=3
)
step = st.one_of(
    st.tuples(st.just("connect"), who),
    st.tuples(st.just("drop"), who),
    st.tuples(st.just("join"), who, st.sampled_from(RIDS), st.booleans()),
    st.tuples(st.just("leave"), who, st.sampled_from(RIDS)),
    st.tuples(st.just("say"), who, target, word, st.sampled_from([None, "muc", "room"])),
    st.tuples(st.just("say"), who, target, word, st.sampled_from([None, "muc", "room"])),
    st.tuples(st.just("odd_envelope"), who, odd_fields),
    st.tuples(
        st.just("odd_jsongle"),
        who,
        st.sampled_from(["iq-set", "iq-get", "iq-result", "ack", "session-event"]),
        odd_jsongle,
    ),
    st.tuples(st.just("garbage"), who, st.text(max_size=12)),
)


class User:
    """One client of the conversation and all that came to it.

    :ivar marks: which messages of others it got, in order.
    :ivar expected: which it must have got.
    :ivar seen: by room, the identities that it takes to be there, from what it was told.
    """

    def __init__(self, uid: str, client: Client) -> None:
        self.uid = uid
        self.client = client
        self.identity = client.identity
        self.marks: list[int] = []
        self.expected: list[int] = []
        self.seen: dict[str, set[str]] = {}
        self.garbage = 0


class Conversation:
    """Runs steps against a server and checks them against the model."""

    def __init__(self, case: SynchronousTestCase, server: MemoryServer) -> None:
        self.case = case
        self.server = server
        self.users: list[User | None] = [None] * 4
        self.everybody: list[User] = []
        self.rooms: dict[str, tuple[bool, list[User]]] = {}
        self.mark = 0
        for index in range(4):
            self.connect(index)

    def run(self, steps: list[tuple[Any, ...]]) -> None:
        """Takes every step, and checks after each what everybody got."""
        for name, index, *args in steps:
            user = self.users[index]
            if name == "connect":
                self.connect(index)
            elif user is not None:
                action: Callable[..., None] = getattr(self, name)
                action(user, *args)
            self.read()

    def finish(self) -> None:
        """Everybody goes; the server must be as if nobody had ever been there."""
        for user in filter(None, list(self.users)):
            self.drop(user)
            self.read()
        signaling = self.server.signaling
        self.case.assertEqual([len(signaling.registry), len(signaling.rooms), signaling.connection_count], [0, 0, 0])
        self.case.assertEqual(self.server.metrics.errors[500001], 0)

    def connect(self, index: int) -> None:
        """A new client where there is none."""
        if self.users[index] is None:
            user = User(UIDS[index], self.server.user(UIDS[index]))
            self.users[index] = user
            self.everybody.append(user)

    def drop(self, user: User) -> None:
        """A client vanishes."""
        self.server.drop(user.client)
        self.users[self.users.index(user)] = None
        for rid in list(self.rooms):
            self.model_leave(user, rid)

    def join(self, user: User, rid: str, muc: bool) -> None:
        """Joins; the model says whether that must be possible and whom it must show."""
        kind, members = self.rooms.get(rid, (muc, []))
        answer = user.client.ask("muc-join" if muc else "join", rid=rid)["jsongle"]
        allowed = kind == muc and not (muc and "/" in rid)
        self.case.assertEqual(answer["action"], "iq-result" if allowed else "iq-error")
        if not allowed:
            return
        shown = [member["id"] for member in answer["description"]["members"]]
        self.case.assertEqual(shown, [member.identity for member in members if member is not user])
        if user not in members:
            self.rooms[rid] = (muc, [*members, user])
            user.seen[rid] = set(shown)

    def leave(self, user: User, rid: str) -> None:
        """Leaves; possible for members alone."""
        answer = user.client.ask("leave", rid=rid)["jsongle"]
        is_member = rid in self.rooms and user in self.rooms[rid][1]
        self.case.assertEqual(answer["action"], "iq-result" if is_member else "iq-error")
        self.model_leave(user, rid)

    def say(self, user: User, to: str, action: str, namespace: str | None) -> None:
        """Sends a marked message; the model says who must get it."""
        if to.startswith("#"):
            other = self.users[int(to[1])]
            to = other.identity if other is not None else to
        self.mark += 1
        for recipient in self.recipients(user, to):
            recipient.expected.append(self.mark)
        user.client.say(to, action, namespace=namespace, mark=self.mark, query="q")

    def odd_envelope(self, user: User, fields: Message) -> None:
        """Sends an envelope with odd fields to nobody in particular."""
        user.client.send({"to": "nowhere", "jsongle": {"action": "session-text"}, **fields})

    def odd_jsongle(self, user: User, action: str, jsongle: Message) -> None:
        """Says something odd to the server."""
        user.client.say(SERVER, action, **jsongle)

    def garbage(self, user: User, payload: str) -> None:
        """Sends text that is hardly ever a message, fewer times than it takes to be put out for it."""
        user.garbage += 1
        if user.garbage <= GARBAGE_LIMIT:
            user.client.send_bytes(payload.encode())

    def recipients(self, user: User, to: str) -> list[User]:
        """Who must get what a user sends, by the rules of the protocol in their order."""
        if to == SERVER:
            return []
        if user in self.rooms.get(to, (False, []))[1]:
            return [member for member in self.rooms[to][1] if member is not user]
        rid, _, uid = to.partition("/")
        muc, members = self.rooms.get(rid, (False, []))
        if "/" in to and muc and user in members:
            return [member for member in members if member is not user and member.uid == uid]
        present = [other for other in self.users if other is not None]
        named = [other for other in present if other.identity == to]
        return named or [other for other in present if other.uid == to and other is not user]

    def model_leave(self, user: User, rid: str) -> None:
        """Notes that a user is out of a room."""
        user.seen.pop(rid, None)
        if rid in self.rooms:
            kind, members = self.rooms[rid]
            self.rooms[rid] = (kind, [member for member in members if member is not user])
            if not self.rooms[rid][1]:
                del self.rooms[rid]

    def read(self) -> None:
        """Takes what came to everybody, and holds it against the model."""
        for user in self.everybody:
            for message in user.client.take():
                self.take(user, message)
            if user in self.users:
                self.case.assertIsNone(user.client.closed)
        for user in self.everybody:
            self.case.assertEqual(user.marks, user.expected)
        for rid, (_, members) in self.rooms.items():
            for user in members:
                others = {member.identity for member in members if member is not user}
                self.case.assertEqual(user.seen[rid], others)

    def take(self, user: User, message: Message) -> None:
        """One message: somebody's, a room event, or an answer to the user itself."""
        self.case.assertEqual(message["to"], user.identity)
        jsongle = message["jsongle"]
        if "mark" in jsongle:
            user.marks.append(jsongle["mark"])
            return
        self.case.assertEqual(message["from"], SERVER)
        if jsongle.get("event") in ("joined", "left"):
            seen = user.seen[jsongle["description"]["rid"]]
            came, member = jsongle["event"] == "joined", jsongle["description"]["member"]["id"]
            self.case.assertEqual(member in seen, not came)
            (seen.add if came else seen.remove)(member)


class ConversationTests(SynchronousTestCase):
    """Anything may be said, by anybody, in any order."""

    server_class: ClassVar[type[MemoryServer]] = MemoryServer

    def converse(self, steps: list[tuple[Any, ...]]) -> None:
        """One conversation from beginning to end."""
        conversation = Conversation(self, self.server_class())
        conversation.run(steps)
        conversation.finish()
        self.assertEqual(self.flushLoggedErrors(), [])

    @settings(max_examples=150, deadline=None)
    @given(st.lists(step, max_size=50))
    def test_everybody_gets_what_is_theirs(self, steps: list[tuple[Any, ...]]) -> None:
        """Each gets what is meant for it, in order, and nothing else; all that joined leave; no trace remains."""
        self.converse(steps)


class ConversationOverWebSocketTests(ConversationTests):
    """The same over frames."""

    server_class = WebSocketMemoryServer

    @settings(max_examples=40, deadline=None)
    @given(st.lists(step, max_size=50))
    def test_everybody_gets_what_is_theirs(self, steps: list[tuple[Any, ...]]) -> None:
        """Frames change nothing."""
        self.converse(steps)
