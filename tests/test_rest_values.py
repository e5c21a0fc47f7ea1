"""Tests of :mod:`jsongle_server.rest_values`: what is documented is what is taken."""

from __future__ import annotations

from typing import Any

import fastjsonschema
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_json import HttpError
from jsongle_server.rest_values import AnyObject, Choice, Fields, Kind, Network, OneOf, Text, Whole, from_text

WORDS = ("info", "warn")
NAMED: Kind = Fields({"uid": Text(most=3), "seconds": Whole(1, 60)})
KINDS: tuple[Kind, ...] = (
    Text(),
    Text(least=0, most=2),
    Whole(0, 10),
    Choice(WORDS),
    Choice(WORDS, any_case=True),
    AnyObject(),
    NAMED,
    Fields({"level": Choice(WORDS, any_case=True)}, is_open=True),
    OneOf((Choice(("all",)), Fields({"session": Text()}), Fields({"room": Text()}), NAMED)),
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70)
    | st.sampled_from([0.0, 1.0, 1.5, 60.0, 1e300])
    | st.sampled_from(["", "a", "ab", "all", "info", "INFO", "Warn", "warn ", "x" * 256, "x" * 257, "🍋" * 256])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.sampled_from(["uid", "seconds", "level", "session", "room"]), SCALARS, max_size=3)
)


class SchemaTests(SynchronousTestCase):
    """Schemas against checks."""

    @given(st.sampled_from(KINDS), VALUES)
    def test_a_value_is_taken_if_its_schema_allows_it(self, kind: Kind, value: Any) -> None:
        """And refused with 400 if it does not: another program reads the schema."""
        try:
            fastjsonschema.validate(kind.schema(), value)
        except fastjsonschema.JsonSchemaException:
            with self.assertRaises(HttpError) as caught:
                kind.check(value, "x")
            self.assertEqual(caught.exception.status, 400)
            self.assertIn("x", caught.exception.message)
        else:
            kind.check(value, "x")

    def test_what_is_wrong_within_is_named(self) -> None:
        """Of several shapes, in the one that is meant."""
        kind = OneOf((Fields({"session": Text()}), NAMED))
        with self.assertRaises(HttpError) as caught:
            kind.check({"uid": "jon", "seconds": 61}, "body")
        self.assertEqual(caught.exception.message, "'body.seconds' must be a whole number from 1 to 60")


class TextTests(SynchronousTestCase):
    """Values of a query."""

    def test_numbers_are_read(self) -> None:
        """In plain digits, and in no other way."""
        self.assertEqual(from_text(Whole(-5, 100), "-5", "x"), -5)
        self.assertEqual(from_text(Whole(-5, 100), "007", "x"), 7)
        for text in ("", "1.0", "1e1", " 1", "+1", "0x1", "\u0661", "1_0", "9" * 16, "101"):
            with self.assertRaises(HttpError):
                from_text(Whole(-5, 100), text, "x")

    def test_numbers_are_text_where_text_is_asked_for(self) -> None:
        """A user may be called 007."""
        self.assertEqual(from_text(Text(), "007", "x"), "007")


class NetworkTests(SynchronousTestCase):
    """Addresses and networks."""

    def test_they_are_read_in_their_usual_form(self) -> None:
        """Of a network its first address, of a mapped one what it maps."""
        for text, network in (
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::1", "::1/128"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ):
            self.assertEqual(str(Network().check(text, "x")), network)

    def test_nothing_else_is_one(self) -> None:
        """Names, ports, zones, numbers, masks that are none."""
        for value in ("", "localhost", "192.0.2", "192.0.2.7:80", "[::1]", "fe80::1%eth0", "1/33", 7, None, ["::1"]):
            with self.assertRaises(HttpError):
                Network().check(value, "x")
