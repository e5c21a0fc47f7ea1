"""Tests of :mod:`jsongle_server.codec` with any value at all: what survives, and that nothing else gets through."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import Envelope, address, decode, encode
from jsongle_server.errors import NoJsongle, NotJson

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)
unknown_fields = st.dictionaries(texts.filter(lambda key: key not in {"id", "from", "to", "jsongle"}), values)
broken_messages = st.builds(
    lambda head, tail, middle: head + middle + tail,
    st.sampled_from([b"", b'{"id":"m","jsongle":{"action":"a","x":', b'{"jsongle":', b'{"x":[']),
    st.sampled_from([b"", b"}", b"}}", b"]}", b',"jsongle":{"action":"a"}}']),
    st.binary(max_size=40) | values.map(orjson.dumps),
)


def relayed(payload: bytes) -> bytes:
    """What a recipient gets of a message."""
    fields = decode(payload).fields
    return encode("m", address("ann"), fields).addressed(address("bob"))


def relayed_number(text: bytes) -> bytes:
    """What a recipient gets of a number."""
    sent = relayed(b'{"jsongle":{"action":"a"},"x":' + text + b"}")
    return sent.rpartition(b":")[2].removesuffix(b"}")


class NumberTests(SynchronousTestCase):
    """Numbers on their way through the server."""

    def test_sixty_four_bit_integers_are_exact(self) -> None:
        """Every digit of a signed or unsigned 64-bit integer survives."""
        for text in (b"9007199254740993", b"9223372036854775807", b"18446744073709551615", b"-9223372036854775808"):
            self.assertEqual(relayed_number(text), text)

    def test_larger_integers_become_doubles(self) -> None:
        """An integer beyond 64 bits is the nearest double, as it is in a browser."""
        for text in (b"18446744073709551616", b"-9223372036854775809", b"1" * 300):
            self.assertEqual(float(relayed_number(text)), float(text))

    def test_doubles_keep_their_value(self) -> None:
        """The shortest and the longest doubles, the smallest, the largest and negative zero survive."""
        for text in (b"0.1", b"5e-324", b"1.7976931348623157e308", b"0.30000000000000004", b"2.2250738585072014e-308"):
            self.assertEqual(float(relayed_number(text)), float(text))
        self.assertEqual(math.copysign(1, float(relayed_number(b"-0.0"))), -1)

    def test_booleans_stay_booleans(self) -> None:
        """True is not 1 to the client that gets it."""
        self.assertEqual(relayed_number(b"true"), b"true")


class AnyValueTests(SynchronousTestCase):
    """Messages made up by hypothesis."""

    @settings(deadline=None)
    @given(unknown_fields, unknown_fields)
    def test_unknown_fields_survive(self, outer: dict[str, Any], inner: dict[str, Any]) -> None:
        """Fields that the server does not know are relayed untouched, at every level (protocol section 2)."""
        inner.pop("action", None)
        message = {**outer, "jsongle": {**inner, "action": "session-text"}}
        # The standard library reads the result, so that no parser is checked against itself.
        received = json.loads(relayed(json.dumps(message).encode()))
        self.assertEqual(received, {"id": "m", "from": "ann", "to": "bob", **message})
        self.assertEqual(json.dumps(received["jsongle"]), json.dumps(message["jsongle"]))

    @settings(deadline=None)
    @given(st.binary(max_size=200) | broken_messages)
    def test_any_bytes_are_a_message_or_refused(self, payload: bytes) -> None:
        """Whatever a client sends is a well-formed message, 400003 or 400002, and never anything else."""
        try:
            envelope = decode(payload)
        except (NotJson, NoJsongle):
            return
        self.assertIsInstance(envelope, Envelope)
        self.assertIsInstance(envelope.action, str)
        self.assertEqual(json.loads(payload)["jsongle"]["action"], envelope.action)

    @settings(deadline=None)
    @given(values)
    def test_any_json_is_a_message_or_refused(self, value: Any) -> None:
        """JSON that is no message is told apart by what is missing: an object, or the ``jsongle`` in it."""
        expected = NoJsongle if isinstance(value, dict) else NotJson
        if isinstance(value, dict):
            value.pop("jsongle", None)
        self.assertRaises(expected, decode, orjson.dumps(value))
