"""Tests of :mod:`jsongle_server.rest_logs`: the log level; the file is in ``test_rest_download.py``."""

from __future__ import annotations

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher

from jsongle_server.logs import LEVELS
from tests.rest_support import BEARER, RestCase


class LevelTests(RestCase):
    """Changing the log level."""

    def put(self, body: bytes, **headers: str) -> tuple[int, object]:
        """Ask for a level, with the token."""
        answer = self.server.ask("PUT", "/logs/levels", headers={**BEARER, **headers}, body=body)
        return answer.status, answer.json

    def test_a_level_takes_effect_at_once(self) -> None:
        """The answer says what it was; the observers obey from now on."""
        self.assertEqual(self.put(b'{"level": "debug"}'), (200, {"level": "debug", "was": "info"}))
        self.assertTrue(self.server.control.enabled("debug"))

    def test_neither_content_type_nor_other_keys_matter(self) -> None:
        """What curl sends by default is understood."""
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.put(b'{"x": 1, "level": "warn", "level": "trace"}', **sent)[0], 200)
        self.assertEqual(self.server.control.level, "trace")

    def test_capitals_do_not_matter(self) -> None:
        """A level may be written as logs show it; the answer has its name."""
        self.assertEqual(self.put(b'{"level": "WARN"}'), (200, {"level": "warn", "was": "info"}))
        self.assertEqual(self.put(b'{"level": "Info"}'), (200, {"level": "info", "was": "warn"}))

    def test_what_names_no_level_is_refused_with_those_there_are(self) -> None:
        """No body, no JSON, no object, no level, a bad one, or one that is no text: nothing changes."""
        for body in (
            b"",
            b"debug",
            b"[]",
            b"{}",
            b'{"level": "loud"}',
            b'{"level": 1}',
            b'{"level": ["info"]}',
            b"\xff",
        ):
            status, refusal = self.put(body)
            assert isinstance(refusal, dict)
            self.assertEqual((status, refusal["errorCode"]), (400, 400001))
            self.assertIn(", ".join(LEVELS), refusal["errorMsg"])
        self.assertEqual(self.server.control.level, "info")

    def test_the_change_is_logged_with_who_made_it(self) -> None:
        """One line that an operator can find, whichever direction the change has."""
        seen = EventLoggingObserver()
        observer = self.server.control.filtered(seen)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.put(b'{"level": "error"}')
        self.put(b'{"level": "info"}')
        lines = [(event["was"], event["new"], event["caller"]) for event in seen if "new" in event]
        self.assertEqual(lines, [("info", "error", "192.0.2.7:40000"), ("error", "info", "192.0.2.7:40000")])
