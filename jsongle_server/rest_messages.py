"""The route of server messages: what an administrator tells clients. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from jsongle_server import messages
from jsongle_server.codec import is_deeper, json_size
from jsongle_server.privacy import printable
from jsongle_server.rest_audit import audit
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_rooms import find_room
from jsongle_server.rest_routes import Answer, Body, Call, Door, route
from jsongle_server.rest_schemas import ref
from jsongle_server.rest_sessions import NO_SESSION, find_session
from jsongle_server.rest_values import AnyObject, Choice, Fields, OneOf, Text, bad
from jsongle_server.session import SessionState
from jsongle_server.vocabulary import MAX_DEPTH

if TYPE_CHECKING:
    from jsongle_server.member import Member

_OUTER_LEVELS: Final = 2
"""How deep in its message the description stands: in ``jsongle``, in the envelope."""

_TO: Final = OneOf((Choice(("all",)), Fields({"session": Text()}), Fields({"room": Text()})))


@route(
    "POST",
    "/messages",
    door=Door.ADMINISTRATOR,
    body=Body(
        Fields({"to": _TO, "description": AnyObject()}),
        '{"to": "all", "description": {"text": "Back at five"}}; to is "all", {"session": id} or {"room": rid}',
    ),
    answers={
        200: Answer("It has been sent", ref("SentMessage")),
        404: "There is no such session or room",
        413: "The description is larger than the setting maxMessageSize, or the body than 64 KiB",
    },
)
def send_message(call: Call) -> bytes:
    """Sends a server message to a session, a room or everybody."""
    description = call.body["description"]
    _check(description, call.server.config.max_message_size)
    recipients, name = _recipients(call, call.body["to"])
    mid = call.server.signaling.tell(recipients, messages.server_message(description))
    audit(call.caller, "message", target=name, result=f"sent to {len(recipients)} sessions")
    return call.answer({"id": mid, "sent": messages.timestamp(call.server.now()), "count": len(recipients)})


ROUTES: Final = (send_message,)


def _check(description: dict[str, Any], most: int) -> None:
    """Checks that clients can take a description: it may be as large and as deep as theirs.

    :raises HttpError: it is not.
    """
    if is_deeper(description, MAX_DEPTH - _OUTER_LEVELS):
        raise bad(f"'description' may be nested {MAX_DEPTH - _OUTER_LEVELS} levels deep at most")
    if json_size(description) > most:
        message = f"'description' may have {most} bytes of JSON at most, which is the setting maxMessageSize"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)


def _recipients(call: Call, to: Any) -> tuple[list[Member], str]:
    """Who gets a message, and what they are called in the log.

    :raises HttpError: 404, there is no such session, or it has not said hello, or no such room.
    """
    signaling = call.server.signaling
    if to == "all":
        return list(signaling.registry.all()), "everybody"
    if "room" in to:
        room = find_room(call, to["room"])
        return list(room), f"room {printable(room.rid)}"
    session = find_session(call, to["session"])
    if session.state is SessionState.AWAITING_HELLO:
        raise HttpError(HTTPStatus.NOT_FOUND, NO_SESSION)
    return [session], f"session {session.identity}"
