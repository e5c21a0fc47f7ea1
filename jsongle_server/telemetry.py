"""How the machine is doing, for ``GET /telemetry``.

Never blocks the reactor: memory and processor are read from the kernel at once, the disk, which may be a network disk
that hangs, in a thread that is not waited for longer than a limit. Layer 4.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import psutil
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

DISK_LIMIT: Final = 2.0
"""Seconds for which a request waits for the disk."""

CPU_SPAN: Final = 1.0
"""Shortest time over which the use of the processors is measured, in seconds."""

Probe = Callable[[], float]
"""Measures something, possibly for long; gives percent."""

Runner = Callable[[Probe], "Deferred[float]"]
"""Runs a probe in a thread."""


class Telemetry:
    """Measures the machine.

    :param started: when the server started, in seconds since the epoch.
    :param path: a path on the disk to watch.
    :param reactor: gives the time, and threads unless ``run`` does.
    :param run: runs a probe in a thread; one of the reactor's unless a test wants another.
    """

    def __init__(self, *, started: float, path: str, reactor: Any, run: Runner | None = None) -> None:
        self._started = started
        self._reactor = reactor
        self._disk = SlowProbe(lambda: disk_free(path), reactor, run or _thread_of(reactor))
        self._cpu = CpuMeter(reactor.seconds)

    async def measure(self) -> dict[str, Any]:
        """The figures of the moment: percents from 0 to 100, ``null`` where one could not be had in time.

        ``uptime`` is in seconds since the server started, ``executionTime`` the milliseconds that measuring took.
        """
        begun = perf_counter()
        memory = psutil.virtual_memory()
        disk = await self._disk.value()
        return {
            "memoryFree": _percent(memory.available / memory.total * 100),
            "diskFree": None if disk is None else _percent(disk),
            "cpuFree": _percent(self._cpu.free()),
            "uptime": round(max(0.0, self._reactor.seconds() - self._started), 3),
            "system": f"{platform.machine()}:{platform.system()}-{platform.release()}",
            "executionTime": round((perf_counter() - begun) * 1000, 3),
        }


class CpuMeter:
    """How idle the processors are, measured from one reading to the next, so that no reading has to wait.

    :param now: gives the time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._taken = now()
        self._times = psutil.cpu_times()
        self._free = 100.0

    def free(self) -> float:
        """Idle time in percent since the reading before; the same again when that was only just."""
        now = self._now()
        if now - self._taken >= CPU_SPAN:
            times = psutil.cpu_times()
            self._free = idle_share(self._times, times, fallback=self._free)
            self._times, self._taken = times, now
        return self._free


class SlowProbe:
    """Runs one probe at a time for everybody who asks meanwhile, and lets nobody wait for long.

    :param probe: what to run.
    :param clock: limits the waiting.
    :param run: runs it in a thread.
    """

    _log = Logger()

    def __init__(self, probe: Probe, clock: IReactorTime, run: Runner) -> None:
        self._probe = probe
        self._clock = clock
        self._run = run
        self._since: float | None = None
        self._failing = False
        self._waiting: list[Deferred[float | None]] = []

    def value(self) -> Deferred[float | None]:
        """What the probe finds; ``None`` if it fails, or is not done within :data:`DISK_LIMIT` of its beginning."""
        waiter: Deferred[float | None] = Deferred()
        self._waiting.append(waiter)
        if self._since is None:
            self._since = self._clock.seconds()
            self._run(self._probe).addCallbacks(self._done, self._failed)
        if not waiter.called:
            left = DISK_LIMIT - (self._clock.seconds() - self._since)
            waiter.addTimeout(max(0.0, left), self._clock)
            waiter.addErrback(self._too_late, waiter)
        return waiter

    def _done(self, found: float | None, *, failing: bool = False) -> None:
        self._failing = failing
        waiting, self._waiting, self._since = self._waiting, [], None
        for waiter in waiting:
            waiter.callback(found)

    def _failed(self, failure: Failure) -> None:
        # What cannot be had now is missing in the answer; anybody may ask, so only the first time makes a line.
        if not self._failing:
            self._log.warn("the free disk space cannot be had: {reason}", reason=failure.getErrorMessage())
        self._done(None, failing=True)

    def _too_late(self, failure: Failure, waiter: Deferred[float | None]) -> None:
        self._waiting.remove(waiter)
        failure.trap(TimeoutError)


def disk_free(path: str) -> float:
    """Free space of the disk that holds a path, in percent of what ordinary users may fill."""
    return 100.0 - psutil.disk_usage(path).percent


def idle_share(before: Any, after: Any, *, fallback: float) -> float:
    """How much of the time between two readings the processors were idle, in percent.

    :param before: what ``psutil.cpu_times`` gave.
    :param after: what it gave later.
    :param fallback: the answer when no time has passed.
    """
    # Guest time is part of user time already.
    names = [name for name in before._fields if not name.startswith("guest")]
    spent: dict[str, float] = {name: max(0.0, getattr(after, name) - getattr(before, name)) for name in names}
    total = sum(spent.values())
    if not total:
        return fallback
    return (spent["idle"] + spent.get("iowait", 0.0)) / total * 100


def _percent(value: float) -> float:
    return round(min(100.0, max(0.0, value)), 2)


def _thread_of(reactor: Any) -> Runner:
    def run(probe: Probe) -> Deferred[float]:
        found: Deferred[float] = deferToThreadPool(reactor, reactor.getThreadPool(), probe)
        return found

    return run
