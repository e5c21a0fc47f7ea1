"""What runs the terminal client: connecting again, and leaving in whatever state it is."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import chat_runner
from jsongle_server.chat_errors import closed
from jsongle_server.chat_lines import Line
from jsongle_server.chat_runner import GOODBYE_SECONDS, Runner
from jsongle_server.chat_state import Wishes
from jsongle_server.doctor_subject import read_url
from jsongle_server.testing import Client, MemoryServer


class Screen:
    """Takes lines, and forgets that something has changed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, line: Line) -> None:
        """Takes a line."""
        self.lines.append(line.text)

    def refresh(self) -> None:
        """Does nothing."""


class FakeConnection:
    """A connection to a server in memory.

    :ivar did: how it was ended.
    """

    def __init__(self, client: Client) -> None:
        self.did: list[str] = []
        self._client = client

    def sendMessage(self, payload: bytes) -> None:
        """Sends a frame."""
        self._client.send_bytes(payload)

    def leave(self) -> None:
        """Notes the goodbye."""
        self.did.append("leave")

    def dropConnection(self, *, abort: bool) -> None:  # noqa: N802
        """Notes the end."""
        self.did.append("drop")


class RunnerTests(SynchronousTestCase):
    """A client whose connections are opened by hand."""

    def setUp(self) -> None:
        """Starts it."""
        self.opening: list[Deferred[Any]] = []
        self.patch(chat_runner, "open_connection", self._open)
        self.clock = Clock()
        self.screen = Screen()
        self.runner = Runner(
            self.clock, read_url("ws://127.0.0.1:8080"), Wishes("bob"), screen=self.screen, origin=None
        )
        self.runner.start()
        self.server = MemoryServer()

    def _open(self, *arguments: object, origin: str | None) -> Deferred[Any]:
        self.opening.append(Deferred())
        return self.opening[-1]

    def let_in(self) -> FakeConnection:
        """Opens the connection and says hello on it."""
        client = self.server.connect()
        connection = FakeConnection(client)
        self.opening[-1].callback(connection)
        while messages := client.take():
            for message in messages:
                self.runner.heard(orjson.dumps(message).decode())
        return connection

    def test_goodbye(self) -> None:
        """Leaving says goodbye, and is done when the connection has ended."""
        connection = self.let_in()
        self.runner.leave()
        self.assertEqual(connection.did, ["leave"])
        self.assertNoResult(self.runner.done)
        self.runner.closed(closed(1000, ""))
        self.assertEqual(self.successResultOf(self.runner.done), 0)

    def test_impatient(self) -> None:
        """Leaving a second time ends it at once, and so does a server that does not answer a goodbye."""
        connection = self.let_in()
        self.runner.leave()
        self.clock.advance(GOODBYE_SECONDS - 0.01)
        self.assertNoResult(self.runner.done)
        self.runner.leave()
        self.assertEqual(connection.did, ["leave", "drop"])
        self.assertEqual(self.successResultOf(self.runner.done), 0)
        self.clock.advance(1)

    def test_leaving_while_connecting(self) -> None:
        """Leaving while there is no connection is done at once; one that comes late is dropped."""
        self.runner.leave()
        self.assertEqual(self.successResultOf(self.runner.done), 0)
        connection = FakeConnection(self.server.connect())
        self.opening[-1].callback(connection)
        self.assertEqual(connection.did, ["drop"])

    def test_comes_back(self) -> None:
        """A lost connection is opened again after a while, as long as nobody leaves."""
        self.let_in()
        self.runner.closed(closed(None, ""))
        self.assertEqual(len(self.opening), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.opening), 2)
        self.opening[-1].errback(ConnectError(111))
        self.clock.advance(2)
        self.assertEqual(len(self.opening), 3)
        self.opening[-1].errback(ConnectError(111))
        self.runner.leave()
        self.assertEqual(self.successResultOf(self.runner.done), 0)
        self.clock.advance(20)
        self.assertEqual(len(self.opening), 3)

    def test_first_fails(self) -> None:
        """A first connection that fails ends it with 1, in words."""
        self.opening[-1].errback(ConnectError(111))
        self.assertEqual(self.successResultOf(self.runner.done), 1)
        self.assertIn("no connection to 127.0.0.1:8080: Connection refused", self.screen.lines[-1])

    def test_silence(self) -> None:
        """A server that stays silent ends it with 1."""
        self.let_in()
        self.runner.gave_up()
        self.runner.closed(closed(None, ""))
        self.assertEqual(self.successResultOf(self.runner.done), 1)
