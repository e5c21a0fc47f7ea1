"""Tests of :mod:`jsongle_server.routing`: where ``to`` leads (protocol section 5)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.registry import Registry
from jsongle_server.rooms import Rooms
from jsongle_server.routing import Place, Route, find_route
from jsongle_server.vocabulary import RoomKind
from tests.members import PlainMember

SERVER = "jsongle-server"


class RoutingTests(SynchronousTestCase):
    """Ann with two devices, Bob and Cy; who is in which room is each test's."""

    def setUp(self) -> None:
        """Everybody has said hello."""
        self.registry: Registry[PlainMember] = Registry()
        self.rooms = Rooms(max_members=dict.fromkeys(RoomKind, 0), max_rooms_per_user=0)
        self.phone = self.arrive("id-phone", "ann")
        self.laptop = self.arrive("id-laptop", "ann")
        self.bob = self.arrive("id-bob", "bob")
        self.cy = self.arrive("id-cy", "cy")

    def arrive(self, identity: str, uid: str) -> PlainMember:
        """Somebody says hello."""
        member = PlainMember(identity, uid=uid)
        self.registry.add(member)
        return member

    def enter(self, rid: str, *members: PlainMember, kind: RoomKind = RoomKind.MUC) -> None:
        """Some join a room."""
        for member in members:
            self.rooms.join(member, rid, kind, dn=None, now=0.0)

    def route(self, to: str, sender: PlainMember, *, namespace: Any = None) -> Route:
        """Where a message leads."""
        return find_route(to, sender, server_id=SERVER, registry=self.registry, namespace=namespace)

    def test_server_comes_first(self) -> None:
        """The server id leads to the server, even if somebody calls himself that."""
        self.arrive("id-eve", SERVER)
        self.assertEqual(self.route(SERVER, self.bob), Route(Place.SERVER, (), "id-bob"))

    def test_room_leads_to_the_others_in_its_name(self) -> None:
        """A message to a room comes from the room, whatever its namespace."""
        self.enter("r", self.bob, self.cy, self.phone, kind=RoomKind.ROOM)
        for namespace in (None, "muc"):
            self.assertEqual(
                self.route("r", self.cy, namespace=namespace), Route(Place.ROOM, [self.bob, self.phone], "r")
            )

    def test_room_with_nobody_else_is_a_room(self) -> None:
        """One who is alone is in a place all the same."""
        self.enter("r", self.bob, kind=RoomKind.ROOM)
        self.assertEqual(self.route("r", self.bob), Route(Place.ROOM, [], "r"))

    def test_muc_message_comes_from_the_member_in_the_muc(self) -> None:
        """With namespace ``muc``, recipients see who of the room it was."""
        self.enter("m", self.bob, self.cy)
        self.assertEqual(self.route("m", self.bob, namespace="muc"), Route(Place.MUC, [self.cy], "m/bob"))

    def test_other_message_to_a_muc_comes_from_the_muc(self) -> None:
        """Without that namespace, or with anything else in its place, it comes from the room."""
        self.enter("m", self.bob, self.cy)
        for namespace in (None, "room", 7, ["muc"], {"muc": 1}):
            self.assertEqual(self.route("m", self.bob, namespace=namespace), Route(Place.MUC, [self.cy], "m"))

    def test_room_of_others_leads_nowhere(self) -> None:
        """Who is not in a room cannot speak to it."""
        self.enter("r", self.bob, kind=RoomKind.ROOM)
        self.assertEqual(self.route("r", self.cy).place, Place.NOWHERE)

    def test_ones_own_room_goes_before_people(self) -> None:
        """A room that is named like a session or a user is meant by those who are in it, and by nobody else."""
        for name in ("id-bob", "bob"):
            self.enter(name, self.cy, self.phone, kind=RoomKind.ROOM)
            self.assertEqual(self.route(name, self.cy), Route(Place.ROOM, [self.phone], name))
            self.assertEqual(self.route(name, self.laptop).recipients, [self.bob])

    def test_member_of_a_muc_is_addressed_in_it(self) -> None:
        """``rid/uid`` leads to that member, and comes from the sender's own address there."""
        self.enter("m", self.bob, self.cy)
        self.assertEqual(self.route("m/cy", self.bob), Route(Place.DIRECT, [self.cy], "m/bob"))

    def test_member_of_a_muc_is_all_devices_in_it(self) -> None:
        """``rid/uid`` leads to the devices that are in the room, but not back to the sender's."""
        self.enter("m", self.bob, self.phone, self.laptop)
        self.assertEqual(self.route("m/ann", self.bob).recipients, [self.phone, self.laptop])
        self.assertEqual(self.route("m/ann", self.phone).recipients, [self.laptop])
        self.rooms.leave(self.laptop, "m")
        self.assertEqual(self.route("m/ann", self.bob).recipients, [self.phone])

    def test_member_of_a_muc_may_have_slashes_in_its_uid(self) -> None:
        """The first slash ends the room id."""
        dee = self.arrive("id-dee", "org/dee")
        self.enter("m", self.bob, dee)
        self.assertEqual(self.route("m/org/dee", self.bob), Route(Place.DIRECT, [dee], "m/bob"))

    def test_member_of_a_muc_is_addressed_by_members_only(self) -> None:
        """From outside a muc, its members cannot be reached through it."""
        self.enter("m", self.bob, self.cy)
        self.assertEqual(self.route("m/cy", self.phone).place, Place.NOWHERE)

    def test_plain_room_has_no_member_addresses(self) -> None:
        """``rid/uid`` is a thing of multi-user rooms alone."""
        self.enter("r", self.bob, self.cy, kind=RoomKind.ROOM)
        self.assertEqual(self.route("r/cy", self.bob).place, Place.NOWHERE)

    def test_address_of_a_member_who_is_gone_cannot_be_taken_over(self) -> None:
        """What was meant for a member of a muc does not go to a user who calls himself by that address."""
        self.arrive("id-eve", "m/cy")
        self.enter("m", self.bob, self.cy)
        self.assertEqual(self.route("m/cy", self.bob).recipients, [self.cy])
        self.rooms.leave(self.cy, "m")
        self.assertEqual(self.route("m/cy", self.bob), Route(Place.NOWHERE, [], "m/bob"))

    def test_identity_leads_to_one_session(self) -> None:
        """A session identity means that device and no other."""
        self.assertEqual(self.route("id-laptop", self.bob), Route(Place.DIRECT, [self.laptop], "id-bob"))

    def test_identity_goes_before_uid(self) -> None:
        """Who takes another's identity for a user id gets nothing of what is meant for that session."""
        self.arrive("id-eve", "id-laptop")
        self.assertEqual(self.route("id-laptop", self.bob).recipients, [self.laptop])

    def test_identity_of_a_session_that_ended_cannot_be_taken_over(self) -> None:
        """What was meant for a session that ended does not go to a user who calls himself by its identity."""
        self.registry.remove(self.laptop)
        self.arrive("id-eve", "id-laptop")
        self.assertEqual(self.route("id-laptop", self.bob), Route(Place.NOWHERE, (), "id-bob"))

    def test_uid_leads_to_all_devices(self) -> None:
        """A user id means every session of that user."""
        self.assertEqual(self.route("ann", self.bob), Route(Place.DIRECT, [self.phone, self.laptop], "id-bob"))

    def test_own_uid_leads_to_ones_other_devices(self) -> None:
        """What one sends to oneself reaches the other devices, and not the one that it comes from."""
        self.assertEqual(self.route("ann", self.phone).recipients, [self.laptop])
        self.assertEqual(self.route("bob", self.bob).place, Place.NOWHERE)

    def test_unknown_name_leads_nowhere(self) -> None:
        """A name that nobody has reaches nobody."""
        for name in ("dee", "", "/", "m/", "/bob"):
            self.assertEqual(self.route(name, self.bob), Route(Place.NOWHERE, [], "id-bob"))
