"""Scenarios of messages with several faults: which check answers (protocol section 2)."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import orjson

from tests.scenarios import ScenarioCase, nested, on_both_transports

BAD_ID: Final = 0
"""An id that is none, among faults: it is answered 400001, as a missing ``to`` is."""


@on_both_transports
class CheckOrderTests(ScenarioCase):
    """Which check answers when several would."""

    FAULTS = (400003, 400002, 403002, 403003, 400001, 405001)

    def provoke(self, *faults: int) -> int:
        """The code that a message gets which has all these faults, by the code of each or :data:`BAD_ID`."""
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
        if BAD_ID in faults:
            message["id"] = 7
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

    def test_the_id_comes_after_the_guards(self) -> None:
        """Any guard answers before the id is looked at; the two that share a code differ in what answers an iq."""
        for faults in (self.FAULTS[start:] for start in range(6)):
            self.assertEqual(self.provoke(*faults, BAD_ID), faults[0])
        alice = self.server.user("alice")
        alice.send({"id": 7, "jsongle": {"action": "iq-get", "query": "ping"}})
        self.assertError(alice, 400001, mid=None)

    def test_the_id_comes_before_what_the_action_needs(self) -> None:
        """A message with such an id is refused before anybody looks at its recipient, query or description."""
        alice = self.server.user("alice")
        for jsongle in ({"action": "session-text"}, {"action": "session-metrics", "description": {"duration": "x"}}):
            alice.send({"id": "m" * 257, "to": "nowhere", "jsongle": jsongle})
            description = alice.take_one()["jsongle"]["description"]
            self.assertEqual((description["errorCode"], description["errorDetails"][:4]), (400001, "'id'"))
        for to in ("nowhere", "jsongle-server"):
            alice.send({"id": 7, "to": to, "jsongle": {"action": "iq-set", "query": "unknown"}})
            self.assertIqError(alice.take_one(), 400001)

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
