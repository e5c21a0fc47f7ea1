"""Tests of :mod:`jsongle_server.reports`: the bounds of what clients are believed."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.reports import MAX_DURATION
from jsongle_server.testing import Client, MemoryServer
from tests.scenarios import SERVER


class ReportTests(SynchronousTestCase):
    """What is counted of a report."""

    def setUp(self) -> None:
        """A client to report."""
        self.server = MemoryServer()
        self.client: Client = self.server.user("u")

    def report(self, **description: Any) -> tuple[int, float]:
        """Sends a report; returns the failures and the seconds counted so far."""
        self.client.say(SERVER, "session-metrics", description=description)
        return self.server.metrics.ice_failures, self.server.metrics.reported_seconds.total

    def test_both(self) -> None:
        """A failure and a duration may come together."""
        self.assertEqual(self.report(error="ice-failed", duration=3), (1, 3.0))

    def test_longest_call(self) -> None:
        """A week is the longest call that is believed."""
        self.assertEqual(self.report(duration=MAX_DURATION), (0, float(MAX_DURATION)))
        self.assertEqual(self.report(duration=MAX_DURATION + 1), (0, float(MAX_DURATION)))
        self.assertEqual(self.client.take_one()["jsongle"]["description"]["errorCode"], 400001)

    def test_other_errors_are_not_counted(self) -> None:
        """An error that is not known is no mistake; it is not counted as one of ICE."""
        for error in ("media-failed", "", None, 5, ["ice-failed"]):
            self.assertEqual(self.report(error=error), (0, 0.0))
        self.assertEqual(self.client.take(), [])

    def test_empty(self) -> None:
        """A report that says nothing is fine."""
        self.client.say(SERVER, "session-metrics")
        self.report()
        self.assertEqual(self.client.take(), [])

    def test_metrics_of_no_call(self) -> None:
        """A report without a duration is no call."""
        self.report(error="ice-failed")
        self.assertEqual(self.server.metrics.reported_seconds.buckets()[-1][1], 0)
