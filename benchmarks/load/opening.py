"""How clients come: connections, opening handshakes, hellos and joins, many at a time.

What one client does is a generator that yields wherever it waits for the server.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.load.clients import Client, Loop
from benchmarks.load.frames import TEXT, frame_bounds
from benchmarks.load.messages import hello_answer, muc_join
from benchmarks.load.sockets import Closed, TlsSocket, connect
from benchmarks.load.wires import ACCEPT, Json, Plain, SocketIo, Wire

AT_A_TIME: Final = 50
"""Clients that open their connections at the same time."""

WIRES: Final = ("plain", "tls", "socketio")
"""What servers speak: JSONgle over WebSocket, the same under TLS, JSONgle over Socket.IO."""

Steps = Generator[None, None, None]


class Refused(Exception):
    """The server has not answered as it should have."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server to be measured.

    :ivar port: where it listens.
    :ivar pid: its process.
    :ivar wire: what it speaks.
    :ivar tls: the context of its TLS, where it speaks under that.
    """

    port: int
    pid: int
    wire: Wire
    tls: ssl.SSLContext | None = None

    @classmethod
    def speaking(cls, wire: str, *, port: int, pid: int) -> Target:
        """A server that speaks one of ``WIRES``."""
        context = None
        if wire == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return cls(port, pid, SocketIo() if wire == "socketio" else Plain(), context)


def open_clients(
    target: Target, loop: Loop, numbers: range, *, rid: Callable[[int], str] | None = None
) -> list[Client]:
    """Opens clients.

    :param numbers: what to tell them apart by.
    :param rid: the multi-user room that each of them joins, by its number, if any.
    :returns: the clients, in the order of their numbers.
    """
    clients = []

    def starts() -> Iterator[tuple[Client, Steps]]:
        for number in numbers:
            client = new_client(target, number)
            clients.append(client)
            yield client, open_client(target, loop, client, rid=rid(number) if rid is not None else None)

    run_steps(loop, starts())
    return clients


def new_client(target: Target, number: int) -> Client:
    """A client that begins to connect."""
    return Client(connect(target.port), uid=f"user-{number}")


def run_steps(loop: Loop, starts: Iterator[tuple[Client, Steps]]) -> None:
    """Has new clients take their steps, ``AT_A_TIME`` of them at the same time.

    :param starts: the clients, each with its steps; it is asked for one when another has taken its last.
    :raises Closed: the server has closed the connection of a client that did not expect it.
    """
    running: dict[Client, Steps] = {}
    while True:
        while len(running) < AT_A_TIME and (start := next(starts, None)):
            client, running[client] = start
            loop.add(client)
        if not running:
            return
        for client in loop.expect(1.0):
            steps = running.get(client)
            if steps is None:
                loop.take(client)
            elif not _go_on(loop, client, steps):
                del running[client]


def _go_on(loop: Loop, client: Client, steps: Steps) -> bool:
    """Has a client take its next step; whether it was not the last."""
    try:
        try:
            loop.fill(client)
        except Closed as closed:
            steps.throw(closed)
        else:
            next(steps)
    except StopIteration:
        return False
    return True


def open_client(target: Target, loop: Loop, client: Client, *, rid: str | None = None) -> Steps:
    """What a client does until it is ready to talk.

    :param rid: the multi-user room that it joins, if any.
    :raises Refused: the server does not let it.
    """
    loop.connected(client)
    if target.tls is not None:
        client.socket = secure = TlsSocket(client.socket, target.tls)
        while not secure.shake():
            yield
    client.write(target.wire.request)
    yield from _read_upgrade(client)
    for beginning, reply in target.wire.greeting:
        greeting = yield from _read_text(loop, client)
        if not greeting.startswith(beginning):
            raise Refused(f"{greeting!r} is no greeting")
        if reply:
            client.write(reply)
    hello = yield from read_envelope(loop, client)
    client.identity = hello["to"]
    client.write(loop.wire.frame(hello_answer(hello, uid=client.uid)))
    ack = yield from read_envelope(loop, client)
    if ack["jsongle"].get("status") != "success":
        raise Refused(f"the hello was answered by {ack}")
    if rid is not None:
        client.write(loop.wire.frame(muc_join(rid)))
        yield from read_until(loop, client, "iq-result")
    if client.held:
        loop.take(client)


def complete(loop: Loop, client: Client, steps: Generator[None, None, Json]) -> Json:
    """Has an open client take steps until the last; what the others are sent meanwhile they hold."""
    try:
        next(steps)
        while True:
            for ready in loop.expect(1.0):
                loop.fill(ready)
                if ready is client:
                    next(steps)
    except StopIteration as done:
        envelope: Json = done.value
        return envelope


def read_until(loop: Loop, client: Client, action: str, *, event: str | None = None) -> Generator[None, None, Json]:
    """Waits for the next envelope of an action; others are let pass.

    :param event: the event that it must be, if any.
    :raises Refused: an error comes first.
    """
    while True:
        envelope = yield from read_envelope(loop, client)
        jsongle = envelope["jsongle"]
        if jsongle["action"] == action and jsongle.get("event") == event:
            return envelope
        if jsongle["action"].endswith("error"):
            raise Refused(f"{action} was expected, and what came is {envelope}")


def read_envelope(loop: Loop, client: Client) -> Generator[None, None, Json]:
    """Waits for the next envelope."""
    payload = yield from _read_text(loop, client)
    return loop.wire.read(payload)


def _read_text(loop: Loop, client: Client) -> Generator[None, None, bytes]:
    while True:
        while (bounds := frame_bounds(client.held, 0, len(client.held))) is None:
            yield
        opcode = client.held[0] & 15
        payload = client.held[bounds[0] : bounds[1]]
        client.held = client.held[bounds[1] :]
        if not loop.answer(client, opcode, payload) and opcode == TEXT:
            return payload


def _read_upgrade(client: Client) -> Steps:
    while True:
        yield
        head, blank, rest = client.held.partition(b"\r\n\r\n")
        if blank:
            break
    if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT not in head:
        raise Refused(f"not let in: {head.decode(errors='replace')}")
    client.held = rest
