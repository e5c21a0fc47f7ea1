"""Tests of :mod:`jsongle_server.rest_blocks`: keeping clients out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from jsongle_server.blocks import MAX_BLOCKS, Blocks, TooManyBlocks
from jsongle_server.testing import Client
from tests.rest_support import TOKEN, RestCase, Wire, parse

FOR_AN_HOUR = {"seconds": 3600, "reason": "spam"}


class BlocksTests(RestCase):
    """Blocks, made, listed and removed."""

    def block(self, **whom: object) -> Any:
        """Block somebody for an hour; what the server answers."""
        answer = self.do("POST", "/blocks", {**FOR_AN_HOUR, **whom})
        self.assertEqual(answer.status, 201)
        return answer.json

    def test_a_block_is_answered_and_listed(self) -> None:
        """With its id, of whom it is, why, since when and until when."""
        made = self.block(uid="eve")
        self.assertEqual(UUID(made["id"]).version, 4)
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "uid": "eve",
                "address": None,
                "reason": "spam",
                "created": "2026-11-22T14:09:08.451Z",
                "until": "2026-11-22T15:09:08.451Z",
                "ended": 0,
            },
        )
        del made["ended"]
        self.assertEqual(self.do("GET", "/blocks").json, {"blocks": [made], "count": 1, "limit": 100, "offset": 0})

    def test_addresses_are_shown_as_they_are_written(self) -> None:
        """A single one without a length, a network by its first address, a mapped one as what it maps."""
        for address, shown in (
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("2001:DB8::7", "2001:db8::7"),
            ("::ffff:192.0.2.8", "192.0.2.8"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::/0", "::/0"),
        ):
            self.assertEqual(self.block(address=address)["address"], shown)

    def test_a_block_ends_by_itself(self) -> None:
        """It is in the list no more, and cannot be removed."""
        made = self.block(uid="eve")
        self.server.clock.advance(3600)
        self.assertEqual(self.do("GET", "/blocks").json["count"], 0)
        self.assert_refused(self.do("DELETE", f"/blocks/{made['id']}"), 404, "no such block")

    def test_a_block_can_be_removed(self) -> None:
        """Once; the user comes in again."""
        made = self.block(uid="eve")
        answer = self.do("DELETE", f"/blocks/{made['id']}")
        self.assertEqual(answer.json, {"id": made["id"], "removed": "2026-11-22T14:09:08.451Z"})
        self.assert_refused(self.do("DELETE", f"/blocks/{made['id']}"), 404, "no such block")
        self.assertEqual(self.server.connect().hello("eve")["jsongle"]["status"], "success")

    def test_what_is_no_block_is_refused_with_what_is_wrong(self) -> None:
        """Nobody is blocked, and nothing is audited."""
        for body, words in (
            (None, "must be JSON"),
            ({}, "must be JSON like"),
            (FOR_AN_HOUR, "uid"),
            ({**FOR_AN_HOUR, "uid": "eve", "address": "192.0.2.7"}, "instead of uid"),
            ({**FOR_AN_HOUR, "uid": ""}, "'body.uid'"),
            ({**FOR_AN_HOUR, "uid": 7}, "'body.uid'"),
            ({**FOR_AN_HOUR, "uid": "x" * 257}, "'body.uid'"),
            ({**FOR_AN_HOUR, "address": "example.com"}, "'body.address'"),
            ({**FOR_AN_HOUR, "address": 3221226503}, "'body.address'"),
            ({**FOR_AN_HOUR, "address": "fe80::1%eth0/64"}, "'body.address'"),
            ({"uid": "eve", "reason": "spam"}, "seconds"),
            ({"uid": "eve", "seconds": 60}, "reason"),
            ({"uid": "eve", "seconds": 0, "reason": "spam"}, "'body.seconds'"),
            ({"uid": "eve", "seconds": 2592001, "reason": "spam"}, "'body.seconds'"),
            ({"uid": "eve", "seconds": 1.5, "reason": "spam"}, "'body.seconds'"),
            ({"uid": "eve", "seconds": True, "reason": "spam"}, "'body.seconds'"),
            ({"uid": "eve", "seconds": "60", "reason": "spam"}, "'body.seconds'"),
            ({"uid": "eve", "seconds": 60, "reason": ""}, "'body.reason'"),
        ):
            self.assert_refused(self.do("POST", "/blocks", body), 400, words)
        self.assertEqual((len(self.server.signaling.blocks), self.audited()), (0, []))

    def test_one_block_too_many_is_refused(self) -> None:
        """The answer says how many there may be."""

        def refuse(*_: object) -> None:
            raise TooManyBlocks

        self.patch(Blocks, "add", refuse)
        answer = self.do("POST", "/blocks", {**FOR_AN_HOUR, "uid": "eve"})
        self.assert_refused(answer, 409, str(MAX_BLOCKS))

    def test_blocks_are_audited(self) -> None:
        """Made and removed; user ids are shortened, as in every line of the log."""
        self.server.user("eve_7000")
        made, other = self.block(uid="eve_7000", reason="sp\nam"), self.block(address="192.0.2.0/24")
        for block in (made, other):
            self.do("DELETE", f"/blocks/{block['id']}")
        until = "2026-11-22T15:09:08.451Z"
        who = "192.0.2.7:40000"
        self.assertEqual(
            self.audited(),
            [
                rf"{who}: block uid ev###00: block {made['id']} until {until}, sessions ended: 1, sp\nam",
                f"{who}: block address 192.0.2.0/24: block {other['id']} until {until}, sessions ended: 0, spam",
                f"{who}: unblock uid ev###00: block {made['id']} removed",
                f"{who}: unblock address 192.0.2.0/24: block {other['id']} removed",
            ],
        )


class EffectTests(RestCase):
    """What becomes of who is blocked."""

    def block(self, **whom: object) -> int:
        """Block somebody; how many sessions that has ended."""
        ended: int = self.do("POST", "/blocks", {**FOR_AN_HOUR, **whom}).json["ended"]
        return ended

    def test_the_sessions_of_a_blocked_user_end(self) -> None:
        """All of them, those that wait for their client too; nobody else's."""
        eve, away, jon = self.server.user("eve"), self.server.user("eve", resume=True), self.server.user("jon")
        newcomer = self.server.connect()
        self.server.drop(away)
        self.assertEqual(self.block(uid="eve"), 2)
        self.assertEqual(eve.closed, (4004, "blocked by an administrator"))
        self.assertEqual((jon.closed, newcomer.closed), (None, None))
        self.assertEqual(self.do("GET", "/sessions?uid=eve").json["count"], 0)

    def begin_to_block(self, *, clients: int) -> tuple[list[Client], Wire]:
        """Have a room full of clients from one network, and block that, as far as one turn of the reactor goes."""
        users = [self.server.user(f"u{number}") for number in range(clients)]
        for client in users:
            client.join("den")
        body = orjson.dumps({**FOR_AN_HOUR, "address": "192.0.2.0/24"})
        wire = self.server.open_wire()
        head = f"POST /blocks HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
        wire.channel.dataReceived(head.encode() + body)
        return users, wire

    def test_many_sessions_end_in_turns(self) -> None:
        """Others are served meanwhile, who goes by himself is not counted, and every joined has its left."""
        users, wire = self.begin_to_block(clients=60)
        gone = [client.closed is not None for client in users]
        self.assertTrue(0 < sum(gone) < 60, sum(gone))
        self.assertEqual(gone, sorted(gone))
        self.server.drop(users[0])
        wire.work()
        answer = parse(wire.read())
        self.assertEqual((answer.status, answer.json["ended"]), (201, 59))
        self.assertEqual({client.closed for client in users[1:]}, {(4004, "blocked by an administrator")})
        events = [message["jsongle"] for message in users[1].inbox if message["jsongle"]["action"] == "session-event"]
        told = [(each["event"], each["description"]["member"]["uid"]) for each in events]
        others = {f"u{number}" for number in range(2, 60)}
        self.assertEqual({uid for event, uid in told if event == "joined"}, others)
        self.assertEqual(sorted(uid for event, uid in told if event == "left"), sorted({*others, "u0"}))

    def test_a_caller_who_hangs_up_stops_no_block(self) -> None:
        """All sessions end all the same, and the line is written."""
        users, wire = self.begin_to_block(clients=60)
        wire.transport.cut()
        wire.work()
        self.assertTrue(all(client.closed for client in users))
        (line,) = self.audited()
        self.assertIn("sessions ended: 60", line)

    def test_the_sessions_of_a_blocked_address_end(self) -> None:
        """Whoever they are, also before their hello."""
        jon, newcomer = self.server.user("jon"), self.server.connect()
        self.assertEqual(self.block(address="198.51.100.0/24"), 0)
        self.assertEqual(self.block(address="192.0.2.0/24"), 2)
        self.assertEqual([client.closed and client.closed[0] for client in (jon, newcomer)], [4004, 4004])

    def test_a_blocked_user_is_turned_away_at_the_hello(self) -> None:
        """Ack failed, 403005, and close 4004, which says not to come back."""
        self.block(uid="eve")
        eve = self.server.connect()
        eve.greeted()
        self.say_hello(eve)
        ack, error = (message["jsongle"] for message in eve.take())
        self.assertEqual((ack["action"], ack["status"]), ("ack", "failed"))
        self.assertEqual(error["action"], "session-error")
        self.assertEqual(error["description"]["errorCode"], 403005)
        self.assertEqual(eve.closed, (4004, "blocked by an administrator"))
        self.assertEqual(self.server.user("jon").closed, None)

    def test_a_blocked_user_cannot_go_on_with_an_earlier_session(self) -> None:
        """It ended with the block."""
        eve = self.server.connect()
        token = eve.hello("eve", resume=True)["jsongle"]["description"]["resume"]["token"]
        self.server.drop(eve)
        self.block(uid="eve")
        again = self.server.connect()
        again.greeted()
        self.say_hello(again, resume={"token": token, "seq": 0})
        self.assertIsNotNone(again.closed)
        self.server.clock.advance(3600)
        back = self.server.connect().hello("eve", resume={"token": token, "seq": 0})
        self.assertEqual(back["jsongle"]["description"]["resumed"], False)

    def say_hello(self, client: Client, **description: object) -> None:
        """Say who one is, without waiting for what comes of it."""
        said = {"uid": "eve", **description}
        client.say("barracuda", "iq-result", query="session-hello", description=said)
