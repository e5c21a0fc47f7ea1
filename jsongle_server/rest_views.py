"""What an administrator is shown of sessions and rooms. Layer 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsongle_server.messages import timestamp

if TYPE_CHECKING:
    from jsongle_server.rooms import Room
    from jsongle_server.session import Session


def session_view(session: Session) -> dict[str, Any]:
    """A session: who it is, where it comes from and where it is; ``uid`` and ``dn`` are null before its hello."""
    return {
        "id": session.identity,
        "uid": session.uid or None,
        "dn": session.describe().get("dn"),
        "state": session.state.value,
        "address": session.remote,
        "connected": timestamp(session.connected),
        "rooms": list(session.rooms),
    }


def room_view(room: Room) -> dict[str, Any]:
    """A room with its members in join order, by the display names they go by in it."""
    shown = [room.describe(member) for member in room]
    return {
        "rid": room.rid,
        "kind": room.kind.value,
        "created": timestamp(room.created),
        "members": [{"id": member["id"], "uid": member["uid"], "dn": member.get("dn")} for member in shown],
    }
