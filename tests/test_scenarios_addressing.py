"""Scenarios of where ``to`` leads, and in whose name a message arrives (protocol section 5)."""

from __future__ import annotations

from jsongle_server.testing import Client
from tests.scenarios import SERVER, ScenarioCase, on_both_transports

RELAYED = (
    "session-propose",
    "session-info",
    "session-proceed",
    "session-initiate",
    "session-accept",
    "session-decline",
    "session-retract",
    "session-terminate",
    "transport-info",
    "session-text",
    "session-custom",
    "session-event",
    "iq-get",
    "iq-set",
    "iq-result",
    "iq-error",
)


class AddressingCase(ScenarioCase):
    """A test of who gets what."""

    def assertArrived(self, client: Client, *, sender: str) -> None:
        """One message came from a client, in this name, addressed to the recipient's identity."""
        message = client.take_one()
        self.assertEqual([message["from"], message["to"]], [sender, client.identity])

    def assertLeadsNowhere(self, client: Client, to: str) -> None:
        """An address leads nowhere."""
        self.assertError(client, 404002, mid=client.say(to, "session-text"))


@on_both_transports
class DirectTests(AddressingCase):
    """Messages to somebody."""

    def test_identity(self) -> None:
        """A session identity leads to that session alone."""
        alice, bob, bobs_other = self.users("alice", "bob", "bob")
        alice.say(bob.identity, "session-info")
        self.assertArrived(bob, sender=alice.identity)
        self.assertNothing(bobs_other, alice)

    def test_uid(self) -> None:
        """A uid leads to all sessions of that user, each addressed by its identity."""
        alice, one, two, carol = self.users("alice", "bob", "bob", "carol")
        alice.say("bob", "session-info")
        for client in (one, two):
            self.assertArrived(client, sender=alice.identity)
        self.assertNothing(alice, carol)

    def test_own_uid(self) -> None:
        """One's own uid leads to one's other devices, not back to oneself."""
        one, two, three = self.users("alice", "alice", "alice")
        one.say("alice", "session-info")
        self.assertArrived(two, sender=one.identity)
        self.assertArrived(three, sender=one.identity)
        self.assertNothing(one)

    def test_own_uid_with_no_other_device(self) -> None:
        """With no other device one's own uid leads nowhere."""
        self.assertLeadsNowhere(self.server.user("alice"), "alice")

    def test_nobody(self) -> None:
        """What is neither identity, uid nor room leads nowhere; uids are compared to the letter."""
        alice, _ = self.users("alice", "bob")
        for to in ("", "Bob", "bob ", "__proto__", "bob/bob", "/", "x" * 5000):
            self.assertLeadsNowhere(alice, to)

    def test_identity_of_who_has_gone(self) -> None:
        """What is for a session that has gone does not go to one who took its identity for a uid."""
        alice, bob = self.users("alice", "bob")
        self.server.drop(bob)
        eve = self.server.user(bob.identity)
        mid = alice.say(bob.identity, "session-text", description={"content": "for Bob alone"})
        self.assertError(alice, 404002, mid=mid)
        self.assertNothing(eve)

    def test_who_has_gone(self) -> None:
        """Who has gone is not reached, by identity or uid; a device that remains is."""
        alice, one, two = self.users("alice", "bob", "bob")
        self.server.drop(one)
        self.assertLeadsNowhere(alice, one.identity)
        alice.say("bob", "session-info")
        self.assertArrived(two, sender=alice.identity)
        self.server.drop(two)
        self.assertLeadsNowhere(alice, "bob")

    def test_every_relayed_action(self) -> None:
        """Every action that clients send one another arrives, and stays what it is."""
        alice, bob = self.users("alice", "bob")
        for action in RELAYED:
            mid = alice.say("bob", action, query="whoami", namespace="call")
            message = bob.take_one()
            self.assertEqual([message["id"], message["jsongle"]["action"]], [mid, action])
            self.assertEqual(message["jsongle"]["query"], "whoami")

    def test_iq_between_peers(self) -> None:
        """An iq to a peer is the peer's to answer, whatever its query."""
        alice, bob = self.users("alice", "bob")
        for query in ("join", "ping", "whoami"):
            alice.say("bob", "iq-get", query=query, transaction="t")
            asked = bob.take_one()
            bob.say(asked["from"], "iq-result", query=query, transaction="t", description={"name": "Bob"})
            answer = alice.take_one()
            self.assertEqual([answer["from"], answer["jsongle"]["transaction"]], [bob.identity, "t"])
        self.assertNothing(alice, bob)

    def test_order(self) -> None:
        """Messages from one sender to one recipient arrive as sent, whatever their kind and address."""
        alice, bob = self.members("r", "alice", "bob")
        alice.join("m", muc=True)
        bob.join("m", muc=True)
        ways = (bob.identity, "bob", "r", "m", "m/bob")
        sent = [alice.say(ways[turn % 5], RELAYED[turn % 16]) for turn in range(160)]
        self.assertEqual([message["id"] for message in bob.take()], sent)


