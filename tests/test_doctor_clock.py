"""What the doctor says of clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.doctor_clock import check_clock, compare_clocks, compare_http_date
from jsongle_server.doctor_findings import Level

BEFORE: Final = 1795356548.0
AFTER: Final = BEFORE + 2

APART: Final = (
    (BEFORE, Level.OK, "agrees with"),
    (AFTER, Level.OK, "agrees with"),
    (BEFORE - 5, Level.OK, "agrees with"),
    (AFTER + 5, Level.OK, "agrees with"),
    (BEFORE - 6, Level.WARNING, "is 6 s behind"),
    (AFTER + 60, Level.WARNING, "is 60 s ahead of"),
    (BEFORE - 61, Level.PROBLEM, "is 61 s behind"),
    (AFTER + 3600, Level.PROBLEM, "is 3600 s ahead of"),
)
"""What the other clock shows, and what is said of it."""


class ClockTests(SynchronousTestCase):
    """The clock of this machine, and others."""

    def test_year(self) -> None:
        """A clock that was never set is found."""
        for year, level in ((1970, Level.PROBLEM), (2025, Level.PROBLEM), (2026, Level.OK), (2100, Level.PROBLEM)):
            (finding,) = check_clock(datetime(year, 6, 1, tzinfo=UTC).timestamp())
            self.assertEqual((finding.level, finding.seen[:4]), (level, str(year)))

    def test_apart(self) -> None:
        """What differs by more than the answer took to come is found, worse from a minute on."""
        for theirs, level, seen in APART:
            finding = compare_clocks("the proxy", theirs, before=BEFORE, after=AFTER)
            self.assertEqual(finding.level, level, theirs)
            self.assertIn(seen, finding.seen)

    def test_http_date(self) -> None:
        """A Date header is read, within its second; one that is none is no clock at all."""
        for date, level in (
            ("Sun, 22 Nov 2026 14:09:02 GMT", Level.OK),
            ("Sun, 22 Nov 2026 14:09:01 GMT", Level.WARNING),
            ("Sun, 22 Nov 2026 13:09:08 GMT", Level.PROBLEM),
            ("teatime", Level.SKIPPED),
            (None, Level.SKIPPED),
        ):
            finding = compare_http_date("the proxy", date, before=BEFORE, after=AFTER)
            self.assertEqual(finding.level, level, date)
