"""What clients ask the server by iq: rooms, heartbeat, ICE servers (protocol section 4).

One short function a query, and the table that finds it. Layer 3.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jsongle_server import messages
from jsongle_server.codec import Envelope, Json
from jsongle_server.errors import BadParameter, NoSuchRecipient, NotAllowed, UnknownQuery
from jsongle_server.hello import check_dn, check_size
from jsongle_server.ice import ice_servers
from jsongle_server.membership import join, leave
from jsongle_server.vocabulary import MAX_NAME, Action, Query, RoomKind

if TYPE_CHECKING:
    from jsongle_server.session import Session

Answer = Callable[["Session", Json, float], Json]
"""What is done for a query; takes the session, the description and the time, returns the result's description."""


def handle_query(session: Session, envelope: Envelope, now: float) -> None:
    """Answers an iq that is addressed to the server.

    :raises JsongleError: what is wrong with it; the sender gets that as an ``iq-error``.
    """
    request = envelope.jsongle
    name = request.get("query")
    if not isinstance(name, str):
        raise BadParameter("Missing 'query' parameter")
    answer = QUERIES.get(name)
    if answer is None or (envelope.action == Action.IQ_GET and name not in READ_ONLY):
        raise UnknownQuery(f"No such query for {envelope.action}")
    description = request.get("description", {})
    if not isinstance(description, dict):
        raise BadParameter("'description' must be an object")
    result = answer(session, description, now)
    session.say(messages.iq_result(request, result, mid=envelope.mid or session.services.new_id()))


def _join_room(session: Session, description: Json, now: float) -> Json:
    return _join(session, description, RoomKind.ROOM, now)


def _join_muc(session: Session, description: Json, now: float) -> Json:
    return _join(session, description, RoomKind.MUC, now)


def _join(session: Session, description: Json, kind: RoomKind, now: float) -> Json:
    rid = _room_id(session, description)
    if kind is RoomKind.MUC and "/" in rid:
        raise BadParameter("'rid' of a multi-user room must not contain '/'")
    if not session.grant.allows(rid):
        raise NotAllowed("The token does not allow this room")
    dn = description.get("dn")
    check_dn(dn)
    if dn is not None:
        shown = session.describe(dn)
        del shown["id"]  # the server's own addition does not count against the client
        check_size(shown)
    room = join(session, rid, kind, dn=dn, now=now)
    return {"rid": rid, "members": room.describe_others(session)}


def _leave(session: Session, description: Json, now: float) -> Json:
    rid = _room_id(session, description)
    leave(session, rid, now)
    return {"rid": rid}


def _members(session: Session, description: Json, now: float) -> Json:
    rid = _room_id(session, description)
    room = session.rooms.get(rid)
    if room is None:
        raise NoSuchRecipient("Not a member of this room")
    return {"rid": rid, "members": room.describe_others(session)}


def _ping(session: Session, description: Json, now: float) -> Json:
    return {"now": messages.timestamp(now)}


def _ice_servers(session: Session, description: Json, now: float) -> Json:
    servers, ttl = ice_servers(session.services.config, session.uid, now)
    return {"iceServers": servers, "ttl": ttl}


def _room_id(session: Session, description: Json) -> str:
    rid: Any = description.get("rid")
    if rid is None or rid == "":
        raise BadParameter("Missing 'rid' parameter")
    if not isinstance(rid, str) or len(rid) > MAX_NAME:
        raise BadParameter(f"'rid' must be a string of at most {MAX_NAME} characters")
    if rid == session.services.config.id:
        raise BadParameter("'rid' is the server's own id")
    return rid


QUERIES: Final = MappingProxyType[str, Answer](
    {
        Query.JOIN: _join_room,
        Query.SESSION_JOIN: _join_room,
        Query.MUC_JOIN: _join_muc,
        Query.LEAVE: _leave,
        Query.SESSION_LEAVE: _leave,
        Query.ROOM_MEMBERS: _members,
        Query.PING: _ping,
        Query.ICE_SERVERS: _ice_servers,
    }
)
"""Every query that the server answers."""

READ_ONLY: Final = frozenset({Query.ROOM_MEMBERS, Query.PING, Query.ICE_SERVERS})
"""The queries that only read, and so may be asked by ``iq-get`` as well."""
