"""Tests of :mod:`jsongle_server.logs`."""

from __future__ import annotations

from typing import cast

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.python.log import LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from txaio import tx
from zope.interface import implementer

from jsongle_server.logs import DEFAULT_LEVEL, LEVELS, LogControl, level_name

OURS = "jsongle_server.session"


@implementer(ILogObserver)
class Collector:
    """Observer that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        """Keep an event."""
        self.events.append(event)


class LogControlTests(SynchronousTestCase):
    """What passes at which level."""

    def setUp(self) -> None:
        """Collect what passes a switch."""
        self.control = LogControl()
        collector = Collector()
        self.events = collector.events
        self.observer = self.control.filtered(collector)

    def logger(self, namespace: str = OURS) -> Logger:
        """A logger of the given namespace in front of the switch."""
        return Logger(namespace=namespace, observer=self.observer)

    def log_at_all_levels(self, namespace: str) -> list[str]:
        """Log once at each level that Twisted knows, and return the names of those that passed."""
        for level in LogLevel.iterconstants():
            self.logger(namespace).emit(level, level.name)
        return [formatEvent(event) for event in self.events]

    def test_default_is_info(self) -> None:
        """A switch that was told nothing logs info and above."""
        self.assertEqual(self.control.level, "info")
        self.assertEqual(DEFAULT_LEVEL, "info")
        self.assertEqual(self.log_at_all_levels(OURS), ["info", "warn", "error", "critical"])

    def test_each_level_drops_what_is_below(self) -> None:
        """From trace to fatal, each level lets through itself and what is more severe."""
        expected = {
            "trace": ["debug", "info", "warn", "error", "critical"],
            "debug": ["debug", "info", "warn", "error", "critical"],
            "info": ["info", "warn", "error", "critical"],
            "warn": ["warn", "error", "critical"],
            "error": ["error", "critical"],
            "fatal": ["critical"],
        }
        passed = {}
        for level in LEVELS:
            self.events.clear()
            self.control.set_level(level)
            passed[level] = self.log_at_all_levels(OURS)
        self.assertEqual(passed, expected)

    def test_watchers(self) -> None:
        """Whoever watches is called at once, and after every change, when the new level is there."""
        seen: list[tuple[str, str, bool]] = []
        for name in ("one", "two"):
            self.control.watch(
                lambda name=name: seen.append((name, self.control.level, self.control.enabled("debug")))  # type: ignore[misc]
            )
        self.assertEqual(seen, [("one", "info", False), ("two", "info", False)])
        seen.clear()
        self.control.set_level("debug")
        self.control.set_level("warn")
        self.assertEqual(
            seen, [("one", "debug", True), ("two", "debug", True), ("one", "warn", False), ("two", "warn", False)]
        )

    def test_bad_level_is_not_watched(self) -> None:
        """A level that is not accepted changes nothing, so nobody is called."""
        calls: list[None] = []
        self.control.watch(lambda: calls.append(None))
        self.assertRaises(ValueError, self.control.set_level, "loud")
        self.assertEqual(len(calls), 1)

    def test_trace_field_makes_trace(self) -> None:
        """A debug event with the field trace passes at trace only."""
        self.control.set_level("debug")
        self.logger().debug("fine", trace=True)
        self.assertEqual(self.events, [])
        self.control.set_level("trace")
        self.logger().debug("fine", trace=True)
        self.assertEqual(len(self.events), 1)

    def test_debug_of_libraries_is_trace(self) -> None:
        """At debug the server is debugged, not Twisted."""
        self.control.set_level("debug")
        self.assertNotIn("debug", self.log_at_all_levels("twisted.web.server"))

    def test_package_with_a_similar_name_is_a_library(self) -> None:
        """Only the package itself is ours, not another whose name begins like it."""
        self.control.set_level("debug")
        self.assertNotIn("debug", self.log_at_all_levels("jsongle_server_extras"))

    def test_change_takes_effect_at_once_everywhere(self) -> None:
        """One change reaches every observer made before it."""
        others = Collector()
        other = Logger(namespace=OURS, observer=self.control.filtered(others))
        self.control.set_level("debug")
        self.logger().debug("one")
        other.debug("two")
        self.assertEqual((len(self.events), len(others.events)), (1, 1))

    def test_set_level_returns_the_former_one(self) -> None:
        """Whoever changes the level learns what it was."""
        self.assertEqual(self.control.set_level("debug"), "info")
        self.assertEqual(self.control.set_level("fatal"), "debug")

    def test_unknown_level_is_refused(self) -> None:
        """A bad name raises, lists the accepted ones, and changes nothing."""
        error = self.assertRaises(ValueError, self.control.set_level, "verbose")
        self.assertIn("trace, debug, info, warn, error, fatal", str(error))
        self.assertEqual(self.control.level, "info")

    def test_unknown_first_level_is_refused(self) -> None:
        """A switch cannot be made with a bad name either."""
        self.assertRaises(ValueError, LogControl, "critical")

    def test_enabled_agrees_with_what_passes(self) -> None:
        """A hot path asks before it formats, and gets the answer that the event would have got."""
        self.control.set_level("warn")
        enabled = [level for level in LEVELS if self.control.enabled(level)]
        self.assertEqual(enabled, ["warn", "error", "fatal"])

    def test_exception_is_an_error_at_least(self) -> None:
        """An event with a failure passes at error, whatever it was logged as."""
        self.control.set_level("error")
        self.logger().debug("odd", log_failure=Failure(ValueError("odd")))
        self.assertEqual(len(self.events), 1)

    def test_audit_passes_at_every_level(self) -> None:
        """What administrators do is written however little else is."""
        for level in LEVELS:
            self.control.set_level(level)
            self.logger("jsongle_server.audit").info(level)
        self.assertEqual([formatEvent(event) for event in self.events], list(LEVELS))

    def test_interim_answers_are_not_logged(self) -> None:
        """Twisted's line for each would let a server that is asked something fill the log; its errors pass."""
        self.control.set_level("trace")
        self.assertEqual(self.log_at_all_levels("twisted.web._newclient"), ["error", "critical"])

    def test_legacy_message_is_info(self) -> None:
        """What was written for twisted.python.log passes at info and not above."""
        legacy = LogPublisher()
        legacy.addObserver(self.observer)
        legacy.msg("hello")
        self.control.set_level("warn")
        legacy.msg("hello again")
        self.assertEqual([event["log_text"] for event in self.events], ["hello"])

    def test_legacy_error_is_fatal(self) -> None:
        """An error reported through twisted.python.log passes at every level."""
        self.control.set_level("fatal")
        legacy = LogPublisher()
        legacy.addObserver(self.observer)
        legacy.msg("bad", isError=True)
        self.assertEqual(len(self.events), 1)


