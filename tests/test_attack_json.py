"""JSON that is deep, huge, doubled, broken, or read differently by different readers."""

from __future__ import annotations

import json
from itertools import product
from typing import Any, Final

import orjson

from jsongle_server.testing import Client
from tests.scenarios import SERVER, ScenarioCase, on_both_transports

TYPES: Final[tuple[Any, ...]] = (None, True, False, 0, -1, 1.5, "", "x", [], ["x"], {}, {"x": 1}, [[]], {"id": "x"})
"""A value of each kind, empty and not."""

EXACT: Final = ("0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551615")
DOUBLES: Final = (
    "-0.0", "1e-400", "-1e-400", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308",
    "18446744073709551616", "1" + "0" * 308, "0." + "1" * 500, "1" * 300, "1E+2", "123456789012345678901234567890e-20",
)  # fmt: skip
NO_NUMBERS: Final = (
    "1e400", "-1e400", "1e99999999999999999999", "1" * 400, "NaN", "-Infinity", "01", "+1", ".5", "1.", "0x10", "1_000",
    "--1", "1e", "\u0661",
)  # fmt: skip


def text_with(field: str) -> bytes:
    """A text to Bob with another field in it, as it is to be written."""
    return f'{{"id":"m","to":"bob","jsongle":{{"action":"session-text"}},"x":{field}}}'.encode()


@on_both_transports
class ValueTests(ScenarioCase):
    """Numbers and texts at the edges of what there is."""

    def relayed(self, payload: bytes) -> str:
        """The extra field of a text as its recipient gets it."""
        self.serve()
        alice, bob = self.users("alice", "bob")
        alice.send_bytes(payload)
        return orjson.dumps(bob.take_one()["x"]).decode()

    def assert_refused(self, payload: bytes) -> None:
        """It is answered with 400003, and nobody gets it."""
        self.serve()
        alice, bob = self.users("alice", "bob")
        alice.send_bytes(payload)
        (answer,) = alice.take()
        self.assertEqual((payload[-60:], answer["jsongle"]["description"]["errorCode"]), (payload[-60:], 400003))
        self.assertNothing(bob)

    def test_numbers(self) -> None:
        """What fits into 64 bits arrives digit by digit, anything else as a double; what is too large is no number."""
        for number in EXACT:
            self.assertEqual(self.relayed(text_with(number)), number)
        for number in DOUBLES:
            self.assertEqual(float(self.relayed(text_with(number))), float(number))
        for number in NO_NUMBERS:
            self.assert_refused(text_with(number))

    def test_surrogates(self) -> None:
        """Halves of characters are refused wherever they stand, whole ones are characters."""
        for broken in ('"\\ud800"', '"\\udc00\\ud800"', '{"\\ud83d":1}', '["a\\udfff"]', '"\\uD83D\\u0041"'):
            self.assert_refused(text_with(broken))
        self.assertEqual(self.relayed(text_with('"\\ud83d\\ude42"')), '"🙂"')
        for place in (b'"id":"m"', b'"to":"bob"', b'"action":"session-text"'):
            payload = text_with("1")
            self.assert_refused(payload.replace(place, place[:-1] + b'\\ud800"'))

    def test_not_quite_json(self) -> None:
        """Nothing is read that another reader might not read, or read otherwise."""
        for field in (
            "'x'",
            '"a\nb"',
            '"\x00"',
            '"\\x41"',
            '"\\u12"',
            "[1,]",
            "{1:2}",
            "/* */1",
            "1//",
            "undefined",
            "tru",
        ):
            self.assert_refused(text_with(field))
        for payload in (b"\xef\xbb\xbf" + text_with("1"), text_with("1") + b"\x00", text_with("1") * 2, b"\x0c{}"):
            self.assert_refused(payload)


