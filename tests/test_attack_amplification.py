"""Small messages that cause much: what each can have the server keep or send, and that there is an end to it.

The bounds stand at about twice what is measured. What goes to all members of a room, or is told of all of them, is
bounded by their number: ``maxMembersPerRoom``, ``maxMembersPerMultiRoom`` and ``maxConcurrentUsers``.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.calls import MAX_CALLS, MAX_OWED
from jsongle_server.registry import MAX_ALIASES
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.told import TOLD_MEMORY
from jsongle_server.vocabulary import MAX_DESCRIPTION, MAX_NAME
from tests.memory import traced_memory
from tests.scenarios import SERVER

FULL = "x" * (MAX_DESCRIPTION - 100)
"""A display name that leaves room for little else in a description."""

LONG = "🙂" * (MAX_NAME - 10)
"""The longest part of a name that numbers can be told from: four bytes a character, in memory as on the wire."""


class Nothing(list[dict[str, Any]]):
    """An inbox that keeps nothing, so that only the server's memory counts."""

    def append(self, message: dict[str, Any]) -> None:
        """Forgets a message."""


class AmplificationCase(SynchronousTestCase):
    """A server without rates, so that an attacker is as fast as it likes."""

    def setUp(self) -> None:
        """Starts it."""
        self.server = MemoryServer(rate_limit=0, candidate_rate=0, max_concurrent_users=1000)

    def users(self, count: int, uid: str = "", **description: Any) -> list[Client]:
        """Clients that forget what they hear."""
        clients = [self.server.user(uid or f"user-{number}", **description) for number in range(count)]
        for client in clients:
            client.inbox = Nothing()
        return clients

    def join(self, client: Client, rid: str, **description: Any) -> None:
        """Has a client join a room, whatever it hears of it."""
        client.say(SERVER, "iq-set", query="join", description={"rid": rid, **description})

    def kept(self, work: Callable[[], object]) -> int:
        """Bytes of memory that the server has more after some work."""
        with traced_memory():
            self.result = work()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]


class MemoryTests(AmplificationCase):
    """What one session can have the server keep."""

    def test_session(self) -> None:
        """A session itself takes its description of 2 KiB, and as much again."""
        self.users(1)
        self.assertLess(self.kept(lambda: self.users(100, dn=FULL)), 100 * 4 * MAX_DESCRIPTION)

    def test_rooms(self) -> None:
        """Fifty rooms with the longest names, and a display name of its own in each: some 4 KiB a room."""
        (alice,) = self.users(1)

        def join_all() -> None:
            for number in range(100):
                self.join(alice, f"{number}{LONG}", dn=FULL)

        kept = self.kept(join_all)
        self.assertEqual(len(self.server.signaling.rooms), 50)
        self.assertLess(kept, 50 * 8192)

    def test_calls_in_a_large_room(self) -> None:
        """Each of at most 32 calls takes little more than 100 bytes for a member of its room, and its echo."""
        members = self.users(100)
        for member in members:
            self.join(member, "room")

        def call() -> None:
            for number in range(2 * MAX_CALLS):
                members[0].say(
                    "room", "session-propose", sid=f"{number}{LONG}", initiator="x" * 2000, responder="x" * 2000
                )

        kept = self.kept(call)
        self.assertEqual(len(self.server.signaling.calls), MAX_CALLS)
        self.assertLess(kept, MAX_CALLS * (100 * 400 + 2 * 8192))

    def test_held_declines(self) -> None:
        """A decline that is held back takes its own size for each call, and the next one takes its place."""
        alice, laptop, phone = self.users(1) + self.users(2, "bob")

        def decline() -> None:
            for number in range(MAX_CALLS):
                alice.say("bob", "session-propose", sid=str(number))
                for device in (laptop, phone):
                    device.say("user-0", "session-info", sid=str(number), reason="ringing")
                for _ in range(5):
                    laptop.say("user-0", "session-decline", sid=str(number), fill="x" * 60_000)

        self.assertLess(self.kept(decline), MAX_CALLS * 70_000 + 100_000)

    def test_calls_owed(self) -> None:
        """What is kept for a device that never reacts are the ends of 16 calls, of the size of their echo."""
        alice, phone, *others = self.users(1) + self.users(10, "bob")

        def call() -> None:
            for number in range(4 * MAX_OWED):
                sid = f"{number}{LONG}"
                alice.say("bob", "session-propose", sid=sid, initiator="x" * 2000, responder="x" * 2000)
                phone.say("user-0", "session-proceed", sid=sid)
                alice.say("bob", "session-terminate", sid=sid)

        self.assertLess(self.kept(call), MAX_OWED * 16_384 + len(others) * MAX_OWED * 400)

    def test_told(self) -> None:
        """Of calls to nobody, however many and however they are called, numbers are kept: the latest 256."""
        (alice,) = self.users(1)

        def call() -> None:
            for number in range(4 * TOLD_MEMORY):
                alice.say("nobody", "session-propose", sid=[number, "x" * 10_000])

        self.assertLess(self.kept(call), TOLD_MEMORY * 300)

    def test_aliases(self) -> None:
        """Coming back again and again leaves 16 names of the session."""
        client = self.server.connect()
        ack = client.hello("alice", resume=True)
        for _ in range(5 * MAX_ALIASES):
            token = ack["jsongle"]["description"]["resume"]["token"]
            self.server.drop(client)
            client = self.server.connect()
            ack = client.hello("alice", resume={"token": token, "seq": 0})
        self.assertTrue(ack["jsongle"]["description"]["resumed"])
        self.assertEqual(len(self.server.session_of(client).aliases), MAX_ALIASES)
        self.assertEqual(len(self.server.signaling.registry._by_identity), 1 + MAX_ALIASES)

    def test_replay(self) -> None:
        """What is kept for a client's return is as much as the settings say, whoever fills it, and once."""
        self.server = MemoryServer(rate_limit=0, resume_buffer_bytes=100_000, resume_buffer_messages=50)
        (alice,) = self.users(1)
        bob = self.server.user("bob", resume=True)
        bob.inbox = Nothing()

        def fill() -> None:
            for _ in range(100):
                alice.say("bob", "session-text", description={"content": "x" * 10_000})
            for _ in range(1000):
                alice.say("bob", "session-info")

        self.assertLess(self.kept(fill), 2 * 100_000 + 50_000)

    def test_deep_and_wide_messages(self) -> None:
        """A message whose JSON is much larger in memory than on the wire is gone once it is handled."""
        alice, _ = self.users(2)
        payload = b'{"to":"user-1","jsongle":{"action":"session-info"},"x":[' + b"{}," * 15_000 + b"1]}"

        def send() -> None:
            for _ in range(20):
                alice.send_bytes(payload)

        self.assertLess(self.kept(send), 50_000)


