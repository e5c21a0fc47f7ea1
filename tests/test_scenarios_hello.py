"""Scenarios of the hello: how a session begins (protocol section 3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from jsongle_server import __version__
from jsongle_server.testing import Client
from tests.scenarios import NOW, SERVER, Message, ScenarioCase, on_both_transports


class HelloCase(ScenarioCase):
    """A test whose clients answer the hello in ways of their own."""

    def greeted(self) -> Client:
        """A client that knows its identity and has not answered yet."""
        client = self.server.connect()
        client.greeted()
        return client

    def answer(self, client: Client, description: Any, **jsongle: Any) -> list[Message]:
        """Answers the hello; returns what comes back."""
        client.say(SERVER, "iq-result", query="session-hello", description=description, **jsongle)
        return client.take()

    def assertHelloFailed(self, client: Client, answers: list[Message], code: int) -> None:
        """Two messages came: the ack that says no, then the error that says why."""
        self.assertEqual([message["jsongle"]["action"] for message in answers], ["ack", "session-error"])
        ack, error = (message["jsongle"] for message in answers)
        self.assertEqual(ack, {"action": "ack", "status": "failed", "transaction": client.transaction})
        self.assertEqual(error["description"]["errorCode"], code)

    def shown(self, client: Client) -> Message:
        """What a newcomer in the client's room is shown of it."""
        client.join("mirror")
        (member,) = self.server.user("observer").join("mirror")
        client.take()
        return member


@on_both_transports
class GreetingTests(HelloCase):
    """The server's question."""

    def test_question(self) -> None:
        """On open the server says who it is, gives the client its identity, and asks who it is."""
        client = self.server.connect()
        hello = self.own(client.take_one())
        identity, transaction = hello.pop("to"), hello["jsongle"].pop("transaction")
        self.assertEqual([UUID(identity).version, UUID(transaction).version], [4, 4])
        self.assertNotEqual(hello["jsongle"]["description"].pop("info"), "")
        self.assertEqual(
            hello,
            {
                "from": SERVER,
                "jsongle": {
                    "action": "iq-get",
                    "query": "session-hello",
                    "description": {"version": __version__, "sn": SERVER, "connected": NOW},
                },
            },
        )

    def test_configured_id(self) -> None:
        """``from`` and ``sn`` are the configured id."""
        self.serve(id="barracuda")
        hello = self.server.connect().take_one()
        self.assertEqual([hello["from"], hello["jsongle"]["description"]["sn"]], ["barracuda", "barracuda"])

    def test_identities_differ(self) -> None:
        """Every connection gets an identity and a transaction of its own."""
        first, second = self.greeted(), self.greeted()
        self.assertNotEqual(first.identity, second.identity)
        self.assertNotEqual(first.transaction, second.transaction)


@on_both_transports
class AckTests(HelloCase):
    """The server's answer to a good hello."""

    def test_ack(self) -> None:
        """A good hello is acknowledged with the transaction and the session identity."""
        client = self.greeted()
        client.say(
            SERVER,
            "iq-result",
            query="session-hello",
            transaction=client.transaction,
            description={"uid": "user_7000", "dn": "Jon Doe"},
        )
        self.assertOwn(
            client,
            {
                "action": "ack",
                "status": "success",
                "transaction": client.transaction,
                "description": {"id": client.identity},
            },
        )

    def test_transaction_is_echoed(self) -> None:
        """The transaction is echoed, not checked."""
        for transaction in ("mine", "", 7, ["x"], {"a": 1}, False):
            (ack,) = self.answer(self.greeted(), {"uid": "u"}, transaction=transaction)
            self.assertEqual(ack["jsongle"]["transaction"], transaction)
            self.assertEqual(ack["jsongle"]["status"], "success")

    def test_missing_transaction(self) -> None:
        """Where the client leaves it out, the transaction is the server's own."""
        client = self.greeted()
        (ack,) = self.answer(client, {"uid": "u"})
        self.assertEqual(ack["jsongle"]["transaction"], client.transaction)

    def test_from_is_not_checked(self) -> None:
        """Before the ack a client need not know its identity: any ``from`` will do."""
        for sender in (None, "", "user_7000", 5):
            client = self.greeted()
            jsongle = {"action": "iq-result", "query": "session-hello", "description": {"uid": "u"}}
            client.send({"id": "m", "from": sender, "to": SERVER, "jsongle": jsongle})
            self.assertEqual(client.take_one()["jsongle"]["status"], "success")

    def test_to_may_be_left_out(self) -> None:
        """The hello answer, alone among messages, may leave out ``to``."""
        client = self.greeted()
        client.send({"jsongle": {"action": "iq-result", "query": "session-hello", "description": {"uid": "u"}}})
        self.assertEqual(client.take_one()["jsongle"]["status"], "success")

    def test_to_must_be_a_string(self) -> None:
        """A ``to`` that is there must be a string."""
        client = self.greeted()
        jsongle = {"action": "iq-result", "query": "session-hello", "description": {"uid": "u"}}
        client.send({"to": 5, "jsongle": jsongle})
        self.assertHelloFailed(client, client.take(), 400001)


