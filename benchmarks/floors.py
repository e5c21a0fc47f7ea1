"""What this server must reach at the least, mostly beside others in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.contenders import OWN
from benchmarks.results import Results


@dataclass(frozen=True, slots=True)
class Floor:
    """One floor.

    :ivar shape: the shape that it is about.
    :ivar figure: the key of the figure.
    :ivar bound: what the figure must reach, or, with ``beside``, how many times that of another contender.
    :ivar beside: the name of that contender.
    :ivar at_most: whether the bound must not be exceeded instead.
    """

    shape: str
    figure: str
    bound: float
    beside: str = ""
    at_most: bool = False

    def value(self, results: Results) -> float | None:
        """What was measured, to be compared with the bound; ``None`` where it was not."""
        if self.beside:
            return results.ratio(self.shape, self.figure, contender=self.beside)
        spread = results.spread(self.shape, self.figure, contender=OWN)
        return spread.median if spread else None

    def is_met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.bound if self.at_most else value >= self.bound


FLOORS: Final = (
    Floor("burst", "relayed", 2.0, beside="autobahn"),
    Floor("burst", "relayed", 1.0, beside="ws"),
    Floor("wide", "relayed", 2.2, beside="autobahn"),
    Floor("wide", "relayed", 1.1, beside="ws"),
    Floor("fan-out", "deliveries", 1.3, beside="ws"),
    Floor("paced", "p99", 1.0, beside="ws", at_most=True),
    Floor("handshakes", "connections", 1.2, beside="autobahn"),
    Floor("idle", "memory", 14.0, at_most=True),
    Floor("growth", "kept", 60.0),
)

QUICK_FLOORS: Final = (
    Floor("burst", "relayed", 1.5, beside="autobahn"),
    Floor("wide", "relayed", 1.5, beside="autobahn"),
)
"""What even a short run on a busy machine must show, if nothing slow has crept in."""
