"""Tests of :mod:`jsongle_server.rest_sessions`: who is here, and ending their stay."""

from __future__ import annotations

from tests.rest_support import BEARER, RestCase


class SessionsTests(RestCase):
    """The sessions that there are."""

    def test_sessions_lists_everybody_who_is_connected(self) -> None:
        """Those in rooms with their rooms, those who have not said hello without a name."""
        jon = self.server.user("jon", dn="Jon Doe", resume=True)
        jon.join("kitchen")
        newcomer = self.server.connect()
        newcomer.greeted()
        self.server.drop(self.server.user("gone"))
        common = {"address": "192.0.2.1:1024", "connected": "2026-11-22T14:09:08.451Z"}
        self.assertEqual(
            self.server.get("/sessions").json,
            {
                "sessions": [
                    {
                        "id": jon.identity,
                        "uid": "jon",
                        "dn": "Jon Doe",
                        "state": "identified",
                        "rooms": ["kitchen"],
                        **common,
                    },
                    {
                        "id": newcomer.identity,
                        "uid": None,
                        "dn": None,
                        "state": "awaiting_hello",
                        "rooms": [],
                        **common,
                    },
                ],
                "count": 2,
                "limit": 100,
                "offset": 0,
            },
        )

    def test_delete_ends_a_session(self) -> None:
        """Its connection is closed with 4004, and it is gone from the list."""
        jon = self.server.user("jon")
        answer = self.server.ask("DELETE", f"/sessions/{jon.identity}", headers=BEARER)
        self.assertEqual((answer.status, answer.json), (200, {"id": jon.identity, "ended": "2026-11-22T14:09:08.451Z"}))
        self.assertEqual(jon.closed, (4004, "ended by an administrator"))
        self.assertEqual(self.server.get("/sessions").json["count"], 0)

    def test_delete_ends_a_session_that_has_not_said_hello(self) -> None:
        """Its identity may be percent-encoded, as any part of a path."""
        client = self.server.connect()
        client.greeted()
        encoded = "".join(f"%{ord(char):02x}" for char in client.identity)
        self.assertEqual(self.server.ask("DELETE", f"/sessions/{encoded}", headers=BEARER).status, 200)
        self.assertIsNotNone(client.closed)

    def test_delete_of_nobody_is_not_found(self) -> None:
        """Also the second time, and whatever stands for the id."""
        jon = self.server.user("jon")
        self.server.ask("DELETE", f"/sessions/{jon.identity}", headers=BEARER)
        for identity in (jon.identity, "jon", "%20", "%F0%9F%8D%8B", "a" * 5000):
            answer = self.server.ask("DELETE", f"/sessions/{identity}", headers=BEARER)
            self.assertEqual((answer.status, answer.json["errorCode"]), (404, 404000))

    def test_one_session_is_shown_as_in_the_list(self) -> None:
        """By its identity, also before its hello; what is nobody's is not found."""
        jon, newcomer = self.server.user("jon"), self.server.connect()
        newcomer.greeted()
        listed = self.do("GET", "/sessions").json["sessions"]
        shown = [self.do("GET", f"/sessions/{client.identity}").json for client in (jon, newcomer)]
        self.assertEqual(shown, listed)
        self.assert_refused(self.do("GET", "/sessions/jon"), 404, "no such session")

    def test_ending_a_session_is_audited(self) -> None:
        """One line with who did it to whom; none where there was nobody."""
        jon = self.server.user("jon")
        for _ in range(2):
            self.do("DELETE", f"/sessions/{jon.identity}")
        self.assertEqual(self.audited(), [f"192.0.2.7:40000: end session {jon.identity}: ended"])


