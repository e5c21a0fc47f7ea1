"""Tests of :mod:`jsongle_server.log_format`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LegacyLogObserverWrapper, LogEvent, LogLevel
from twisted.python.failure import Failure
from twisted.python.log import LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.log_format import format_json, format_text, formatter

WHEN = 1795356548.451
FORGERY = "x\n2026-11-22T14:09:08.451Z [jsongle_server.rest#info] all is well\r\x1b[2K\u2028"


def event(log_format: str | None = "joined {rid}", **fields: Any) -> LogEvent:
    """An info event of ours, at a known time."""
    return {
        "log_time": WHEN,
        "log_level": LogLevel.info,
        "log_namespace": "jsongle_server.rooms",
        "log_format": log_format,
        "log_source": object(),
        "rid": "room_7",
        **fields,
    }


def failure() -> Failure:
    """An exception as it is caught, with a traceback."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        return Failure()


class Unprintable:
    """A value that cannot be written."""

    def __repr__(self) -> str:
        """Fail."""
        raise RuntimeError("no")


class FormatTextTests(SynchronousTestCase):
    """Lines for people."""

    def text(self, **fields: Any) -> str:
        """The text of an event, which has one."""
        text = format_text(event(**fields))
        assert text is not None
        return text

    def test_line(self) -> None:
        """Time in UTC with milliseconds, namespace and level, message."""
        self.assertEqual(self.text(), "2026-11-22T14:09:08.451Z [jsongle_server.rooms#info] joined room_7\n")

    @given(st.floats(min_value=0, max_value=4e9))
    def test_time(self, when: float) -> None:
        """The time is that of the event, whatever was logged before, to the millisecond."""
        shown = datetime.fromisoformat(self.text(log_time=when).partition(" ")[0])
        self.assertApproximates(shown.timestamp(), when, 0.001_002)

    def test_levels_go_by_our_names(self) -> None:
        """Trace and fatal, which Twisted does not know, are shown under the names that the operator sets."""
        self.assertIn("[jsongle_server.rooms#trace]", self.text(log_level=LogLevel.debug, trace=True))
        self.assertIn("[jsongle_server.rooms#fatal]", self.text(log_level=LogLevel.critical))

    def test_traceback_follows_indented(self) -> None:
        """An exception is shown with its traceback, every line of it behind the margin."""
        first, *rest = self.text(log_failure=failure()).splitlines()
        self.assertTrue(first.endswith("joined room_7"))
        self.assertTrue(any("ValueError: first" in line for line in rest))
        self.assertEqual([line for line in rest if not line.startswith("\t")], [])

    def test_failure_without_words(self) -> None:
        """An exception logged with no message still shows."""
        self.assertIn("ValueError", self.text(log_format=None, log_failure=failure()))

    @given(st.text())
    def test_message_cannot_forge_a_line(self, rid: str) -> None:
        """Whatever is in a message, only its own first line begins at the margin, and nothing acts on a terminal."""
        for text in (self.text(rid=rid), self.text(rid=rid + FORGERY)):
            self.assertEqual([line for line in text.splitlines()[1:] if not line.startswith("\t")], [])
            self.assertTrue(text.replace("\n", "").replace("\t", "").isprintable())
            text.encode()

    def test_silence_is_no_line(self) -> None:
        """An event with nothing to say leaves no line."""
        self.assertIsNone(format_text(event(None)))

    def test_unformattable_event_leaves_a_line(self) -> None:
        """A mistake in a log call is not a lost event."""
        self.assertIn("Unable to format event", self.text(log_format="joined {nothing}"))
        self.assertIn("MESSAGE LOST", self.text(rid=Unprintable()))

    def test_values_that_are_called(self) -> None:
        """A format may call what it shows, as all formats of Twisted's may."""
        self.assertIn("] 7 in room_7\n", self.text(log_format="{count()} in {rid}", count=lambda: 7))

    def test_legacy_message(self) -> None:
        """What was written for twisted.python.log looks as it always did."""
        texts: list[str | None] = []
        legacy = LogPublisher()
        legacy.addObserver(lambda old: texts.append(format_text({**old, "log_time": WHEN})))
        legacy.msg("hello")
        self.assertEqual(texts, ["2026-11-22T14:09:08.451Z [-] hello\n"])

    def test_event_without_time(self) -> None:
        """An event made by hand may lack its time and is shown all the same."""
        self.assertEqual(format_text({"log_format": "hello"}), "- [-#info] hello\n")


