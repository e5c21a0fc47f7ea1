"""Scenarios of the envelope: what every message must be before it is looked at (protocol section 2)."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import orjson

from jsongle_server.testing import Client
from tests.scenarios import NOW, ScenarioCase, on_both_transports


def nested(levels: int) -> list[Any]:
    """Arrays within arrays, so many levels deep."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@on_both_transports
class UnknownFieldsTests(ScenarioCase):
    """What the server does not know."""

    def relayed(self, **fields: Any) -> dict[str, Any]:
        """What the recipient gets of a text with these fields in it."""
        alice, bob = self.users("alice", "bob")
        alice.send({"id": "m", "to": "bob", **fields})
        return bob.take_one()

    def test_untouched_at_every_level(self) -> None:
        """Fields that the server does not know arrive as they were sent, whatever their level and value."""
        odd = {"a": [1, {"b": None}], "": "", "__proto__": {"x": "\u0000\n\u2028🙂"}, "nan": "NaN"}
        got = self.relayed(
            namespace="call",
            extra=odd,
            jsongle={"action": "session-text", "extra": odd, "description": {"content": odd, "sent": "yesterday"}},
        )
        self.assertEqual(got["namespace"], "call")
        self.assertEqual(got["extra"], odd)
        self.assertEqual(
            got["jsongle"],
            {
                "action": "session-text",
                "extra": odd,
                "description": {"content": odd, "sent": "yesterday", "relayed": NOW},
            },
        )

    def test_integers_of_64_bits_are_exact(self) -> None:
        """Integers of 64 bits arrive exactly, signed and unsigned."""
        numbers = [2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]
        self.assertEqual(self.relayed(numbers=numbers, jsongle={"action": "session-text"})["numbers"], numbers)

    def test_other_numbers_are_doubles(self) -> None:
        """Other numbers arrive as IEEE doubles."""
        alice, bob = self.users("alice", "bob")
        alice.send_bytes(
            b'{"to":"bob","jsongle":{"action":"session-text"},"n":[0.1,1e308,-5e-324,36893488147419103232,1.0]}'
        )
        self.assertEqual(bob.take_one()["n"], [0.1, 1e308, -5e-324, float(2**65), 1.0])


@on_both_transports
class IdTests(ScenarioCase):
    """The message id."""

    def send(self, **fields: Any) -> tuple[Client, Client]:
        """A text from alice to bob with these envelope fields."""
        alice, bob = self.users("alice", "bob")
        alice.send({"to": "bob", "jsongle": {"action": "session-text"}, **fields})
        return alice, bob

    def test_kept(self) -> None:
        """The sender's id is the recipient's."""
        self.assertEqual(self.send(id="m-1")[1].take_one()["id"], "m-1")

    def test_made_where_missing(self) -> None:
        """A message without an id gets one, and the ack names it."""
        for fields in ({}, {"id": None}):
            alice, bob = self.send(**fields)
            got = bob.take_one()
            self.own(got)
            self.assertEqual(alice.take_one()["jsongle"]["description"]["mid"], got["id"])

    def test_256_characters(self) -> None:
        """An id may have 256 characters, whatever they are."""
        for mid in ("m" * 256, "🙂" * 256):
            self.assertEqual(self.send(id=mid)[1].take_one()["id"], mid)

    def test_257_characters(self) -> None:
        """A longer id is refused, and so is the message."""
        alice, bob = self.send(id="m" * 257)
        self.assertError(alice, 400001, mid="m" * 257)
        self.assertNothing(bob)

    def test_not_a_string(self) -> None:
        """An id must be a string."""
        for mid in (7, True, ["m"], {"m": 1}):
            alice, bob = self.send(id=mid)
            self.assertError(alice, 400001, mid=None)
            self.assertNothing(bob)


