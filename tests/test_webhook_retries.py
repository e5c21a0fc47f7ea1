"""Tests of :mod:`jsongle_server.webhook_retries`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import START
from jsongle_server.webhook_retries import LONGEST_DELAY, LONGEST_RETRY_AFTER, MAX_TRIES, Answer, Verdict, backoff


class VerdictTests(SynchronousTestCase):
    """What follows from an answer."""

    def test_table(self) -> None:
        """2xx is taken; no answer, 408, 429 and 5xx are tried again; redirects and all other refusals are final."""
        for verdict, statuses in {
            Verdict.DELIVERED: (200, 201, 202, 204, 299),
            Verdict.AGAIN: (None, 408, 429, 500, 502, 503, 504, 599),
            Verdict.FAILED: (300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 410, 418, 499),
        }.items():
            for status in statuses:
                self.assertIs(Answer(status).verdict, verdict, status)


class PauseTests(SynchronousTestCase):
    """``Retry-After``."""

    def pause(self, value: str | None, status: int | None = 429) -> float:
        """How long nothing is sent."""
        return Answer(status, retry_after=value).pause(START)

    def test_seconds(self) -> None:
        """A number is seconds."""
        self.assertEqual((self.pause("7"), self.pause(" 0 ")), (7, 0))

    def test_date(self) -> None:
        """A date is until then; one in the past is at once."""
        self.assertAlmostEqual(self.pause("Sun, 22 Nov 2026 14:10:08 GMT"), 59.549, places=2)
        self.assertEqual(self.pause("Sun, 22 Nov 2026 14:09:08 GMT"), 0)

    def test_bound(self) -> None:
        """A receiver cannot ask for more than a few minutes."""
        for value in ("301", "9" * 5000, "Sun, 22 Nov 2099 14:10:08 GMT"):
            self.assertEqual(self.pause(value), LONGEST_RETRY_AFTER)

    def test_nonsense(self) -> None:
        """Anything else is no wish."""
        for value in (
            None,
            "",
            "soon",
            "-1",
            "1.5",
            "\u0661",
            "Sun, 32 Nov 2026 14:10:08 GMT",
            f"Sun, 22 Nov {9**40} 1:1:1",
        ):
            self.assertEqual(self.pause(value), 0)

    def test_only_where_it_is_tried_again(self) -> None:
        """Any status that leads to another try may say when; a status that is final may not."""
        self.assertEqual([self.pause("7", status) for status in (503, 500, 200, 400, 301)], [7, 7, 0, 0, 0])

    @given(st.text(max_size=40) | st.from_regex(r"\A\w{3}, \d{1,12} \w{3} \d{1,12} \d+:\d+:\d+ [+-]?\w{1,9}\Z"))
    def test_any_text(self, value: str) -> None:
        """Whatever stands there, there is a time to wait, within bounds."""
        self.assertTrue(0 <= self.pause(value) <= LONGEST_RETRY_AFTER)


class BackoffTests(SynchronousTestCase):
    """The time between tries."""

    def test_doubles(self) -> None:
        """It doubles up to a minute."""
        delays = [backoff(tries, jitter=1.0) for tries in range(1, MAX_TRIES)]
        self.assertEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60])

    def test_some_minutes(self) -> None:
        """All tries together take three minutes at the least, and a little over six at the most."""
        for jitter, total in ((0.0, 181.5), (1.0, 363)):
            self.assertEqual(sum(backoff(tries, jitter=jitter) for tries in range(1, MAX_TRIES)), total)

    @given(st.integers(1, 10**6), st.floats(0, 1))
    def test_jitter(self, tries: int, jitter: float) -> None:
        """It is anywhere in the second half of that time, however many tries there were."""
        longest = backoff(tries, jitter=1.0)
        self.assertTrue(0 < longest / 2 <= backoff(tries, jitter=jitter) <= longest <= LONGEST_DELAY)
