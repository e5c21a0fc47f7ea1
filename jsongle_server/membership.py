"""Entering and leaving rooms, and letting those who are there know (protocol section 4). Layer 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from jsongle_server import messages
from jsongle_server.occurrences import Kind, Occurrence, person
from jsongle_server.privacy import printable
from jsongle_server.vocabulary import Event, RoomKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsongle_server.codec import Json
    from jsongle_server.rooms import Room
    from jsongle_server.session import Session

_log: Final = Logger()


def join(session: Session, rid: str, kind: RoomKind, *, dn: str | None, now: float) -> Room:
    """Enters a room and lets its members know; being in it already is fine and tells nobody.

    :param dn: the display name to be shown there; ``None`` for the session's own.
    :raises JsongleError: as :meth:`jsongle_server.rooms.Rooms.join` does.
    """
    services = session.services
    room, is_new = services.rooms.join(session, rid, kind, dn=dn, now=now)
    if is_new:
        if len(room) == 1:
            services.metrics.rooms_created[kind] += 1
        shown = room.describe(session)
        _announce(session, room, Event.JOINED, shown, now)
        _publish(session, room, Kind.MEMBER_JOINED, shown, now)
        _trace("join", session, room)
    return room


def leave(session: Session, rid: str, now: float) -> None:
    """Leaves a room, and the calls that go through it, and lets those who remain know.

    :raises NoSuchRecipient: the session is not in such a room.
    """
    services = session.services
    room = session.rooms.get(rid)
    shown = room.describe(session) if room is not None else {}
    room = services.rooms.leave(session, rid)
    _announce(session, room, Event.LEFT, shown, now)
    _publish(session, room, Kind.MEMBER_LEFT, shown, now)
    services.leave_calls(session, now, rid=rid)
    _trace("leave", session, room)


def empty(room: Room) -> Iterator[int]:
    """Puts everybody who is in a room out of it and tells them so, one with each step.

    The latest goes first: whoever was told that somebody came is still there to be told that he left.

    :returns: yields for each how many were told that he left, which may be everybody: a large room takes its time.
    """
    members: list[Session] = list(room)  # type: ignore[arg-type]  # every member of this server is a session
    for session in reversed(members):
        if session.rooms.get(room.rid) is not room:
            continue  # it has left by itself meanwhile
        now = session.services.clock.seconds()
        leave(session, room.rid, now)
        description = {"reason": "room-emptied", "rid": room.rid, "left": messages.timestamp(now)}
        session.say(messages.server_message(description))
        yield len(room)


def _trace(step: str, session: Session, room: Room) -> None:
    if session.services.tracing:
        _log.debug(
            "{step} {session} {kind} {rid}",
            step=step,
            session=session.identity,
            kind=room.kind.value,
            rid=printable(room.rid),
        )


def _publish(session: Session, room: Room, kind: Kind, shown: Json, now: float) -> None:
    publish = session.services.publish
    if publish is not None:
        data = {"member": person(shown), "rid": room.rid, "kind": room.kind.value}
        publish(Occurrence(kind, session.identity, now, data))


def _announce(session: Session, room: Room, event: Event, member: Json, now: float) -> None:
    if room.others(session):
        at = messages.timestamp(now)
        told = messages.room_event(room.kind, event, rid=room.rid, member=member, at=at)
        room.tell_others(session, session.services.encode_own(told))
