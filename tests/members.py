"""A member that is nothing but a member, for the tests of what layer 2 does with it."""

from __future__ import annotations

from jsongle_server.codec import Json, Outgoing
from jsongle_server.rooms import Room


class PlainMember:
    """A :class:`jsongle_server.member.Member` without a session.

    :ivar delivered: what it was sent, in order.
    """

    def __init__(self, identity: str, *, uid: str = "") -> None:
        self.identity = identity
        self.aliases: dict[str, None] = {}
        self.uid = uid or f"uid-{identity}"
        self.rooms: dict[str, Room] = {}
        self.delivered: list[Outgoing] = []

    def __repr__(self) -> str:
        return f"PlainMember({self.identity!r})"

    def describe(self, dn: str | None = None) -> Json:
        """What others are shown of it."""
        shown = {"uid": self.uid, "id": self.identity}
        return shown if dn is None else {**shown, "dn": dn}

    def deliver(self, outgoing: Outgoing) -> None:
        """Notes a message."""
        self.delivered.append(outgoing)
