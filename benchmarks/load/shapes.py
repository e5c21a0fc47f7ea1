"""The shapes by name: which clients there are, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from benchmarks.load.fan_out import Hall
from benchmarks.load.handshakes import Handshakes
from benchmarks.load.idle import measure_idle
from benchmarks.load.meter import Measured
from benchmarks.load.opening import Target
from benchmarks.load.paced import Paced
from benchmarks.load.pairs import Pairs

GROWTH: Final = (100, 1_000, 5_000, 10_000)
"""How many clients there are, one after another."""


class Shape(Protocol):
    """One way for clients to behave."""

    def __call__(self, target: Target, *, warm_up: float, seconds: float) -> Measured:
        """Measures a server.

        :param warm_up: how long it goes on before it is measured, in seconds.
        :param seconds: how long it is measured.
        """
        ...


def _burst(target: Target, *, warm_up: float, seconds: float) -> Measured:
    pairs = Pairs(target)
    pairs.grow(100)
    return pairs.measure(in_flight=4, warm_up=warm_up, seconds=seconds)


def _wide(target: Target, *, warm_up: float, seconds: float) -> Measured:
    pairs = Pairs(target)
    pairs.grow(1000)
    return pairs.measure(in_flight=1, warm_up=warm_up, seconds=seconds)


def _growth(target: Target, *, warm_up: float, seconds: float) -> Measured:
    """All sizes in one; of the shares of the cores it is the worst of all that counts."""
    pairs = Pairs(target)
    found = {}
    for clients in GROWTH:
        pairs.grow(clients)
        found[clients] = pairs.measure(in_flight=1, warm_up=warm_up, seconds=seconds)
    relayed = {clients: measured.figures["relayed"] for clients, measured in found.items()}
    figures = {f"relayed_{clients}": figure for clients, figure in relayed.items()}
    figures["kept"] = 100 * relayed[10_000] / relayed[1_000]
    return Measured(
        figures,
        max(measured.generator for measured in found.values()),
        min(measured.server for measured in found.values()),
        max(measured.others for measured in found.values()),
    )


def _measure(kind: Callable[[Target], Hall | Paced | Handshakes]) -> Shape:
    return lambda target, *, warm_up, seconds: kind(target).measure(warm_up=warm_up, seconds=seconds)


SHAPES: Final[Mapping[str, Shape]] = {
    "burst": _burst,
    "wide": _wide,
    "fan-out": _measure(Hall),
    "paced": _measure(Paced),
    "handshakes": _measure(Handshakes),
    "idle": measure_idle,
    "growth": _growth,
}
