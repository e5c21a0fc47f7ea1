"""The AsyncAPI document against the server, with whatever hypothesis makes clients send.

What the document has, the server takes, and what it does not have, the server refuses; and whatever a client writes
into a message, those who get it get all that the server guarantees. The clients' witness (:mod:`tests.witness`) checks
each message that comes.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.handlers import HANDLERS
from jsongle_server.testing import Client
from jsongle_server.testing_websocket import WebSocketMemoryServer
from jsongle_server.vocabulary import IQ_REQUESTS, MAX_NAME, Action, Event, Namespace, Query, Reason
from tests.asyncapi import TO_PEER, TO_SERVER, fault
from tests.scenarios import SERVER
from tests.witness import Conversation

MALFORMED: Final = {400001, 400002, 400003, 404001, 405001}
"""The errors that say that a message is not as it should be, wherever and whenever it is sent."""

ABSENT: Final = object()

names = st.sampled_from(["r", "a/b", "", "x" * MAX_NAME, "x" * (MAX_NAME + 1), 5, None, ABSENT, [], {}])
texts = st.sampled_from(["Al", "", None, ABSENT, 5, []])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.sampled_from([SERVER, "server", "ack"]),
    lambda child: (
        st.lists(child, max_size=2) | st.dictionaries(st.sampled_from(["id", "from", "x"]), child, max_size=2)
    ),
    max_leaves=4,
)
words = st.sampled_from([str(word) for kind in (Query, Event, Namespace, Reason) for word in kind])
ids = st.sampled_from(["m", "", None, ABSENT, "x" * MAX_NAME, "x" * (MAX_NAME + 1), 5, []])
actions = st.sampled_from([*map(str, HANDLERS), "ack", "session-error", "session-hum", "", 5, None, ABSENT])


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with such values, those left out that are absent."""
    return st.fixed_dictionaries(values).map(
        lambda made: {name: value for name, value in made.items() if value is not ABSENT}
    )


queries = some(
    action=st.sampled_from([*map(str, IQ_REQUESTS), "session-metrics"]),
    query=st.sampled_from([str(query) for query in Query if query is not Query.HELLO]) | st.sampled_from(["knit", 5]),
    transaction=anything | st.just(ABSENT),
    description=st.sampled_from([ABSENT, None, 5])
    | some(rid=names, dn=texts, duration=st.sampled_from([ABSENT, None, 0, 1.5, 604_800, 604_801, -1, True, "1"])),
)
spoken = some(
    action=actions,
    sid=anything | st.just(ABSENT),
    reason=words | anything,
    namespace=words | anything | st.just(ABSENT),
    event=words | anything | st.just(ABSENT),
    query=words | anything | st.just(ABSENT),
    description=st.sampled_from([ABSENT, None, 5, []])
    | st.dictionaries(st.sampled_from(["sent", "relayed", "uid", "x"]), anything, max_size=4),
)
hellos = some(
    uid=st.sampled_from(["alice", "x" * MAX_NAME, "x" * (MAX_NAME + 1), "", None, ABSENT, 5, []]),
    dn=texts,
    resume=st.sampled_from([True, False, None, ABSENT, 5, {}, {"token": "x"}, {"token": 5, "seq": 0}])
    | some(token=st.just("x"), seq=st.sampled_from([0, 7, -1, "0", None, True])),
    token=anything | st.just(ABSENT),
    appToken=anything | st.just(ABSENT),
    mood=anything,
)


def codes(messages: list[dict[str, Any]]) -> set[int]:
    """The error codes among what a client was told."""
    return {
        message["jsongle"]["description"]["errorCode"]
        for message in messages
        if message["jsongle"]["action"] in ("session-error", "iq-error") and message["from"] == SERVER
    }


class RandomCase(SynchronousTestCase):
    """Somebody who says things, and somebody to hear them."""

    def meet(self) -> tuple[Client, Client]:
        """Alice and Bob, in a room and in a muc; he has opted into resume."""
        server = WebSocketMemoryServer()
        alice, bob = server.user("alice"), server.user("bob", resume=True)
        for client in (alice, bob):
            client.join("room")
            client.join("stage", muc=True)
        alice.take()
        bob.take()
        return alice, bob

    def assert_taken_or_refused(self, family: str, message: dict[str, Any], told: list[dict[str, Any]]) -> None:
        """A message was taken if the document has it, and refused if not."""
        Conversation.audit.check()
        if fault(family, message) is None:
            self.assertEqual(codes(told) & MALFORMED, set(), message)


class RequestTests(RandomCase):
    """What clients say to the server."""

    @given(jsongle=queries, mid=ids)
    def test_requests(self, jsongle: dict[str, Any], mid: Any) -> None:
        """A query, or a report, is in the document or refused."""
        alice, _ = self.meet()
        message = {"to": SERVER, "jsongle": jsongle} | ({} if mid is ABSENT else {"id": mid})
        alice.send(message)
        self.assert_taken_or_refused(TO_SERVER, message, alice.take())

    @given(description=hellos | st.none(), mid=ids, to=st.sampled_from([SERVER, "other", None, ABSENT, 5]))
    def test_hello(self, description: Any, mid: Any, to: Any) -> None:
        """A hello is in the document, and then succeeds, or fails."""
        client = WebSocketMemoryServer().connect()
        client.greeted()
        jsongle = {"action": "iq-result", "query": "session-hello", "description": description}
        fields = {"id": mid, "to": to, "jsongle": jsongle}
        message = {name: value for name, value in fields.items() if value is not ABSENT}
        client.send(message)
        ack, *_ = client.take()
        is_right = fault(TO_SERVER, message) is None
        self.assertEqual(ack["jsongle"]["status"], "success" if is_right else "failed")
        Conversation.audit.check()


class RelayTests(RandomCase):
    """What clients say to each other."""

    def test_whatever_is_said(self) -> None:
        """It is in the document or refused; what arrives has all that is guaranteed, whatever else is in it."""
        arrived: set[str] = set()

        @given(
            jsongle=spoken,
            fields=st.dictionaries(st.sampled_from(["seq", "namespace", "x"]), anything, max_size=3),
            mid=ids,
            to=st.sampled_from(["bob", "room", "stage", "stage/bob"]),
        )
        def say(jsongle: dict[str, Any], fields: dict[str, Any], mid: Any, to: str) -> None:
            alice, bob = self.meet()
            message = {**fields, "to": to, "jsongle": jsongle} | ({} if mid is ABSENT else {"id": mid})
            alice.send(message)
            told = alice.take()
            arrived.update(each["jsongle"]["action"] for each in bob.take())
            family = TO_SERVER if jsongle.get("action") == Action.SESSION_METRICS else TO_PEER
            self.assert_taken_or_refused(family, message, told)

        say()
        self.assertGreater(len(arrived), 3)
