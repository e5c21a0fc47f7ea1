"""The results as data: every measurement, what the floors came to, and the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from benchmarks.contenders import CONTENDERS, NODE_MODULES, Contender
from benchmarks.floors import Floor
from benchmarks.report_table import describe
from benchmarks.results import Results
from benchmarks.shapes import Shape

Json = dict[str, Any]


def document(
    results: Results, shapes: Sequence[Shape], checked: Sequence[Floor], *, contenders: Sequence[Contender]
) -> bytes:
    """The whole as JSON.

    :param contenders: who took part.
    """
    found = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(contenders),
        "shapes": [_shape(results, shape) for shape in shapes],
        "floors": [_floor(results, floor) for floor in checked],
        "left_out": {contender.name: contender.missing for contender in CONTENDERS if contender.missing},
        "failures": results.failures,
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def machine() -> dict[str, str | int | None]:
    """What it was measured on."""
    processor = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": processor[1] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions(contenders: Sequence[Contender]) -> dict[str, str]:
    """What the contenders are made with."""
    found = {}
    for contender in contenders:
        for name in ("twisted", "autobahn", "orjson", *contender.modules):
            found[name] = metadata.version(name)
        for package in contender.packages:
            found["node"] = subprocess.check_output(("node", "--version"), text=True).strip().removeprefix("v")
            found[package] = orjson.loads((NODE_MODULES / package / "package.json").read_bytes())["version"]
    return found


def _shape(results: Results, shape: Shape) -> Json:
    rounds = {name: results.of(shape.name, contender=name) for name in results.contenders(shape.name)}
    spreads = {
        name: {figure.key: results.spread(shape.name, figure.key, contender=name) for figure in shape.figures}
        for name in rounds
    }
    return {**asdict(shape), "spreads": spreads, "rounds": rounds}


def _floor(results: Results, floor: Floor) -> Json:
    value = floor.value(results)
    return {"floor": describe(floor), "value": value, "met": None if value is None else floor.is_met(value)}
