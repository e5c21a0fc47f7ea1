"""Passing messages on between clients (protocol section 5).

Stamps a message, sends it to everybody whom ``to`` names, and tells the sender what became of it. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server import messages
from jsongle_server.codec import Envelope, Json, encode, fingerprint
from jsongle_server.errors import BadParameter, NobodyElse, NoSuchRecipient, UnsupportedAction
from jsongle_server.queries import handle_query
from jsongle_server.routing import Place, Route, find_route
from jsongle_server.vocabulary import CALL_ACTIONS, ENDING_ACTIONS, IQ_REQUESTS, Action, Event

if TYPE_CHECKING:
    from jsongle_server.session import Session

UNREACHABLE_MEMORY: Final = 256
"""For how many calls, the latest ones, a session is remembered to have been told that nobody is there."""


def handle_message(session: Session, envelope: Envelope, now: float) -> None:
    """Passes a message on, or takes it where it is the server that it is for.

    :raises JsongleError: why it could not be.
    """
    envelope.check_id()
    route = find_route(
        envelope.to,
        session,
        server_id=session.services.config.id,
        registry=session.services.registry,
        namespace=envelope.jsongle.get("namespace"),
    )
    if route.place is Place.SERVER:
        _take(session, envelope, now)
    elif route.recipients or (route.place is Place.MUC and envelope.action not in CALL_ACTIONS):
        _relay(session, envelope, route, now)
    else:
        _reach_nobody(session, envelope, route.place, now)


def _relay(session: Session, envelope: Envelope, route: Route, now: float) -> None:
    started = session.services.stopwatch()
    at = messages.timestamp(now)
    mid = envelope.mid or session.services.new_id()
    _stamp(envelope, at)
    fields = envelope.fields
    for spliced in ("id", "from", "to"):
        fields.pop(spliced, None)
    outgoing = encode(mid, route.sender, fields)
    for recipient in route.recipients:
        recipient.deliver(outgoing)
    session.services.metrics.relay_seconds.observe(session.services.stopwatch() - started)
    _count(session, envelope)
    if envelope.action in (Action.SESSION_TEXT, Action.SESSION_CUSTOM):
        session.say(messages.received(envelope.jsongle, mid=mid, at=at))
    elif envelope.action == Action.SESSION_PROPOSE:
        session.say(messages.trying(envelope.jsongle, at=at))


def _stamp(envelope: Envelope, at: str) -> None:
    """Writes into a message when it was relayed, and when it was sent where its sender did not."""
    jsongle = envelope.jsongle
    if type(jsongle.get("description", {})) is not dict:
        raise BadParameter("'description' must be an object")
    if envelope.action == Action.SESSION_PROPOSE:
        return
    description = jsongle.setdefault("description", {})
    description.setdefault("sent", at)
    description["relayed"] = at


def _count(session: Session, envelope: Envelope) -> None:
    metrics = session.services.metrics
    if envelope.action == Action.SESSION_TEXT:
        metrics.texts += 1
    elif envelope.action == Action.SESSION_ACCEPT:
        metrics.calls_accepted += 1
    elif envelope.action == Action.SESSION_EVENT and envelope.jsongle.get("event") == Event.REACTION:
        metrics.reactions += 1


def _take(session: Session, envelope: Envelope, now: float) -> None:
    """Handles a message that is addressed to the server itself."""
    if envelope.action in IQ_REQUESTS:
        handle_query(session, envelope, now)
    elif envelope.action in CALL_ACTIONS:
        _tell_unreachable(session, envelope, now)
    elif envelope.action in (Action.IQ_RESULT, Action.IQ_ERROR) or _is_receipt(envelope.jsongle):
        return
    else:
        raise UnsupportedAction(f"'{envelope.action}' cannot be addressed to the server")


def _reach_nobody(session: Session, envelope: Envelope, place: Place, now: float) -> None:
    if envelope.action in CALL_ACTIONS:
        _tell_unreachable(session, envelope, now)
    elif _is_receipt(envelope.jsongle):
        return
    elif place is Place.ROOM:
        raise NobodyElse("Nobody else is in the room")
    else:
        raise NoSuchRecipient("No such recipient")


def _tell_unreachable(session: Session, envelope: Envelope, now: float) -> None:
    """Answers a call message that reached nobody, once for a ``sid``.

    The client library does not look at the ``sid`` of the answer: a late one would end its next call.
    """
    if envelope.action in ENDING_ACTIONS:
        return
    sid = envelope.jsongle.get("sid")
    told = session.unreachable_sids
    if sid is not None:
        key = fingerprint(sid)  # a sid may be anything, and as long as a message
        if key in told:
            return
        told[key] = None
        if len(told) > UNREACHABLE_MEMORY:
            del told[next(iter(told))]
    session.say(messages.unreachable(envelope.jsongle, at=messages.timestamp(now)))


def _is_receipt(jsongle: Json) -> bool:
    return bool(jsongle["action"] == Action.SESSION_EVENT and jsongle.get("event") == Event.ACK)
