"""Tests of :mod:`jsongle_server.limits`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.limits import RecentCount

moments = st.lists(st.integers(min_value=0, max_value=100), max_size=40).map(sorted)


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

    @given(moments, st.integers(min_value=1, max_value=5), st.integers(min_value=0, max_value=30))
    def test_agrees_with_counting_every_event_anew(self, times: list[int], limit: int, span: int) -> None:
        """Whatever the events, it says too many exactly when that many lie within the span that ends now."""
        count = RecentCount(limit, span)
        for index, now in enumerate(times):
            recent = [time for time in times[: index + 1] if now - time <= span]
            self.assertEqual(count.too_many(now), len(recent) >= limit)