@on_both_transports
class FromTests(ScenarioCase):
    """In whose name a client may speak."""

    def send(self, **fields: Any) -> tuple[Client, Client]:
        """A text from alice to bob with these envelope fields."""
        alice, bob = self.users("alice", "bob")
        alice.send({"id": "m", "to": "bob", "jsongle": {"action": "session-text"}, **fields})
        return alice, bob

    def test_filled_in(self) -> None:
        """A missing, null or empty ``from`` becomes the sender's identity."""
        for fields in ({}, {"from": None}, {"from": ""}):
            alice, bob = self.send(**fields)
            self.assertEqual(bob.take_one()["from"], alice.identity)

    def test_own_identity(self) -> None:
        """A client may name itself."""
        alice, bob = self.users("alice", "bob")
        alice.say("bob", "session-text")
        self.assertEqual(bob.take_one()["from"], alice.identity)

    def test_anything_else(self) -> None:
        """Nobody speaks in the name of another, of a uid or of the server: it is told so, and nobody hears it."""
        forgeries: tuple[Any, ...] = ("jsongle-server", "alice", "bob", "x", 0, False, [], {"a": 1})
        for forged in forgeries:
            alice, bob = self.send(**{"from": forged})
            self.assertError(alice, 403003, mid="m")
            self.assertNothing(bob)

    def test_identity_of_another_session(self) -> None:
        """The identity of another device of the same user is not one's own either."""
        alice, other, bob = self.users("alice", "alice", "bob")
        alice.send({"id": "m", "from": other.identity, "to": "bob", "jsongle": {"action": "session-text"}})
        self.assertError(alice, 403003, mid="m")
        self.assertNothing(other, bob)


@on_both_transports
class ToTests(ScenarioCase):
    """The recipient."""

    def test_missing_or_not_a_string(self) -> None:
        """Every message says whom it is for, by a string."""
        alice = self.server.user("alice")
        for fields in ({}, {"to": None}, {"to": 5}, {"to": ["bob"]}, {"to": {"uid": "bob"}}):
            alice.send({"id": "m", "jsongle": {"action": "session-text"}, **fields})
            self.assertError(alice, 400001, mid="m")

    def test_an_iq_without_it(self) -> None:
        """An iq that is addressed to nobody gets a ``session-error``: not even its addressee is known."""
        alice = self.server.user("alice")
        alice.send({"id": "m", "jsongle": {"action": "iq-set", "query": "ping"}})
        self.assertError(alice, 400001, mid="m")


@on_both_transports
class NotJsonTests(ScenarioCase):
    """Frames that are no message."""

    def test_refused_and_the_connection_stays(self) -> None:
        """What is not a JSON object is answered, and the client can go on."""
        payloads = [b"", b"hello", b"{", b'{"a":1}}', b"[]", b"1", b'"x"', b"null", b"{'a': 1}", b'{"a":1,}']
        payloads += [b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":"\\ud800"}', b'{"\\udc00":1}']
        for payload in payloads:
            alice = self.server.user("alice")
            alice.send_bytes(payload)
            self.assertError(alice, 400003, mid=None)
            self.assertEqual(alice.ask("ping")["jsongle"]["action"], "iq-result")

    def test_64_levels(self) -> None:
        """A message may nest 64 levels deep, the envelope being the first."""
        alice, bob = self.users("alice", "bob")
        alice.send({"id": "m", "to": "bob", "jsongle": {"action": "session-text"}, "deep": nested(63)})
        self.assertEqual(bob.take_one()["deep"], nested(63))

    def test_65_levels(self) -> None:
        """A message that nests deeper is refused; its id could be read, so the answer names it."""
        alice, bob = self.users("alice", "bob")
        alice.send({"id": "m", "to": "bob", "jsongle": {"action": "session-text"}, "deep": nested(64)})
        self.assertError(alice, 400003, mid="m")
        self.assertNothing(bob)

    def test_too_many(self) -> None:
        """The twentieth within a minute ends the connection with 1008, and with it the session."""
        alice, bob = self.members("r", "alice", "bob")
        for _ in range(19):
            bob.send_bytes(b"?")
        self.assertEqual([message["jsongle"]["action"] for message in bob.take()], ["session-error"] * 19)
        self.assertIsNone(bob.closed)
        bob.send_bytes(b"?")
        bob.take()
        assert bob.closed is not None
        self.assertEqual(bob.closed[0], 1008)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "left")

    def test_too_many_before_the_hello(self) -> None:
        """Who has not said hello is not spared."""
        client = self.server.connect()
        for _ in range(20):
            client.send_bytes(b"?")
        client.take()
        assert client.closed is not None
        self.assertEqual(client.closed[0], 1008)

    def test_other_errors_do_not_count(self) -> None:
        """Messages that are JSON, however wrong, do not end the connection."""
        alice = self.server.user("alice")
        for _ in range(50):
            alice.send({})
        self.assertEqual(len(alice.take()), 50)
        self.assertIsNone(alice.closed)


