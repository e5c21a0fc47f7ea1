"""Tests of :mod:`jsongle_server.messages`: what the server says, word for word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import messages
from jsongle_server.codec import Json, address, encode
from jsongle_server.vocabulary import ErrorCode, Event, RoomKind, Status

NOW = "2026-11-22T14:09:08.451Z"


def on_the_wire(jsongle: Json) -> Json:
    """What a client reads of it."""
    sent: Json = orjson.loads(encode("m", address("s"), {"jsongle": jsongle}).addressed(address("c")))
    read: Json = sent["jsongle"]
    return read


def in_datetime(now: float) -> str:
    """A time on the wire as Python's own formatter would have it."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


class TimestampTests(SynchronousTestCase):
    """Times on the wire."""

    def test_time_is_utc_with_milliseconds(self) -> None:
        """A time is ISO 8601 in UTC with milliseconds and ``Z``."""
        self.assertEqual(messages.timestamp(1795356548.451), NOW)

    def test_whole_second_has_milliseconds_too(self) -> None:
        """All times are equally long, so that they sort as text."""
        self.assertEqual(messages.timestamp(0.0), "1970-01-01T00:00:00.000Z")

    def test_milliseconds_are_cut_off(self) -> None:
        """What is less than a millisecond is not rounded: a time never lies ahead."""
        self.assertEqual(messages.timestamp(1795356548.451999), NOW)
        self.assertEqual(messages.timestamp(59.999999), "1970-01-01T00:00:59.999Z")

    def test_second_after_second(self) -> None:
        """Times may come in any order, also those of a second that was left."""
        times = [0.0, 1.5, 0.25, 86_400.0, 1.75, 0.5]
        self.assertEqual([messages.timestamp(time) for time in times], [in_datetime(time) for time in times])

    @given(st.floats(0, 4_102_444_800))
    @example(0.9999995)
    @example(1795356548.4509995)
    @example(1795356548.4509994)
    @example(59.9999996)
    def test_same_as_datetime(self, now: float) -> None:
        """Any time is written as datetime would write it."""
        self.assertEqual(messages.timestamp(now), in_datetime(now))

    @given(st.integers(0, 4_102_444_800_000_000))
    def test_microseconds(self, now: int) -> None:
        """A time of so many microseconds is that time, however it is held in a float."""
        then = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
        self.assertEqual(messages.timestamp(now / 1_000_000), then.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")


class HelloTests(SynchronousTestCase):
    """The beginning of a session (protocol section 3)."""

    def test_hello(self) -> None:
        """The question is the one that clients know."""
        said = messages.hello(server_id="barracuda", version="1.1.4", info="hi", transaction="t-1", connected=NOW)
        self.assertEqual(
            on_the_wire(said),
            {
                "action": "iq-get",
                "query": "session-hello",
                "transaction": "t-1",
                "description": {"version": "1.1.4", "sn": "barracuda", "info": "hi", "connected": NOW},
            },
        )

    def test_ack_of_success_describes_the_session(self) -> None:
        """The ack says how it went, echoes the transaction and holds what the server has to tell."""
        self.assertEqual(
            on_the_wire(messages.hello_ack(Status.SUCCESS, "t-1", {"id": "8e78"})),
            {"action": "ack", "status": "success", "transaction": "t-1", "description": {"id": "8e78"}},
        )

    def test_ack_of_failure_has_no_description(self) -> None:
        """A hello that failed is acked with nothing but the fact; any transaction is echoed as it came."""
        self.assertEqual(
            on_the_wire(messages.hello_ack(Status.FAILED, {"n": 1})),
            {"action": "ack", "status": "failed", "transaction": {"n": 1}},
        )


class ErrorTests(SynchronousTestCase):
    """What was wrong (protocol section 8)."""

    def test_session_error_names_the_message(self) -> None:
        """The error holds its code as a number, a sentence and the id of the message."""
        self.assertEqual(
            on_the_wire(messages.session_error(ErrorCode.BAD_PARAMETER, "Missing 'uid' parameter", "m-1")),
            {
                "action": "session-error",
                "description": {"errorCode": 400001, "errorDetails": "Missing 'uid' parameter", "mid": "m-1"},
            },
        )

    def test_session_error_leaves_out_an_unknown_mid(self) -> None:
        """Without a readable id there is no ``mid`` at all."""
        said = messages.session_error(ErrorCode.NOT_JSON, "Not JSON", None)
        self.assertEqual(on_the_wire(said)["description"], {"errorCode": 400003, "errorDetails": "Not JSON"})

    def test_iq_error_answers_its_request(self) -> None:
        """An iq that failed gets its query and transaction back, with code and sentence."""
        request = {"action": "iq-set", "query": "join", "transaction": "t-7", "description": {"rid": "r"}}
        self.assertEqual(
            on_the_wire(messages.iq_error(request, ErrorCode.ROOM_FULL, "The room is full", mid="m-1")),
            {
                "action": "iq-error",
                "query": "join",
                "transaction": "t-7",
                "description": {"errorCode": 403001, "errorDetails": "The room is full"},
            },
        )

    def test_iq_error_without_a_query_echoes_none(self) -> None:
        """What the request did not have is not made up."""
        said = on_the_wire(messages.iq_error({"action": "iq-set"}, ErrorCode.BAD_PARAMETER, "Missing", mid="m-1"))
        self.assertNotIn("query", said)


class IqResultTests(SynchronousTestCase):
    """Answers to iqs (protocol section 4)."""

    def test_result_echoes_query_and_transaction(self) -> None:
        """An iq that went well gets its query and transaction back with the result."""
        request = {"action": "iq-set", "query": "join", "transaction": 7}
        self.assertEqual(
            on_the_wire(messages.iq_result(request, {"rid": "r"}, mid="m-1")),
            {"action": "iq-result", "query": "join", "transaction": 7, "description": {"rid": "r"}},
        )

    def test_missing_transaction_is_the_id(self) -> None:
        """Where the request had no transaction, its id stands in for it."""
        for request in ({"query": "ping"}, {"query": "ping", "transaction": None}):
            self.assertEqual(messages.iq_result(request, {}, mid="m-1")["transaction"], "m-1")

    def test_falsy_transaction_is_a_transaction(self) -> None:
        """Zero and the empty string are the client's choice, and echoed."""
        for transaction in (0, "", False):
            answer = messages.iq_result({"query": "ping", "transaction": transaction}, {}, mid="m-1")
            self.assertEqual(answer["transaction"], transaction)


class EventTests(SynchronousTestCase):
    """What happened (protocol sections 4 and 5)."""

    def test_room_event(self) -> None:
        """Who came is told with the time under ``joined``."""
        said = messages.room_event(RoomKind.ROOM, Event.JOINED, rid="r", member={"uid": "ann"}, at=NOW)
        self.assertEqual(
            on_the_wire(said),
            {
                "action": "session-event",
                "namespace": "room",
                "event": "joined",
                "description": {"member": {"uid": "ann"}, "rid": "r", "joined": NOW},
            },
        )

    def test_muc_event(self) -> None:
        """Who went is told with the time under ``left``, in a muc under its own namespace."""
        said = on_the_wire(messages.room_event(RoomKind.MUC, Event.LEFT, rid="r", member={"uid": "ann"}, at=NOW))
        self.assertEqual((said["namespace"], said["event"]), ("muc", "left"))
        self.assertEqual(said["description"], {"member": {"uid": "ann"}, "rid": "r", "left": NOW})

    def test_receipt_has_the_namespace_of_the_message(self) -> None:
        """The sender learns that the server has its message, under the namespace that it chose."""
        self.assertEqual(
            on_the_wire(messages.received({"action": "session-text", "namespace": "muc"}, mid="m-1", at=NOW)),
            {
                "action": "session-event",
                "namespace": "muc",
                "event": "ack",
                "description": {"acknowledged": NOW, "mid": "m-1", "type": "server-received"},
            },
        )

    def test_receipt_without_a_namespace_has_none(self) -> None:
        """Where the message had no namespace, its receipt has none."""
        self.assertNotIn("namespace", messages.received({"action": "session-text"}, mid="m-1", at=NOW))


class CallInfoTests(SynchronousTestCase):
    """What the server says about a call (protocol section 5)."""

    def test_trying_echoes_the_call(self) -> None:
        """The caller learns that its propose went on, with the parts that name the call and no others."""
        propose = {
            "action": "session-propose",
            "sid": "c-1",
            "initiator": "a",
            "responder": "b",
            "description": {"x": 1},
        }
        self.assertEqual(
            on_the_wire(messages.trying(propose, at=NOW)),
            {
                "action": "session-info",
                "reason": "trying",
                "sid": "c-1",
                "initiator": "a",
                "responder": "b",
                "description": {"tried": NOW},
            },
        )

    def test_unreachable_leaves_out_what_was_missing(self) -> None:
        """What the message did not name is not named in the answer."""
        self.assertEqual(
            on_the_wire(messages.unreachable({"action": "session-propose", "sid": "c-1"}, at=NOW)),
            {"action": "session-info", "reason": "unreachable", "sid": "c-1", "description": {"ended": NOW}},
        )

    def test_message_that_is_answered_stays_as_it_is(self) -> None:
        """Building an answer changes nothing in the message."""
        propose = {"action": "session-propose", "sid": "c-1"}
        messages.trying(propose, at=NOW)
        self.assertEqual(propose, {"action": "session-propose", "sid": "c-1"})
