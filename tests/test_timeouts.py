"""Tests of :mod:`jsongle_server.timeouts`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.timeouts import Timeouts

SECONDS = 5.0
START = 1_795_356_548.0


class TimeoutsTests(SynchronousTestCase):
    """Waiting the same time for each of many things."""

    def setUp(self) -> None:
        """Nothing is waited for yet; a log of what expired, and when."""
        self.clock = Clock()
        self.clock.rightNow = START
        self.expired: list[tuple[str, float]] = []
        self.timeouts = Timeouts(self.clock, SECONDS, self.note)

    def note(self, key: str) -> None:
        """Notes what expired, and after how long."""
        self.expired.append((key, self.clock.seconds() - START))

    def test_expires_once_in_time(self) -> None:
        """Something expires when its time is over, not before, and not again."""
        self.timeouts.start("a")
        self.clock.advance(SECONDS - 0.001)
        self.assertEqual(self.expired, [])
        self.clock.advance(0.001)
        self.clock.advance(100)
        self.assertEqual([key for key, _ in self.expired], ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_each_has_its_own_time(self) -> None:
        """Things that began at different times expire one after another, in that order."""
        for key in "abc":
            self.timeouts.start(key)
            self.clock.advance(1)
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(self.expired, [("a", 5.0), ("b", 6.0), ("c", 7.0)])

    def test_one_timer_for_all(self) -> None:
        """However many are waited for, there is one timer."""
        for number in range(1000):
            self.timeouts.start(str(number))
            self.clock.advance(0.001)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_stopped_does_not_expire(self) -> None:
        """What was stopped does not expire, and does not hold up what comes behind it."""
        for key in "abc":
            self.timeouts.start(key)
            self.clock.advance(1)
        self.assertTrue(self.timeouts.stop("a"))
        self.assertTrue(self.timeouts.stop("c"))
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(self.expired, [("b", 6.0)])

    def test_stopping_what_is_not_waited_for(self) -> None:
        """Stopping twice, or what never began, does nothing and says so."""
        self.timeouts.start("a")
        self.timeouts.stop("a")
        self.assertFalse(self.timeouts.stop("a"))
        self.assertFalse(self.timeouts.stop("b"))

    def test_no_timer_for_nothing(self) -> None:
        """With nothing left to wait for there is no timer."""
        for key in "ab":
            self.timeouts.start(key)
        for key in "ab":
            self.timeouts.stop(key)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_starting_again_begins_anew(self) -> None:
        """What is started again waits for its whole time, behind what began before that."""
        self.timeouts.start("a")
        self.clock.advance(1)
        self.timeouts.start("b")
        self.clock.advance(1)
        self.timeouts.start("a")
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(self.expired, [("b", 6.0), ("a", 7.0)])

    def test_started_and_stopped_by_what_expired(self) -> None:
        """What expires may start itself again, and stop what would have been next."""

        def expire(key: str) -> None:
            self.note(key)
            if len(self.expired) == 1:
                timeouts.start(key)
                timeouts.stop("b")

        timeouts = Timeouts(self.clock, SECONDS, expire)
        for key in "abc":
            timeouts.start(key)
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(self.expired, [("a", 5.0), ("c", 5.0), ("a", 10.0)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_done_costs_no_timer(self) -> None:
        """What is done does not expire, and nothing runs for its sake, though nobody has stopped it."""
        done: set[str] = set()
        timeouts = Timeouts(self.clock, SECONDS, self.note, is_done=done.__contains__)
        for key in "abcd":
            timeouts.start(key)
            self.clock.advance(1)
        done.update("bc")
        self.clock.advance(1)
        (timer,) = self.clock.getDelayedCalls()
        self.assertEqual((self.expired, timer.getTime() - START), ([("a", 5.0)], 8.0))
        done.add("d")
        self.clock.advance(3)
        self.assertEqual(self.expired, [("a", 5.0)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure_stops_nobody_else(self) -> None:
        """What fails on expiring is logged; the others have their time as ever."""

        def fail(key: str) -> None:
            self.note(key)
            if key == "a":
                raise ValueError("a")

        timeouts = Timeouts(self.clock, SECONDS, fail)
        for key in "abc":
            timeouts.start(key)
            self.clock.advance(0 if key == "a" else 1)
        self.clock.advance(SECONDS)
        self.assertEqual([key for key, _ in self.expired], ["a", "b", "c"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_clock_that_is_set_back(self) -> None:
        """When the clock is set back, nobody waits longer than the whole time after that."""
        self.timeouts.start("gone")
        self.timeouts.stop("gone")
        self.clock.rightNow -= 3600
        self.timeouts.start("a")
        self.clock.advance(1)
        self.clock.rightNow -= 3600
        self.timeouts.start("b")
        self.clock.advance(SECONDS)
        self.assertEqual([key for key, _ in self.expired], ["a", "b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(
        st.lists(
            st.tuples(st.sampled_from(["start", "stop"]), st.integers(0, 5), st.sampled_from([0.0, 0.125, 0.75, 3.0])),
            max_size=40,
        )
    )
    def test_as_with_timers_of_their_own(self, steps: list[tuple[str, int, float]]) -> None:
        """Whatever is started and stopped when, the same things expire as if each had a timer."""
        clock, simple = Clock(), Clock()
        clock.rightNow = simple.rightNow = START
        expired: list[tuple[int, float]] = []
        expected: list[tuple[int, float]] = []
        timeouts: Timeouts[int] = Timeouts(clock, SECONDS, lambda key: expired.append((key, clock.seconds())))
        timers: dict[int, IDelayedCall] = {}
        for step, key, wait in [*steps, *[("wait", 0, 0.125)] * 50]:
            timer = timers.get(key)
            if step != "wait" and timer is not None and timer.active():
                timer.cancel()
            if step == "start":
                timeouts.start(key)
                timers[key] = simple.callLater(SECONDS, lambda key=key: expected.append((key, simple.seconds())))
            elif step == "stop":
                timeouts.stop(key)
            clock.advance(wait)
            simple.advance(wait)
        self.assertEqual(sorted(expired), sorted(expected))
        self.assertEqual(clock.getDelayedCalls(), [])
