"""Readers of server-sent events, as the HTML standard has it (section 9.2.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.rest_support import BEARER, Answer, RestServer, Wire, parse

Event = tuple[str, Any]
"""An event: its name, and its data read as JSON."""


@dataclass(slots=True)
class EventParser:
    """Reads a stream, in whatever pieces it comes."""

    _text: bytes = b""
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, data: bytes) -> list[Event]:
        """Takes a piece; returns the events that are complete now."""
        self._text += data
        *lines, self._text = re.split(rb"\r\n|\n|\r", self._text)
        return [event for line in lines for event in self._take(line.decode("utf-8"))]

    def _take(self, line: str) -> list[Event]:
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            self._name = value
        elif key == "data":
            self._data.append(value)
        elif not line and self._data:
            event = (self._name, orjson.loads("\n".join(self._data)))
            self._name, self._data = "", []
            return [event]
        return []


class ChunkParser:
    """Reads a body that comes in chunks (RFC 9112 section 7.1), in whatever pieces."""

    def __init__(self) -> None:
        self._left = b""
        self.is_done = False

    def feed(self, data: bytes) -> bytes:
        """Takes a piece; returns what is in the chunks that are complete now."""
        self._left += data
        body = b""
        while (found := re.match(rb"([0-9a-fA-F]+)\r\n", self._left)) is not None:
            size, start = int(found[1], 16), found.end()
            if len(self._left) < start + size + 2:
                break
            if self._left[start + size : start + size + 2] != b"\r\n":
                raise AssertionError(f"a chunk that does not end where it should: {self._left[:80]!r}")
            body += self._left[start : start + size]
            self._left = self._left[start + size + 2 :]
            self.is_done = size == 0
        return body


class MemoryReader:
    """A page that reads the events of a server in memory.

    :param target: what it asks for.

    :ivar answer: the answer, where that is no stream; of a stream its status and headers.
    """

    def __init__(self, server: RestServer, target: str = "/events", *, version: str = "1.1") -> None:
        self.wire: Wire = server.open_wire()
        self._chunks = ChunkParser()
        self._events = EventParser()
        lines = [f"GET {target} HTTP/{version}", *(f"{name}: {value}" for name, value in BEARER.items()), "", ""]
        self.wire.send("\r\n".join(lines).encode())
        head, _, rest = self.wire.transport.value().partition(b"\r\n\r\n")
        is_stream = b"text/event-stream" in head
        self.answer: Answer = parse(head + b"\r\n\r\n" if is_stream else self.wire.read())
        if is_stream:
            self.wire.transport.clear()
            self.wire.transport.write(rest)

    def take(self) -> list[Event]:
        """The events since the last time."""
        self.wire.work()
        return self._events.feed(self._chunks.feed(self.wire.read()))

    def take_data(self, name: str) -> list[Any]:
        """What the events of a name say, of those since the last time."""
        return [data for event, data in self.take() if event == name]

    def names(self) -> list[str]:
        """The names of the events since the last time."""
        return [name for name, _ in self.take()]

    @property
    def has_ended(self) -> bool:
        """Whether the server has said that nothing more will come; to be asked after what came was taken."""
        return self._chunks.is_done

    def stall(self) -> None:
        """Stops reading."""
        self.wire.transport.stalled = True

    def read_on(self) -> None:
        """Reads again."""
        self.wire.transport.read_on()

    def leave(self) -> None:
        """Goes away without a word."""
        self.wire.transport.cut()