@on_both_transports
class BadHelloTests(HelloCase):
    """Hellos that are not good."""

    def test_missing_uid(self) -> None:
        """Without a uid the client gets a failed ack and then, in the words that clients know, why."""
        client = self.greeted()
        mid = client.say(SERVER, "iq-result", query="session-hello", transaction="t", description={"dn": "Jon Doe"})
        ack, error = (self.own(message) for message in client.take())
        self.assertEqual(ack["jsongle"], {"action": "ack", "status": "failed", "transaction": "t"})
        self.assertEqual(
            error["jsongle"],
            {
                "action": "session-error",
                "description": {"errorCode": 400001, "errorDetails": "Missing 'uid' parameter", "mid": mid},
            },
        )

    def test_bad_uid(self) -> None:
        """A uid is a non-empty string of at most 256 characters that is not the server's id."""
        uids: tuple[Any, ...] = (None, "", 7, True, ["u"], {}, "u" * 257, "🙂" * 257, SERVER)
        for uid in uids:
            client = self.greeted()
            self.assertHelloFailed(client, self.answer(client, {"uid": uid}), 400001)

    def test_bad_description(self) -> None:
        """A description is an object."""
        descriptions: tuple[Any, ...] = (None, "uid", [], 1)
        for description in descriptions:
            client = self.greeted()
            self.assertHelloFailed(client, self.answer(client, description), 400001)

    def test_bad_dn(self) -> None:
        """A display name is a string."""
        for dn in (7, ["Jon"], {"x": 1}, False):
            client = self.greeted()
            self.assertHelloFailed(client, self.answer(client, {"uid": "u", "dn": dn}), 400001)

    def test_another_try(self) -> None:
        """After a bad hello the client may try again."""
        client = self.greeted()
        self.answer(client, {})
        self.assertEqual(client.hello("u")["jsongle"]["status"], "success")

    def test_a_failed_hello_identifies_nobody(self) -> None:
        """Who failed to say hello is still to say it, and cannot be found."""
        client, alice = self.greeted(), self.server.user("alice")
        self.answer(client, {"uid": "bob", "dn": 5})
        self.assertError(client, 403002, mid=client.say("alice", "session-text"))
        self.assertError(alice, 404002, mid=alice.say("bob", "session-text"))
        self.assertError(alice, 404002, mid=alice.say(client.identity, "session-text"))


@on_both_transports
class BeforeHelloTests(HelloCase):
    """What a client may do before its hello: nothing else."""

    def test_everything_else_is_dropped(self) -> None:
        """Every other message gets 403002 and goes nowhere, an iq included."""
        alice, client = self.server.user("alice"), self.greeted()
        for action in ("session-text", "session-propose", "iq-set", "iq-get", "session-metrics", "ack", "dance"):
            mid = client.say("alice", action, query="ping")
            self.assertError(client, 403002, mid=mid)
        self.assertNothing(alice)

    def test_no_room(self) -> None:
        """A room cannot be joined before the hello."""
        client = self.greeted()
        self.assertError(client, 403002, mid=client.say(SERVER, "iq-set", query="join", description={"rid": "r"}))
        self.assertEqual(self.server.user("alice").join("r"), [])

    def test_not_every_result_is_a_hello(self) -> None:
        """Another ``iq-result``, or ``session-hello`` by another action, is no hello answer."""
        client = self.greeted()
        for action, query in (("iq-result", "ping"), ("iq-set", "session-hello"), ("iq-error", "session-hello")):
            mid = client.say(SERVER, action, query=query, description={"uid": "u"})
            self.assertError(client, 403002, mid=mid)


