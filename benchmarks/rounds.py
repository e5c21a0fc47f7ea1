"""One measurement after another: who is measured when, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

import orjson

from benchmarks.contenders import ROOT, Contender, NotStarted, confine, environment, started
from benchmarks.load.meter import Measured
from benchmarks.results import Results
from benchmarks.shapes import Shape

TIMEOUT: Final = 180.0
"""Seconds after which a measurement is given up."""


class Failed(Exception):
    """A server could not be measured."""


def run_rounds(
    shapes: Sequence[Shape], contenders: Sequence[Contender], *, rounds: int, tell: Callable[[str], None]
) -> Results:
    """Measures every contender in every shape, in turns, each time in a fresh process.

    :param tell: is told of each measurement once it is done.
    """
    results = Results()
    cores = two_cores()
    for shape in shapes:
        for number in range(1, rounds + 1):
            for contender in contenders:
                label = f"{shape.name} {number}/{rounds} {contender.name}"
                try:
                    measured = measure(contender, shape, cores=cores)
                except Failed as failed:
                    results.failures.append(f"{label}: {failed}")
                    tell(f"{label}: {failed}")
                else:
                    results.add(shape.name, measured, contender=contender.name)
                    tell(f"{label}: {'  '.join(f'{k} {v:,.3f}' for k, v in measured.figures.items())}")
    return results


def measure(contender: Contender, shape: Shape, *, cores: tuple[int, int]) -> Measured:
    """Measures a contender once.

    :param cores: those of the server and of the load generator.
    :raises Failed: it does not start, or does not do what it should.
    """
    servers_core, generators_core = cores
    try:
        with started(contender, core=servers_core) as server:
            return _load(
                shape.name, f"--port={server.port}", f"--pid={server.pid}", f"--wire={contender.wire}",
                f"--seconds={shape.seconds}", f"--warm-up={shape.warm_up}", core=generators_core,
            )  # fmt: skip
    except NotStarted as error:
        raise Failed(str(error)) from None


def two_cores() -> tuple[int, int]:
    """The cores of server and load generator.

    :raises SystemExit: there is only one.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("The benchmarks need two cores: one for the server, one for the load generator.")
    return allowed[0], allowed[-1]


def _load(*arguments: str, core: int) -> Measured:
    try:
        done = subprocess.run(
            (sys.executable, "-m", "benchmarks.load", *arguments), cwd=ROOT, env=environment(),
            preexec_fn=lambda: confine(core),
            capture_output=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {TIMEOUT:.0f} s") from None
    if done.returncode:
        raise Failed(done.stderr.decode(errors="replace").strip())
    return Measured(**orjson.loads(done.stdout))
