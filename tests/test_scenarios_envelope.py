"""Scenarios of the envelope: what every message must be before it is looked at (protocol section 2)."""

from __future__ import annotations

from typing import Any, Final

from jsongle_server.testing import Client
from tests.scenarios import NOW, ScenarioCase, nested, on_both_transports

NO_IDS: Final[tuple[Any, ...]] = (7, 0, True, False, [], ["m"], {}, {"m": 1})
"""What cannot be the id of a message."""


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

    def test_a_number_of_a_sender_is_not_the_servers(self) -> None:
        """``seq`` numbers what a recipient gets: one that a sender writes is not passed on."""
        message = self.relayed(seq=10**9, jsongle={"action": "session-text", "seq": 7})
        self.assertNotIn("seq", message)
        self.assertEqual(message["jsongle"]["seq"], 7)


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
        for mid in NO_IDS:
            alice, bob = self.send(id=mid)
            self.assertError(alice, 400001, mid=None)
            self.assertNothing(bob)

    def test_every_action(self) -> None:
        """It must be one whatever the action, a report to the server and an answer to an iq included."""
        for action in ("session-propose", "session-event", "session-metrics", "iq-result", "iq-error"):
            alice, bob = self.send(id=7, jsongle={"action": action})
            self.assertError(alice, 400001, mid=None)
            self.assertNothing(bob)

    def test_of_an_iq(self) -> None:
        """An iq waits for an ``iq-error``, and gets it."""
        alice, bob = self.users("alice", "bob")
        for to in ("bob", "jsongle-server", "nowhere"):
            for mid in (*NO_IDS, "m" * 257):
                alice.send({"id": mid, "to": to, "jsongle": {"action": "iq-set", "query": "ping", "transaction": "t"}})
                answer = alice.take_one()
                self.assertIqError(answer, 400001)
                self.assertEqual(answer["jsongle"]["transaction"], "t")
                self.assertNothing(bob)

    def test_of_a_hello(self) -> None:
        """A hello with such an id fails: an ack says so, then a ``session-error`` says why; another may follow."""
        for mid, named in ((7, None), ("m" * 257, "m" * 257)):
            client = self.server.connect()
            client.greeted()
            hello = {"action": "iq-result", "query": "session-hello", "description": {"uid": "alice"}}
            client.send({"id": mid, "jsongle": hello})
            ack, *client.inbox = client.take()
            self.assertEqual((ack["jsongle"]["action"], ack["jsongle"]["status"]), ("ack", "failed"))
            self.assertError(client, 400001, mid=named)
            self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")


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
