"""Scenarios of what clients ask the server (protocol section 4)."""

from __future__ import annotations

from tests.scenarios import NOW, SERVER, ScenarioCase, on_both_transports


@on_both_transports
class AnswerTests(ScenarioCase):
    """The queries that only read."""

    def test_ping(self) -> None:
        """The heartbeat tells the time."""
        client = self.server.user("u")
        for action in ("iq-set", "iq-get"):
            client.say(SERVER, action, query="ping", transaction="t")
            expected = {"action": "iq-result", "query": "ping", "transaction": "t", "description": {"now": NOW}}
            self.assertOwn(client, expected)

    def test_ice_servers(self) -> None:
        """With none configured there are none."""
        client = self.server.user("u")
        for action in ("iq-set", "iq-get"):
            answer = client.ask("ice-servers", action=action)
            self.assertEqual(answer["jsongle"]["description"], {"iceServers": [], "ttl": 0})

    def test_room_members(self) -> None:
        """A member is shown the others, in join order."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        others = [{"uid": uid, "id": client.identity} for uid, client in (("alice", alice), ("carol", carol))]
        for action in ("iq-set", "iq-get"):
            answer = bob.ask("room-members", action=action, rid="r")
            self.assertEqual(answer["jsongle"]["description"], {"rid": "r", "members": others})

    def test_room_members_to_outsiders(self) -> None:
        """Who is not in a room does not learn who is."""
        self.members("r", "alice")
        self.assertIqError(self.server.user("bob").ask("room-members", rid="r"), 404002)


@on_both_transports
class EchoTests(ScenarioCase):
    """What of a request comes back in its answer."""

    def test_transaction(self) -> None:
        """The transaction is echoed as it came, in a result and in an error."""
        client = self.server.user("u")
        for query, action in (("ping", "iq-result"), ("dance", "iq-error")):
            for transaction in ("t", "", 7, 0, [1], {"a": None}, False):
                client.say(SERVER, "iq-set", query=query, transaction=transaction)
                answer = client.take_one()["jsongle"]
                self.assertEqual([answer["action"], answer["transaction"]], [action, transaction])

    def test_id_instead(self) -> None:
        """Where the request had no transaction, its id stands in."""
        client = self.server.user("u")
        for query in ("ping", "dance"):
            mid = client.say(SERVER, "iq-set", query=query)
            self.assertEqual(client.take_one()["jsongle"]["transaction"], mid)
            mid = client.say(SERVER, "iq-set", query=query, transaction=None)
            self.assertEqual(client.take_one()["jsongle"]["transaction"], mid)

    def test_neither(self) -> None:
        """A request with neither is answered all the same."""
        client = self.server.user("u")
        client.send({"to": SERVER, "jsongle": {"action": "iq-set", "query": "ping"}})
        answer = client.take_one()["jsongle"]
        self.assertEqual(answer["description"], {"now": NOW})
        self.assertIsInstance(answer["transaction"], str)


@on_both_transports
class RefusalTests(ScenarioCase):
    """Requests that the server cannot answer."""

    def test_unknown_query(self) -> None:
        """An unknown query gets an ``iq-error`` that echoes it."""
        client = self.server.user("u")
        for query in ("dance", "", "__class__", "Join", "session-hello"):
            client.say(SERVER, "iq-set", query=query, transaction="t")
            self.assertOwn(
                client,
                {
                    "action": "iq-error",
                    "query": query,
                    "transaction": "t",
                    "description": {"errorCode": 404001, "errorDetails": "No such query for iq-set"},
                },
            )

    def test_no_query(self) -> None:
        """A request without a query, or with one that is no string, is refused."""
        client = self.server.user("u")
        client.say(SERVER, "iq-set", transaction="t")
        answer = client.take_one()
        self.assertIqError(answer, 400001)
        self.assertNotIn("query", answer["jsongle"])
        for query in (None, 5, ["join"], {"join": 1}):
            client.say(SERVER, "iq-get", query=query, transaction="t")
            self.assertIqError(client.take_one(), 400001)

    def test_iq_get_does_not_change_anything(self) -> None:
        """What changes something cannot be asked by ``iq-get``."""
        (client,) = self.members("r", "u")
        for query in ("join", "session-join", "muc-join", "leave", "session-leave"):
            self.assertIqError(client.ask(query, action="iq-get", rid="r"), 404001)
        self.assertEqual(len(self.server.user("v").join("r")), 1)

    def test_description_is_an_object(self) -> None:
        """A description that is not an object is refused, for every query."""
        client = self.server.user("u")
        for query in ("ping", "ice-servers", "join", "leave", "room-members"):
            for description in ("r", 5, ["r"], True, None):
                client.say(SERVER, "iq-set", query=query, description=description)
                self.assertIqError(client.take_one(), 400001)
