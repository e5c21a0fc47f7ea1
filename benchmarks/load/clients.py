"""Clients, and the one loop that all of them share."""

from __future__ import annotations

import select
import time
from typing import Final

from benchmarks.load.frames import CLOSE, RELAYED_SIZE, frames_in, walk
from benchmarks.load.sockets import PATIENCE, Closed, Socket, Stalled, send_all
from benchmarks.load.wires import Wire

SILENCE: Final = 0.5
"""Seconds without a word after which nothing more is on its way."""

_BUFFER: Final = 1 << 18


class Client:
    """One client.

    :ivar uid: what it calls itself.
    :ivar identity: its session identity, once the server has greeted it.
    :ivar frame: the frame that it sends, again and again.
    :ivar held: what was received and not used yet.
    :ivar received: how many relayed messages it has received.
    :ivar acked: how many of its own messages were acked.
    """

    __slots__ = ("acked", "frame", "held", "identity", "received", "socket", "uid")

    def __init__(self, socket: Socket, *, uid: str) -> None:
        self.socket = socket
        self.uid = uid
        self.identity = ""
        self.frame = b""
        self.held = b""
        self.received = 0
        self.acked = 0

    def write(self, data: bytes) -> None:
        """Sends bytes.

        :raises Stalled: the server does not read them.
        """
        send_all(self.socket, data)


class Loop:
    """Waits for what the server sends to any of the clients, and reads it.

    :param wire: what all of them speak.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._heard = time.monotonic()

    def add(self, client: Client) -> None:
        """Waits until a client is connected."""
        self._clients[client.socket.fileno()] = client
        self._epoll.register(client.socket.fileno(), select.EPOLLOUT)
        self._heard = time.monotonic()

    def connected(self, client: Client) -> None:
        """Waits for what the server sends to a client, from now on."""
        self._epoll.modify(client.socket.fileno(), select.EPOLLIN)

    def remove(self, client: Client) -> None:
        """Closes a client's connection."""
        del self._clients[client.socket.fileno()]
        client.socket.close()

    def ready(self, timeout: float) -> list[Client]:
        """The clients for which there is something.

        :param timeout: seconds to wait for the first one.
        """
        clients = self._clients
        return [clients[fd] for fd, _ in self._epoll.poll(timeout)]

    def expect(self, timeout: float) -> list[Client]:
        """Like :meth:`ready`, where the server has something to say.

        :raises Stalled: it has said nothing for ``PATIENCE`` seconds.
        """
        ready = self.ready(timeout)
        now = time.monotonic()
        if ready:
            self._heard = now
        elif now > self._heard + PATIENCE:
            raise Stalled(f"the server has said nothing for {PATIENCE:.0f} s")
        return ready

    def take(self, client: Client) -> int:
        """Receives what there is for a client, and counts it by frame headers alone.

        :returns: how many relayed messages there were.
        :raises Closed: the server has closed the connection.
        """
        end = self._receive(client)
        position, relayed, acks, others = walk(self._buffer, end)
        if others:
            for opcode, start, stop in frames_in(self._buffer, end):
                self.answer(client, opcode, bytes(self._view[start:stop]))
        if position != end:
            client.held = bytes(self._view[position:end])
        client.received += relayed
        client.acked += acks
        return relayed

    def settle(self) -> None:
        """Receives whatever there is for anybody, until there is nothing more."""
        while ready := self.ready(SILENCE):
            for client in ready:
                self.take(client)

    def take_relayed(self, client: Client) -> list[bytes]:
        """Receives what there is for a client.

        :returns: the payloads of the relayed messages.
        :raises Closed: the server has closed the connection.
        """
        end = self._receive(client)
        payloads = []
        position = 0
        for opcode, start, stop in frames_in(self._buffer, end):
            payload = bytes(self._view[start:stop])
            if stop - position >= RELAYED_SIZE:
                payloads.append(payload)
            else:
                self.answer(client, opcode, payload)
            position = stop
        client.held = bytes(self._view[position:end])
        return payloads

    def fill(self, client: Client) -> None:
        """Receives what there is for a client, and keeps it.

        :raises Closed: the server has closed the connection.
        """
        client.held = bytes(self._view[: self._receive(client)])

    def answer(self, client: Client, opcode: int, payload: bytes) -> bool:
        """Answers a frame if it asks whether the client is still there; whether it did.

        :raises Closed: it is the server's last.
        """
        if opcode == CLOSE:
            raise Closed(f"the server has closed a connection: {payload!r}")
        answer = self.wire.answer(opcode, payload)
        if answer is not None:
            client.write(answer)
        return answer is not None

    def _receive(self, client: Client) -> int:
        """Receives into the buffer, after what the client holds; returns where it ends."""
        size = len(client.held)
        if size:
            self._buffer[:size] = client.held
            client.held = b""
        try:
            received = client.socket.recv_into(self._view[size:] if size else self._buffer)
        except BlockingIOError:
            return size
        except ConnectionResetError:
            received = 0
        if not received:
            raise Closed("the server has closed a connection")
        return size + received
