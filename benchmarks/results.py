"""What came of the measurements: medians, spreads, ratios."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from benchmarks.contenders import OWN
from benchmarks.load.meter import Measured


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure of one contender over all rounds."""

    median: float
    least: float
    most: float


class Results:
    """All measurements.

    :ivar failures: what could not be measured, and why.
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self._measured: defaultdict[tuple[str, str], list[Measured]] = defaultdict(list)

    def add(self, shape: str, measured: Measured, *, contender: str) -> None:
        """Adds a measurement."""
        self._measured[shape, contender].append(measured)

    def of(self, shape: str, *, contender: str) -> list[Measured]:
        """The measurements of a contender in a shape, in the order of the rounds; there may be none."""
        return self._measured.get((shape, contender), [])

    def contenders(self, shape: str) -> list[str]:
        """Who was measured in a shape, in the order of the first round."""
        return [contender for measured, contender in self._measured if measured == shape]

    def spread(self, shape: str, figure: str, *, contender: str) -> Spread | None:
        """A figure over all rounds; ``None`` where it was not measured."""
        values = [measured.figures[figure] for measured in self.of(shape, contender=contender)]
        return Spread(median(values), min(values), max(values)) if values else None

    def ratio(self, shape: str, figure: str, *, contender: str) -> float | None:
        """The figure of this server by that of another, both medians; ``None`` where one was not measured, or is 0."""
        own, other = (self.spread(shape, figure, contender=name) for name in (OWN, contender))
        return own.median / other.median if own and other and other.median else None

    def shares(self, shape: str, *, contender: str) -> tuple[float, float, float]:
        """What server, generator and others took of a core: the median for the server, else the most of all rounds."""
        measured = self.of(shape, contender=contender)
        return (
            median(one.server for one in measured),
            max(one.generator for one in measured),
            max(one.others for one in measured),
        )

    def all(self) -> list[Measured]:
        """Every measurement."""
        return [measured for rounds in self._measured.values() for measured in rounds]
