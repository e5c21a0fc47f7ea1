"""Tests of :mod:`jsongle_server.rooms`: who may join, and who is where (protocol section 4)."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import address, encode
from jsongle_server.errors import JsongleError, NoSuchRecipient, RoomFull, TooManyRooms, WrongRoomKind
from jsongle_server.rooms import Room, Rooms
from jsongle_server.vocabulary import RoomKind
from tests.members import PlainMember

ROOM, MUC = RoomKind.ROOM, RoomKind.MUC


def make_rooms(*, room: int = 0, muc: int = 0, per_user: int = 0) -> Rooms:
    """No rooms yet, with these limits."""
    return Rooms(max_members={ROOM: room, MUC: muc}, max_rooms_per_user=per_user)


class JoinTests(SynchronousTestCase):
    """Entering rooms."""

    def setUp(self) -> None:
        """Three members, nowhere yet."""
        self.ann, self.bob, self.cy = (PlainMember(name) for name in ("ann", "bob", "cy"))

    def enter(self, rooms: Rooms, member: PlainMember, rid: str = "r", kind: RoomKind = ROOM) -> tuple[Room, bool]:
        """Joins under one's own name."""
        return rooms.join(member, rid, kind, dn=None, now=7.0)

    def test_first_join_makes_the_room(self) -> None:
        """A room begins with its first member, as the kind that it was joined as."""
        room, is_new = self.enter(make_rooms(), self.ann, kind=MUC)
        self.assertTrue(is_new)
        self.assertEqual((room.rid, room.kind, room.created, list(room)), ("r", MUC, 7.0, [self.ann]))

    def test_members_stand_in_join_order(self) -> None:
        """Whoever comes later stands later."""
        rooms = make_rooms()
        for member in (self.bob, self.ann, self.cy):
            room, _ = self.enter(rooms, member)
        self.assertEqual(list(room), [self.bob, self.ann, self.cy])
        self.assertEqual(room.others(self.ann), [self.bob, self.cy])

    def test_joining_again_changes_nothing(self) -> None:
        """A member that joins once more keeps its place and its name, even in a room that is full."""
        rooms = make_rooms(room=2, per_user=1)
        rooms.join(self.ann, "r", ROOM, dn="Ann", now=0.0)
        self.enter(rooms, self.bob)
        room, is_new = rooms.join(self.ann, "r", ROOM, dn="Queen Ann", now=1.0)
        self.assertFalse(is_new)
        self.assertEqual(list(room), [self.ann, self.bob])
        self.assertEqual(room.describe(self.ann)["dn"], "Ann")

    def test_other_kind_is_refused_to_strangers_and_members(self) -> None:
        """A room keeps its kind as long as it exists (409001)."""
        rooms = make_rooms()
        self.enter(rooms, self.ann, kind=ROOM)
        for member in (self.ann, self.bob):
            self.assertRaises(WrongRoomKind, self.enter, rooms, member, kind=MUC)
        self.assertEqual(self.bob.rooms, {})

    def test_kind_ends_with_the_room(self) -> None:
        """An id that nobody uses any more may come back as the other kind."""
        rooms = make_rooms()
        self.enter(rooms, self.ann, kind=ROOM)
        rooms.leave(self.ann, "r")
        room, _ = self.enter(rooms, self.bob, kind=MUC)
        self.assertEqual(room.kind, MUC)

    def test_full_room_lets_nobody_in_until_somebody_leaves(self) -> None:
        """The limit is the number of members that are in (403001)."""
        rooms = make_rooms(room=2)
        self.enter(rooms, self.ann)
        self.enter(rooms, self.bob)
        self.assertRaises(RoomFull, self.enter, rooms, self.cy)
        self.assertEqual(self.cy.rooms, {})
        rooms.leave(self.ann, "r")
        room, _ = self.enter(rooms, self.cy)
        self.assertEqual(list(room), [self.bob, self.cy])

    def test_each_kind_has_its_own_limit(self) -> None:
        """The limit of one kind is nothing to the other."""
        rooms = make_rooms(room=1, muc=2)
        for member in (self.ann, self.bob):
            self.enter(rooms, member, rid="m", kind=MUC)
        self.assertRaises(RoomFull, self.enter, rooms, self.cy, rid="m", kind=MUC)
        self.enter(rooms, self.ann)
        self.assertRaises(RoomFull, self.enter, rooms, self.bob)

    def test_user_in_too_many_rooms_is_refused_and_makes_none(self) -> None:
        """Rooms of both kinds count; the room that was refused does not come to exist (403004)."""
        rooms = make_rooms(per_user=2)
        self.enter(rooms, self.ann, rid="a")
        self.enter(rooms, self.ann, rid="b", kind=MUC)
        self.assertRaises(TooManyRooms, self.enter, rooms, self.ann, rid="c")
        self.assertEqual([room.rid for room in rooms.all()], ["a", "b"])
        rooms.leave(self.ann, "a")
        self.assertTrue(self.enter(rooms, self.ann, rid="c")[1])

    def test_zero_is_no_limit(self) -> None:
        """With limits of zero a room takes everybody and a user may be everywhere."""
        rooms = make_rooms()
        for number in range(200):
            self.enter(rooms, PlainMember(str(number)))
            self.enter(rooms, self.ann, rid=f"r-{number}")
        self.assertEqual((len(next(iter(rooms.all()))), len(self.ann.rooms)), (200, 200))


