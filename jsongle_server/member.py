"""Who can be in a room: the face of a session as layer 2 sees it.

Rooms, the registry and the routing know their members through this alone, so that they need no session, no
connection and no reactor. Layer 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jsongle_server.codec import Json, Outgoing
    from jsongle_server.rooms import Room


class Member(Protocol):
    """Somebody who can be found, be in rooms and be sent messages."""

    @property
    def identity(self) -> str:
        """The session identity: unique, made by the server, what others address."""
        ...

    @property
    def aliases(self) -> dict[str, None]:
        """Other identities that lead to it as well, the oldest first; kept by the registry alone."""
        ...

    @property
    def uid(self) -> str:
        """The user id that the client claims; several sessions may share it. Empty before the hello."""
        ...

    @property
    def rooms(self) -> dict[str, Room]:
        """The rooms it is in, by room id, in join order; kept by :class:`jsongle_server.rooms.Rooms` alone."""
        ...

    def describe(self, dn: str | None = None) -> Json:
        """What other members are shown of it.

        :param dn: the display name to show instead of its own.
        """
        ...

    def deliver(self, outgoing: Outgoing) -> None:
        """Sends it a message. Never raises: one failing recipient must not stop a fan-out."""
        ...