class LevelNameTests(SynchronousTestCase):
    """What events are called."""

    def test_names(self) -> None:
        """Twisted's critical is our fatal; fine or foreign debugging is trace; no level at all is info."""
        named = {
            "fatal": {"log_level": LogLevel.critical, "log_namespace": OURS},
            "warn": {"log_level": LogLevel.warn, "log_namespace": OURS},
            "debug": {"log_level": LogLevel.debug, "log_namespace": "jsongle_server"},
            "trace": {"log_level": LogLevel.debug, "log_namespace": "twisted.internet"},
            "info": {},
        }
        self.assertEqual({name: level_name(event) for name, event in named.items()}, {name: name for name in named})


class AutobahnTests(SynchronousTestCase):
    """What the WebSocket library says of a request."""

    REQUEST = (
        b"GET /?token=s3cret HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: s3cret\r\n\r\n"
    )

    def setUp(self) -> None:
        """Make the library as talkative as it can be, and collect what passes at the finest level of all."""
        self.clock = Clock()
        self.patch(tx.config, "loop", self.clock)
        tx.set_global_log_level("trace")
        self.addCleanup(tx.set_global_log_level, "info")
        collector = Collector()
        self.events = collector.events
        observer = LogControl("trace").filtered(collector)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def receive(self, request: bytes) -> bytes:
        """Open a connection, send a request, and return the answer."""
        transport = StringTransport()
        # Autobahn takes this off at every end of a connection, whether or not it was put on.
        transport.registerProducer(object(), True)
        factory = WebSocketServerFactory(reactor=self.clock)
        factory.protocol = WebSocketServerProtocol
        protocol = cast(WebSocketServerProtocol, factory.buildProtocol(None))
        protocol.makeConnection(transport)
        protocol.dataReceived(request)
        return bytes(transport.value())

    def test_good_request_is_not_logged(self) -> None:
        """A request with a token in it leaves no trace of it."""
        self.assertIn(b"101", self.receive(self.REQUEST))
        self.assertNotIn("s3cret", " ".join(map(str, self.events)))

    def test_bad_request_is_not_quoted(self) -> None:
        """The library's line about a refused request quotes it, and is dropped."""
        self.assertIn(b"400", self.receive(self.REQUEST.replace(b"13\r\n", b"s3cret\r\n")))
        self.assertNotIn("s3cret", " ".join(map(str, self.events)))

    def test_errors_pass(self) -> None:
        """What the library reports as an error is a fault to know about."""
        Logger(namespace="autobahn.twisted.websocket.WebSocketAdapterProtocol").error("broken")
        self.assertEqual([formatEvent(event) for event in self.events], ["broken"])
