"""Tests of what sessions log: one line for each step of a life, and never what people say."""

from __future__ import annotations

from typing import Any, cast

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import Client, MemoryServer
from tests.scenarios import SERVER


class LogCase(SynchronousTestCase):
    """A test that reads the log.

    :ivar events: everything logged, in order.
    """

    def setUp(self) -> None:
        """Begins to read."""
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def lines(self, level: LogLevel = LogLevel.info) -> list[str]:
        """The lines at a level since the last time."""
        lines = [formatEvent(event) for event in self.events if event["log_level"] is level]
        self.events.clear()
        return lines

    def talk(self, **settings: Any) -> tuple[Client, Client]:
        """A whole visit of two clients, with something secret in every place that has room for it."""
        server = MemoryServer(**settings)
        hello = {"dn": "SECRET name", "token": "SECRET", "appToken": "SECRET", "resume": {"token": "SECRET", "seq": 0}}
        alice, bob = (server.user(f"user-SECRET-{name}", **hello) for name in ("alice", "bob"))
        for client in (alice, bob):
            client.join("room", dn="SECRET name")
        secret = {"content": "SECRET", "sdp": "SECRET", "candidate": {"candidate": "SECRET"}}
        for to in ("room", bob.identity, "SECRET nobody"):
            for action in ("session-text", "session-propose", "session-initiate", "transport-info", "iq-set"):
                alice.say(to, action, query="SECRET", sid="SECRET", namespace="SECRET", description=secret)
        alice.say(SERVER, "session-metrics", description={"error": "SECRET", "duration": "SECRET"})
        alice.say("room", "SECRET")
        alice.send_bytes(b"SECRET")
        alice.send({"id": "SECRET", "from": "SECRET"})
        for client in (alice, bob):
            server.drop(client)
        server.clock.advance(server.config.resume_window)
        return alice, bob


class LifeTests(LogCase):
    """The info lines."""

    def test_one_line_a_step(self) -> None:
        """Hello and disconnect make one line each, that names the session."""
        server = MemoryServer()
        client = server.connect()
        client.greeted()
        self.assertEqual(self.lines(), [])
        client.hello("user_7000", dn="Jon Doe")
        self.assertEqual(self.lines(), [f"hello {client.identity} uid us###00"])
        server.drop(client)
        self.assertEqual(self.lines(), [f"disconnect {client.identity} 192.0.2.1:1024: connection lost"])

    def test_no_line_for_what_changes_nothing(self) -> None:
        """A later hello, a second end make none."""
        server = MemoryServer()
        client = server.user("u")
        self.lines()
        client.hello("u", dn="Jon")
        self.assertEqual(self.lines(), [])
        server.drop(client)
        self.lines()
        server.drop(client)
        self.assertEqual(self.lines(), [])

    def test_none_for_what_clients_do_meanwhile(self) -> None:
        """Connections, messages and rooms make no event at all, unless they are traced."""
        server = MemoryServer()
        alice = server.user("alice")
        server.user("bob")
        self.events.clear()
        server.connect()
        alice.say("bob", "session-text")
        alice.join("r")
        alice.ask("leave", rid="r")
        self.assertEqual(self.events, [])


class TraceTests(LogCase):
    """The debug lines: single steps and single messages."""

    def steps(self) -> list[str]:
        """The debug lines since the last time, those of messages apart."""
        return [line for line in self.lines(LogLevel.debug) if not line.startswith(("from ", "to "))]

    def test_connect(self) -> None:
        """A traced connection makes a line that says where from."""
        client = MemoryServer(tracing=True).connect()
        self.assertEqual(self.steps(), [f"connect {client.take_one()['to']} 192.0.2.1:1024"])

    def test_rooms(self) -> None:
        """Traced, each join and leave makes a line, the leaves at the end of a session included."""
        server = MemoryServer(tracing=True)
        client = server.user("u")
        self.steps()
        client.join("r")
        client.join("m", muc=True)
        self.assertEqual(self.steps(), [f"join {client.identity} room r", f"join {client.identity} muc m"])
        client.ask("leave", rid="r")
        self.assertEqual(self.steps(), [f"leave {client.identity} room r"])
        server.drop(client)
        self.assertEqual(self.steps(), [f"leave {client.identity} muc m"])

    def test_no_line_for_rooms_that_stay_as_they_are(self) -> None:
        """Joining again and a refused leave make none, even if they are traced."""
        client = MemoryServer(tracing=True).user("u")
        client.join("r")
        self.steps()
        client.join("r")
        client.ask("leave", rid="nowhere")
        self.assertEqual(self.steps(), [])

    def test_a_room_id_cannot_forge_a_line(self) -> None:
        """What a client chose stays on its line."""
        MemoryServer(tracing=True).user("u").join("r\n2026 [x] all is well")
        steps = self.steps()
        self.assertIn("all is well", steps[-1])
        self.assertEqual([line for line in steps if "\n" in line], [])

    def test_both_directions(self) -> None:
        """A traced message makes a line when it comes and one for each time it goes out, with its size."""
        server = MemoryServer(tracing=True)
        alice, bob = server.user("alice"), server.user("bob")
        self.events.clear()
        alice.say("bob", "session-info")
        came, went = self.lines(LogLevel.debug)
        self.assertRegex(came, rf"^from {alice.identity}: session-info, \d+ bytes$")
        self.assertRegex(went, rf"^to {bob.identity}: session-info, \d+ bytes$")

    def test_an_action_cannot_forge_a_line(self) -> None:
        """The text of an action that does not exist is the client's own, and never reaches the log."""
        server = MemoryServer(tracing=True)
        alice = server.user("alice")
        for action in ("x\n" * 5000, "SECRET", "session-text SECRET", ""):
            self.events.clear()
            alice.say("bob", action)
            self.assertNotIn(action or "nothing", repr(self.events))
            self.assertRegex(self.lines(LogLevel.debug)[0], rf"^from {alice.identity}: other, \d+ bytes$")


class SecrecyTests(LogCase):
    """What no log may hold."""

    def assertNoSecrets(self) -> None:
        """Something was logged, and nothing of it, fields included, holds a secret."""
        self.assertGreater(len(self.events), 5)
        for event in self.events:
            self.assertNotIn("SECRET", formatEvent(event) + repr(event))

    def test_nothing_secret(self) -> None:
        """Names in full, tokens, SDP and text are never logged."""
        self.talk()
        self.assertNoSecrets()

    def test_nothing_secret_in_traces(self) -> None:
        """Not when every message is traced, either."""
        self.talk(tracing=True)
        self.assertNoSecrets()
