"""Clients that say nothing: what they cost the server."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from benchmarks.load.clients import Loop
from benchmarks.load.meter import Measured, Meter, resident_kib
from benchmarks.load.opening import Target, open_clients

CLIENTS: Final = 10_000


def measure_idle(target: Target, *, warm_up: float, seconds: float) -> Measured:
    """The memory of each client in KiB, and the share of a core for all of them in percent.

    :param warm_up: how long they are silent before it is measured, in seconds.
    :param seconds: how long it is measured.
    """
    loop = Loop(target.wire)
    before = resident_kib(target.pid)
    open_clients(target, loop, range(CLIENTS), rid=lambda number: f"room-{number // 2}")
    _be_silent(loop, warm_up)
    meter = Meter(target.pid)
    _be_silent(loop, seconds)
    measured = meter.read()
    memory = (resident_kib(target.pid) - before) / CLIENTS
    return replace(measured, figures={"memory": memory, "cpu": measured.server * 100})


def _be_silent(loop: Loop, seconds: float) -> None:
    """Does nothing but answer pings."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for client in loop.ready(left):
            loop.take(client)
