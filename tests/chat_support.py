"""The terminal client without its terminal, against a server in memory: who uses it in tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.chat_errors import Trouble, closed
from jsongle_server.chat_lines import Kind, Line
from jsongle_server.chat_model import Chat
from jsongle_server.chat_state import Wishes
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.vocabulary import RoomKind

KITCHEN = ("kitchen", RoomKind.ROOM)
STAGE = ("stage", RoomKind.MUC)


class Talker:
    """A user of the terminal client, in memory.

    :ivar lines: what was shown.
    :ivar frames: what was sent.
    """

    def __init__(self, server: MemoryServer, uid: str, **wishes: Any) -> None:
        self.lines: list[Line] = []
        self.frames: list[dict[str, Any]] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self._server = server
        self.wire: Client | None = None
        self.chat = Chat(
            Wishes(uid, **wishes),
            show=self.lines.append,
            send=self._send,
            later=lambda delay, call: self.waiting.append((delay, call)),
            jitter=lambda: 1.0,
        )

    def connect(self) -> None:
        """Opens a connection, and hears what comes until nothing does."""
        self.wire = self._server.connect()
        self.hear()

    def hear(self) -> None:
        """Takes what has come."""
        while self.wire is not None and (messages := self.wire.take()):
            for message in messages:
                self.chat.heard(orjson.dumps(message).decode(), self._server.clock.seconds())

    def type(self, line: str) -> None:
        """Types a line, and hears what comes of it."""
        self.chat.typed(line, self._server.clock.seconds())
        self.hear()

    def lose(self, trouble: Trouble | None = None) -> float | None:
        """Loses the connection; how long it waits to connect again."""
        if self.wire is not None:
            self._server.drop(self.wire)
        self.wire = None
        return self.chat.lost(trouble or closed(None, ""), self._server.clock.seconds())

    def shown(self) -> str:
        """What was shown since the last time, a line each, without times."""
        taken, self.lines[:] = list(self.lines), []
        return "\n".join(line.text for line in taken if line.kind is not Kind.ACK)

    def _send(self, frame: str) -> None:
        self.frames.append(json.loads(frame))
        assert self.wire is not None
        self.wire.send_bytes(frame.encode())


class ChatCase(SynchronousTestCase):
    """A server, and talkers."""

    def setUp(self) -> None:
        """Starts it."""
        self.server = MemoryServer()

    def talker(self, uid: str, *, connected: bool = True, **wishes: Any) -> Talker:
        """Somebody who is in, and whose lines so far are forgotten."""
        talker = Talker(self.server, uid, is_script=True, **wishes)
        if connected:
            talker.connect()
            talker.shown()
        return talker

    def two(self, room: tuple[str, RoomKind]) -> tuple[Talker, Talker]:
        """Two in a room."""
        alice = self.talker("alice", dn="Alice", rooms=(room,))
        bob = self.talker("bob", rooms=(room,))
        alice.hear()
        alice.shown()
        return alice, bob
