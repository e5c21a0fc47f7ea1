"""The doctor as a client, against what servers may do; ``test_doctor_servers.py`` has real ones."""

from __future__ import annotations

import time
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import doctor_talk
from jsongle_server.config import Config
from jsongle_server.doctor import carry_out
from jsongle_server.doctor_findings import Finding, Findings, Level, Stop
from jsongle_server.doctor_subject import Subject, Target, read_url
from jsongle_server.doctor_talk import check_connection
from jsongle_server.doctor_websocket import Closed, NotWebSocket, WebSocket
from jsongle_server.doctor_wire import Wire
from jsongle_server.messages import timestamp

NOW: Final = 1795356548.451

HELLO: Final = {
    "from": "barracuda",
    "to": "me",
    "jsongle": {
        "action": "iq-get",
        "query": "session-hello",
        "transaction": "t",
        "description": {"version": "1.2.3", "connected": timestamp(NOW)},
    },
}
ACK: Final = {"jsongle": {"action": "ack", "status": "success"}}
PONG: Final = {"jsongle": {"action": "iq-result", "transaction": "doctor"}}

Script = tuple[Any, ...]
"""What the server says, one after the other: messages, and errors in their place."""


class FakeSocket:
    """A WebSocket on which a server speaks by a script.

    :param headers: what the handshake was answered with.
    :param stay: what ends the silence; ``None`` if nothing does.
    """

    own_host = "203.0.113.9"

    def __init__(
        self,
        *script: Any,
        headers: dict[str, str] | None = None,
        stay: Exception | None = None,
        pings: int = 0,
        deaf: bool = False,
    ) -> None:
        self.headers = headers or {}
        self.pings = pings
        self.said: list[dict[str, Any]] = []
        self.is_closed = False
        self._script = list(script)
        self._stay = stay
        self._deaf = deaf

    def hear(self) -> dict[str, Any]:
        """The next message, or error."""
        said = self._script.pop(0)
        if isinstance(said, Exception):
            raise said
        message: dict[str, Any] = said
        return message

    def say(self, message: dict[str, Any]) -> None:
        """Takes note of a message."""
        if self._deaf:
            raise BrokenPipeError(32, "Broken pipe")
        self.said.append(message)

    def stay(self, seconds: float) -> None:
        """Ends the silence, or not."""
        if self._stay is not None:
            raise self._stay

    def close(self) -> None:
        """Takes note of the end."""
        self.is_closed = True


class FakeWire:
    """A connection that nothing goes over."""

    def close(self) -> None:
        """Nothing is open."""


def no_address(subject: Subject, identity: str, own: str) -> Findings:
    """Asks nobody."""
    yield from ()


class TalkCase(SynchronousTestCase):
    """Talks to a server that speaks by a script."""

    def setUp(self) -> None:
        """The time stands still, and nobody connects."""
        self.patch(time, "time", lambda: NOW)
        self.patch(doctor_talk, "check_address", no_address)
        self.patch(Wire, "connect", lambda *_: FakeWire())

    def talk(self, socket: FakeSocket | Exception, *, idle: float = 0.0, url: Target | None = None) -> list[Finding]:
        """What is found."""

        def open_socket(*arguments: object, **options: object) -> FakeSocket:
            if isinstance(socket, Exception):
                raise socket
            return socket

        self.patch(WebSocket, "open", open_socket)
        found = list(carry_out((("connection", check_connection),), Subject(Config(), idle=idle, url=url)))
        if isinstance(socket, FakeSocket):
            self.assertTrue(socket.is_closed)
        return found

    def assertEndsIn(self, found: list[Finding], check: str, level: Level, seen: str) -> None:
        """The last finding is this, and those before are fine."""
        self.assertEqual([each for each in found[:-1] if each.level is not Level.OK], [])
        self.assertEqual((found[-1].check, found[-1].level), (check, level))
        self.assertIn(seen, found[-1].seen)


