"""What an administrator is shown of sessions, rooms, calls and blocks. Layer 4."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from jsongle_server.messages import timestamp

if TYPE_CHECKING:
    from jsongle_server.blocks import Block
    from jsongle_server.calls import Call
    from jsongle_server.rooms import Room
    from jsongle_server.session import Session


def session_view(session: Session, *, most: int | None = None) -> dict[str, Any]:
    """A session: who it is, where it comes from and where it is; ``uid`` and ``dn`` are null before its hello.

    :param most: how many of its rooms are shown at most.
    """
    return {
        "id": session.identity,
        "uid": session.uid or None,
        "dn": session.describe().get("dn"),
        "state": session.state.value,
        "address": session.remote,
        "connected": timestamp(session.connected),
        "rooms": list(islice(session.rooms, most)),
    }


def room_view(room: Room, *, most: int | None = None) -> dict[str, Any]:
    """A room with its members in join order, by the display names they go by in it.

    :param most: how many of them are shown at most.
    """
    shown = [room.describe(member) for member in islice(room, most)]
    return {
        "rid": room.rid,
        "kind": room.kind.value,
        "created": timestamp(room.created),
        "members": [{"id": member["id"], "uid": member["uid"], "dn": member.get("dn")} for member in shown],
    }


def call_view(call: Call[Session], now: float) -> dict[str, Any]:
    """A call: how far it has come, since when, and who is a party of it in which role.

    ``answered`` and ``duration``, the seconds since then, are null while it rings.
    """
    roles = {party: call.role_of(party) for party in call.parties}
    return {
        "sid": call.sid,
        "state": call.state.value,
        "room": call.rid,
        "started": timestamp(call.started),
        "answered": None if call.answered is None else timestamp(call.answered),
        "duration": None if call.answered is None else round(max(0.0, now - call.answered), 3),
        "parties": [
            {"id": party.identity, "uid": party.uid, "dn": party.describe().get("dn"), "role": role}
            for party, role in roles.items()
        ],
    }


def block_view(block: Block) -> dict[str, Any]:
    """A block: of whom, why, since when and for how long; either ``uid`` or ``address`` is null."""
    network = block.network
    is_single = network is not None and network.prefixlen == network.max_prefixlen
    return {
        "id": block.id,
        "uid": block.uid,
        "address": None if network is None else str(network.network_address if is_single else network),
        "reason": block.reason,
        "created": timestamp(block.created),
        "until": timestamp(block.until),
    }
