"""Scenarios of errors: their two forms, and how to meet each code (protocol section 8)."""

from __future__ import annotations

from collections.abc import Callable

from jsongle_server.errors import JsongleError
from jsongle_server.testing import Client
from jsongle_server.vocabulary import ErrorCode
from tests.scenarios import SERVER, ScenarioCase, on_both_transports

PROVOCATIONS: dict[ErrorCode, Callable[[Client], object]] = {
    ErrorCode.BAD_PARAMETER: lambda client: client.ask("join"),
    ErrorCode.NO_JSONGLE: lambda client: client.send({}),
    ErrorCode.NOT_JSON: lambda client: client.send([]),
    ErrorCode.ROOM_FULL: lambda client: client.ask("join", rid="full"),
    ErrorCode.HELLO_FIRST: lambda client: None,  # the client of this one is made by the test
    ErrorCode.NOT_YOUR_IDENTITY: lambda client: client.send({"from": "x", "jsongle": {"action": "ack"}}),
    ErrorCode.TOO_MANY_ROOMS: lambda client: [client.ask("join", rid=rid) for rid in ("a", "b", "c")],
    ErrorCode.NOT_YOUR_CALL: lambda client: client.say("host", "session-info", sid="theirs"),
    ErrorCode.UNKNOWN_QUERY: lambda client: client.ask("dance"),
    ErrorCode.NO_SUCH_RECIPIENT: lambda client: client.say("nowhere", "session-text"),
    ErrorCode.NOBODY_ELSE: lambda client: client.join("r") or client.say("r", "session-text"),
    ErrorCode.UNSUPPORTED_ACTION: lambda client: client.say("full", "ack"),
    ErrorCode.TOO_FAST: lambda client: [client.ask("ping") for _ in range(200)],  # the hello was the first
    ErrorCode.WRONG_ROOM_KIND: lambda client: client.ask("muc-join", rid="full"),
    ErrorCode.TOO_FAST: lambda client: [client.say("host", "session-propose", sid=f"s-{n}") for n in range(33)],
}


@on_both_transports
class CodeTests(ScenarioCase):
    """Every code that a client can bring about."""

    def test_all_of_them(self) -> None:
        """Each code is met and counted by its own provocation, and no other code with it."""
        for code, provoke in PROVOCATIONS.items():
            self.serve(max_members_per_room=1, max_rooms_per_user=2)
            host, _ = self.users("host", "guest")
            host.join("full")
            host.say("guest", "session-propose", sid="theirs")
            if code is ErrorCode.HELLO_FIRST:
                self.server.connect().say("x", "session-text")
            else:
                provoke(self.server.user("alice"))
            self.assertEqual({met: count for met, count in self.server.metrics.errors.items() if count}, {code: 1})

    def test_none_is_missing(self) -> None:
        """The codes above are all that the server knows to raise, but for its failure, lack of room and tokens."""
        known = {error.code for error in JsongleError.__subclasses__()}
        tokens = {ErrorCode.TOKEN_REFUSED, ErrorCode.NOT_ALLOWED}  # in test_scenarios_tokens.py
        self.assertEqual(known - set(PROVOCATIONS) - tokens, {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE})


@on_both_transports
class FormTests(ScenarioCase):
    """What an error looks like."""

    def test_session_error(self) -> None:
        """A ``session-error`` comes from the server with code, details and the id of the message that failed."""
        alice = self.server.user("alice")
        mid = alice.say("nowhere", "session-text")
        description = {"errorCode": 404002, "errorDetails": "No such recipient", "mid": mid}
        self.assertOwn(alice, {"action": "session-error", "description": description})

    def test_no_mid(self) -> None:
        """Where the message had no readable id there is no ``mid``."""
        alice = self.server.user("alice")
        for fields in ({}, {"id": None}, {"id": 5}):
            alice.send({"jsongle": {"action": "ack"}, **fields})
            self.assertError(alice, 400001, mid=None)

    def test_iq_error(self) -> None:
        """An ``iq-error`` comes from the server with query, transaction, code and details."""
        alice = self.server.user("alice")
        alice.say(SERVER, "iq-set", query="leave", transaction="t", description={"rid": "r"})
        self.assertOwn(
            alice,
            {
                "action": "iq-error",
                "query": "leave",
                "transaction": "t",
                "description": {"errorCode": 404002, "errorDetails": "Not a member of this room"},
            },
        )

    def test_the_connection_stays(self) -> None:
        """An error is an answer, not an end."""
        alice = self.server.user("alice")
        for _ in range(100):
            alice.say("nowhere", "session-text")
        self.assertEqual(len(alice.take()), 100)
        self.assertIsNone(alice.closed)
