"""Tests of :mod:`jsongle_server.hello`: what is taken of a hello, and what is a hello."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import Envelope
from jsongle_server.errors import BadParameter
from jsongle_server.hello import NEVER_SHOWN, check_hello, check_size, is_hello
from jsongle_server.testing import MemoryServer
from tests.scenarios import SERVER


def hello(description: Any, **fields: Any) -> Envelope:
    """A hello answer with this description and envelope."""
    jsongle = {"action": "iq-result", "query": "session-hello", "description": description}
    return Envelope({**fields, "jsongle": jsongle}, jsongle, "iq-result")


class CheckHelloTests(SynchronousTestCase):
    """What is taken of a hello."""

    def test_is_a_copy(self) -> None:
        """What is shown is a copy: the message itself stays as it came."""
        description = {"uid": "u", "token": "t", "dn": None}
        self.assertEqual(check_hello(hello(description), SERVER), {"uid": "u"})
        self.assertEqual(description, {"uid": "u", "token": "t", "dn": None})

    def test_nested_secrets_are_ordinary(self) -> None:
        """Only the hello's own properties are secret; what a client nests under another name it chose to show."""
        shown = check_hello(hello({"uid": "u", "extra": {"token": "t"}}), SERVER)
        self.assertEqual(shown, {"uid": "u", "extra": {"token": "t"}})

    @given(st.dictionaries(st.sampled_from(["uid", "dn", "token", "appToken", "resume", "x"]), st.text(max_size=300)))
    def test_what_is_taken_is_within_bounds(self, description: dict[str, str]) -> None:
        """A description is refused, or holds a good uid and nothing that is never shown."""
        try:
            shown = check_hello(hello(description), SERVER)
        except BadParameter:
            uid = description.get("uid", "")
            kept = {key: value for key, value in description.items() if key not in NEVER_SHOWN}
            self.assertTrue(not uid or len(uid) > 256 or uid == SERVER or len(orjson.dumps(kept)) > 2048)
        else:
            self.assertEqual(set(shown) & set(NEVER_SHOWN), set())
            self.assertTrue(0 < len(shown["uid"]) <= 256)

    def test_size_is_in_bytes(self) -> None:
        """The bound is on bytes of JSON."""
        check_size({"a": "x" * 2040})
        for description in ({"a": "x" * 2041}, {"a": "\n" * 1021}):
            self.assertRaises(BadParameter, check_size, description)


class IsHelloTests(SynchronousTestCase):
    """What is a hello answer, and what is an iq-result like others."""

    def test_before(self) -> None:
        """Until a client is identified, every ``session-hello`` result is its hello, whomever it is addressed to."""
        server = MemoryServer()
        session = server.session_of(server.connect())
        for fields in ({}, {"to": SERVER}, {"to": "bob"}, {"to": 5}):
            self.assertTrue(is_hello(session, hello({}, **fields)))

    def test_after(self) -> None:
        """From then on only one to the server is."""
        server = MemoryServer()
        session = server.session_of(server.user("u"))
        self.assertTrue(is_hello(session, hello({})))
        self.assertTrue(is_hello(session, hello({}, to=SERVER)))
        for to in ("bob", "", 5):
            self.assertFalse(is_hello(session, hello({}, to=to)))
