"""What the terminal client makes of the answers to its queries.

A table from query to function, on a :class:`jsongle_server.chat_state.State`. Layer 5.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jsongle_server.chat_json import shown_json
from jsongle_server.chat_lines import Kind, Piece, Style, harmless
from jsongle_server.chat_typed import JOINS
from jsongle_server.vocabulary import Query, RoomKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsongle_server.chat_pace import Pending
    from jsongle_server.chat_people import Room
    from jsongle_server.chat_state import State

Description = dict[str, Any]


def take_result(state: State, pending: Pending, description: Description, now: float) -> None:
    """Shows the answer to a query.

    :param description: that of the ``iq-result``.
    """
    if pending.is_quiet:
        for mid in [mid for mid, other in state.pending.items() if other.is_raw]:
            del state.pending[mid]
        return
    RESULTS[pending.query](state, pending, description, now)


def _joined(state: State, pending: Pending, description: Description, now: float) -> None:
    was_in = pending.rid in state.people.rooms
    room = state.people.joined(pending.rid, JOINS[pending.query], _members_in(description))
    if not was_in and state.target not in state.people.rooms:
        state.target = pending.rid
    _show_members(state, room, "you are in", now)


def _left(state: State, pending: Pending, description: Description, now: float) -> None:
    state.people.left(pending.rid)
    if state.target == pending.rid:
        state.target = next(iter(state.people.rooms), "")
    state.news(now, f"you have left {harmless(pending.rid)}")


def _members(state: State, pending: Pending, description: Description, now: float) -> None:
    known = state.people.rooms.get(pending.rid)
    kind = RoomKind.ROOM if known is None else known.kind
    members = [each for each in _members_in(description) if _identity(each) != state.me.identity]
    room = state.people.joined(pending.rid, kind, members)
    _show_members(state, room, "in", now)
    for person in room.members.values():
        state.show(Kind.NEWS, now, "  ", state.name_piece(person), _identifies(person.uid, person.identity))


def _pong(state: State, pending: Pending, description: Description, now: float) -> None:
    state.show(Kind.NEWS, now, f"the server has answered after {max(now - pending.since, 0) * 1000:.1f} ms")


def _ice(state: State, pending: Pending, description: Description, now: float) -> None:
    servers = description.get("iceServers")
    if not isinstance(servers, list) or not servers:
        state.news(now, "the server gives no ICE servers: stunUrls and turnUrls are not set")
        return
    for server in servers:
        state.show(Kind.NEWS, now, shown_json(server))
    ttl = description.get("ttl")
    if ttl:
        state.news(now, f"good for {harmless(str(ttl))} s")


def _show_members(state: State, room: Room, begins: str, now: float) -> None:
    others: list[Piece | str] = []
    for person in room.members.values():
        others += [", " if others else "", state.name_piece(person)]
    told = (", with ", *others) if others else (", with nobody else",)
    state.show(Kind.NEWS, now, Piece(f"{begins} {harmless(room.rid)}", Style.DIM), *told)


def _identifies(uid: str, identity: str) -> Piece:
    return Piece(f"  uid {harmless(uid)}, identity {harmless(identity)}", Style.DIM)


def _identity(member: Any) -> object:
    return member.get("id") if isinstance(member, dict) else None


def _members_in(description: Description) -> list[Any]:
    members = description.get("members")
    return members if isinstance(members, list) else []


RESULTS: Final[Mapping[str, Callable[[State, Pending, Description, float], None]]] = MappingProxyType(
    {
        Query.JOIN: _joined,
        Query.MUC_JOIN: _joined,
        Query.LEAVE: _left,
        Query.ROOM_MEMBERS: _members,
        Query.PING: _pong,
        Query.ICE_SERVERS: _ice,
    }
)
"""What is done with the answer to each query that can be asked."""