class FilterTests(RestCase):
    """Which sessions are listed."""

    def setUp(self) -> None:
        """Have three users, of whom one is away, and somebody without a name."""
        super().setUp()
        self.jon, self.ann = self.server.user("jon"), self.server.user("ann", resume=True)
        self.other = self.server.user("jon")
        self.server.connect()
        self.jon.join("a/b ?&=+;")
        self.ann.join("a/b ?&=+;")
        self.server.drop(self.ann)

    def listed(self, query: str) -> list[str | None]:
        """The user ids that are listed; their number is the count."""
        answer = self.do("GET", f"/sessions?{query}").json
        self.assertEqual(answer["count"], len(answer["sessions"]))
        return [session["uid"] for session in answer["sessions"]]

    def test_by_user(self) -> None:
        """All devices of that user, and nobody who has not said who he is."""
        self.assertEqual(self.listed("uid=jon"), ["jon", "jon"])
        self.assertEqual(self.listed("uid=nobody"), [])

    def test_by_room(self) -> None:
        """Those in it, also those that are away; its id is any text, percent-encoded."""
        self.assertEqual(self.listed("room=a%2Fb%20%3F%26%3D%2B%3B"), ["jon", "ann"])

    def test_by_state(self) -> None:
        """Each of the states."""
        self.assertEqual(self.listed("state=identified"), ["jon", "jon"])
        self.assertEqual(self.listed("state=awaiting_hello"), [None])
        self.assertEqual(self.listed("state=detached"), ["ann"])

    def test_by_address(self) -> None:
        """An address, a network that holds it, or one that does not; mapped addresses are those that they map."""
        for address, count in (
            ("192.0.2.1", 4),
            ("192.0.2.0/24", 4),
            ("0.0.0.0/0", 4),
            ("::ffff:192.0.2.1", 4),
            ("192.0.2.2", 0),
            ("2001:db8::/32", 0),
        ):
            self.assertEqual((address, len(self.listed(f"address={address}"))), (address, count))

    def test_filters_go_together(self) -> None:
        """A session that is listed fits all of them."""
        self.assertEqual(self.listed("uid=ann&state=detached&address=192.0.2.1"), ["ann"])
        self.assertEqual(self.listed("uid=ann&state=identified"), [])

    def test_a_value_that_cannot_be_is_refused_with_what_it_may_be(self) -> None:
        """Never an empty list, never a failure."""
        for query, words in (
            ("state=ended", "awaiting_hello, identified, detached"),
            ("state=Identified", "awaiting_hello"),
            ("address=nowhere", "192.0.2.0/24"),
            ("address=300.0.0.1", "192.0.2.0/24"),
            ("address=", "192.0.2.0/24"),
            ("uid=", "1 to 256"),
            ("room=" + "x" * 257, "1 to 256"),
            ("limit=0", "1 to 1000"),
            ("limit=1001", "1 to 1000"),
            ("limit=1.5", "1 to 1000"),
            ("limit=", "1 to 1000"),
            ("limit=%D9%A1", "1 to 1000"),
            ("limit=1e2", "1 to 1000"),
            ("offset=-1", "0 to"),
            ("offset=" + "9" * 400, "0 to"),
            ("Limit=1", "uid, room, state, address, limit, offset"),
            ("x", "uid, room"),
            ("uid=jon&uid=ann", "twice"),
            ("uid=%ff", "UTF-8"),
            ("&".join(f"x{number}=1" for number in range(40)), "32"),
        ):
            self.assert_refused(self.do("GET", f"/sessions?{query}"), 400, words)


class PageTests(RestCase):
    """Long lists."""

    def page(self, query: str) -> tuple[list[str], int, int, int]:
        """The users of a page, and what it says of itself."""
        answer = self.do("GET", f"/sessions?{query}").json
        return [each["uid"] for each in answer["sessions"]], answer["count"], answer["limit"], answer["offset"]

    def test_pages_follow_each_other(self) -> None:
        """In order of arrival; the count is of all that fit, and behind the end there is nothing."""
        for number in range(5):
            self.server.user(f"u{number}")
        self.assertEqual(self.page("limit=2"), (["u0", "u1"], 5, 2, 0))
        self.assertEqual(self.page("limit=2&offset=4"), (["u4"], 5, 2, 4))
        self.assertEqual(self.page("offset=5"), ([], 5, 100, 5))

    def test_a_page_has_a_limit_of_its_own(self) -> None:
        """A hundred unless more are asked for."""
        for number in range(101):
            self.server.user(f"u{number}")
        self.assertEqual(len(self.page("")[0]), 100)
        self.assertEqual(len(self.page("limit=1000")[0]), 101)
