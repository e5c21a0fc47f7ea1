"""So many messages a second, whatever the server does: how long each of them takes.

Messages leave by the clock, so that a server that is late with one makes none of the next ones later. The generator
does not sleep in between, which could only be done by the millisecond; its share of a core leaves out the turns in
which it finds nothing to do.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Final

from benchmarks.load.clients import Client, Loop
from benchmarks.load.messages import text
from benchmarks.load.meter import Measured, Meter
from benchmarks.load.opening import Refused, Target, open_clients
from benchmarks.load.sockets import PATIENCE

CLIENTS: Final = 1000
RATE: Final = 2000
"""Messages a second of all clients together."""

PERCENTILES: Final = {"p50": 0.5, "p99": 0.99, "p999": 0.999}

_MARK: Final = b'"id":"paced-'
_DIGITS: Final = 8


class Paced:
    """Clients in pairs that talk by the clock.

    :param target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = Loop(target.wire)
        self._clients = open_clients(target, self._loop, range(CLIENTS))
        self._sent: list[float] = []
        self._arrived: dict[int, float] = {}
        self._busy = 0.0

    def measure(self, *, warm_up: float, seconds: float) -> Measured:
        """How long messages take from when they are sent until they can be read, in milliseconds.

        :param warm_up: how long they talk before it is measured, in seconds.
        :param seconds: how long it is measured.
        :raises Refused: not every message has arrived.
        """
        first, total = int(warm_up * RATE), int((warm_up + seconds) * RATE)
        schedule = [self._message(number) for number in range(total)]
        start = time.monotonic()
        self._talk(schedule[:first], start)
        meter = Meter(self._target.pid)
        busy = self._busy
        self._talk(schedule[first:], start)
        measured = replace(meter.read(), generator=(self._busy - busy) / meter.seconds)
        self._await_all()
        times = sorted(self._arrived[number] - self._sent[number] for number in range(first, total))
        return replace(measured, figures={name: percentile(times, share) * 1e3 for name, share in PERCENTILES.items()})

    def _talk(self, schedule: list[tuple[Client, bytes]], start: float) -> None:
        """Sends messages, each when it is due.

        :param start: when the first message of all was due.
        """
        clock = time.monotonic
        for client, frame in schedule:
            due = start + len(self._sent) / RATE
            while (now := clock()) < due:
                self._listen()
            self._sent.append(now)
            client.write(frame)
            self._busy += clock() - now

    def _listen(self) -> None:
        ready = self._loop.ready(0)
        if ready:
            now = time.monotonic()
            for client in ready:
                for payload in self._loop.take_relayed(client):
                    self._arrived[number_of(payload)] = now
            self._busy += time.monotonic() - now

    def _await_all(self) -> None:
        end = time.monotonic() + PATIENCE
        while len(self._arrived) < len(self._sent):
            self._listen()
            if time.monotonic() > end:
                raise Refused(f"of {len(self._sent)} messages {len(self._arrived)} have arrived")

    def _message(self, number: int) -> tuple[Client, bytes]:
        client, other = (self._clients[(number ^ side) % CLIENTS] for side in (0, 1))
        mid = f"paced-{number:0{_DIGITS}}"
        return client, self._loop.wire.frame(text(client.identity, other.identity, mid=mid))


def number_of(payload: bytes) -> int:
    """The number of a relayed message, by its id."""
    start = payload.index(_MARK) + len(_MARK)
    return int(payload[start : start + _DIGITS])


def percentile(ordered: list[float], share: float) -> float:
    """The value that so much of all values does not exceed.

    :param ordered: all values, the smallest first.
    :param share: above 0, up to 1.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
