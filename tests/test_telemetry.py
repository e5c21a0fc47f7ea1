"""Tests of :mod:`jsongle_server.telemetry`."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import psutil
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.telemetry import DISK_LIMIT, CpuMeter, Probe, SlowProbe, Telemetry, disk_free, idle_share
from tests.rest_support import run_at_once

Times = namedtuple("Times", "user idle iowait guest")


class SlowDisk:
    """Threads that end when the test says so."""

    def __init__(self) -> None:
        self.running: list[Deferred[float]] = []

    def __call__(self, probe: Probe) -> Deferred[float]:
        """Begin one."""
        self.running.append(Deferred())
        return self.running[-1]


class ThreadedClock(Clock):
    """A clock with a thread pool, as reactors have one; what is to run in a thread runs when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Callable[[], None]] = []

    def getThreadPool(self) -> ThreadedClock:  # noqa: N802
        """The pool."""
        return self

    def callInThreadWithCallback(self, done: Callable[[bool, Any], None], job: Probe) -> None:  # noqa: N802
        """Take a job."""
        self.jobs.append(lambda: done(True, job()))

    def callFromThread(self, function: Callable[..., None], *args: Any) -> None:  # noqa: N802
        """Come back to the reactor."""
        function(*args)


class TelemetryTests(SynchronousTestCase):
    """All figures together."""

    def setUp(self) -> None:
        """Begin an hour after the epoch."""
        self.clock: Clock = Clock()
        self.clock.advance(3600)

    def measure(self, **options: Any) -> Deferred[dict[str, Any]]:
        """Measure the root file system and the rest of the machine."""
        telemetry = Telemetry(started=3590.0, path="/", reactor=self.clock, **options)
        return Deferred.fromCoroutine(telemetry.measure())

    def test_the_figures_are_percents_seconds_and_milliseconds(self) -> None:
        """Each within what its unit allows."""
        figures = self.successResultOf(self.measure(run=run_at_once))
        for key in ("memoryFree", "diskFree", "cpuFree"):
            self.assertTrue(0 <= figures[key] <= 100, key)
        self.assertEqual(figures["uptime"], 10)
        self.assertRegex(figures["system"], r"^\w+:\w+-\S+$")
        self.assertTrue(0 <= figures["executionTime"] < 10_000)

    def test_a_disk_that_hangs_is_left_out(self) -> None:
        """The other figures come after two seconds."""
        measuring = self.measure(run=SlowDisk())
        self.assertNoResult(measuring)
        self.clock.advance(DISK_LIMIT)
        figures = self.successResultOf(measuring)
        self.assertIsNone(figures["diskFree"])
        self.assertIsInstance(figures["memoryFree"], float)

    def test_the_disk_is_measured_in_a_thread(self) -> None:
        """One of the reactor's, unless told otherwise."""
        self.clock = clock = ThreadedClock()
        measuring = self.measure()
        self.assertNoResult(measuring)
        clock.jobs.pop()()
        self.assertIsInstance(self.successResultOf(measuring)["diskFree"], float)

    def test_the_free_space_of_a_disk_is_a_percent(self) -> None:
        """Of the disk on which the tests run."""
        self.assertTrue(0 <= disk_free("/") <= 100)