class FormatJsonTests(SynchronousTestCase):
    """Lines for machines."""

    def entry(self, **fields: Any) -> dict[str, Any]:
        """The object of an event, which fills one line."""
        text = format_json(event(**fields))
        assert text is not None
        self.assertEqual((text.count("\n"), text[-1]), (1, "\n"))
        entry = json.loads(text)
        assert isinstance(entry, dict)
        return entry

    def test_object(self) -> None:
        """The standard keys, then the fields that the event was logged with."""
        self.assertEqual(
            self.entry(members=3, trace=False),
            {
                "time": "2026-11-22T14:09:08.451Z",
                "level": "info",
                "logger": "jsongle_server.rooms",
                "message": "joined room_7",
                "rid": "room_7",
                "members": 3,
            },
        )

    def test_traceback(self) -> None:
        """An exception is one more string."""
        entry = self.entry(log_failure=failure())
        self.assertTrue(entry["traceback"].startswith("Traceback"))
        self.assertIn("ValueError: first\nsecond", entry["traceback"])
        self.assertEqual((entry["message"], entry["level"]), ("joined room_7", "error"))

    def test_failure_without_words(self) -> None:
        """An exception logged with no message still shows."""
        self.assertIn("ValueError", self.entry(log_format=None, log_failure=failure())["traceback"])

    def test_what_json_cannot_hold_is_left_out(self) -> None:
        """Objects, NaN and circular lists cost their own field only."""
        circle: list[object] = []
        circle.append(circle)
        entry = self.entry(session=object(), ratio=float("nan"), circle=circle, sizes=[1, 2])
        self.assertEqual([name for name in ("session", "ratio", "circle", "sizes") if name in entry], ["sizes"])

    def test_fields_cannot_replace_the_standard_keys(self) -> None:
        """A field named like a standard key does not pretend to be it."""
        entry = self.entry(level="fatal", logger="other", time=0, message="other", traceback="none")
        self.assertEqual(
            (entry["level"], entry["logger"], entry["message"]), ("info", "jsongle_server.rooms", "joined room_7")
        )
        self.assertEqual(entry["time"], "2026-11-22T14:09:08.451Z")
        self.assertNotIn("traceback", entry)

    def test_what_legacy_observers_add_is_left_out(self) -> None:
        """An observer of the old kind that saw the event first leaves its marks on it; they are not fields."""
        seen = event()
        LegacyLogObserverWrapper(lambda old: None)(seen)  # type: ignore[arg-type]
        self.assertEqual(format_json(seen), format_json(event()))

    @given(st.text())
    def test_any_text_stays_on_one_line(self, rid: str) -> None:
        """Whatever is in a message comes back out of it, and nothing acts on a terminal on the way."""
        text = format_json(event(rid=rid + FORGERY))
        assert text is not None
        self.assertTrue(text[:-1].isprintable())
        self.assertEqual(self.entry(rid=rid + FORGERY)["rid"], rid + FORGERY)

    def test_silence_is_no_line(self) -> None:
        """An event with nothing to say leaves no line."""
        self.assertIsNone(format_json(event(None)))

    def test_unformattable_event_leaves_a_line(self) -> None:
        """A mistake in a log call is not a lost event."""
        self.assertIn("Unable to format event", self.entry(log_format="joined {nothing}")["message"])
        self.assertIn("MESSAGE LOST", self.entry(rid=Unprintable())["message"])


class FormatterTests(SynchronousTestCase):
    """The choice between them."""

    def test_by_name(self) -> None:
        """The values of the setting lead to the two formats."""
        self.assertIs(formatter("text"), format_text)
        self.assertIs(formatter("json"), format_json)
