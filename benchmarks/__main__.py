"""Measures this server beside bare relays: ``python -m benchmarks``.

Prints a table, and which floors were met; with ``--output`` it also writes benchmarks.json and chart.svg. ``--quick``
measures two shapes beside the bare Autobahn relay alone, in less than a minute, against floors of its own. Exits with
1 where a floor was missed, with 2 where a contender could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import report_table
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.floors import FLOORS, QUICK_FLOORS, Floor
from benchmarks.report_chart import chart
from benchmarks.report_json import document
from benchmarks.results import Results
from benchmarks.rounds import run_rounds
from benchmarks.shapes import SHAPES, Shape

QUICK_SHAPES: Final = ("burst", "wide")
QUICK_CONTENDERS: Final = ("jsongle", "autobahn")
QUICK_WARM_UP: Final = 0.3
QUICK_SECONDS: Final = 1.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line asks for; returns the exit status."""
    options = _parse(arguments)
    shapes, contenders = _shapes(options), _contenders(options)
    floors = [
        floor for floor in (QUICK_FLOORS if options.quick else FLOORS) if floor.shape in {one.name for one in shapes}
    ]
    results = run_rounds(shapes, contenders, rounds=options.rounds, tell=_tell)
    told = (report_table.table(results, shapes), report_table.floors(results, floors), report_table.remarks(results))
    print(*told, sep="\n\n", flush=True)
    if options.output is not None:
        _write(options.output, results, shapes, floors, contenders=contenders)
    return _exit_status(results, floors)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less than a minute: burst and wide, beside autobahn")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured [default: 3]")
    parser.add_argument("--shapes", type=_names(SHAPES), help="only these, as burst,wide")
    parser.add_argument("--contenders", type=_names(CONTENDERS), help="only these, as jsongle,ws")
    parser.add_argument("--output", type=Path, help="folder for benchmarks.json and chart.svg, if they are wanted")
    return parser.parse_args(arguments)


def _names(known: Sequence[Shape] | Sequence[Contender]) -> Callable[[str], list[str]]:
    """What reads names, parted by commas."""
    expected = [one.name for one in known]

    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(expected):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}; there are {', '.join(expected)}")
        return names

    return read


def _shapes(options: argparse.Namespace) -> list[Shape]:
    """What is measured, in the order of the reports."""
    names = options.shapes or (QUICK_SHAPES if options.quick else [shape.name for shape in SHAPES])
    shapes = [shape for shape in SHAPES if shape.name in names]
    return (
        [replace(shape, warm_up=QUICK_WARM_UP, seconds=QUICK_SECONDS) for shape in shapes] if options.quick else shapes
    )


def _contenders(options: argparse.Namespace) -> list[Contender]:
    """Who is measured; says who is left out."""
    names = options.contenders or (QUICK_CONTENDERS if options.quick else [contender.name for contender in CONTENDERS])
    chosen = [contender for contender in CONTENDERS if contender.name in names]
    for contender in chosen:
        if contender.missing:
            print(f"{contender.name} is left out: there is no {' and no '.join(contender.missing)} here")
    return [contender for contender in chosen if not contender.missing]


def _write(
    folder: Path,
    results: Results,
    shapes: Sequence[Shape],
    floors: Sequence[Floor],
    *,
    contenders: Sequence[Contender],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_bytes(document(results, shapes, floors, contenders=contenders))
    (folder / "chart.svg").write_text(chart(results, shapes), encoding="utf-8")


def _exit_status(results: Results, floors: Sequence[Floor]) -> int:
    if results.failures:
        return 2
    values = ((floor, floor.value(results)) for floor in floors)
    return int(any(value is not None and not floor.is_met(value) for floor, value in values))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
