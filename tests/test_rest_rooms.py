"""Tests of :mod:`jsongle_server.rest_rooms`: rooms, and emptying them."""

from __future__ import annotations

from urllib.parse import quote

from jsongle_server.testing import Client
from tests.rest_support import TOKEN, RestCase, parse


class RoomsTests(RestCase):
    """The rooms that there are."""

    def test_rooms_lists_rooms_with_their_members(self) -> None:
        """Each member by the name it goes by in the room."""
        jon, ann = self.server.user("jon", dn="Jon"), self.server.user("ann")
        jon.join("hall", muc=True, dn="Johnny")
        ann.join("hall", muc=True)
        self.assertEqual(
            self.server.get("/rooms").json,
            {
                "rooms": [
                    {
                        "rid": "hall",
                        "kind": "muc",
                        "created": "2026-11-22T14:09:08.451Z",
                        "members": [
                            {"id": jon.identity, "uid": "jon", "dn": "Johnny"},
                            {"id": ann.identity, "uid": "ann", "dn": None},
                        ],
                    }
                ],
                "count": 1,
                "limit": 100,
                "offset": 0,
            },
        )

    def test_filters(self) -> None:
        """By id, by kind and by who is there."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        jon.join("hall", muc=True)
        jon.join("den")
        ann.join("den")
        for query, expected in (
            ("rid=den", ["den"]),
            ("kind=muc", ["hall"]),
            ("kind=room", ["den"]),
            ("uid=jon", ["hall", "den"]),
            ("uid=ann", ["den"]),
            ("uid=ann&kind=muc", []),
            ("limit=1&offset=1", ["den"]),
        ):
            answer = self.do("GET", f"/rooms?{query}").json
            self.assertEqual((query, [room["rid"] for room in answer["rooms"]]), (query, expected))
        self.assert_refused(self.do("GET", "/rooms?kind=cellar"), 400, "muc, room")

    def test_a_room_of_any_name_can_be_shown_and_emptied(self) -> None:
        """Its id is one part of the path, percent-encoded, whatever it holds."""
        jon = self.server.user("jon")
        for rid in (
            "kitchen", "a/b", "/", "//", "..", ".", "../..", "\n", "\r\nX: y", "\x00", " ", "%", "%2F", "a%20b", "?x=1",
            "#", ";", "+", "\\", "<id>", "{rid}", "ümläut", "\u202e", "__proto__", "🍋" * 256, "x" * 256,
        ):  # fmt: skip
            jon.join(rid)
            path = f"/rooms/{quote(rid, safe='')}"
            self.assertEqual(self.do("GET", path).json["rid"], rid)
            answer = self.do("DELETE", path)
            self.assertEqual((answer.status, answer.json["rid"], answer.json["count"]), (200, rid, 1))
            self.assert_refused(self.do("GET", path), 404, "no such room")
        self.assertEqual(set(self.server.metrics.requests), {("/rooms/{rid}", 200), ("/rooms/{rid}", 404)})
        self.assertEqual([line for line in self.audited() if not line.isprintable()], [])

    def test_an_encoded_slash_is_no_other_path(self) -> None:
        """Neither does it lead out of the rooms, nor does a plain one lead into a room's id."""
        self.server.user("jon").join("a/b")
        self.assert_refused(self.do("GET", "/rooms/a/b"), 404, "nothing at this path")
        self.assert_refused(self.do("GET", "/rooms%2Fa"), 404, "nothing at this path")
        self.assertEqual(self.do("GET", "/%72ooms/%61%2fb").json["rid"], "a/b")


