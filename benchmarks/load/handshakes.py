"""Clients that come and go: connections that are opened a second, hello and join included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress

from benchmarks.load.clients import Client, Loop
from benchmarks.load.frames import CLOSE, masked_frame
from benchmarks.load.meter import Measured, Meter
from benchmarks.load.opening import Steps, Target, new_client, open_client, run_steps
from benchmarks.load.sockets import Closed


class Handshakes:
    """Clients that connect, say hello, join a multi-user room of their own, and leave.

    :param target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = Loop(target.wire)
        self._opened = 0
        self._numbers = itertools.count()

    def measure(self, *, warm_up: float, seconds: float) -> Measured:
        """How many of them are ready to talk a second.

        :param warm_up: how long they come before it is measured, in seconds.
        :param seconds: how long it is measured.
        """
        measured = None

        def starts() -> Iterator[tuple[Client, Steps]]:
            nonlocal measured
            yield from self._come(Meter(self._target.pid), warm_up)
            opened, meter = self._opened, Meter(self._target.pid)
            yield from self._come(meter, seconds)
            measured = meter.read(connections=self._opened - opened)

        run_steps(self._loop, starts())
        assert measured is not None
        return measured

    def _come(self, meter: Meter, seconds: float) -> Iterator[tuple[Client, Steps]]:
        while meter.seconds < seconds:
            number = next(self._numbers)
            client = new_client(self._target, number)
            yield client, self._come_and_go(client, rid=f"room-{number}")

    def _come_and_go(self, client: Client, *, rid: str) -> Steps:
        yield from open_client(self._target, self._loop, client, rid=rid)
        self._opened += 1
        client.write(masked_frame(b"\x03\xe8", opcode=CLOSE))
        # Some servers answer by a close frame, others only hang up.
        with suppress(Closed):
            while not client.held:
                yield
        self._loop.remove(client)