class SlowProbeTests(SynchronousTestCase):
    """One probe for everybody, and nobody waits long."""

    def setUp(self) -> None:
        """Make a probe on a disk that is slow."""
        self.clock = Clock()
        self.disk = SlowDisk()
        self.probe = SlowProbe(lambda: 0.0, self.clock, self.disk)

    def test_everybody_who_waits_gets_the_same_answer(self) -> None:
        """However many ask, one thread is at it."""
        waiting = [self.probe.value() for _ in range(100)]
        self.assertEqual(len(self.disk.running), 1)
        self.disk.running[0].callback(12.5)
        self.assertEqual({self.successResultOf(value) for value in waiting}, {12.5})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_next_one_measures_anew(self) -> None:
        """An answer is not kept."""
        self.successResultOf(self._answered(1.0))
        self.assertEqual(self.successResultOf(self._answered(2.0)), 2.0)

    def test_a_probe_that_hangs_is_not_begun_again(self) -> None:
        """Who comes later does not even wait, until it is back after all."""
        first = self.probe.value()
        self.clock.advance(DISK_LIMIT)
        self.assertIsNone(self.successResultOf(first))
        late = self.probe.value()
        self.clock.advance(0)
        self.assertIsNone(self.successResultOf(late))
        self.assertEqual(len(self.disk.running), 1)
        self.disk.running[0].callback(3.0)
        self.assertEqual(self.successResultOf(self._answered(4.0)), 4.0)

    def test_who_gives_up_is_forgotten(self) -> None:
        """A client that has gone is not waited for, and keeps nobody else from the answer."""
        gone, other = self.probe.value(), self.probe.value()
        gone.addErrback(lambda _: None)
        gone.cancel()
        self.disk.running[0].callback(5.0)
        self.assertEqual(self.successResultOf(other), 5.0)

    def test_a_probe_that_fails_has_no_answer(self) -> None:
        """A disk that is not there any more is no reason to fail, nor one to log a traceback."""
        self.assertIsNone(self._failed())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_probe_that_fails_is_logged_once(self) -> None:
        """One warning when it begins to fail, however many ask; the next one only after it has worked again."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        self.addCleanup(globalLogPublisher.removeObserver, seen)
        for _ in range(2):
            for _ in range(3):
                self._failed()
            self._answered(1.0)
        logged = [(event["log_level"], formatEvent(event)) for event in seen]
        self.assertEqual(logged, [(LogLevel.warn, "the free disk space cannot be had: gone")] * 2)

    def test_an_answer_at_once_leaves_no_timer(self) -> None:
        """Nothing is limited that is over."""
        probe = SlowProbe(lambda: 0.0, self.clock, lambda _: succeed(6.0))
        self.assertEqual(self.successResultOf(probe.value()), 6.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def _failed(self) -> float | None:
        value = self.probe.value()
        self.disk.running[-1].errback(OSError("gone"))
        return self.successResultOf(value)

    def _answered(self, found: float) -> Deferred[float | None]:
        value = self.probe.value()
        self.disk.running[-1].callback(found)
        return value


class CpuTests(SynchronousTestCase):
    """How idle the processors are."""

    def test_the_share_is_that_of_idle_time_between_two_readings(self) -> None:
        """Waiting for a disk is idle too, and a guest's time is in the user's already."""
        share = idle_share(Times(10.0, 100.0, 5.0, 9.0), Times(12.0, 105.0, 6.0, 11.0), fallback=0.0)
        self.assertEqual(share, 75.0)

    def test_a_clock_that_goes_back_counts_for_nothing(self) -> None:
        """Some systems correct their counters."""
        self.assertEqual(idle_share(Times(10.0, 1.0, 5.0, 0.0), Times(9.0, 2.0, 5.0, 0.0), fallback=0.0), 100.0)

    def test_without_time_between_the_fallback_stands(self) -> None:
        """There is nothing to divide by."""
        times = Times(1.0, 1.0, 1.0, 1.0)
        self.assertEqual(idle_share(times, times, fallback=42.0), 42.0)

    def test_readings_in_a_row_share_a_measurement(self) -> None:
        """Over a moment the kernel's counters say nothing."""
        clock = Clock()
        readings = [Times(0.0, 0.0, 0.0, 0.0), Times(1.0, 1.0, 0.0, 0.0), Times(1.0, 2.0, 0.0, 0.0)]
        self.patch(psutil, "cpu_times", lambda: readings.pop(0))
        meter = CpuMeter(clock.seconds)
        clock.advance(1)
        self.assertEqual([meter.free(), meter.free()], [50.0, 50.0])
        clock.advance(1)
        self.assertEqual(meter.free(), 100.0)
