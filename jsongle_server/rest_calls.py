"""The route of calls: who talks with whom, and nothing of what they say. Layer 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jsongle_server.rest_pages import PAGE, page, page_of
from jsongle_server.rest_routes import Call, Door, Parameter, route
from jsongle_server.rest_schemas import CALL_STATES
from jsongle_server.rest_values import Choice, Text
from jsongle_server.rest_views import call_view

if TYPE_CHECKING:
    from jsongle_server import calls
    from jsongle_server.session import Session


@route(
    "GET",
    "/calls",
    door=Door.ADMINISTRATOR,
    query=(
        Parameter("state", Choice(CALL_STATES), "only calls in this state"),
        Parameter("uid", Text(), "only calls that this user is a party of"),
        Parameter("room", Text(), "only calls through this room"),
        *PAGE,
    ),
    answers={200: page_of("calls", "Call", "The calls, the oldest first")},
)
def list_calls(call: Call) -> bytes:
    """Lists the live calls."""
    found = [each for each in call.server.signaling.calls.all() if _is_asked_for(each, **call.query)]
    now = call.server.now()
    return page(call, "calls", found, lambda each: call_view(each, now))


ROUTES: Final = (list_calls,)


def _is_asked_for(
    call: calls.Call[Session], *, state: str | None, uid: str | None, room: str | None, **page: Any
) -> bool:
    return (
        (state is None or call.state == state)
        and (uid is None or any(party.uid == uid for party in call.parties))
        and (room is None or call.rid == room)
    )