@on_both_transports
class NoJsongleTests(ScenarioCase):
    """Messages without a usable ``jsongle``."""

    def test_refused(self) -> None:
        """``jsongle`` is an object with a string ``action``, or the message is answered 400002 with its id."""
        alice = self.server.user("alice")
        unusable: tuple[Any, ...] = (None, 5, "x", [], {}, {"action": None}, {"action": 1}, {"action": ["ack"]})
        for jsongle in unusable:
            alice.send({"id": "m", "to": "bob", "jsongle": jsongle})
            self.assertError(alice, 400002, mid="m")
        alice.send({"id": "m", "to": "bob"})
        self.assertError(alice, 400002, mid="m")


@on_both_transports
class CheckOrderTests(ScenarioCase):
    """Which check answers when several would."""

    FAULTS = (400003, 400002, 403002, 403003, 400001, 405001)

    def provoke(self, *faults: int) -> int:
        """The code that a message gets which has all these faults."""
        client = self.server.connect() if 403002 in faults else self.server.user("alice")
        client.take()
        message: dict[str, Any] = {"id": "m", "to": "nowhere", "jsongle": {"action": "session-text"}}
        if 405001 in faults:
            message["jsongle"]["action"] = "session-dance"
        if 400001 in faults:
            del message["to"]
        if 403003 in faults:
            message["from"] = "somebody else"
        if 400002 in faults:
            del message["jsongle"]
        if 400003 in faults:
            message["deep"] = nested(64)
        client.send_bytes(orjson.dumps(message))
        code: int = client.take_one()["jsongle"]["description"]["errorCode"]
        return code

    def test_pairwise(self) -> None:
        """Of any two checks that fail, the one that the protocol names first answers."""
        pairs = list(combinations(self.FAULTS, 2))
        self.assertEqual([self.provoke(*pair) for pair in pairs], [first for first, _ in pairs])

    def test_all_at_once(self) -> None:
        """A message with every fault, and with all but the first so many, gets the code of the first that is left."""
        self.assertEqual([self.provoke(*self.FAULTS[start:]) for start in range(6)], list(self.FAULTS))

    def test_what_the_action_needs_comes_last(self) -> None:
        """An action that clients may not use is refused before anybody looks at its description or recipient."""
        alice = self.server.user("alice")
        mid = alice.say("nowhere", "ack", description=5)
        self.assertError(alice, 405001, mid=mid)

    def test_guards_answer_an_iq_by_session_error(self) -> None:
        """An iq that fails a guard gets a ``session-error``."""
        alice = self.server.user("alice")
        alice.send({"id": "m", "from": "x", "to": "jsongle-server", "jsongle": {"action": "iq-get", "query": "ping"}})
        self.assertError(alice, 403003, mid="m")

    def test_past_the_guards_an_iq_gets_an_iq_error(self) -> None:
        """From what the action needs on, an ``iq-set`` or ``iq-get`` gets an ``iq-error``."""
        alice = self.server.user("alice")
        for action in ("iq-set", "iq-get"):
            alice.say("nowhere", action, query="q", transaction="t")
            self.assertOwn(
                alice,
                {
                    "action": "iq-error",
                    "query": "q",
                    "transaction": "t",
                    "description": {"errorCode": 404002, "errorDetails": "No such recipient"},
                },
            )

    def test_an_iq_answer_gets_a_session_error(self) -> None:
        """Nobody waits for the answer to an answer."""
        alice = self.server.user("alice")
        for action in ("iq-result", "iq-error"):
            mid = alice.say("nowhere", action, query="q", transaction="t")
            self.assertError(alice, 404002, mid=mid)