class RoomTests(SynchronousTestCase):
    """What a room shows and tells."""

    def setUp(self) -> None:
        """Ann, under another name, and Bob in one room."""
        self.rooms = make_rooms()
        self.ann, self.bob, self.cy = (PlainMember(name) for name in ("ann", "bob", "cy"))
        self.room, _ = self.rooms.join(self.ann, "r", ROOM, dn="Queen Ann", now=0.0)
        self.rooms.join(self.bob, "r", ROOM, dn=None, now=0.0)

    def test_display_name_holds_in_its_room_alone(self) -> None:
        """The name that one joined under is shown here, and one's own elsewhere."""
        elsewhere, _ = self.rooms.join(self.ann, "q", ROOM, dn=None, now=0.0)
        self.assertEqual(self.room.describe(self.ann), {"uid": "uid-ann", "id": "ann", "dn": "Queen Ann"})
        self.assertNotIn("dn", elsewhere.describe(self.ann))

    def test_others_are_described_without_oneself(self) -> None:
        """A member is shown all the others, each under its name in this room."""
        self.rooms.join(self.cy, "r", ROOM, dn=None, now=0.0)
        self.assertEqual(
            self.room.describe_others(self.bob),
            [{"uid": "uid-ann", "id": "ann", "dn": "Queen Ann"}, {"uid": "uid-cy", "id": "cy"}],
        )

    def test_others_are_a_snapshot(self) -> None:
        """Who leaves while a message goes round changes nothing for those who go through the list."""
        others = self.room.others(self.ann)
        self.rooms.leave(self.bob, "r")
        self.assertEqual(others, [self.bob])

    def test_message_reaches_everybody_but_one(self) -> None:
        """What one member causes is told to the others."""
        message = encode("m", address("s"), {"jsongle": {"action": "session-event"}})
        self.room.tell_others(self.ann, message)
        self.assertEqual((self.ann.delivered, self.bob.delivered), ([], [message]))

    def test_leaving_a_room_one_is_not_in_is_refused(self) -> None:
        """A room that exists and one that does not are the same to a stranger (404002)."""
        for rid in ("r", "nowhere"):
            self.assertRaises(NoSuchRecipient, self.rooms.leave, self.cy, rid)
        self.assertEqual(list(self.room), [self.ann, self.bob])

    def test_room_ends_with_its_last_member(self) -> None:
        """The room that somebody left is handed back, empty if it was the last one, and forgotten then."""
        self.assertEqual(list(self.rooms.leave(self.ann, "r")), [self.bob])
        self.assertEqual(len(self.rooms), 1)
        self.assertEqual(list(self.rooms.leave(self.bob, "r")), [])
        self.assertEqual((len(self.rooms), self.bob.rooms), (0, {}))


