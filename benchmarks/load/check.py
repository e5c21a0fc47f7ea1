"""Whether a server does what is measured: the first messages are read in full.

After that they are only counted by their sizes, so that is checked too.
"""

from __future__ import annotations

from benchmarks.load.clients import Client, Loop
from benchmarks.load.messages import text
from benchmarks.load.opening import Refused, Target, complete, open_clients, read_until
from benchmarks.load.wires import Json

_RID = "check"


def check_server(target: Target) -> None:
    """Has one client say something to another, and to a room.

    :raises Refused: what arrives is not what was sent, or is not counted as what it is.
    """
    loop = Loop(target.wire)
    one, other = open_clients(target, loop, range(2))
    _exchange(loop, one, other, text(one.identity, other.identity, mid="direct"))
    loop.remove(one)
    loop.remove(other)
    one, other = open_clients(target, loop, range(2), rid=lambda _: _RID)
    _exchange(loop, one, other, text(one.identity, _RID, mid="room", namespace="muc"))
    loop.remove(one)
    loop.remove(other)


def _exchange(loop: Loop, sender: Client, receiver: Client, sent: Json) -> None:
    frame = loop.wire.frame(sent)
    sender.write(frame)
    relayed = complete(loop, receiver, read_until(loop, receiver, "session-text"))
    ack = complete(loop, sender, read_until(loop, sender, "session-event", event="ack"))
    _check_relayed(relayed, sent, uid=sender.uid)
    if ack["jsongle"]["description"]["mid"] != sent["id"]:
        raise Refused(f"{sent} was acked by {ack}")
    sender.acked = receiver.received = 0
    sender.write(frame)
    while not (sender.acked and receiver.received):
        for client in loop.expect(1.0):
            loop.take(client)
    if (sender.acked, sender.received, receiver.acked, receiver.received) != (1, 0, 0, 1):
        raise Refused("messages and acks cannot be told from each other by their sizes")


def _check_relayed(relayed: Json, sent: Json, *, uid: str) -> None:
    """Checks that a message is as it was sent, but for what the server stamps it with: from whom, to whom, when."""
    description = {**relayed["jsongle"]["description"]}
    description.pop("relayed", None)
    same = {**relayed, "from": sent["from"], "to": sent["to"]}
    same["jsongle"] = {**relayed["jsongle"], "description": description}
    senders = (sent["from"], sent["to"], f"{sent['to']}/{uid}")
    if same != sent or relayed["from"] not in senders:
        raise Refused(f"{sent} was relayed as {relayed}")
