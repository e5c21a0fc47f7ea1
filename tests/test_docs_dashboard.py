"""``docs/dashboard.md`` against the code: its events, their parameters, and its examples."""

from __future__ import annotations

import json
from typing import Any

from jsongle_server import rest_streams, rest_tables
from jsongle_server.elision import MAX_ELIDED, MAX_TEXT
from jsongle_server.history import INTERVAL
from jsongle_server.rest_events import stream_events
from jsongle_server.tracer import MAX_RATE
from tests.event_readers import MemoryReader
from tests.rest_support import RestCase
from tests.test_docs import blocks, read, rows


class StreamTests(RestCase):
    """What the manual says of the stream."""

    def setUp(self) -> None:
        """Reads it."""
        super().setUp()
        self.text = read("dashboard.md")
        self.said = self.text.replace("\n", " ")

    def test_parameters(self) -> None:
        """Each has a row, and there are no others."""
        self.assertEqual(
            [row[0] for row in rows(self.text, "| parameter |")], [f"`{each.name}`" for each in stream_events.query]
        )

    def test_events(self) -> None:
        """A stream on which everything happens has exactly the events of the table, and they begin with its first."""
        documented = [row[0].strip("`") for row in rows(self.text, "| event |")]
        names = [name for name, _ in self.busy_stream()]
        self.assertEqual(names[:2], documented[:2])
        self.assertEqual(set(names), set(documented))

    def test_examples(self) -> None:
        """They have the keys that there are."""
        events = dict(self.busy_stream())
        for name, example in zip(("sample", "rooms", "trace"), blocks(self.text, "json"), strict=True):
            self.assertEqual(_keys(json.loads(example)), _keys(events[name]), name)

    def test_numbers(self) -> None:
        """They are those of the code."""
        for words in (
            f"every {INTERVAL:g} seconds",
            f"newest {rest_tables.MAX_ROWS} rooms",
            f"with {rest_tables.MAX_NAMES} members of a room",
            f"{MAX_RATE} messages are read in a second",
            f"{rest_streams.MAX_STREAMS} streams may be open",
            f"{MAX_TEXT} characters of each",
            f"({MAX_ELIDED} of them",
        ):
            self.assertIn(words, self.said)

    def busy_stream(self) -> list[tuple[str, Any]]:
        """Every event that there is, those of messages as in the examples: a text that is the last one told of."""
        self.server.sampler.start()
        reader = MemoryReader(self.server, "/events?trace=on&match=message")
        alice, bob = (self.server.user(uid, dn=uid.title()) for uid in ("alice", "bob"))
        for client in (alice, bob):
            client.join("kitchen")
        for _ in range(MAX_RATE):
            alice.ask("ping")
        self.server.clock.advance(INTERVAL)
        self.server.control.set_level("debug")
        bob.say("nobody", "session-text")
        alice.say("kitchen", "session-text", namespace="message", description={"content": "x"})
        self.server.clock.advance(INTERVAL)
        events = reader.take()
        texts = [each for each in events if each[0] == "trace" and each[1]["direction"] == "from"]
        return [*events, texts[-1]]


def _keys(value: Any) -> Any:
    """The shape of a value: its keys, and those of what is in it, the codes of errors aside."""
    if isinstance(value, dict):
        return {key: _keys(item) if key != "errors" else {} for key, item in value.items()}
    return [_keys(value[0])] if isinstance(value, list) and value else None
