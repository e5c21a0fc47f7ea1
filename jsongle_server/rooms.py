"""Rooms and who is in them (protocol section 4).

Decides who may join and keeps both sides of every membership: the room's members and the member's rooms. Tells
nobody: what members are told is said by the caller, after the state has changed. Layer 2.
"""

from __future__ import annotations

from collections.abc import Iterator, ValuesView
from typing import TYPE_CHECKING

from jsongle_server.errors import NoSuchRecipient, RoomFull, TooManyRooms, WrongRoomKind
from jsongle_server.vocabulary import RoomKind

if TYPE_CHECKING:
    from jsongle_server.codec import Json, Outgoing
    from jsongle_server.member import Member


class Room:
    """A room with members in it, in join order.

    :param rid: its id, as clients name it.
    :param kind: what it was first joined as.
    :param created: when, in seconds since the epoch.
    """

    __slots__ = ("_members", "created", "kind", "rid")

    def __init__(self, rid: str, kind: RoomKind, *, created: float) -> None:
        self.rid = rid
        self.kind = kind
        self.created = created
        # The value is the display name that the member goes by in this room, None where it is its own.
        self._members: dict[Member, str | None] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members)

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def others(self, member: Member) -> list[Member]:
        """Everybody in the room but one, in join order: a snapshot that stays as it is."""
        return [other for other in self._members if other is not member]

    def describe(self, member: Member) -> Json:
        """What the room is shown of one of its members."""
        return member.describe(self._members[member])

    def describe_others(self, member: Member) -> list[Json]:
        """What a member is shown of all the others, in join order."""
        return [other.describe(dn) for other, dn in self._members.items() if other is not member]

    def tell_others(self, member: Member, outgoing: Outgoing) -> None:
        """Sends a message to everybody in the room but one."""
        for other in self.others(member):
            other.deliver(outgoing)

    def _admit(self, member: Member, dn: str | None) -> None:
        self._members[member] = dn

    def _dismiss(self, member: Member) -> None:
        del self._members[member]


class Rooms:
    """All the rooms that exist: those with members.

    :param max_members: most members by kind of room; 0 is no limit.
    :param max_rooms_per_user: most rooms that one session may be in; 0 is no limit.
    """

    def __init__(self, *, max_members: dict[RoomKind, int], max_rooms_per_user: int) -> None:
        self._rooms: dict[str, Room] = {}
        self.limit(max_members=max_members, max_rooms_per_user=max_rooms_per_user)

    def limit(self, *, max_members: dict[RoomKind, int], max_rooms_per_user: int) -> None:
        """Sets the limits for joins to come; nobody is sent away. Parameters as of the class."""
        self._max_members = max_members
        self._max_rooms_per_user = max_rooms_per_user

    def __len__(self) -> int:
        return len(self._rooms)

    def find(self, rid: str) -> Room | None:
        """The room of that id, if there is one."""
        return self._rooms.get(rid)

    def all(self) -> ValuesView[Room]:
        """Every room, in order of creation."""
        return self._rooms.values()

    def join(self, member: Member, rid: str, kind: RoomKind, *, dn: str | None, now: float) -> tuple[Room, bool]:
        """Puts a member into a room, which is made where there is none.

        :param dn: the display name it goes by in this room; ``None`` for its own.
        :param now: seconds since the epoch.
        :returns: the room, and whether the member is new in it.
        :raises WrongRoomKind: the room is of the other kind.
        :raises RoomFull: no place is left in it.
        :raises TooManyRooms: the member is in as many rooms as it may be.
        """
        room = self._rooms.get(rid)
        if room is not None and room.kind is not kind:
            raise WrongRoomKind(f"The room is of kind '{room.kind}', not '{kind}'")
        if room is not None and member in room:
            return room, False
        if self._is_full(room, kind):
            raise RoomFull("The room is full")
        if 0 < self._max_rooms_per_user <= len(member.rooms):
            raise TooManyRooms(f"Already in {len(member.rooms)} rooms, as many as one may be in")
        if room is None:
            room = self._rooms[rid] = Room(rid, kind, created=now)
        room._admit(member, dn)
        member.rooms[rid] = room
        return room, True

    def leave(self, member: Member, rid: str) -> Room:
        """Takes a member out of a room, which ends with its last one.

        :returns: the room, possibly empty by now.
        :raises NoSuchRecipient: it is not in such a room.
        """
        room = member.rooms.pop(rid, None)
        if room is None:
            raise NoSuchRecipient("Not a member of this room")
        room._dismiss(member)
        if not len(room):
            del self._rooms[rid]
        return room

    def _is_full(self, room: Room | None, kind: RoomKind) -> bool:
        return room is not None and 0 < self._max_members[kind] <= len(room)