class EmptyTests(RestCase):
    """Putting everybody out of a room."""

    def test_everybody_leaves(self) -> None:
        """The room is gone, those who were in it are still here, and may come back."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        for client in (jon, ann):
            client.join("den")
        answer = self.do("DELETE", "/rooms/den")
        self.assertEqual(answer.json, {"rid": "den", "emptied": "2026-11-22T14:09:08.451Z", "count": 2})
        self.assertEqual(self.do("GET", "/rooms").json["count"], 0)
        self.assertEqual([each["rooms"] for each in self.do("GET", "/sessions").json["sessions"]], [[], []])
        self.assertEqual((jon.closed, jon.join("den")), (None, []))
        self.assertEqual(self.audited(), ["192.0.2.7:40000: empty room den: members put out: 2"])

    def test_a_room_whose_id_cannot_stand_in_a_path(self) -> None:
        """It is named in the query: browsers take a part of a path that is ``..`` for a step."""
        jon = self.server.user("jon")
        for rid in (".", "..", "a/b", "?", "#", "+", "&rid=x", "🍋"):
            jon.join(rid)
            answer = self.do("DELETE", f"/rooms?rid={quote(rid, safe='')}")
            self.assertEqual((answer.status, answer.json["rid"], answer.json["count"]), (200, rid, 1))
            self.assertEqual(self.do("GET", "/rooms").json["count"], 0)

    def test_no_room_is_emptied_where_none_is_named(self) -> None:
        """A request without an id, or with that of no room, leaves all as they are."""
        self.server.user("jon").join("den")
        for query in ("", "?rid=x"):
            self.assert_refused(self.do("DELETE", f"/rooms{query}"), 404, "no such room")
        self.assertEqual(self.do("GET", "/rooms").json["count"], 1)

    def test_every_joined_is_followed_by_one_left(self) -> None:
        """Whoever was told that somebody came is told that he left, once, and nobody else is."""
        clients = [self.server.user(uid) for uid in ("a", "b", "c", "d")]
        for client in clients:
            client.join("den", muc=True)
        clients[1].ask("leave", rid="den")
        joined = [self.told(client, "joined") for client in clients]
        before = [self.told(client, "left") for client in clients]
        for client in clients:
            client.take()
        self.do("DELETE", "/rooms/den")
        left = [[*earlier, *self.told(client, "left")] for earlier, client in zip(before, clients, strict=True)]
        self.assertEqual(joined, [["b", "c", "d"], ["c", "d"], ["d"], []])
        # Those who came after b found him there, and heard of it when he left by himself.
        self.assertEqual([sorted(each) for each in left], [["b", "c", "d"], [], ["b", "d"], ["b"]])

    def told(self, client: Client, event: str) -> list[str]:
        """Of whom a client was told that he came or left."""
        said = [message["jsongle"] for message in client.inbox if message["jsongle"]["action"] == "session-event"]
        return [each["description"]["member"]["uid"] for each in said if each["event"] == event]

    def test_who_is_put_out_is_told_so_last(self) -> None:
        """By a server message; after it comes nothing of the room any more."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        for client in (jon, ann):
            client.join("den")
        jon.take()
        self.do("DELETE", "/rooms/den")
        said = {
            "action": "session-event",
            "namespace": "session",
            "event": "server-message",
            "description": {"reason": "room-emptied", "rid": "den", "left": "2026-11-22T14:09:08.451Z"},
        }
        left, message = jon.take()
        self.assertEqual((left["jsongle"]["event"], message["jsongle"]), ("left", said))
        self.assertEqual(ann.take_one()["jsongle"], said)

    def test_who_is_away_is_put_out_as_well(self) -> None:
        """And finds out when it comes back: what it missed says so."""
        jon = self.server.user("jon", resume=True)
        jon.join("den")
        self.server.drop(jon)
        self.do("DELETE", "/rooms/den")
        (session,) = self.do("GET", "/sessions").json["sessions"]
        self.assertEqual((session["state"], session["rooms"]), ("detached", []))
        resumption = self.server.session_of(jon).resumption
        assert resumption is not None
        self.assertIn(b"room-emptied", b"".join(resumption.buffer.after(0)))

    def test_a_large_room_is_emptied_in_turns(self) -> None:
        """Others are served meanwhile, and who leaves by himself or comes anew meanwhile is left alone."""
        clients = [self.server.user(f"u{number}", dn="") for number in range(60)]
        for client in clients:
            client.join("den")
        wire = self.server.open_wire()
        wire.channel.dataReceived(f"DELETE /rooms/den HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        room = self.server.signaling.rooms.find("den")
        assert room is not None
        self.assertTrue(0 < len(room) < 60, len(room))
        clients[0].ask("leave", rid="den")
        self.server.user("new").join("den")
        wire.work()
        self.assertEqual(parse(wire.read()).json["count"], 59)
        self.assertEqual([each["uid"] for each in self.do("GET", "/rooms/den").json["members"]], ["new"])

    def test_a_caller_who_hangs_up_stops_nothing(self) -> None:
        """The room is emptied all the same, and the line is written."""
        for number in range(60):
            self.server.user(f"u{number}").join("den")
        wire = self.server.open_wire()
        wire.channel.dataReceived(f"DELETE /rooms/den HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        wire.transport.cut()
        wire.work()
        self.assertEqual(self.do("GET", "/rooms").json["count"], 0)
        self.assertEqual(self.audited(), ["192.0.2.7:40000: empty room den: members put out: 60"])

    def test_calls_through_the_room_end(self) -> None:
        """As when a party leaves by itself: the other hears that nobody is there."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        for client in (jon, ann):
            client.join("den")
        jon.say("den", "session-propose", sid="s", initiator="jon", responder="ann")
        jon.take()
        self.do("DELETE", "/rooms/den")
        self.assertIn("unreachable", [message["jsongle"].get("reason") for message in jon.take()])
        self.assertEqual(len(self.server.signaling.calls), 0)
