"""The routes of rooms: which there are, and who is in them. Layer 4."""

from __future__ import annotations

from typing import Final

from jsongle_server.rest_routes import Answer, Call, Door, route
from jsongle_server.rest_schemas import COUNT, array, record, ref
from jsongle_server.rest_views import room_view


@route(
    "GET",
    "/rooms",
    door=Door.ADMINISTRATOR,
    answers={200: Answer("The rooms", record(rooms=array(ref("Room")), count=COUNT))},
)
def list_rooms(call: Call) -> bytes:
    """Lists the rooms and who is in them."""
    listed = [room_view(room) for room in call.server.signaling.rooms.all()]
    return call.answer({"rooms": listed, "count": len(listed)})


ROUTES: Final = (list_rooms,)