MEMBERS = st.integers(0, 4)
RIDS = st.sampled_from(["a", "b", "c"])


class RoomsMachine(RuleBasedStateMachine):
    """Joins and leaves of several members, beside a model that is nothing but a list of who joined what in order."""

    def __init__(self) -> None:
        super().__init__()
        self.members = [PlainMember(str(number)) for number in range(5)]
        self.model: list[tuple[PlainMember, str]] = []
        self.kinds: dict[str, RoomKind] = {}

    @initialize(room=st.integers(0, 3), muc=st.integers(0, 3), per_user=st.integers(0, 2))
    def open(self, room: int, muc: int, per_user: int) -> None:
        """Chooses the limits."""
        self.limits = {ROOM: room, MUC: muc}
        self.per_user = per_user
        self.rooms = make_rooms(room=room, muc=muc, per_user=per_user)

    @rule(number=MEMBERS, rid=RIDS, kind=st.sampled_from(RoomKind))
    def join(self, number: int, rid: str, kind: RoomKind) -> None:
        """A join does what the protocol says of it, or is refused for a reason that the protocol knows."""
        member = self.members[number]
        expected = self.expected_of_join(member, rid, kind)
        try:
            room, is_new = self.rooms.join(member, rid, kind, dn=None, now=0.0)
        except JsongleError as error:
            assert type(error) in expected, f"refused with {error!r}, expected {expected}"
            return
        assert expected == {is_new}, f"let in, expected {expected}"
        assert (room.rid, room.kind) == (rid, kind)
        if is_new:
            self.model.append((member, rid))
            self.kinds[rid] = kind

    @rule(number=MEMBERS, rid=RIDS)
    def leave(self, number: int, rid: str) -> None:
        """A member leaves, a stranger cannot."""
        member = self.members[number]
        if (member, rid) not in self.model:
            try:
                self.rooms.leave(member, rid)
            except NoSuchRecipient:
                return
            raise AssertionError("a stranger left")
        assert self.rooms.leave(member, rid).rid == rid
        self.model.remove((member, rid))

    @invariant()
    def both_sides_agree(self) -> None:
        """The rooms hold exactly their members in join order, and the members exactly their rooms."""
        occupied: dict[str, list[PlainMember]] = {}
        for member, rid in self.model:
            occupied.setdefault(rid, []).append(member)
        assert {room.rid: list(room) for room in self.rooms.all()} == occupied
        assert len(self.rooms) == len(occupied)
        for room in self.rooms.all():
            assert room.kind is self.kinds[room.rid]
        for member in self.members:
            assert list(member.rooms) == [rid for who, rid in self.model if who is member]
            for rid, room in member.rooms.items():
                assert room.rid == rid
                assert member in room
                assert room in self.rooms.all()

    def expected_of_join(self, member: PlainMember, rid: str, kind: RoomKind) -> set[Any]:
        """What may come of a join: whether the member is new, or the errors that it may be refused with."""
        inside = [who for who, there in self.model if there == rid]
        if inside and self.kinds[rid] is not kind:
            return {WrongRoomKind}
        if member in inside:
            return {False}
        refusals: set[Any] = set()
        if inside and 0 < self.limits[kind] <= len(inside):
            refusals.add(RoomFull)
        if 0 < self.per_user <= sum(who is member for who, _ in self.model):
            refusals.add(TooManyRooms)
        return refusals or {True}


class AnySequenceTests(SynchronousTestCase):
    """Rooms under anything that members may do."""

    def test_any_sequence_agrees_with_the_model(self) -> None:
        """Whatever members join and leave, under whatever limits, both sides of every membership agree."""
        run_state_machine_as_test(
            RoomsMachine, settings=settings(deadline=None, max_examples=100, stateful_step_count=40)
        )
