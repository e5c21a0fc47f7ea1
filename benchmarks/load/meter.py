"""What a measurement takes: time, and how busy generator and server are in it."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement.

    :ivar figures: what was measured, by name.
    :ivar generator: the share of one core that the generator was busy.
    :ivar server: the share of one core that the server was busy.
    :ivar others: the share of their two cores that other processes have taken away, on the core where it was more.
    """

    figures: dict[str, float]
    generator: float
    server: float
    others: float


class Meter:
    """A stopwatch for a span of time, begun when it is made.

    :param pid: the server's process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cores = [min(os.sched_getaffinity(process)) for process in (0, pid)]
        self._busy = [core_seconds(core) for core in self._cores]
        self._server = cpu_seconds(pid)
        self._generator = time.process_time()
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """The time since it began."""
        return time.monotonic() - self._started

    def read(self, **counts: float) -> Measured:
        """The measurement that ends now.

        :param counts: what happened in the meantime; the figures are that a second.
        """
        seconds = self.seconds
        own = (time.process_time() - self._generator, cpu_seconds(self._pid) - self._server)
        busy = [core_seconds(core) - before for core, before in zip(self._cores, self._busy, strict=True)]
        generator, server = (taken / seconds for taken in own)
        others = max(all_ - taken for all_, taken in zip(busy, own, strict=True)) / seconds
        return Measured({name: count / seconds for name, count in counts.items()}, generator, server, max(others, 0.0))


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has taken, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def core_seconds(core: int) -> float:
    """The time that a core was busy since the system started, in seconds."""
    found = re.search(rf"^cpu{core} (.*)$", Path("/proc/stat").read_text(), re.MULTILINE)
    assert found is not None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, found[1].split()[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def resident_kib(pid: int) -> int:
    """The resident memory of a process, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return int(found[1])