@on_both_transports
class RoomTests(AddressingCase):
    """Messages to a room."""

    def test_room(self) -> None:
        """Every other member gets it, from the room."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        alice.say("r", "session-info", namespace="muc")
        for client in (bob, carol):
            self.assertArrived(client, sender="r")
        self.assertNothing(alice)

    def test_muc(self) -> None:
        """In a muc it comes from ``rid/uid`` where the namespace is ``muc``."""
        alice, bob, carol = self.members("m", "alice", "bob", "carol", muc=True)
        alice.say("m", "session-event", namespace="muc", event="active")
        for client in (bob, carol):
            self.assertArrived(client, sender="m/alice")
        self.assertNothing(alice)

    def test_muc_with_another_namespace(self) -> None:
        """In a muc it comes from the room where the namespace is another or none."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        for jsongle in ({}, {"namespace": "room"}, {"namespace": None}, {"namespace": ["muc"]}, {"namespace": "call"}):
            alice.say("m", "session-event", **jsongle)
            self.assertArrived(bob, sender="m")

    def test_own_devices(self) -> None:
        """Another device of one's own that is in the room is a member like any other."""
        one, two = self.members("r", "alice", "alice")
        one.say("r", "session-info")
        self.assertArrived(two, sender="r")

    def test_only_members(self) -> None:
        """To outsiders a room's name leads nowhere, and those who have left hear nothing of it."""
        alice, bob, carol = self.members("r", "alice", "bob", "carol")
        carol.ask("leave", rid="r")
        alice.take(), bob.take()
        self.assertLeadsNowhere(carol, "r")
        alice.say("r", "session-info")
        self.assertArrived(bob, sender="r")
        self.assertNothing(carol)

    def test_iq(self) -> None:
        """An iq to a room is relayed to its members."""
        alice, bob = self.members("r", "alice", "bob")
        alice.say("r", "iq-set", query="leave", description={"rid": "r"})
        self.assertArrived(bob, sender="r")
        self.assertNothing(alice)


