"""Tests of :mod:`jsongle_server.limits`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.limits import RecentCount, TokenBucket

moments = st.lists(st.integers(min_value=0, max_value=100), max_size=40).map(sorted)
pauses = st.lists(st.floats(min_value=0, max_value=5), max_size=60)
rates = st.floats(min_value=0.01, max_value=100)
bursts = st.integers(min_value=1, max_value=20)


class RecentCountTests(SynchronousTestCase):
    """Events within a span of time."""

    def test_limit_within_the_span_is_too_many(self) -> None:
        """The event that makes the limit full is the first that is too many."""
        count = RecentCount(3, 10.0)
        self.assertEqual([count.too_many(now) for now in (0.0, 1.0, 2.0)], [False, False, True])

    def test_events_at_both_ends_of_the_span_count(self) -> None:
        """Events exactly one span apart are within it, a moment more is not."""
        self.assertEqual([RecentCount(1, 10.0).too_many(0.0)], [True])
        count = RecentCount(2, 10.0)
        self.assertEqual([count.too_many(now) for now in (0.0, 10.0, 20.001)], [False, True, False])

    def test_old_events_are_forgotten(self) -> None:
        """Events that keep their distance are never too many, however many there are."""
        count = RecentCount(3, 10.0)
        self.assertFalse(any(count.too_many(6.0 * number) for number in range(100)))

    def test_clock_set_back(self) -> None:
        """Events from before the clock was set back, of which nobody knows how old they are, count no longer."""
        count = RecentCount(3, 10.0)
        self.assertEqual([count.too_many(now) for now in (7000.0, 7100.0, 100.0, 101.0)], [False] * 4)
        self.assertTrue(count.too_many(102.0))

    @given(moments, st.integers(min_value=1, max_value=5), st.integers(min_value=0, max_value=30))
    def test_agrees_with_counting_every_event_anew(self, times: list[int], limit: int, span: int) -> None:
        """Whatever the events, it says too many exactly when that many lie within the span that ends now."""
        count = RecentCount(limit, span)
        for index, now in enumerate(times):
            recent = [time for time in times[: index + 1] if now - time <= span]
            self.assertEqual(count.too_many(now), len(recent) >= limit)


class TokenBucketTests(SynchronousTestCase):
    """So many a second, and more at once after a pause."""

    def test_burst_at_once(self) -> None:
        """As many as the burst are there at the start, and no more."""
        bucket = TokenBucket(rate=2, burst=3, now=0.0)
        self.assertEqual([bucket.try_take(0.0) for _ in range(4)], [0, 0, 0, 0.5])

    def test_wait_is_long_enough(self) -> None:
        """After the wait that a refusal gives, there is one."""
        bucket = TokenBucket(rate=2, burst=1, now=0.0)
        bucket.try_take(0.0)
        wait = bucket.try_take(0.25)
        self.assertEqual((wait, bucket.try_take(0.25 + wait)), (0.25, 0))

    def test_taking_what_is_not_there(self) -> None:
        """One can be taken all the same, and each makes the wait longer."""
        bucket = TokenBucket(rate=2, burst=2, now=0.0)
        self.assertEqual([bucket.take(0.0) for _ in range(4)], [0, 0, 0.5, 1])
        self.assertEqual(bucket.take(2.0), 0)

    def test_a_pause_fills_it_up_to_the_burst(self) -> None:
        """However long the pause, no more than the burst is there after it."""
        bucket = TokenBucket(rate=2, burst=3, now=0.0)
        for _ in range(3):
            bucket.take(0.0)
        self.assertEqual([bucket.try_take(1e9) for _ in range(4)], [0, 0, 0, 0.5])

    def test_a_clock_that_is_set_back(self) -> None:
        """A clock that is set back neither fills nor empties it, and time counts from there."""
        bucket = TokenBucket(rate=1, burst=1, now=1000.0)
        bucket.take(1000.0)
        self.assertEqual(bucket.try_take(10.0), 1)
        self.assertEqual(bucket.try_take(11.0), 0)

    @given(rates, bursts, pauses)
    def test_never_more_than_burst_and_rate(self, rate: float, burst: int, steps: list[float]) -> None:
        """Whenever one asks, never more are given than the burst and the rate over the time passed."""
        bucket = TokenBucket(rate=rate, burst=burst, now=0.0)
        now, given_out = 0.0, 0
        for step in steps:
            now += step
            given_out += not bucket.try_take(now)
            self.assertLessEqual(given_out, burst + rate * now + 0.01)

    @given(rates, bursts, pauses)
    def test_waiting_as_told_keeps_to_the_rate(self, rate: float, burst: int, steps: list[float]) -> None:
        """Whoever takes what is not there, and then waits as told, keeps to one more than that."""
        bucket = TokenBucket(rate=rate, burst=burst, now=0.0)
        now = 0.0
        for taken, step in enumerate(steps, start=1):
            now += step
            self.assertLessEqual(taken, burst + rate * now + 1 + 1e-6)
            now += bucket.take(now)

    def test_debt_is_bounded(self) -> None:
        """However much was taken, there is room again after the time of a burst."""
        bucket = TokenBucket(rate=10, burst=20, now=0.0)
        wait = [bucket.take(0.0) for _ in range(1000)][-1]
        self.assertEqual(wait, 2.0)
