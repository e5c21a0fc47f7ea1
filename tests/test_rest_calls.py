"""Tests of :mod:`jsongle_server.rest_calls`: who talks with whom."""

from __future__ import annotations

from tests.rest_support import RestCase


class CallsTests(RestCase):
    """The calls that there are."""

    def setUp(self) -> None:
        """Have a call that rings two devices, and one through a room that is answered."""
        super().setUp()
        self.jon, self.ann = self.server.user("jon", dn="Jon"), self.server.user("ann")
        self.tablet = self.server.user("ann")
        self.jon.say("ann", "session-propose", sid="first", description={"secret": "words"})
        self.server.clock.advance(1)
        self.jon.join("den")
        self.ann.join("den")
        self.ann.say("den", "session-propose", sid="second")
        self.server.clock.advance(2)
        self.jon.say("den", "session-proceed", sid="second")
        self.server.clock.advance(3.5)

    def test_calls_are_listed_without_what_is_said_in_them(self) -> None:
        """State, parties with their roles, when it began and was answered, and how long that is ago."""
        ringing = {
            "sid": "first",
            "state": "ringing",
            "room": None,
            "started": "2026-11-22T14:09:08.451Z",
            "answered": None,
            "duration": None,
            "parties": [
                {"id": self.jon.identity, "uid": "jon", "dn": "Jon", "role": "caller"},
                {"id": self.ann.identity, "uid": "ann", "dn": None, "role": "rung"},
                {"id": self.tablet.identity, "uid": "ann", "dn": None, "role": "rung"},
            ],
        }
        bound = {
            "sid": "second",
            "state": "bound",
            "room": "den",
            "started": "2026-11-22T14:09:09.451Z",
            "answered": "2026-11-22T14:09:11.451Z",
            "duration": 3.5,
            "parties": [
                {"id": self.ann.identity, "uid": "ann", "dn": None, "role": "caller"},
                {"id": self.jon.identity, "uid": "jon", "dn": "Jon", "role": "winner"},
            ],
        }
        self.assertEqual(
            self.do("GET", "/calls").json, {"calls": [ringing, bound], "count": 2, "limit": 100, "offset": 0}
        )

    def test_filters(self) -> None:
        """By state, user and room."""
        self.server.user("eve")
        for query, expected in (
            ("state=ringing", ["first"]),
            ("state=bound", ["second"]),
            ("state=active", []),
            ("uid=jon", ["first", "second"]),
            ("uid=eve", []),
            ("room=den", ["second"]),
            ("offset=1", ["second"]),
        ):
            answer = self.do("GET", f"/calls?{query}").json
            self.assertEqual((query, [call["sid"] for call in answer["calls"]]), (query, expected))
        self.assert_refused(self.do("GET", "/calls?state=over"), 400, "ringing, bound, active")

    def test_a_call_that_is_over_is_gone(self) -> None:
        """Nothing is kept of it."""
        self.jon.say("den", "session-terminate", sid="second")
        self.assertEqual(self.do("GET", "/calls?room=den").json["count"], 0)
