"""What a client sees of a connection that it sends frames to, and a case that compares it with what RFC 6455 wants.

The server answers a query ``ping`` with its ``transaction``, whatever that is: so it echoes text. All streams are sent
on both ways that frames can take, whole and byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import WebSocketMemoryServer
from jsongle_server.websocket import CLOSE_TIMEOUT
from tests.frame_streams import frame

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN: Final = 0x80
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10

BYTE_BY_BYTE: Final = 4096
"""Longest stream that is sent in reads of one byte; longer ones are cut into pieces of a prime number of bytes."""

PIECE: Final = 997

Event = tuple[str, Any]
"""Something that a client sees: ``text``, ``error``, ``pong``, ``close`` or ``end``, and what is in it."""

_BEFORE: Final = b'{"to":"jsongle-server","jsongle":{"action":"iq-get","query":"ping","transaction":"'
_AFTER: Final = b'"}}'

SHORTEST: Final = len(_BEFORE) + len(_AFTER)
"""Bytes of a message that is echoed, without its text."""

END: Final = ("end", None)
"""The connection is gone."""

NO_MESSAGE: Final = ("error", 400003)
"""The answer to a text that is no JSON object: it has arrived, and the connection stays."""


def message(text: bytes | str = b"hello", *, size: int = 0) -> bytes:
    """A message whose text comes back.

    :param size: how many bytes it is to have; the text is made longer by as many ``x`` as that takes.
    """
    text = text.encode() if isinstance(text, str) else text
    return _BEFORE + text.ljust(size - SHORTEST, b"x") + _AFTER


def control(opcode: int, payload: bytes = b"") -> bytes:
    """A control frame."""
    return frame(payload, first=FIN | opcode)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A close frame."""
    return control(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def fragments(parts: Sequence[bytes], *, opcode: int = TEXT, between: bytes = b"") -> bytes:
    """A message in as many frames as there are parts.

    :param between: frames that come after each of them but the last.
    """
    last = len(parts) - 1
    return b"".join(
        frame(part, first=(0 if number else opcode) | (FIN if number == last else 0))
        + (b"" if number == last else between)
        for number, part in enumerate(parts)
    )


def bytewise(payload: bytes) -> list[bytes]:
    """A payload, a byte a part."""
    return [payload[place : place + 1] for place in range(len(payload))]


class Talk:
    """A client that has said hello.

    :param settings: those of its server.
    """

    def __init__(self, **settings: Any) -> None:
        self.server = WebSocketMemoryServer(rate_limit=0, ping_interval=0, hello_timeout=1000, **settings)
        client: Any = self.server.user("alice")
        self.wire = client.wire

    def send(self, reads: Iterable[bytes]) -> list[Event]:
        """Sends bytes, in so many reads, and answers the server's close frame; returns all that came of it."""
        events: list[Event] = []
        for read in reads:
            self.wire.send(read)
            if self.wire.protocol._resting is not None or self.wire.transport.held:
                events += self._seen()
        events += self._seen()
        if events and events[-1][0] == "close":
            self.wire.send(close(1000))
            self.server.clock.advance(CLOSE_TIMEOUT / 2)
            events += self._seen()
        if self.wire.transport.lost is not None:
            events.append(END)
        return events

    def _seen(self) -> list[Event]:
        for _ in range(3):
            self.server.clock.advance(0)
        while self.wire.protocol._resting is not None:
            self.server.clock.advance(0)
        return [_event(opcode, payload) for opcode, payload in self.wire.read_frames()]


def _event(opcode: int, payload: bytes) -> Event:
    if opcode == PONG:
        return "pong", payload
    if opcode == CLOSE:
        return "close", int.from_bytes(payload[:2], "big")
    jsongle = orjson.loads(payload)["jsongle"]
    if jsongle["action"] == "iq-result":
        return "text", jsongle["transaction"]
    return "error", jsongle["description"]["errorCode"]


class StreamCase(SynchronousTestCase):
    """A test that sends streams to a server.

    :cvar settings: those of the server.
    """

    settings: ClassVar[dict[str, Any]] = {}

    def assert_seen(self, name: object, stream: bytes, *expected: Event) -> None:
        """A stream has these consequences, whichever way its frames take and however it is cut."""
        for is_fast in (True, False):
            for reads in ([stream], _in_pieces(stream)):
                talk = Talk(fast_frames=is_fast, **self.settings)
                context = (name, "fast" if is_fast else "by Autobahn", f"{len(reads)} reads")
                self.assertEqual((context, talk.send(reads)), (context, list(expected)))
        self.assertEqual(self.flushLoggedErrors(), [])

    def assert_refused(self, name: object, stream: bytes, code: int, *before: Event) -> None:
        """A stream ends the connection with a code."""
        self.assert_seen(name, stream, *before, ("close", code), END)


def _in_pieces(stream: bytes) -> list[bytes]:
    size = 1 if len(stream) <= BYTE_BY_BYTE else PIECE
    return [stream[place : place + size] for place in range(0, len(stream), size)]
