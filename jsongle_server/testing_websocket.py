"""Fakes to test with, down to the frames: the server behind its real WebSocket protocol, on transports in memory.

A :class:`WebSocketMemoryServer` is a :class:`jsongle_server.testing.MemoryServer` whose clients speak in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import orjson
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from jsongle_server.lifecycle import Lifecycle, Phase
from jsongle_server.session import Session
from jsongle_server.testing import START, Client, MemoryServer
from jsongle_server.websocket import SignalingProtocol
from jsongle_server.websocket_factory import SignalingFactory

HANDSHAKE: Final = (
    "GET /ws HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
"""The lines of an opening handshake that is accepted (RFC 6455 section 1.3)."""

SEND_BUFFER: Final = 65_536
"""Bytes that a transport keeps before it tells its producer to wait, as Twisted's do."""

_WHOLE_TEXT: Final = 0x81
"""The first byte of a text in one frame that is not compressed."""

_MASK: Final = b"\x37\xfa\x21\x3d"


class MemoryTransport(StringTransport):
    """A TCP transport in memory that loses its connection the way a real one does: not at once, and with a reason.

    :ivar stalled: whether the client has stopped reading, so that what was written never leaves.
    """

    def __init__(self, clock: Clock, peer: IPv4Address) -> None:
        super().__init__(peerAddress=peer, lenient=True)  # real transports may be resumed while they end
        self.clock = clock
        self.stalled = False
        self.no_delay = False
        self.lost: Failure | None = None
        self.protocol: Any = None

    @property
    def held(self) -> int:
        """Bytes that were written and not read yet."""
        return self.io.tell()

    def write(self, data: bytes) -> None:
        """Keeps bytes for the client, and lets the producer wait while there are enough that it does not read."""
        super().write(data)
        if self.stalled and self.producer is not None and self.held > SEND_BUFFER:
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Does as :meth:`write` with all of it."""
        self.write(b"".join(data))

    def read_on(self) -> None:
        """Has the client read again, after it was stalled."""
        self.stalled = False
        if self.producer is not None:
            self.producer.resumeProducing()
        if self.disconnecting:
            self.clock.callLater(0, self.cut, ConnectionDone())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Notes whether Nagle's algorithm is off."""
        self.no_delay = enabled

    def unregisterProducer(self) -> None:
        """Forgets the producer, if there is one: real transports do not mind if there is none."""
        self.producer = None
        self.streaming = None

    def loseConnection(self) -> None:
        """Ends the connection after what was written was read."""
        self.disconnecting = True
        if not self.stalled:
            self.clock.callLater(0, self.cut, ConnectionDone())

    def abortConnection(self) -> None:
        """Ends the connection at once."""
        self.disconnecting = self.disconnected = True
        self.clock.callLater(0, self.cut, ConnectionAborted())

    def cut(self, error: Exception | None = None) -> None:
        """Tells the protocol that the connection is gone; only the first time counts."""
        if self.lost is None:
            self.lost = Failure(error or ConnectionLost())
            if self.producer is not None:
                self.producer.stopProducing()
            self.protocol.connectionLost(self.lost)


class WebSocketMemoryServer(MemoryServer):
    """A server behind its real WebSocket protocol, on transports in memory."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.lifecycle = Lifecycle(started=START)
        self.lifecycle.phase = Phase.READY
        self.factory = SignalingFactory(self.config, self.signaling, self.lifecycle, reactor=self.clock)
        self._wires: dict[Client, WebSocketWire] = {}

    def open_wire(self, *, host: str = "192.0.2.1") -> WebSocketWire:
        """A new TCP connection on which nothing was said yet."""
        transport = MemoryTransport(self.clock, IPv4Address("TCP", host, 1024))
        protocol = cast(SignalingProtocol, self.factory.buildProtocol(transport.getPeer()))
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return WebSocketWire(protocol, transport)

    def connect(self) -> WireClient:
        """A new client after its opening handshake; the server's hello is in its inbox."""
        wire = self.open_wire()
        wire.handshake()
        client = WireClient(wire)
        self._wires[client] = wire
        return client

    def session_of(self, client: Client) -> Session:
        """The session behind a client."""
        session = self._wires[client].protocol._session
        assert session is not None
        return session

    def drop(self, client: Client) -> None:
        """Cuts a client's connection without a close frame."""
        self._wires[client].transport.cut()


