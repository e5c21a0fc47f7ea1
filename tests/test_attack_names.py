"""Names that are meant to be something else: a header, a log line, a property, somebody else."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final
from urllib.parse import quote

from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.log_format import format_json, format_text
from jsongle_server.testing import Client, MemoryServer
from tests.rest_support import BEARER, TOKEN, RestServer
from tests.scenarios import NOW, SERVER, ScenarioCase, on_both_transports
from tests.webhook_support import SECRET, WebhookCase, is_signed

FAMILY: Final = "👩\u200d👩\u200d👧\u200d👦"
"""One emoji of seven characters."""

HOSTILE: Final = {
    "prototype": "__proto__",
    "constructor": "constructor",
    "method": "toString",
    "other method": "hasOwnProperty",
    "dunder": "__class__",
    "format": "{session.services.config.admin_token} %s %(uid)s ${jndi:ldap://x}",
    "header": "x\r\nSet-Cookie: admin=1\r\n\r\nHTTP/1.1 200 OK",
    "log line": "x\n2026-11-22T14:09:08.451Z [jsongle_server#info] hello admin",
    "JSON": '","jsongle":{"action":"ack"},"x":"',
    "NUL": "a\x00b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "right to left": "\u202etxt.exe\u202c\u200f",
    "invisible": "\u200b\ufeff\u2060\U000e0041",
    "combining": "e" + "\u0301" * 255,
    "composed": unicodedata.normalize("NFC", "é") * 256,
    "decomposed": unicodedata.normalize("NFD", "é") * 128,
    "family": FAMILY * 36 + "ffff",
    "emoji": "🙂" * 256,
    "planes": "\ud7ff\ue000\ufffd\uffff\U0010ffff",
    "SQL": "'; DROP TABLE users; --",
    "markup": "<script>alert(1)</script>",
    "path": "..\\..\\etc\\passwd",
    "spreadsheet": "=cmd|' /C calc'!A0",
    "blank": " ",
    "number": "0",
    "null": "null",
    "wildcard": "*",
    "query": "?token=x#y&z",
}


@on_both_transports
class NameTests(ScenarioCase):
    """A name is a name, whatever is in it: it arrives as it was written, and does nothing on its way."""

    def test_as_everything_at_once(self) -> None:
        """As the uid, display name, room, call, message id and text of a whole conversation."""
        for what, name in HOSTILE.items():
            with self.subTest(what):
                self.serve()
                self.converse(name)

    def converse(self, name: str) -> None:
        """Two people of whom one, and all that they share, has that name."""
        bob = self.server.user("bob")
        self.assertEqual(bob.join(name), [])
        short = name[:20]
        alice = self.server.user(name, dn=short, **{short: short})
        shown = {"uid": name, "dn": short, short: short, "id": alice.identity}
        self.assertEqual(alice.join(name), [{"uid": "bob", "id": bob.identity}])
        self.assertEqual(bob.take_one()["jsongle"]["description"], {"member": shown, "rid": name, "joined": NOW})
        self.assertEqual(bob.ask("room-members", rid=name)["jsongle"]["description"]["members"], [shown])
        alice.say(name, "session-text", namespace=name, description={"content": name, name: name})
        heard = bob.take_one()
        self.assertEqual((heard["from"], heard["to"], heard["jsongle"]["namespace"]), (name, bob.identity, name))
        self.assertEqual(heard["jsongle"]["description"][name], name)
        alice.take()
        self.call(bob, alice, name)
        self.server.drop(alice)
        self.assertEqual(bob.take()[-1]["jsongle"]["description"]["member"], shown)

    def call(self, bob: Client, alice: Client, name: str) -> None:
        """A call from one to the other, outside of the room that is named as one of them."""
        self.assertEqual(bob.ask("leave", rid=name)["jsongle"]["action"], "iq-result")
        alice.take()
        bob.send({"id": name, "to": name, "jsongle": {"action": "session-propose", "sid": name, "initiator": name}})
        rung = alice.take_one()
        self.assertEqual((rung["id"], rung["from"], rung["jsongle"]["sid"]), (name, bob.identity, name))
        self.assertEqual(bob.take_one()["jsongle"]["initiator"], name)
        bob.say(name, "session-terminate", sid=name, reason=name)
        self.assertEqual(alice.take_one()["jsongle"]["reason"], name)
        bob.join(name)

    def test_emoji_are_counted_in_characters(self) -> None:
        """256 emoji of seven characters each are 1,792 characters: too long for any name."""
        client = self.server.user("u")
        self.assertIqError(client.ask("join", rid=FAMILY * 256), 400001)
        newcomer = self.server.connect()
        newcomer.greeted()
        newcomer.say(SERVER, "iq-result", query="session-hello", description={"uid": FAMILY * 256})
        self.assertEqual([m["jsongle"].get("status") for m in newcomer.take()], ["failed", None])

    def test_names_that_look_alike(self) -> None:
        """Names that only look the same, or are the same once composed, are two."""
        alike = ("é", "e\u0301", "É", "\u00e9\u200b", "\u0435", "e\u0301 ")
        users = self.users(*alike)
        sender = self.server.user("sender")
        for number, name in enumerate(alike):
            sender.say(name, "session-info", n=number)
        self.assertEqual([user.take_one()["jsongle"]["n"] for user in users], list(range(len(alike))))


@on_both_transports
class ImpostorTests(ScenarioCase):
    """Who calls himself, his room or his call what somebody else is."""

    def test_identity_as_uid(self) -> None:
        """Whoever takes somebody's identity for his uid, before or after, gets nothing that is meant for that one."""
        alice, carol = self.users("alice", "carol")
        impostor = self.server.user(alice.identity)
        carol.say(alice.identity, "session-info")
        self.assertEqual(len(alice.take()), 1)
        self.assertNothing(impostor)
        self.server.drop(alice)
        carol.take()
        mid = carol.say(alice.identity, "session-text")
        self.assertError(carol, 404002, mid=mid)
        self.assertNothing(impostor)

    def test_identity_as_rid(self) -> None:
        """A room named as somebody takes nothing from who is not in it, and its members' names are its own."""
        alice, carol, impostor = self.users("alice", "carol", "impostor")
        for rid in (alice.identity, "alice"):
            impostor.join(rid)
            carol.say(rid, "session-info")
            self.assertEqual(alice.take_one()["from"], carol.identity)
            self.assertNothing(impostor)

    def test_identity_as_sid(self) -> None:
        """A call named as somebody is a call."""
        alice, bob = self.users("alice", "bob")
        for sid in (alice.identity, bob.identity, "alice", SERVER):
            alice.say("bob", "session-propose", sid=sid)
            self.assertEqual(bob.take_one()["jsongle"]["sid"], sid)
            alice.say("bob", "session-terminate", sid=sid)
            self.assertEqual(bob.take_one()["jsongle"]["action"], "session-terminate")

    def test_the_servers_own(self) -> None:
        """Nobody is called as the server is, nor is a room; nobody speaks for it or in the name of a room."""
        alice, bob = self.members("r", "alice", "bob")
        client = self.server.connect()
        client.greeted()
        client.say(SERVER, "iq-result", query="session-hello", description={"uid": SERVER})
        self.assertEqual([m["jsongle"].get("status") for m in client.take()], ["failed", None])
        for query in ("join", "muc-join"):
            self.assertIqError(alice.ask(query, rid=SERVER), 400001)
        for forged in (SERVER, "r", "r/bob", bob.identity, "bob"):
            alice.send({"id": "m", "from": forged, "to": "bob", "jsongle": {"action": "session-text"}})
            self.assertError(alice, 403003, mid="m")
        self.assertNothing(bob)

    def test_muc_address_as_uid(self) -> None:
        """Whoever is called like an address in a room gets nothing of what goes to that."""
        alice, _ = self.members("m", "alice", "bob", muc=True)
        impostor = self.server.user("m/bob")
        alice.say("m/bob", "session-info", namespace="muc")
        alice.say("m/carol", "session-info", namespace="muc")
        self.assertNothing(impostor)