class ConversationTests(TalkCase):
    """What is said."""

    def test_conversation(self) -> None:
        """The doctor says hello and pings, and all of it is fine."""
        socket = FakeSocket(HELLO, ACK, PONG, pings=2)
        found = self.talk(socket, idle=30)
        self.assertEndsIn(found, "idle", Level.OK, "open after 30 s, with 2 pings answered")
        hello, ping = socket.said
        self.assertEqual((hello["from"], hello["to"], hello["jsongle"]["transaction"]), ("me", "barracuda", "t"))
        self.assertEqual(
            (hello["jsongle"]["query"], hello["jsongle"]["description"]["dn"]), ("session-hello", "Doctor")
        )
        self.assertEqual(ping["jsongle"]["query"], "ping")

    def test_wrong_turns(self) -> None:
        """Whatever a server says instead of what it should ends the talk with the reason."""
        refused = {"jsongle": {"action": "ack", "status": "failed"}}
        error = {
            "jsongle": {"action": "session-error", "description": {"errorCode": 401001, "errorDetails": "No token"}}
        }
        late = {**HELLO, "jsongle": {**HELLO["jsongle"], "description": {"connected": timestamp(NOW - 3600)}}}  # type: ignore[dict-item]
        cases: tuple[tuple[Script, str, str], ...] = (
            ((Closed(4003, "too slow"),), "hello", "closed (4003 too slow) instead of the server's hello"),
            ((Closed(None),), "hello", "closed (without a word) instead of the server's hello"),
            ((NotWebSocket("the messages are not JSONgle"),), "hello", "the messages are not JSONgle"),
            ((TimeoutError(),), "hello", "the server's hello does not come: no answer in time"),
            (({"jsongle": {"action": "iq-get", "query": "ping"}},), "hello", "not the hello of a JSONgle server"),
            (({**HELLO, "to": "x" * 900_000},), "hello", "not the hello of a JSONgle server"),
            (({**HELLO, "to": 7},), "hello", "not the hello of a JSONgle server"),
            ((HELLO, refused, error), "login", "the hello was refused: No token"),
            ((HELLO, refused, {"jsongle": {}}), "login", "the hello was refused: None"),
            ((HELLO, Closed(1008, "refused")), "login", "closed (1008 refused) instead of the ack"),
            ((HELLO, ACK, ACK), "ping", "the ping was answered by ack"),
        )
        for script, check, seen in cases:
            self.assertEndsIn(self.talk(FakeSocket(*script)), check, Level.PROBLEM, seen)
        found = self.talk(FakeSocket(late, ACK, PONG))
        self.assertIn(("clock", Level.PROBLEM), [(finding.check, finding.level) for finding in found])

    def test_no_token(self) -> None:
        """A refused token is for the operator to give another; any other refusal stands in the log."""
        refused = {"jsongle": {"action": "ack", "status": "failed"}}
        for code, advice in ((401001, "--token"), (400001, "log")):
            error = {"jsongle": {"description": {"errorCode": code}}}
            self.assertIn(advice, self.talk(FakeSocket(HELLO, refused, error))[-1].advice)

    def test_refused_certificate(self) -> None:
        """A server whose certificate is not good hears no token, not even a hello; a query is not sent to it at all."""
        socket = FakeSocket(HELLO, ACK, PONG)
        self.patch(WebSocket, "open", lambda *_, **options: socket)
        subject = Subject(Config(app_token="a-token-of-ours"), token="another-token")
        for url, check in (("wss://example.org/", "login"), ("wss://example.org/?token=secret", "websocket")):
            wire: Any = FakeWire()
            talk = doctor_talk._talk(subject, read_url(url), wire, is_trusted=False)
            stop = self.assertRaises(Stop, list, talk)
            self.assertEqual((stop.finding.check, stop.finding.level), (check, Level.SKIPPED))
            self.assertIn("whose certificate browsers refuse", stop.finding.seen)
            self.assertEqual((socket.said, socket.is_closed), ([], True))

    def test_deaf_server(self) -> None:
        """What does not get through is told."""
        self.assertEndsIn(self.talk(FakeSocket(HELLO, deaf=True)), "connection", Level.PROBLEM, "Broken pipe")

    def test_server_without_a_clock(self) -> None:
        """A hello without a time cannot be compared, and is fine otherwise."""
        timeless = {**HELLO, "jsongle": {**HELLO["jsongle"], "description": {"connected": 7}}}  # type: ignore[dict-item]
        found = self.talk(FakeSocket(timeless, ACK, PONG))
        self.assertEqual([finding.check for finding in found if finding.level is Level.SKIPPED], ["clock"])

    def test_silence(self) -> None:
        """What ends a silent connection is told apart; without pings there is a warning."""
        for stay, level, seen in (
            (Closed(None), Level.PROBLEM, "something in between closed the silent connection"),
            (Closed(1001, "shutdown"), Level.PROBLEM, "closed by the server after 0 s: 1001 shutdown"),
            (NotWebSocket("no frames"), Level.PROBLEM, "no frames"),
            (None, Level.WARNING, "in which no ping came"),
        ):
            found = self.talk(FakeSocket(HELLO, ACK, PONG, stay=stay), idle=9)
            self.assertEndsIn(found, "idle", level, seen)

    def test_clock_of_the_proxy(self) -> None:
        """With an address, the time in the answer to the handshake is compared as well."""
        socket = FakeSocket(HELLO, ACK, PONG, headers={"date": "Sun, 22 Nov 2026 13:00:00 GMT"})
        found = self.talk(socket, url=read_url("ws://example.org"))
        self.assertEqual([finding.check for finding in found if finding.level is Level.PROBLEM], ["clock"])
        self.assertIn("example.org is 4147 s behind", str(found))


class ConnectionTests(TalkCase):
    """What keeps the doctor from being a client."""

    def test_unreachable(self) -> None:
        """A host that does not answer is told apart from one on which nothing listens."""
        for error, url, level, advice in (
            (ConnectionRefusedError(111, "Connection refused"), None, Level.SKIPPED, "start it"),
            (ConnectionRefusedError(111, "Connection refused"), "ws://a", Level.PROBLEM, "start what should listen"),
            (TimeoutError(), "ws://a", Level.PROBLEM, "firewalls"),
            (OSError("Name or service not known"), None, Level.PROBLEM, "DNS"),
        ):

            def fail(*arguments: object, error: OSError = error) -> Wire:
                raise error

            self.patch(Wire, "connect", fail)
            (finding,) = self.talk(OSError("never asked"), url=read_url(url) if url else None)
            self.assertEqual((finding.check, finding.level), ("connection", level))
            self.assertIn(advice, finding.advice)

    def test_no_handshake(self) -> None:
        """What speaks no HTTP, and what does not answer, are told apart."""
        for error, seen in (
            (ValueError("the answer is not HTTP"), "127.0.0.1:8080 does not speak HTTP"),
            (TimeoutError(), "no answer to the handshake: no answer in time"),
        ):
            self.assertEndsIn(self.talk(error), "websocket", Level.PROBLEM, seen)

    def test_host_header(self) -> None:
        """The port is left out where it goes without saying, since proxies choose by the whole of it."""
        for url, header in (
            ("wss://example.org", "example.org"),
            ("ws://example.org:8080", "example.org:8080"),
            ("wss://[2001:db8::1]", "[2001:db8::1]"),
            ("ws://[2001:db8::1]:81", "[2001:db8::1]:81"),
        ):
            self.assertEqual(doctor_talk._host_header(read_url(url)), header)