class WebSocketWire:
    """The client's end of one connection, in frames and bytes.

    :ivar frames: what came and was not taken yet: opcode and payload.
    :ivar witness: sees the messages that are read, but for compressed ones.
    """

    def __init__(self, protocol: SignalingProtocol, transport: MemoryTransport) -> None:
        self.witness = Client.witness_class()
        self.protocol = protocol
        self.transport = transport
        self.frames: list[tuple[int, bytes]] = []
        self._unread = b""

    def handshake(self, *headers: str) -> str:
        """Sends an opening handshake; returns the head of the answer, frames that follow are kept."""
        self.send(("\r\n".join((*HANDSHAKE, *headers)) + "\r\n\r\n").encode())
        self._unread += self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head.decode()

    def send(self, data: bytes) -> None:
        """Sends bytes as they are; they are lost if the server is gone or leaving, as on a real wire."""
        if self.transport.lost is None and not self.transport.disconnecting:
            self.protocol.dataReceived(data)

    def send_frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        """Sends one masked frame."""
        self.send(masked_frame(opcode, payload, fin=fin))

    def read_frames(self) -> list[tuple[int, bytes]]:
        """Takes every whole frame that came: opcode and payload."""
        self.transport.clock.advance(0)
        self._unread += self._read()
        frames = []
        while (parsed := parse_frame(self._unread)) is not None:
            first, (opcode, payload, self._unread) = self._unread[0], parsed
            if first == _WHOLE_TEXT:
                self.witness.heard(orjson.loads(payload))
            frames.append((opcode, payload))
        return frames

    def read_rest(self) -> bytes:
        """Takes every byte that came and is not part of a frame that was read."""
        rest, self._unread = self._unread + self._read(), b""
        return rest

    def _read(self) -> bytes:
        if self.transport.stalled:
            return b""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data


class WireClient(Client):
    """A client that speaks through frames."""

    def __init__(self, wire: WebSocketWire) -> None:
        super().__init__(self._send_text, witness=wire.witness)
        self.wire = wire
        self._fetch()

    def take(self) -> list[dict[str, Any]]:
        """Everything that came since the last time, in order."""
        self._fetch()
        return super().take()

    def ask(self, query: str, *, action: str = "iq-set", **description: Any) -> dict[str, Any]:
        """Sends an iq to the server and takes the one message that comes back; what came before stays."""
        self._fetch()
        return super().ask(query, action=action, **description)

    def _send_text(self, payload: bytes) -> None:
        self.wire.send_frame(1, payload)
        self._fetch()

    def _fetch(self) -> None:
        for opcode, payload in self.wire.read_frames():
            if opcode == 1:
                self.inbox.append(orjson.loads(payload))
            elif opcode == 8 and self.closed is None:
                self.closed = (int.from_bytes(payload[:2], "big"), payload[2:].decode())


def masked_frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame as clients send it (RFC 6455 section 5.2)."""
    size = len(payload)
    if size <= 125:
        length = bytes((0x80 | size,))
    elif size <= 0xFFFF:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    body = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(payload))
    return bytes(((0x80 if fin else 0) | opcode,)) + length + _MASK + body


def parse_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of a server's bytes: opcode, payload, the bytes after it; ``None`` if it is not whole."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size > 125:
        start = 4 if size == 126 else 10
        if len(data) < start:
            return None
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        return None
    return data[0] & 0x0F, data[start : start + size], data[start + size :]
