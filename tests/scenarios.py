"""Common ground of the scenarios: conversations that run the same in memory and over real frames.

A test class says its scenarios once, against :class:`jsongle_server.testing.MemoryServer`; :func:`on_both_transports`
has all of them run again through the WebSocket protocol, on each of the two ways that frames can take there.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import Client, MemoryServer
from jsongle_server.testing_websocket import WebSocketMemoryServer

NOW: Final = "2026-11-22T14:09:08.451Z"
"""What the clock of every fake server shows until it is advanced."""

SERVER: Final = "jsongle-server"
"""The server's own id, as configured by default."""

Message = dict[str, Any]


def nested(levels: int) -> list[Any]:
    """Arrays within arrays, so many levels deep."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


class ScenarioCase(SynchronousTestCase):
    """A test that talks to a server through clients.

    :cvar server_class: the server to talk to.
    """

    server_class: ClassVar[type[MemoryServer]] = MemoryServer

    def setUp(self) -> None:
        """Starts a server with default settings."""
        self.server = self.server_class()

    def serve(self, **settings: Any) -> None:
        """Starts a server with other settings instead."""
        self.server = self.server_class(**settings)

    def users(self, *uids: str) -> list[Client]:
        """Clients that have said hello."""
        return [self.server.user(uid) for uid in uids]

    def members(self, rid: str, *uids: str, muc: bool = False) -> list[Client]:
        """Clients that have joined a room, in this order, and have read all that came of it."""
        clients = self.users(*uids)
        for client in clients:
            client.join(rid, muc=muc)
        for client in clients:
            client.take()
        return clients

    def own(self, message: Message) -> Message:
        """What the server said, less its ``id``, which must be a UUID4."""
        rest = dict(message)
        self.assertEqual(UUID(rest.pop("id")).version, 4)
        return rest

    def assertOwn(self, client: Client, jsongle: Message) -> None:
        """The one message that came is this, said by the server to this client."""
        self.assertEqual(self.own(client.take_one()), {"from": SERVER, "to": client.identity, "jsongle": jsongle})

    def assertError(self, client: Client, code: int, *, mid: str | None) -> None:
        """The one message that came is a ``session-error`` with this code and about that message."""
        jsongle = self.own(client.take_one())["jsongle"]
        self.assertEqual(jsongle["action"], "session-error")
        description = dict(jsongle["description"])
        self.assertNotEqual(description.pop("errorDetails"), "")
        self.assertEqual(description, {"errorCode": code} if mid is None else {"errorCode": code, "mid": mid})

    def assertIqError(self, answer: Message, code: int) -> None:
        """An answer is an ``iq-error`` with this code."""
        self.assertEqual(answer["jsongle"]["action"], "iq-error")
        self.assertEqual(answer["jsongle"]["description"]["errorCode"], code)

    def assertNothing(self, *clients: Client) -> None:
        """Nothing came to any of these."""
        self.assertEqual([client.take() for client in clients], [[] for _ in clients])


Case = TypeVar("Case", bound=type[ScenarioCase])


class AutobahnFramesServer(WebSocketMemoryServer):
    """A server that leaves all frames to Autobahn: ``fastFrames`` is off."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"fast_frames": False, **settings})


TWINS: Final = {"OverWebSocketTests": WebSocketMemoryServer, "OverAutobahnFramesTests": AutobahnFramesServer}
"""How the twins of a test class are called, and the servers that they talk to."""


def on_both_transports(case: Case) -> Case:
    """Adds twins of a test class to its module, ``XTests`` to ``XOverWebSocketTests``, that talk in real frames."""
    for ending, server_class in TWINS.items():
        name = case.__name__.removesuffix("Tests") + ending
        fields = {"__module__": case.__module__, "__doc__": case.__doc__, "server_class": server_class}
        setattr(sys.modules[case.__module__], name, type(name, (case,), fields))
    return case
