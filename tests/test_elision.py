"""Tests of :mod:`jsongle_server.elision`."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.elision import MAX_ELIDED, MAX_TEXT, MORE, envelope_view, error_code

TEXT = st.text(max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


class ViewTests(SynchronousTestCase):
    """What is shown of a message."""

    def test_a_text(self) -> None:
        """Who it goes to and what it is, not what it says."""
        fields = {
            "id": "m-1",
            "from": "a",
            "to": "b",
            "namespace": "call",
            "jsongle": {"action": "session-text", "namespace": "message", "description": {"content": "SECRET"}},
        }
        self.assertEqual(
            envelope_view(fields),
            {
                "id": "m-1",
                "from": "a",
                "to": "b",
                "jsongle": {"action": "session-text", "namespace": "message"},
                "elided": ["namespace", "jsongle.description"],
            },
        )

    def test_all_that_is_shown(self) -> None:
        """Of what kind a message is, of which call, of which request."""
        jsongle = {
            "action": "session-info",
            "query": "q",
            "namespace": "n",
            "event": "e",
            "reason": "r",
            "sid": "s",
            "transaction": "t",
        }
        self.assertEqual(envelope_view({"jsongle": jsongle}), {"jsongle": jsongle, "elided": []})

    def test_only_text_is_shown(self) -> None:
        """An object in the place of an address or of a reason could hold anything."""
        view = envelope_view({"to": {"x": "SECRET"}, "jsongle": {"action": "a", "reason": ["SECRET"], "sid": None}})
        self.assertEqual(view, {"jsongle": {"action": "a"}, "elided": ["to", "jsongle.reason", "jsongle.sid"]})

    def test_status_is_a_word_of_the_protocol(self) -> None:
        """Any other is the client's own text."""
        for status, shown in (("success", True), ("failed", True), ("SECRET", False)):
            view = envelope_view({"jsongle": {"action": "ack", "status": status}})
            self.assertEqual((status in str(view), view["elided"] == []), (shown, shown))

    def test_long_values_are_cut(self) -> None:
        """A value, and the name of a field, is as long as it may be, or cut."""
        for size, cut in ((MAX_TEXT, False), (MAX_TEXT + 1, True)):
            view = envelope_view({"id": "x" * size, "y" * size: 1, "jsongle": {"action": "z" * size}})
            for text in (view["id"], view["jsongle"]["action"], view["elided"][0]):
                self.assertEqual((len(text), text.endswith(MORE)), (MAX_TEXT, cut))

    def test_many_fields_are_not_all_named(self) -> None:
        """The last name says that there are more."""
        for count, last in ((MAX_ELIDED, f"f{MAX_ELIDED - 1}"), (MAX_ELIDED + 1, MORE)):
            fields: dict[str, Any] = {f"f{number}": 1 for number in range(count)}
            elided = envelope_view({**fields, "jsongle": {"action": "a"}})["elided"]
            self.assertEqual((len(elided), elided[-1]), (count, last))

    @given(st.dictionaries(TEXT, JSON, max_size=20), st.dictionaries(TEXT, JSON, max_size=20), JSON)
    def test_it_is_small_whatever_is_sent(self, fields: dict[str, Any], jsongle: dict[str, Any], content: Any) -> None:
        """A message of any shape makes a view of bounded size, in which no description is."""
        jsongle = {**jsongle, "action": "a", "description": {"SECRET-key": content}}
        view = envelope_view({**fields, "jsongle": jsongle})
        self.assertNotIn("SECRET", str(view))
        texts = len(view) - 2 + len(view["jsongle"]) + len(view["elided"])
        self.assertLess(len(orjson.dumps(view)), 500 + texts * 6 * (MAX_TEXT + 10))


class CodeTests(SynchronousTestCase):
    """The one thing that is shown of a description."""

    def code(self, action: str, description: Any) -> int | None:
        """The code of a message."""
        return error_code({"jsongle": {"action": action, "description": description}})

    def test_codes_of_the_protocol(self) -> None:
        """An error of the server's, or one that a client answers with."""
        self.assertEqual(self.code("session-error", {"errorCode": 403001}), 403001)
        self.assertEqual(self.code("iq-error", {"errorCode": 404001}), 404001)

    def test_anything_else(self) -> None:
        """Other numbers, other values, other messages."""
        others: list[Any] = [{"errorCode": 4711}, {"errorCode": "403001"}, {"errorCode": True}, {}, [], None, "x"]
        for description in others:
            self.assertIsNone(self.code("session-error", description))
        self.assertIsNone(self.code("session-text", {"errorCode": 403001}))
