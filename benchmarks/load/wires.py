"""How JSONgle's envelopes are carried: as they are over WebSocket, or as Socket.IO messages."""

from __future__ import annotations

from typing import Any, Final, Protocol

import orjson

from benchmarks.load.frames import PING, PONG, TEXT, masked_frame

Json = dict[str, Any]
Greeting = tuple[tuple[bytes, bytes], ...]

ACCEPT: Final = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What a server answers to the key of the request (RFC 6455 section 1.3)."""

_REQUEST: Final = """\
GET {path} HTTP/1.1\r
Host: 127.0.0.1\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
\r
"""


class Wire(Protocol):
    """One way to carry envelopes.

    :ivar request: the opening handshake, as a client sends it.
    :ivar greeting: what the server says before it sends envelopes, each with what it is answered with.
    """

    request: bytes
    greeting: Greeting

    def frame(self, envelope: Json) -> bytes:
        """The frame of an envelope, ready to be sent."""
        ...

    def read(self, payload: bytes) -> Json:
        """The envelope in the payload of a text frame."""
        ...

    def answer(self, opcode: int, payload: bytes) -> bytes | None:
        """The frame that keeps a connection alive, where another one asks for it."""
        ...


class Plain:
    """Each envelope is a text frame, as the JSONgle protocol has it."""

    request = _REQUEST.format(path="/").encode()
    greeting: Greeting = ()

    def frame(self, envelope: Json) -> bytes:
        """The frame of an envelope, ready to be sent."""
        return masked_frame(orjson.dumps(envelope))

    def read(self, payload: bytes) -> Json:
        """The envelope in the payload of a text frame."""
        envelope: Json = orjson.loads(payload)
        return envelope

    def answer(self, opcode: int, payload: bytes) -> bytes | None:
        """The pong to a ping."""
        return masked_frame(payload, opcode=PONG) if opcode == PING else None


class SocketIo:
    """Each envelope is the argument of a Socket.IO event "message" (Engine.IO 4, WebSocket alone)."""

    request = _REQUEST.format(path="/socket.io/?EIO=4&transport=websocket").encode()
    greeting: Greeting = ((b"0{", masked_frame(b"40")), (b"40{", b""))

    def frame(self, envelope: Json) -> bytes:
        """The frame of an envelope, ready to be sent."""
        return masked_frame(b"42" + orjson.dumps(["message", envelope]))

    def read(self, payload: bytes) -> Json:
        """The envelope in the payload of a text frame."""
        _event, envelope = orjson.loads(payload.removeprefix(b"42"))
        result: Json = envelope
        return result

    def answer(self, opcode: int, payload: bytes) -> bytes | None:
        """The pong to a ping, of WebSocket's or Engine.IO's own."""
        if opcode == TEXT and payload == b"2":
            return masked_frame(b"3")
        return masked_frame(payload, opcode=PONG) if opcode == PING else None
