"""The doctor's WebSocket: a client that takes its time, does one thing after the other, and says what went wrong.

Owns the opening handshake, the frames and the JSON in them (RFC 6455). Must not know what is looked for. Layer 5.
"""

from __future__ import annotations

import secrets
import socket
import time
from base64 import b64encode
from typing import Any, Final

import orjson

from jsongle_server.doctor_wire import LARGEST_HEAD, USER_AGENT, HttpAnswer, Wire, read_http
from jsongle_server.framing import unmask
from jsongle_server.upgrade import proof_of
from jsongle_server.vocabulary import SUBPROTOCOL

LARGEST_MESSAGE: Final = 1_048_576
"""Bytes of a message of the server, after which something else speaks."""

BODY_SECONDS: Final = 1.0
"""How long to wait for the body of an answer that opens no WebSocket: what it says is nice to have."""

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Closed(Exception):
    """The connection has ended.

    :param code: of the close frame; ``None`` where there was none.
    :param text: the reason in it.
    """

    def __init__(self, code: int | None, text: str = "") -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class NotWebSocket(ValueError):
    """What comes is no WebSocket frame that a JSONgle server sends."""


class NoUpgrade(Exception):
    """The opening handshake was answered, but not by a WebSocket server.

    :param answer: what it was answered with.
    """

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class WebSocket:
    """An open WebSocket.

    :param wire: the connection.
    :param unread: what came after the opening handshake.
    :param headers: those that the handshake was answered with.

    :ivar pings: how often the server has asked whether the client is there.
    """

    def __init__(self, wire: Wire, unread: bytes, headers: dict[str, str]) -> None:
        self.headers = headers
        self.pings = 0
        self._wire = wire
        self._unread = unread

    @classmethod
    def open(cls, wire: Wire, *, host: str, path: str) -> WebSocket:
        """Shakes hands.

        :param host: the ``Host`` header.
        :param path: what is asked for, with its query.
        :raises NoUpgrade: the answer is another one than it should be.
        :raises ValueError: it is no HTTP.
        :raises OSError: there is none in time.
        """
        key = b64encode(secrets.token_bytes(16)).decode("ascii")
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            f"User-Agent: {USER_AGENT}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        )
        wire.begin_step()
        wire.send("\r\n".join((*lines, "", "")).encode("ascii"))
        data = _read_head(wire)
        head, _, rest = data.partition(b"\r\n\r\n")
        answer = read_http(head + b"\r\n\r\n")
        if answer.status != 101:
            raise NoUpgrade(_with_body(wire, data))
        if answer.headers.get("sec-websocket-accept") != proof_of(key):
            raise NoUpgrade(answer)
        return cls(wire, rest, dict(answer.headers))

    @property
    def own_host(self) -> str:
        """The IP address from which this machine has connected."""
        host: str = self._wire.socket.getsockname()[0]
        return host

    def say(self, message: object) -> None:
        """Sends a JSON message.

        :raises OSError: it cannot be sent in time.
        """
        self._wire.begin_step()
        self._send_frame(_TEXT, orjson.dumps(message))

    def hear(self, seconds: float | None = None) -> dict[str, Any]:
        """The next message.

        :param seconds: how long to wait for it, if not as long as a step may take.
        :raises Closed: the connection ends instead.
        :raises NotWebSocket: it is none of a JSONgle server.
        :raises OSError: none comes in time.
        """
        self._wire.begin_step(seconds)
        while True:
            opcode, payload = self._read_frame()
            if opcode == _TEXT:
                return _message(payload)
            self._take_control(opcode, payload)

    def stay(self, seconds: float) -> None:
        """Keeps still, and only answers pings.

        :raises Closed: the connection ends meanwhile.
        :raises NotWebSocket: what comes is no frame.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.hear(left)
            except TimeoutError:
                return
            except OSError:
                raise Closed(None) from None

    def close(self) -> None:
        """Says goodbye, and does not wait for an answer."""
        try:
            self._wire.begin_step()
            self._send_frame(_CLOSE, (1000).to_bytes(2, "big"))
            self._wire.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # gone already
        finally:
            self._wire.close()

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else None
            raise Closed(code, payload[2:].decode("utf-8", "replace"))
        if opcode == _PING:
            self.pings += 1
            self._send_frame(_PONG, payload)
        elif opcode != _PONG:
            raise NotWebSocket("the server sends frames of a kind that it does not send")

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        key = secrets.token_bytes(4)
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126,)) + size.to_bytes(2, "big")
        self._wire.send(bytes((0x80 | opcode,)) + length + key + unmask(payload, key))

    def _read_frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self._read(2 if size == 126 else 8), "big")
        # A server masks nothing, and this one sends each message in one piece (RFC 6455 section 5.1).
        if not first & 0x80 or first & 0x70 or second & 0x80 or size > LARGEST_MESSAGE:
            raise NotWebSocket("what comes after the handshake are no frames of a JSONgle server")
        return first & 0xF, self._read(size)

    def _read(self, size: int) -> bytes:
        while len(self._unread) < size:
            chunk = self._wire.receive()
            if not chunk:
                raise Closed(None)
            self._unread += chunk
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken


def _message(payload: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("jsongle"), dict):
        raise NotWebSocket("the messages are not JSONgle")
    return message


def _read_head(wire: Wire) -> bytes:
    """What comes up to the end of the headers, and what came along with it."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < LARGEST_HEAD:
        chunk = wire.receive()
        if not chunk:
            break
        data += chunk
    if not data:
        raise ConnectionResetError("the connection is closed without an answer")
    return data


def _with_body(wire: Wire, data: bytes) -> HttpAnswer:
    """An answer with as much of its body as comes before the server is silent."""
    wire.begin_step(BODY_SECONDS)
    while len(data) < LARGEST_HEAD:
        try:
            chunk = wire.receive()
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    return read_http(data)