@on_both_transports
class ShapeTests(ScenarioCase):
    """Deep, wide and doubled."""

    def test_deep(self) -> None:
        """However deep it is, as a whole or in a field, it is refused and the connection stays."""
        depth = 30_000
        for payload in (
            b"[" * depth + b"]" * depth,
            b'{"x":' * 9_000 + b"1" + b"}" * 9_000,
            b"[" * 65_000,
            b'{"a":' * 13_000,
            text_with("[" * depth + "]" * depth),
            text_with('{"x":' * 64 + "1" + "}" * 64),
            text_with("[{}," * 64 + "1" + "]" * 64),
        ):
            alice, bob = self.users("alice", "bob")
            alice.send_bytes(payload)
            (answer,) = alice.take()
            self.assertEqual(answer["jsongle"]["description"]["errorCode"], 400003)
            self.assertNothing(bob)
            self.assertEqual(alice.ask("ping")["jsongle"]["action"], "iq-result")

    def test_wide(self) -> None:
        """As many values, keys and escapes as fit into a message are no trouble."""
        room = 60_000
        for field in (
            "[" + "{}," * (room // 3) + "1]",
            "{" + ",".join(f'"{number}":0' for number in range(room // 10)) + "}",
            '"' + "\\u0000" * (room // 6) + '"',
            '{"' + "k" * room + '":1}',
            "[" + "[]," * (room // 3) + "[[]]]",
        ):
            alice, bob = self.users("alice", "bob")
            alice.send_bytes(text_with(field))
            self.assertEqual(bob.take_one()["x"], json.loads(field))

    def test_keys_that_collide(self) -> None:
        """Keys of one hash in other languages, and in a Python whose hashes were not random, are keys."""
        pairs = ("Ez", "FY", "G8")
        names = ["".join(parts) for parts in product(pairs, repeat=4)]
        field = json.dumps({f"{name}{number}": number for name in names for number in range(40)})
        alice, bob = self.users("alice", "bob")
        alice.send_bytes(text_with(field))
        self.assertEqual(bob.take_one()["x"], json.loads(field))

    def test_doubled_keys(self) -> None:
        """Of a key that is there twice the last one counts, for the server as for whoever gets it: nothing hides."""
        alice, bob, carol = self.users("alice", "bob", "carol")
        alice.send_bytes(
            b'{"to":"carol","from":"carol","jsongle":{"action":"ack"},"id":"first",'
            b'"to":"bob","from":"","jsongle":{"action":"session-text","action":"session-info","n":1,"n":2},"id":"last"}'
        )
        message = bob.take_one()
        self.assertNothing(carol)
        self.assertEqual((message["id"], message["from"], message["to"]), ("last", alice.identity, bob.identity))
        self.assertEqual(message["jsongle"]["action"], "session-info")
        self.assertEqual(message["jsongle"]["n"], 2)

    def test_forged_by_doubling(self) -> None:
        """A second ``from`` of somebody else is no more let through than a first one."""
        alice, bob = self.users("alice", "bob")
        for first, second in ((alice.identity, bob.identity), ("", "jsongle-server")):
            alice.send_bytes(
                b'{"id":"m","to":"bob","from":%b,"jsongle":{"action":"session-text"},"from":%b}'
                % (orjson.dumps(first), orjson.dumps(second))
            )
            self.assertError(alice, 403003, mid="m")
        self.assertNothing(bob)

    def test_escaped_names(self) -> None:
        """A key that is written with escapes is that key."""
        alice, bob = self.users("alice", "bob")
        alice.send_bytes(b'{"id":"m","to":"bob","\\u0066rom":"jsongle-server","jsongle":{"action":"session-text"}}')
        self.assertError(alice, 403003, mid="m")
        alice.send_bytes(b'{"id":"m","to":"bob","jsongle":{"\\u0061ction":"session\\u002derror"}}')
        self.assertError(alice, 405001, mid="m")
        self.assertNothing(bob)


@on_both_transports
class TypeTests(ScenarioCase):
    """Every field of every message with a value of each kind: an error or an answer, and never a failure."""

    def assert_survives(self, client: Client, message: dict[str, Any]) -> None:
        """Whatever came of it, the server has not failed and goes on."""
        client.send(message)
        codes = [
            answer["jsongle"]["description"].get("errorCode")
            for answer in client.take()
            if answer["jsongle"]["action"] in ("session-error", "iq-error")
        ]
        self.assertNotIn(500001, codes, message)
        self.assertIsNone(client.closed)

    def test_each_field(self) -> None:
        """One after the other, in messages of each kind."""
        self.serve(rate_limit=0, candidate_rate=0)
        alice, bob = self.members("r", "alice", "bob")
        kinds = (
            ("session-text", {"namespace": "muc", "description": {"sent": "x"}}),
            ("session-propose", {"sid": "s", "initiator": "a", "responder": "b", "description": {}}),
            ("session-info", {"sid": "s", "reason": "ringing", "description": {}}),
            ("session-event", {"event": "ack", "namespace": "session", "description": {}}),
            ("session-metrics", {"description": {"error": "x", "duration": 1}}),
            ("iq-set", {"query": "join", "transaction": "t", "description": {"rid": "q", "dn": "d"}}),
            ("iq-get", {"query": "room-members", "transaction": "t", "description": {"rid": "r"}}),
            ("iq-result", {"query": "session-hello", "transaction": "t", "description": {"uid": "alice", "dn": "x"}}),
        )
        for action, more in kinds:
            for to in ("bob", "r", SERVER):
                whole: dict[str, Any] = {"id": "m", "from": "", "to": to, "jsongle": {"action": action, **more}}
                for message in variations(whole):
                    self.assert_survives(alice, message)
            bob.take()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hello(self) -> None:
        """In a first hello as well, and in what a client says of coming back."""
        resume = {"token": "a.b", "seq": 0}
        for kind in (resume, True, None):
            hello = {"uid": "u", "dn": "d", "token": "t", "appToken": "t", "resume": kind}
            jsongle = {"action": "iq-result", "query": "session-hello", "transaction": "t", "description": hello}
            for message in variations({"id": "m", "to": SERVER, "jsongle": jsongle}):
                client = self.server.connect()
                client.greeted()
                self.assert_survives(client, message)
                self.server.drop(client)
        self.assertEqual(self.flushLoggedErrors(), [])


def variations(value: dict[str, Any]) -> list[dict[str, Any]]:
    """A message again and again: each of its fields left out, or with a value of each kind, but for its action."""
    found = []
    for key, inner in value.items():
        found.append({name: other for name, other in value.items() if name != key})
        found += [{**value, key: other} for other in TYPES]
        if isinstance(inner, dict):
            found += [{**value, key: changed} for changed in variations(inner)]
    return found
