"""Tests of :mod:`jsongle_server.vocabulary`: the names on the wire, and that each has its place in the server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.handlers import HANDLERS, REFUSED
from jsongle_server.queries import QUERIES, READ_ONLY
from jsongle_server.vocabulary import (
    ACTIONS,
    CALL_ACTIONS,
    ENDING_ACTIONS,
    IQ_ACTIONS,
    IQ_REQUESTS,
    Action,
    ErrorCode,
    Event,
    Namespace,
    Query,
    RoomKind,
)


class ActionTests(SynchronousTestCase):
    """What clients and the server say to each other."""

    def test_every_action_is_handled_or_refused_on_purpose(self) -> None:
        """An action that clients may not use is listed as such; none is forgotten, none is both."""
        self.assertEqual(set(HANDLERS) | REFUSED, set(Action))
        self.assertEqual(set(HANDLERS) & REFUSED, set())

    def test_only_what_is_the_servers_to_say_is_refused(self) -> None:
        """Clients may use every action but ``ack`` and ``session-error`` (protocol section 5)."""
        self.assertEqual(REFUSED, {"ack", "session-error"})

    def test_call_actions_are_those_of_the_protocol(self) -> None:
        """The actions that are answered with ``unreachable`` are the nine of a call (protocol section 5)."""
        self.assertEqual(
            CALL_ACTIONS,
            {
                "session-propose",
                "session-info",
                "session-proceed",
                "session-initiate",
                "session-accept",
                "session-decline",
                "session-retract",
                "session-terminate",
                "transport-info",
            },
        )

    def test_ending_actions_are_call_actions(self) -> None:
        """What ends a call and is answered with nothing belongs to the call."""
        self.assertEqual(ENDING_ACTIONS, {"session-terminate", "session-retract", "session-decline"})
        self.assertLess(ENDING_ACTIONS, CALL_ACTIONS)

    def test_iq_requests_are_iq_actions(self) -> None:
        """Of the four iq actions, two ask and two answer."""
        self.assertEqual(IQ_ACTIONS - IQ_REQUESTS, {"iq-result", "iq-error"})
        self.assertEqual(IQ_REQUESTS, {"iq-set", "iq-get"})

    def test_actions_are_found_by_their_names_on_the_wire(self) -> None:
        """The table by name holds every action and nothing else."""
        self.assertEqual(ACTIONS, {str(action): action for action in Action})


class QueryTests(SynchronousTestCase):
    """What an iq can be about."""

    def test_every_query_is_answered_but_the_servers_own(self) -> None:
        """The server answers every query, and asks ``session-hello`` itself."""
        self.assertEqual(set(QUERIES), set(Query) - {Query.HELLO})

    def test_only_queries_that_change_nothing_may_be_read(self) -> None:
        """``iq-get`` serves no query that joins or leaves (protocol section 4)."""
        self.assertEqual(READ_ONLY, {"room-members", "ping", "ice-servers"})


class NameTests(SynchronousTestCase):
    """Other names of the protocol that clients look at."""

    def test_room_kinds_are_the_namespaces_of_their_events(self) -> None:
        """A room says ``room`` and a muc ``muc`` in its events (protocol section 4)."""
        self.assertEqual({kind.value for kind in RoomKind}, {Namespace.ROOM.value, Namespace.MUC.value})

    def test_events_of_rooms_are_named_as_clients_know_them(self) -> None:
        """Clients wait for ``joined``, ``left`` and ``ack`` (protocol sections 4 and 5)."""
        self.assertLessEqual({"joined", "left", "ack"}, set(Event))

    def test_error_codes_are_those_of_the_protocol(self) -> None:
        """Every code of the table is there, under the number that clients know, and no other (protocol section 8)."""
        self.assertEqual(
            sorted(ErrorCode),
            [
                *(400001, 400002, 400003, 401001),
                *(403001, 403002, 403003, 403004, 403005, 403006),
                *(404001, 404002, 404003, 405001, 409001, 429001, 500001, 503001),
            ],
        )
