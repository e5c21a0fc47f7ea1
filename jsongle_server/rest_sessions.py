"""The routes of sessions: who is here, and ending their stay. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from jsongle_server.blocks import is_within
from jsongle_server.messages import timestamp
from jsongle_server.rest_audit import audit
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_pages import PAGE, page, page_of
from jsongle_server.rest_routes import Answer, Call, Door, Parameter, route
from jsongle_server.rest_schemas import SESSION_STATES, ref
from jsongle_server.rest_values import Choice, Network, Text
from jsongle_server.rest_views import session_view
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from jsongle_server.session import Session

NO_SESSION: Final = "There is no such session"
_PATH: Final = {"id": "the session's identity"}


@route(
    "GET",
    "/sessions",
    door=Door.ADMINISTRATOR,
    query=(
        Parameter("uid", Text(), "only sessions of this user"),
        Parameter("room", Text(), "only sessions in this room"),
        Parameter("state", Choice(SESSION_STATES), "only sessions in this state"),
        Parameter("address", Network(), "only sessions from this address or network"),
        *PAGE,
    ),
    answers={200: page_of("sessions", "Session", "The sessions, in order of arrival")},
)
def list_sessions(call: Call) -> bytes:
    """Lists the live sessions."""
    found = [session for session in call.server.signaling.sessions() if _is_asked_for(session, **call.query)]
    return page(call, "sessions", found, session_view)


@route(
    "GET",
    "/sessions/{id}",
    door=Door.ADMINISTRATOR,
    path=_PATH,
    answers={200: Answer("The session", ref("Session")), 404: NO_SESSION},
)
def show_session(call: Call) -> bytes:
    """Shows a live session."""
    return call.answer(session_view(find_session(call, call.path["id"])))


@route(
    "DELETE",
    "/sessions/{id}",
    door=Door.ADMINISTRATOR,
    path=_PATH,
    answers={200: Answer("It has ended", ref("EndedSession")), 404: NO_SESSION},
)
def end_session(call: Call) -> bytes:
    """Ends a session and closes its connection."""
    session = find_session(call, call.path["id"])
    now = call.server.now()
    session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended by an administrator", now)
    audit(call.caller, "end", target=f"session {session.identity}", result="ended")
    return call.answer({"id": session.identity, "ended": timestamp(now)})


ROUTES: Final = (list_sessions, show_session, end_session)


def find_session(call: Call, identity: str) -> Session:
    """The live session of an identity.

    :raises HttpError: 404, there is none.
    """
    session = call.server.signaling.find(identity)
    if session is None:
        raise HttpError(HTTPStatus.NOT_FOUND, NO_SESSION)
    return session


def _is_asked_for(
    session: Session, *, uid: str | None, room: str | None, state: str | None, address: Any, **page: int
) -> bool:
    return (
        (uid is None or session.uid == uid)
        and (room is None or room in session.rooms)
        and (state is None or session.state == state)
        and (address is None or is_within(session.remote, address))
    )
