"""The results as text: a table for each shape, and which floors were met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.contenders import OWN
from benchmarks.floors import Floor
from benchmarks.results import Results
from benchmarks.shapes import Figure, Shape, figure_of

GENERATOR_LIMIT: Final = 0.95
"""The share of its core from which on the generator may be what was measured."""

DISTURBED: Final = 0.05
"""The share of a core from which on other processes may have changed what was measured."""

_HEAD: Final = ("", "median", "least to most", f"{OWN} is")
_SHARES_HEAD: Final = ("", "server", "generator", "others")


def table(results: Results, shapes: Sequence[Shape]) -> str:
    """Medians, spread, and how this server does beside each other one."""
    return "\n\n".join("\n".join(_shape_lines(results, shape)) for shape in shapes if results.contenders(shape.name))


def floors(results: Results, checked: Sequence[Floor]) -> str:
    """Each floor that was measured, and whether it was met."""
    lines = []
    for floor in checked:
        value = floor.value(results)
        if value is None:
            lines.append(f"not measured  {describe(floor)}")
        else:
            times = " x" if floor.beside else ""
            verdict = "met" if floor.is_met(value) else "MISSED"
            lines.append(f"{verdict:12}  {describe(floor)}: {number(value)}{times}")
    return "\n".join(lines)


def remarks(results: Results) -> str:
    """What makes the results less sure."""
    measured = results.all()
    disturbed = sum(one.others > DISTURBED for one in measured)
    busy = sum(one.generator > GENERATOR_LIMIT for one in measured)
    return "\n".join(
        (
            f"In {disturbed} of {len(measured)} measurements other processes took more than {DISTURBED:.0%} of a core.",
            f"In {busy} of them the generator took more than {GENERATOR_LIMIT:.0%} of its core.",
            *(f"Not measured: {failure}" for failure in results.failures),
        )
    )


def describe(floor: Floor) -> str:
    """A floor in words."""
    bound = f"{floor.bound:g}" + (f" x {floor.beside}" if floor.beside else "")
    limit = "at most" if floor.at_most else "at least"
    return f"{floor.shape}, {figure_of(floor.shape, floor.figure).title}, {limit} {bound}"


def number(value: float) -> str:
    """A figure with three digits that count, or without decimals."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value else "0"


def _shape_lines(results: Results, shape: Shape) -> Iterator[str]:
    yield f"{shape.name}: {shape.about}"
    for figure in shape.figures:
        rows = [_HEAD, *(_row(results, shape, figure, contender) for contender in results.contenders(shape.name))]
        yield f"  {figure.title}" + (" (less is better)" if figure.lower_is_better else "")
        yield from _aligned(rows)
    rows = [_SHARES_HEAD, *(_shares(results, shape, contender) for contender in results.contenders(shape.name))]
    yield "  shares of their cores"
    yield from _aligned(rows)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        yield "  ".join((f"    {name:{widths[0]}}", *map(str.rjust, cells, widths[1:]))).rstrip()


def _row(results: Results, shape: Shape, figure: Figure, contender: str) -> tuple[str, ...]:
    spread = results.spread(shape.name, figure.key, contender=contender)
    assert spread is not None
    ratio = None if contender == OWN else results.ratio(shape.name, figure.key, contender=contender)
    return (
        contender,
        number(spread.median),
        f"{number(spread.least)} to {number(spread.most)}",
        f"{ratio:.2f} x" if ratio is not None else "",
    )


def _shares(results: Results, shape: Shape, contender: str) -> tuple[str, ...]:
    server, generator, others = results.shares(shape.name, contender=contender)
    busy = generator > GENERATOR_LIMIT
    return contender, f"{server:.0%}", f"{generator:.0%}" + (" TOO BUSY" if busy else ""), f"{others:.0%}"
