"""The routes of rooms: which there are, who is in them, and putting everybody out. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jsongle_server.membership import empty
from jsongle_server.messages import timestamp
from jsongle_server.privacy import printable
from jsongle_server.rest_audit import audit
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_pages import PAGE, page, page_of
from jsongle_server.rest_routes import Answer, Call, Door, Parameter, route
from jsongle_server.rest_schemas import ROOM_KINDS, ref
from jsongle_server.rest_turns import in_turns
from jsongle_server.rest_values import Choice, Text
from jsongle_server.rest_views import room_view

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jsongle_server.rooms import Room

NO_ROOM: Final = "There is no such room"

_PATH: Final = {"rid": "the room's id, any text, percent-encoded"}


@route(
    "GET",
    "/rooms",
    door=Door.ADMINISTRATOR,
    query=(
        Parameter("rid", Text(), "only the room of this id"),
        Parameter("kind", Choice(ROOM_KINDS), "only rooms of this kind"),
        Parameter("uid", Text(), "only rooms that this user is in"),
        *PAGE,
    ),
    answers={200: page_of("rooms", "Room", "The rooms, in order of creation")},
)
def list_rooms(call: Call) -> bytes:
    """Lists the rooms and who is in them."""
    found = [room for room in call.server.signaling.rooms.all() if _is_asked_for(room, **call.query)]
    return page(call, "rooms", found, room_view)


@route(
    "GET",
    "/rooms/{rid}",
    door=Door.ADMINISTRATOR,
    path=_PATH,
    answers={200: Answer("The room", ref("Room")), 404: NO_ROOM},
)
def show_room(call: Call) -> bytes:
    """Shows a room and who is in it."""
    return call.answer(room_view(find_room(call, call.path["rid"])))


@route(
    "DELETE",
    "/rooms/{rid}",
    door=Door.ADMINISTRATOR,
    path=_PATH,
    answers={200: Answer("Everybody has left", ref("EmptiedRoom")), 404: NO_ROOM},
)
async def empty_room(call: Call) -> bytes:
    """Puts everybody out of a room, which ends it."""
    return await _empty(call, call.path["rid"])


@route(
    "DELETE",
    "/rooms",
    door=Door.ADMINISTRATOR,
    query=(Parameter("rid", Text(), "the room of this id; without it there is none", default=""),),
    answers={200: Answer("Everybody has left", ref("EmptiedRoom")), 404: NO_ROOM},
)
async def empty_named_room(call: Call) -> bytes:
    """Puts everybody out of a room whose id a client cannot have in a path, such as ``..``."""
    return await _empty(call, call.query["rid"])


ROUTES: Final = (list_rooms, show_room, empty_room, empty_named_room)


def find_room(call: Call, rid: str) -> Room:
    """The room of an id.

    :raises HttpError: 404, there is none.
    """
    room = call.server.signaling.rooms.find(rid)
    if room is None:
        raise HttpError(HTTPStatus.NOT_FOUND, NO_ROOM)
    return room


async def _empty(call: Call, rid: str) -> bytes:
    room = find_room(call, rid)
    count = await _put_out(call, room)
    return call.answer({"rid": room.rid, "emptied": timestamp(call.server.now()), "count": count})


def _put_out(call: Call, room: Room) -> Deferred[int]:
    """Puts everybody out; fires with how many that were."""
    caller = call.caller

    def note(count: int) -> None:
        audit(caller, "empty", target=f"room {printable(room.rid)}", result=f"members put out: {count}")

    return in_turns(empty(room), call.server.reactor, note)


def _is_asked_for(room: Room, *, rid: str | None, kind: str | None, uid: str | None, **page: int) -> bool:
    return (
        (rid is None or room.rid == rid)
        and (kind is None or room.kind == kind)
        and (uid is None or any(member.uid == uid for member in room))
    )
