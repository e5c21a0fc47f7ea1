"""Tests of :mod:`jsongle_server.sampler`."""

from __future__ import annotations

import psutil
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.clock_watch import ClockWatch
from jsongle_server.history import INTERVAL, History, Sample
from jsongle_server.sampler import Sampler
from jsongle_server.testing import MemoryServer


class SamplerTests(SynchronousTestCase):
    """One sampler on a clock."""

    def setUp(self) -> None:
        """A sampler that runs."""
        self.server = MemoryServer()
        self.clock: Clock = self.server.clock
        self.stopwatch = Clock()
        self.samples: list[Sample] = []
        self.history = History(self.server.metrics, self.server.signaling)
        self.sampler = Sampler(
            self.history,
            self.clock,
            self.samples.append,
            stopwatch=self.stopwatch.seconds,
            make_meter=lambda: lambda: 4711,
        )
        self.sampler.start()

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on."""
        self.stopwatch.advance(seconds)
        self.clock.advance(seconds)

    def test_a_sample_every_two_seconds(self) -> None:
        """Each is told of and kept, with the memory of its moment."""
        for _ in range(3):
            self.pass_time(INTERVAL)
        self.assertEqual(len(self.samples), 3)
        self.assertEqual(self.history.samples(), self.samples)
        self.assertEqual({sample.memory for sample in self.samples}, {4711})

    def test_stop(self) -> None:
        """No sample after the stop, and no timer; a second stop does no harm."""
        self.sampler.stop()
        self.sampler.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_rates_go_by_the_stopwatch(self) -> None:
        """A turn that comes late, or a clock that is set, makes no wrong rate."""
        self.server.metrics.received["session-text"] += 12
        self.stopwatch.advance(4)
        self.clock.advance(3600)
        self.assertEqual(self.samples[0].received, 3.0)

    def test_no_time_at_all(self) -> None:
        """Two samples at one time of the stopwatch are no division by zero."""
        self.clock.advance(INTERVAL)
        self.assertEqual(self.samples[0].received, 0.0)

    def test_the_clock_is_set_back(self) -> None:
        """The next sample is not an hour off: a client that speaks moves all timers, whoever looks moves this one."""
        watch = ClockWatch(self.clock)
        self.clock.rightNow -= 3600
        watch.look()
        self.pass_time(INTERVAL)
        self.assertEqual(len(self.samples), 1)
        self.clock.rightNow -= 3600
        self.sampler.look()
        self.pass_time(INTERVAL)
        self.assertEqual(len(self.samples), 2)

    def test_looking_delays_nothing(self) -> None:
        """While the clock is right."""
        self.pass_time(INTERVAL / 2)
        self.sampler.look()
        self.pass_time(INTERVAL / 2)
        self.assertEqual(len(self.samples), 1)
        self.sampler.stop()
        self.sampler.look()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_failure_is_logged_and_the_next_sample_comes(self) -> None:
        """Whether the measuring fails or somebody who is told."""
        self.server.metrics.relay_seconds = None  # type: ignore[assignment]
        self.pass_time(INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_memory(self) -> None:
        """Without another meter it is what the system says of this process."""
        sampler = Sampler(self.history, self.clock, self.samples.append)
        sampler.start()
        self.pass_time(INTERVAL)
        self.assertAlmostEqual(self.samples[-1].memory, psutil.Process().memory_info().rss, delta=50_000_000)