@on_both_transports
class ShownTests(HelloCase):
    """What others are shown of a client."""

    def test_everything_it_said(self) -> None:
        """``uid``, ``dn`` and any other property are shown, with the session identity as ``id``."""
        said = {"dn": "Jon Doe", "avatar": {"url": "x", "sizes": [1, 2]}, "__proto__": {"admin": True}, "n": None}
        client = self.server.user("user_7000", **said)
        self.assertEqual(self.shown(client), {"uid": "user_7000", **said, "id": client.identity})

    def test_no_dn(self) -> None:
        """A display name is optional; null is none."""
        for description in ({}, {"dn": None}):
            self.serve()
            client = self.server.user("u", **description)
            self.assertEqual(self.shown(client), {"uid": "u", "id": client.identity})

    def test_secrets_are_not_shown(self) -> None:
        """``token``, ``appToken`` and ``resume`` are shown to nobody: in no list, no event, no ack."""
        observer = self.server.user("observer")
        observer.join("r")
        client = self.server.connect()
        ack = client.hello("u", token="s3cret", appToken="s3cret", resume={"token": "s3cret", "seq": 0})
        client.join("r")
        newcomer = self.server.user("newcomer")
        members = newcomer.join("r")
        joined = client.take_one()
        second_ack = client.hello("u", dn="Jon", token="s3cret")
        self.server.drop(client)
        self.server.clock.advance(self.server.config.resume_window)
        events = observer.take()
        self.assertEqual(events[-1]["jsongle"]["event"], "left")
        self.assertNotIn(b"s3cret", orjson.dumps([ack, members, joined, second_ack, events, newcomer.take()]))

    def test_id_is_the_servers_to_say(self) -> None:
        """A client cannot show the identity of another as its own."""
        other = self.server.user("other")
        client = self.server.user("u", id=other.identity)
        self.assertEqual(self.shown(client)["id"], client.identity)

    def test_odd_names(self) -> None:
        """Names may be of any characters: what looks like a property, a line end or markup is a name."""
        for uid in ("__proto__", "constructor", "a\nb", "\u0000", "<b>", "a/b", " ", "🙂" * 128):
            self.serve()
            client = self.server.user(uid, dn=uid)
            self.assertEqual(self.shown(client), {"uid": uid, "dn": uid, "id": client.identity})

    def test_256_characters(self) -> None:
        """A uid may have 256 characters, whatever their size in bytes."""
        for uid in ("u" * 256, "ü" * 256, "🙂" * 256):
            client = self.greeted()
            (ack,) = self.answer(client, {"uid": uid})
            self.assertEqual(ack["jsongle"]["status"], "success")

    def test_2_kib(self) -> None:
        """A description may have 2,048 bytes of JSON."""
        empty = len(orjson.dumps({"uid": "u", "dn": ""}))
        client = self.greeted()
        (ack,) = self.answer(client, {"uid": "u", "dn": "x" * (2048 - empty)})
        self.assertEqual(ack["jsongle"]["status"], "success")

    def test_more_than_2_kib(self) -> None:
        """One byte more is refused; bytes are counted, not characters."""
        empty = len(orjson.dumps({"uid": "u", "dn": ""}))
        for dn in ("x" * (2049 - empty), "ü" * 1020):
            client = self.greeted()
            self.assertHelloFailed(client, self.answer(client, {"uid": "u", "dn": dn}), 400001)

    def test_secrets_do_not_count(self) -> None:
        """What nobody is shown does not count against the 2 KiB."""
        client = self.greeted()
        (ack,) = self.answer(client, {"uid": "u", "token": "x" * 4096})
        self.assertEqual(ack["jsongle"]["status"], "success")


@on_both_transports
class LaterHelloTests(HelloCase):
    """Hellos of a client that has said hello."""

    def test_updates_what_is_shown(self) -> None:
        """A later hello with the same uid replaces what is shown; whoever is in a room with it is told nothing."""
        alice, client = self.members("r", "alice", "u")
        ack = client.hello("u", dn="Jon", mood="fine")
        self.assertEqual(ack["jsongle"]["status"], "success")
        self.assertNothing(alice)
        expected = {"uid": "u", "dn": "Jon", "mood": "fine", "id": client.identity}
        self.assertEqual(self.server.user("new").join("r")[1], expected)

    def test_without_to(self) -> None:
        """A later hello may leave out ``to`` as well."""
        client = self.server.user("u")
        client.send({"jsongle": {"action": "iq-result", "query": "session-hello", "description": {"uid": "u"}}})
        self.assertEqual(client.take_one()["jsongle"]["status"], "success")

    def test_another_uid(self) -> None:
        """A session keeps its uid: another one gets a failed ack and 403003, and nothing changes."""
        client = self.server.user("u", dn="Jon")
        self.assertHelloFailed(client, self.answer(client, {"uid": "v"}, transaction=client.transaction), 403003)
        self.assertEqual(self.shown(client), {"uid": "u", "dn": "Jon", "id": client.identity})

    def test_a_bad_one_changes_nothing(self) -> None:
        """A later hello that is refused leaves what is shown as it was, and the session identified."""
        client = self.server.user("u", dn="Jon")
        self.assertHelloFailed(client, self.answer(client, {"uid": "u", "dn": 5}), 400001)
        self.assertEqual(self.shown(client), {"uid": "u", "dn": "Jon", "id": client.identity})

    def test_counted_once(self) -> None:
        """However often a client says hello, it is one session."""
        client = self.server.user("u")
        client.hello("u")
        self.assertEqual(self.server.metrics.sessions, 1)
        self.assertEqual(len(self.server.signaling.registry), 1)