class RestTests(SynchronousTestCase):
    """Names in answers over HTTP."""

    def test_sessions_and_rooms(self) -> None:
        """They are shown as they are, in JSON, and never reach a header."""
        for what, name in HOSTILE.items():
            with self.subTest(what):
                server = RestServer(admin_token=TOKEN)
                server.user(name, dn=name[:20]).join(name)
                for path in ("/sessions", "/rooms"):
                    answer = server.get(path)
                    self.assertEqual(leaves(answer.json).count(name), 2 + (len(name) <= 20))
                    self.assertEqual(answer.headers["Content-Type"], "application/json")
                    self.assertNotIn("Set-Cookie", answer.headers)

    def test_in_paths(self) -> None:
        """A name in a path is looked for, and not found; it reaches neither a header nor the answer."""
        server = RestServer(admin_token=TOKEN)
        for what, name in HOSTILE.items():
            with self.subTest(what):
                answer = server.ask("DELETE", f"/sessions/{quote(name, safe='')}", headers=BEARER)
                self.assertEqual(answer.status, 404)
                self.assertNotIn("Set-Cookie", answer.headers)
                self.assertEqual(answer.json["errorMsg"], "There is no such session")

    def test_log_download(self) -> None:
        """The name of a downloaded log is the server's own choice."""
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write("line\n")
        answer = RestServer(admin_token=TOKEN, log_path=path).get('/logs?filename=x"%0d%0aA:b')
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="jsongle-server.log"')


class WebhookTests(WebhookCase):
    """Names in what an application is told."""

    def test_told(self) -> None:
        """They stand in the signed body as they are, and in no header."""
        for what, name in HOSTILE.items():
            with self.subTest(what):
                server = MemoryServer()
                server.signaling.publish_to(self.publish)
                server.user(name, dn=name[:20]).join(name)
                self.clock.advance(0)
                request = self.receiver.take_one()
                self.assertTrue(is_signed(request, SECRET))
                self.assertEqual(request.told["data"]["rid"], name)
                self.assertEqual(request.told["data"]["member"]["uid"], name)
                for header in request.headers.values():
                    self.assertTrue(header.isascii() and header.isprintable(), header)
                    self.assertTrue(len(name) < 5 or name not in header, header)
                request.answer()
                self.clock.advance(0)


def leaves(value: Any) -> list[Any]:
    """Every leaf of a JSON value."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


class LogTests(SynchronousTestCase):
    """Names in the log."""

    def test_a_line_stays_a_line(self) -> None:
        """Whatever somebody is called, each event is one line of printable text, and one object in JSON."""
        events: list[LogEvent] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        for what, name in HOSTILE.items():
            with self.subTest(what):
                self.visit(name)
                self.assertGreater(len(events), 5)
                for event in events:
                    line, written = format_text(event) or "", format_json(event) or ""
                    self.assertTrue(line.removesuffix("\n").isprintable(), line)
                    self.assertEqual((line.count("\n"), written.count("\n")), (1, 1))
                    self.assertIsInstance(json.loads(written), dict)
                events.clear()

    def visit(self, name: str) -> None:
        """Somebody of that name does all that leaves a line."""
        server = MemoryServer(tracing=True)
        client = server.user(name, dn=name[:20])
        client.join(name)
        client.say(name, name, sid=name)
        client.say(name, "session-text", description={name: name})
        client.ask("leave", rid=name)
        server.drop(client)