@on_both_transports
class MucMemberTests(AddressingCase):
    """Messages to one member of a multi-user room, by ``rid/uid``."""

    def test_member(self) -> None:
        """That member gets it, from the sender's ``rid/uid``, whatever the namespace."""
        alice, bob, carol = self.members("m", "alice", "bob", "carol", muc=True)
        for jsongle in ({}, {"namespace": "muc"}, {"namespace": "call"}):
            alice.say("m/bob", "session-info", **jsongle)
            self.assertArrived(bob, sender="m/alice")
        self.assertNothing(alice, carol)

    def test_devices(self) -> None:
        """All devices of that user which are in the room get it, and no other."""
        alice, one, two = self.members("m", "alice", "bob", "bob", muc=True)
        elsewhere = self.server.user("bob")
        alice.say("m/bob", "session-info")
        for client in (one, two):
            self.assertArrived(client, sender="m/alice")
        self.assertNothing(elsewhere, alice)

    def test_own_address(self) -> None:
        """One's own ``rid/uid`` leads to one's other devices in the room."""
        one, two = self.members("m", "alice", "alice", muc=True)
        one.say("m/alice", "session-info")
        self.assertArrived(two, sender="m/alice")
        self.assertNothing(one)

    def test_uid_with_a_slash(self) -> None:
        """A uid may hold slashes: a muc's id has none, so the first one ends it."""
        alice, bob = self.members("m", "a/lice", "b/o/b", muc=True)
        alice.say("m/b/o/b", "session-info")
        self.assertArrived(bob, sender="m/a/lice")

    def test_answer(self) -> None:
        """The address that a message came from leads back to its sender."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        alice.say("m", "session-info", namespace="muc")
        bob.say(bob.take_one()["from"], "session-info")
        self.assertArrived(alice, sender="m/bob")

    def test_not_a_member(self) -> None:
        """A user who is not in the room is not reached by way of it, nor is anybody by an outsider."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        carol = self.server.user("carol")
        self.assertLeadsNowhere(alice, "m/carol")
        self.assertLeadsNowhere(carol, "m/bob")
        self.assertNothing(bob)

    def test_rooms_have_none(self) -> None:
        """A room that is no muc has no such addresses."""
        alice, bob = self.members("r", "alice", "bob")
        self.assertLeadsNowhere(alice, "r/bob")
        self.assertNothing(bob)

    def test_who_has_left(self) -> None:
        """The address of somebody who has left leads nowhere, even if a user calls himself so."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        impostor = self.server.user("m/bob")
        self.server.drop(bob)
        alice.take()
        self.assertLeadsNowhere(alice, "m/bob")
        self.assertNothing(impostor)


@on_both_transports
class PrecedenceTests(AddressingCase):
    """Where ``to`` leads when it could lead to several places."""

    def test_room_before_uid(self) -> None:
        """The name of a room that the sender is in leads there, not to the user of that name."""
        alice, bob = self.members("x", "alice", "bob")
        user = self.server.user("x")
        alice.say("x", "session-info")
        self.assertArrived(bob, sender="x")
        self.assertNothing(user)

    def test_uid_where_the_sender_is_not_in_the_room(self) -> None:
        """To outsiders that name is the user's."""
        alice, bob = self.members("x", "alice", "bob")
        user, outsider = self.users("x", "outsider")
        outsider.say("x", "session-info")
        self.assertArrived(user, sender=outsider.identity)
        self.assertNothing(alice, bob)

    def test_room_before_muc_member(self) -> None:
        """A room may have the name of a muc's member: for those in both, it is the room's."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        carol = self.server.user("carol")
        alice.join("m/bob")
        carol.join("m/bob")
        alice.take()
        alice.say("m/bob", "session-info")
        self.assertArrived(carol, sender="m/bob")
        self.assertNothing(bob)

    def test_room_before_identity(self) -> None:
        """A room may have the name of a session: for those in it, it is the room's."""
        session = self.server.user("session")
        alice, bob = self.members(session.identity, "alice", "bob")
        alice.say(session.identity, "session-info")
        self.assertArrived(bob, sender=session.identity)
        self.assertNothing(session)

    def test_muc_member_before_uid(self) -> None:
        """``rid/uid`` of a muc that the sender is in leads there, not to a user who calls himself so."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        impostor, outsider = self.users("m/bob", "outsider")
        alice.say("m/bob", "session-info")
        self.assertArrived(bob, sender="m/alice")
        outsider.say("m/bob", "session-info")
        self.assertArrived(impostor, sender=outsider.identity)
        self.assertNothing(bob)

    def test_identity_before_uid(self) -> None:
        """A session identity leads to that session, not to a user who took it for his uid."""
        alice, bob = self.users("alice", "bob")
        impostor = self.server.user(bob.identity)
        alice.say(bob.identity, "session-info")
        self.assertArrived(bob, sender=alice.identity)
        self.assertNothing(impostor)

    def test_server_before_everything(self) -> None:
        """The server's id leads to the server: no user and no room can take it."""
        alice = self.server.user("alice")
        alice.say(SERVER, "iq-get", query="ping")
        self.assertEqual(alice.take_one()["from"], SERVER)
