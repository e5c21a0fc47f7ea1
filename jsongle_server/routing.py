"""Where ``to`` leads, and in whose name the message goes on (protocol section 5).

Layer 2: reads rooms and registry, changes nothing, sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from jsongle_server.vocabulary import Namespace, RoomKind

if TYPE_CHECKING:
    from jsongle_server.member import Member
    from jsongle_server.registry import Registry


class Place(Enum):
    """The kinds of place that ``to`` can name."""

    SERVER = auto()
    ROOM = auto()
    MUC = auto()
    DIRECT = auto()
    NOWHERE = auto()


class Route(NamedTuple):
    """Where a message goes.

    :ivar place: what ``to`` named.
    :ivar recipients: who gets it: a snapshot, possibly empty.
    :ivar sender: what stands in ``from`` of what they get.
    """

    place: Place
    recipients: Sequence[Member]
    sender: str


def find_route(to: str, sender: Member, *, server_id: str, registry: Registry[Any], namespace: Any) -> Route:
    """Looks up ``to``, in the order that the protocol gives.

    :param namespace: ``jsongle.namespace`` of the message, any JSON value: it decides in a muc whether the sender is
        named by its address in there.
    """
    if to == server_id:
        return Route(Place.SERVER, (), sender.identity)
    room = sender.rooms.get(to)
    if room is not None:
        if room.kind is RoomKind.ROOM:
            return Route(Place.ROOM, room.others(sender), to)
        occupant = f"{to}/{sender.uid}" if namespace == Namespace.MUC else to
        return Route(Place.MUC, room.others(sender), occupant)
    # A muc id holds no slash, a uid may.
    if "/" in to and (route := _muc_member(to, sender)):
        return route
    found = registry.find(to)
    if found is not None:
        return Route(Place.DIRECT, [found], sender.identity)
    return _user(to, sender, registry)


def _muc_member(to: str, sender: Member) -> Route | None:
    rid, _, uid = to.partition("/")
    room = sender.rooms.get(rid)
    if room is None or room.kind is not RoomKind.MUC:
        return None
    devices = [other for other in room.others(sender) if other.uid == uid]
    # The address of a member who is gone leads nowhere: going on to the uids would let anybody who calls himself
    # `rid/uid` have the messages that were meant for that member.
    return Route(Place.DIRECT if devices else Place.NOWHERE, devices, f"{rid}/{sender.uid}")


def _user(to: str, sender: Member, registry: Registry[Any]) -> Route:
    # As above: the identity of a session that ended is nobody's uid, whoever claims it.
    if registry.is_former(to):
        return Route(Place.NOWHERE, (), sender.identity)
    devices = [device for device in registry.devices(to) if device is not sender]
    return Route(Place.DIRECT if devices else Place.NOWHERE, devices, sender.identity)
