"""Who is where, as far as the terminal client has been told.

Owns the rooms that it is in, their members, and the names of others. Knows no wire: it is told. Layer 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from jsongle_server.vocabulary import RoomKind

MOST_STRANGERS: Final = 1000
"""Identities of people in no common room that are remembered with their names."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody.

    :param identity: of the session.
    :param dn: the display name; empty where there is none.
    """

    identity: str
    uid: str
    dn: str = ""

    @property
    def name(self) -> str:
        """What to call them."""
        return self.dn or self.uid


@dataclass(slots=True)
class Room:
    """A room that one is in.

    :ivar members: the others, by session identity, in the order in which they came.
    """

    rid: str
    kind: RoomKind
    members: dict[str, Person] = field(default_factory=dict)


class People:
    """Everybody that is known.

    :ivar rooms: the rooms that one is in, by rid.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self._known: dict[str, Person] = {}

    def joined(self, rid: str, kind: RoomKind, members: list[Any]) -> Room:
        """One has joined a room.

        :param members: the others, as the server lists them; what is no member is left out.
        """
        people = [person for each in members if (person := read_person(each)) is not None]
        room = self.rooms[rid] = Room(rid, kind, {person.identity: person for person in people})
        for person in people:
            self._remember(person)
        return room

    def left(self, rid: str) -> None:
        """One has left a room."""
        self.rooms.pop(rid, None)

    def came(self, rid: str, person: Person) -> None:
        """Somebody has joined a room."""
        if rid in self.rooms:
            self.rooms[rid].members[person.identity] = person
        self._remember(person)

    def went(self, rid: str, person: Person) -> None:
        """Somebody has left a room."""
        if rid in self.rooms:
            self.rooms[rid].members.pop(person.identity, None)

    def sender(self, address: str) -> tuple[Person | None, Room | None]:
        """Who a message is from, as far as ``from`` says it (protocol section 5).

        :param address: the rid of a room, which does not say who if there are several; ``rid/uid`` in a multi-user
            room; a session identity.
        """
        room = self.rooms.get(address)
        if room is not None:
            others = list(room.members.values())
            return (others[0] if len(others) == 1 else None), room
        rid, slash, uid = address.partition("/")
        room = self.rooms.get(rid) if slash else None
        if room is not None:
            named = (person for person in room.members.values() if person.uid == uid)
            return next(named, Person(address, uid)), room
        return self._known.get(address), None

    def addresses(self) -> list[str]:
        """What texts can be sent to: rooms, then the uids of their members."""
        uids = {person.uid: None for room in self.rooms.values() for person in room.members.values()}
        return [*self.rooms, *(uid for uid in uids if uid not in self.rooms)]

    def _remember(self, person: Person) -> None:
        self._known.pop(person.identity, None)
        self._known[person.identity] = person
        if len(self._known) > MOST_STRANGERS:
            del self._known[next(iter(self._known))]


def read_person(member: Any) -> Person | None:
    """Reads a member as the server describes one; ``None`` if it is none."""
    if not isinstance(member, dict):
        return None
    identity, uid, dn = member.get("id"), member.get("uid"), member.get("dn")
    if not isinstance(identity, str) or not isinstance(uid, str):
        return None
    return Person(identity, uid, dn if isinstance(dn, str) else "")