class AnswerTests(AmplificationCase):
    """What one message can have the server send."""

    def sent(self, client: Client, message: dict[str, Any]) -> tuple[int, int]:
        """Bytes of a message, and of all that the server sends for it to anybody."""
        payload = orjson.dumps(message)
        before = self.server.metrics.sent_bytes
        client.send_bytes(payload)
        return len(payload), self.server.metrics.sent_bytes - before

    def test_list_of_members(self) -> None:
        """The list of a room is no longer than what its members have said of themselves, and their identities."""
        members = self.users(50, dn=FULL)
        for member in members:
            self.join(member, "room")
        query = {"action": "iq-get", "query": "room-members", "description": {"rid": "room"}}
        asked, sent = self.sent(members[0], {"to": SERVER, "jsongle": query})
        self.assertLess(asked, 150)
        self.assertLess(sent, 50 * (MAX_DESCRIPTION + 100))

    def test_join_and_leave(self) -> None:
        """Each member hears of who comes and goes by as much as that one has said of himself."""
        members = self.users(50, dn=FULL)
        for member in members:
            self.join(member, "room")
        for query in ("leave", "join"):
            jsongle = {"action": "iq-set", "query": query, "description": {"rid": "room"}}
            _, sent = self.sent(members[0], {"to": SERVER, "jsongle": jsongle})
            self.assertLess(sent, 2 * 50 * (MAX_DESCRIPTION + 400))

    def test_fan_out(self) -> None:
        """A message goes to each member once, and grows by no more than its stamps and addresses."""
        members = self.users(50)
        for member in members:
            self.join(member, "room", dn="x")
        jsongle = {"action": "session-text", "description": {"content": "x" * 1000}}
        asked, sent = self.sent(members[0], {"to": "room", "jsongle": jsongle})
        self.assertLess(sent, 50 * (asked + 400))

    def test_errors(self) -> None:
        """An error is no longer than what it answers and a few words, whatever is in that."""
        (alice,) = self.users(1)
        messages: tuple[dict[str, Any], ...] = (
            {"to": "nobody" * 10_000, "id": "m", "jsongle": {"action": "session-text"}},
            {"to": SERVER, "id": "m" * 60_000, "jsongle": {"action": "session-text"}},
            {"to": SERVER, "jsongle": {"action": "iq-set", "query": "q" * 60_000}},
            {"to": SERVER, "jsongle": {"action": "iq-set", "query": "ping", "transaction": ["t" * 60_000]}},
            {"to": SERVER, "jsongle": {"action": "x" * 60_000}},
            {"to": "nobody", "jsongle": {"action": "session-propose", "sid": "s" * 20_000, "initiator": "i" * 40_000}},
        )
        for message in messages:
            asked, sent = self.sent(alice, message)
            self.assertLess(sent, asked + 400)

    def test_controls_in_names(self) -> None:
        """Characters that JSON writes with six bytes come in as six bytes, too, unless they are not what is meant."""
        (alice,) = self.users(1)
        asked, sent = self.sent(
            alice, {"to": SERVER, "jsongle": {"action": "iq-set", "query": "ping", "transaction": "\x01" * 5000}}
        )
        self.assertLess(sent, asked + 400)
