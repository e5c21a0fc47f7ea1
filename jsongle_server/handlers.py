"""The table from action to handler, and the guards in front of it (protocol sections 2 and 5).

Every message of every client passes :func:`admit`; past it, the sender is who it says it is and the action is one
that clients may use. Layer 3.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from jsongle_server.call_relay import handle_call
from jsongle_server.codec import Envelope, Json
from jsongle_server.errors import BadParameter, HelloFirst, NotYourIdentity, UnsupportedAction
from jsongle_server.hello import handle_hello, is_hello
from jsongle_server.relay import handle_message
from jsongle_server.reports import handle_report
from jsongle_server.services import Handler
from jsongle_server.session import Session, SessionState
from jsongle_server.vocabulary import CALL_ACTIONS, IQ_ACTIONS, Action, Event, Namespace, Query

HANDLERS: Final = MappingProxyType[str, Handler](
    {
        **dict.fromkeys(CALL_ACTIONS, handle_call),
        **dict.fromkeys(IQ_ACTIONS, handle_message),
        Action.SESSION_CUSTOM: handle_message,
        Action.SESSION_EVENT: handle_message,
        Action.SESSION_METRICS: handle_report,
        Action.SESSION_TEXT: handle_message,
    }
)
"""Every action that clients may use."""

REFUSED: Final = frozenset({Action.ACK, Action.SESSION_ERROR})
"""The actions that are the server's own to use."""


def admit(session: Session, envelope: Envelope) -> Handler:
    """Checks a message against its sender, in the order of the protocol.

    :returns: what handles it.
    :raises HelloFirst: the session is not identified and this is no hello.
    :raises NotYourIdentity: ``from`` is somebody else.
    :raises BadParameter: ``to`` is not acceptable.
    :raises UnsupportedAction: the action does not exist or is the server's own.
    """
    action = envelope.action
    if action == Action.IQ_RESULT and is_hello(session, envelope):
        session.uncount()
        return handle_hello
    if session.state is not SessionState.IDENTIFIED:
        raise HelloFirst("A session-hello must come first")
    if not session.speaks_as(envelope.fields.get("from")):
        raise NotYourIdentity("'from' is not your identity")
    to = envelope.to
    if type(to) is not str:
        raise BadParameter("Missing 'to' parameter")
    handler = HANDLERS.get(action)
    if handler is None or (
        action in _PARTLY_OURS and _is_servers_own(envelope.jsongle, to, session.services.config.id)
    ):
        raise UnsupportedAction("This action is not supported")
    return handler


_PARTLY_OURS: Final = frozenset({Action.SESSION_EVENT, *IQ_ACTIONS})


def _is_servers_own(jsongle: Json, to: str, server_id: str) -> bool:
    """Whether a message of such an action says what only the server may say."""
    if jsongle["action"] == Action.SESSION_EVENT:
        return jsongle.get("event") in (Event.JOINED, Event.LEFT) or jsongle.get("namespace") == Namespace.SESSION
    return jsongle.get("query") == Query.HELLO and to != server_id
