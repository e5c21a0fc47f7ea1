"""The routes of sessions: who is here, and ending their stay. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jsongle_server.messages import timestamp
from jsongle_server.rest_audit import audit
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_routes import Answer, Call, Door, route
from jsongle_server.rest_schemas import COUNT, array, record, ref
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
    answers={200: Answer("The sessions", record(sessions=array(ref("Session")), count=COUNT))},
)
def list_sessions(call: Call) -> bytes:
    """Lists the live sessions."""
    listed = [session_view(session) for session in call.server.signaling.sessions()]
    return call.answer({"sessions": listed, "count": len(listed)})


@route(
    "DELETE",
    "/sessions/{id}",
    door=Door.ADMINISTRATOR,
    path=_PATH,
    answers={200: Answer("It has ended", ref("EndedSession")), 404: NO_SESSION},
)
def end_session(call: Call) -> bytes:
    """Ends a session and closes its connection."""
    session = _find(call)
    now = call.server.now()
    session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended by an administrator", now)
    audit(call.caller, "end", target=f"session {session.identity}", result="ended")
    return call.answer({"id": session.identity, "ended": timestamp(now)})


ROUTES: Final = (list_sessions, end_session)


def _find(call: Call) -> Session:
    session = call.server.signaling.find(call.path["id"])
    if session is None:
        raise HttpError(HTTPStatus.NOT_FOUND, NO_SESSION)
    return session
