"""Passing messages on between clients (protocol section 5).

Stamps a message, sends it to everybody whom ``to`` names, and tells the sender what became of it. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server import messages
from jsongle_server.codec import Envelope, Json, Outgoing, address, encode
from jsongle_server.errors import BadParameter, NobodyElse, NoSuchRecipient, UnsupportedAction
from jsongle_server.queries import handle_query
from jsongle_server.routing import Place, Route, find_route
from jsongle_server.vocabulary import ENDING_ACTIONS, IQ_REQUESTS, Action, Event

if TYPE_CHECKING:
    from jsongle_server.session import Session

ENVELOPE_FIELDS: Final = ("id", "from", "to", "seq")
"""What the server writes itself beside ``jsongle``; a sender's ``seq`` would pass for the recipient's own."""

_MISSING: Final = object()


def handle_message(session: Session, envelope: Envelope, now: float) -> None:
    """Passes on a message that is no part of a call, or takes it where it is the server that it is for.

    :raises JsongleError: why it could not be.
    """
    envelope.check_id()
    route = route_of(session, envelope)
    if route.place is Place.SERVER:
        _take(session, envelope, now)
    elif route.recipients or route.place is Place.MUC:
        relay(session, envelope, route, now)
    elif not _is_receipt(envelope.jsongle):
        if route.place is Place.ROOM:
            raise NobodyElse("Nobody else is in the room")
        raise NoSuchRecipient("No such recipient")


def route_of(session: Session, envelope: Envelope) -> Route:
    """Where a message goes."""
    return find_route(
        envelope.to,
        session,
        server_id=session.services.config.id,
        registry=session.services.registry,
        namespace=envelope.jsongle.get("namespace"),
    )


def relay(session: Session, envelope: Envelope, route: Route, now: float) -> None:
    """Passes a message on and tells the sender so, where its kind asks for that.

    :raises BadParameter: its description is not an object.
    """
    services = session.services
    started = services.stopwatch()
    at = messages.timestamp(now)
    outgoing = encode_relayed(session, envelope, route, at)
    for recipient in route.recipients:
        recipient.deliver(outgoing)
    services.metrics.relay_seconds.observe(services.stopwatch() - started)
    action = envelope.action
    if action == Action.SESSION_TEXT:
        services.metrics.texts += 1
        session.say(messages.received(envelope.jsongle, mid=outgoing.mid, at=at))
    elif action == Action.SESSION_CUSTOM:
        session.say(messages.received(envelope.jsongle, mid=outgoing.mid, at=at))
    elif action == Action.SESSION_PROPOSE:
        session.say(messages.trying(envelope.jsongle, at=at))
    elif action == Action.SESSION_EVENT and envelope.jsongle.get("event") == Event.REACTION:
        services.metrics.reactions += 1


def encode_relayed(session: Session, envelope: Envelope, route: Route, at: str) -> Outgoing:
    """Stamps and encodes a message that goes on; the envelope is used up by it.

    :param at: the time of the stamp.
    :raises BadParameter: its description is not an object.
    """
    _stamp(envelope, at)
    fields = envelope.fields
    mid = envelope.mid or session.services.new_id()
    for spliced in ENVELOPE_FIELDS:
        fields.pop(spliced, None)
    sender = session.address if route.sender == session.identity else address(route.sender)
    return encode(mid, sender, fields)


def check_description(envelope: Envelope) -> Json:
    """Checks what a message must have to be passed on.

    :returns: its description, a new one where it has none.
    :raises BadParameter: it is not an object.
    """
    description = envelope.jsongle.get("description", _MISSING)
    if type(description) is dict:
        return description
    if description is _MISSING:
        return {}
    raise BadParameter("'description' must be an object")


def tell_unreachable(session: Session, envelope: Envelope, now: float) -> bool:
    """Answers a call message that reached nobody, once for a ``sid``.

    The client library does not look at the ``sid`` of the answer: a late one would end its next call.

    :returns: whether it was answered.
    """
    if envelope.action in ENDING_ACTIONS:
        return False
    sid = envelope.jsongle.get("sid")
    is_new = sid is None or session.told.add(sid)
    if is_new:
        session.say(messages.unreachable(envelope.jsongle, at=messages.timestamp(now)))
    return is_new


def _stamp(envelope: Envelope, at: str) -> None:
    """Writes into a message when it was relayed, and when it was sent where its sender did not."""
    description = check_description(envelope)
    if envelope.action != Action.SESSION_PROPOSE:
        description.setdefault("sent", at)
        description["relayed"] = at
        envelope.jsongle["description"] = description


def _take(session: Session, envelope: Envelope, now: float) -> None:
    """Handles a message that is addressed to the server itself."""
    if envelope.action in IQ_REQUESTS:
        handle_query(session, envelope, now)
    elif envelope.action in (Action.IQ_RESULT, Action.IQ_ERROR) or _is_receipt(envelope.jsongle):
        return
    else:
        raise UnsupportedAction(f"'{envelope.action}' cannot be addressed to the server")


def _is_receipt(jsongle: Json) -> bool:
    return bool(jsongle["action"] == Action.SESSION_EVENT and jsongle.get("event") == Event.ACK)
