"""Tests of :mod:`jsongle_server.rest_traces`, through ``GET /events``."""

from __future__ import annotations

from urllib.parse import quote

from jsongle_server.history import INTERVAL
from jsongle_server.testing import Client
from jsongle_server.tracer import MAX_RATE
from tests.event_readers import MemoryReader
from tests.rest_support import RestCase


class TraceCase(RestCase):
    """A server with two users."""

    def setUp(self) -> None:
        """They are there, and samples are taken."""
        super().setUp()
        self.server.sampler.start()
        self.alice, self.bob = (self.server.user(uid) for uid in ("alice", "bob"))

    def reader(self, target: str) -> MemoryReader:
        """A reader who has taken what comes first."""
        reader = MemoryReader(self.server, target)
        reader.take()
        return reader

    def actions(self, reader: MemoryReader) -> list[str]:
        """The actions of the messages that a reader was told of."""
        return [trace["envelope"]["jsongle"]["action"] for trace in reader.take_data("trace")]

    def text(self, sender: Client, to: str) -> None:
        """A message, its ack aside two in the trace."""
        sender.say(to, "session-text", namespace="message", description={"content": "SECRET"})


class StreamTests(TraceCase):
    """Who is told of what."""

    def test_only_who_asked(self) -> None:
        """Others see no message, and while there are only those nobody looks at any."""
        plain, off = self.reader("/events"), self.reader("/events?trace=off")
        self.assertIsNone(self.server.signaling._services.trace)
        tracing = self.reader("/events?trace=on")
        self.text(self.alice, self.bob.identity)
        self.assertEqual(self.actions(tracing), ["session-text", "session-text", "session-event"])
        self.assertEqual((plain.names(), off.names()), ([], []))
        tracing.leave()
        self.assertIsNone(self.server.signaling._services.trace)

    def test_until_the_last_has_gone(self) -> None:
        """One who goes takes nothing from the others."""
        one, other = self.reader("/events?trace=on"), self.reader("/events?trace=on")
        one.leave()
        self.text(self.alice, self.bob.identity)
        self.assertEqual(len(self.actions(other)), 3)

    def test_match(self) -> None:
        """Only messages with a text somewhere in what is shown of them, whatever its case; never by what they say."""
        for match, count in (
            ("SESSION-TEXT", 2),
            (self.bob.identity, 2),
            ("bob", 1),
            ("", 3),
            ("from", 1),
            ("secret", 0),
            ("content", 0),
            ("jsongle.description", 3),
        ):
            reader = self.reader(f"/events?trace=on&match={quote(match)}")
            self.text(self.alice, self.bob.identity)
            self.assertEqual((match, len(self.actions(reader))), (match, count))
            reader.leave()

    def test_audit(self) -> None:
        """Who begins to trace leaves a line, and for what; who only looks leaves none."""
        self.reader("/events")
        self.assertEqual(self.audited(), [])
        self.reader("/events?trace=on")
        self.reader("/events?trace=on&match=a%0Ab")
        self.assertEqual(
            self.audited(),
            [
                "192.0.2.7:40000: trace messages: begun",
                "192.0.2.7:40000: trace messages: begun, those with a\\nb",
            ],
        )


class MissedTests(TraceCase):
    """What was not told."""

    def test_too_many_in_a_second(self) -> None:
        """They are counted, and the count is told with the next sample; of what came before it says nothing."""
        early = self.reader("/events?trace=on")
        for _ in range(MAX_RATE):
            self.alice.ask("ping")
            self.alice.take()
        late = self.reader("/events?trace=on")
        self.server.clock.advance(INTERVAL)
        shown = early.take()
        self.assertEqual(len([name for name, _ in shown if name == "trace"]), MAX_RATE)
        self.assertEqual([data for name, data in shown if name == "missed"], [{"trace": MAX_RATE}])
        self.assertEqual(late.take_data("missed"), [])
        self.server.clock.advance(INTERVAL)
        self.assertEqual(early.take_data("missed"), [])

    def test_a_reader_that_is_too_slow(self) -> None:
        """It is told how many it missed once it reads again, and gets none of them."""
        reader = self.reader("/events?trace=on")
        reader.stall()
        reader.wire.channel.pauseProducing()
        self.text(self.alice, self.bob.identity)
        self.server.clock.advance(INTERVAL)
        self.assertEqual(reader.take_data("missed"), [])
        reader.read_on()
        self.server.clock.advance(INTERVAL)
        events = reader.take()
        self.assertEqual([data for name, data in events if name == "missed"], [{"trace": 3}])
        self.assertNotIn("trace", [name for name, _ in events])
