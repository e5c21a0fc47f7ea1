"""Reads what trial printed: how many tests passed and failed, and which were skipped.

``trial_summary.py count OUTPUT`` prints ``N passed, N failed``. ``trial_summary.py skips OUTPUT ALLOWED`` fails when a
test was skipped, or marked as a known failure, that the file ALLOWED does not name (one full test name a line).
Needs nothing but Python, so that it works when the environment could not be made.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_VERDICT = re.compile(r"^(?:PASSED|FAILED)(?: \((?P<counts>[^)]*)\))?$", re.MULTILINE)
_EXCUSED = re.compile(r"^\[(?:SKIPPED|TODO)\]\n(?P<body>.*?)(?=^={79}$|^-{79}$|\Z)", re.MULTILINE | re.DOTALL)
_TEST_NAME = re.compile(r"^[A-Za-z_]\w*(?:\.\w+)+$", re.MULTILINE)


def counts_of(output: str) -> dict[str, int]:
    """The figures of trial's last verdict by their names; a run that came to no verdict is one error."""
    verdicts = list(_VERDICT.finditer(output))
    if not verdicts:
        return {"errors": 1}
    pairs = re.findall(r"(\w+)=(\d+)", verdicts[-1]["counts"] or "")
    return {name: int(figure) for name, figure in pairs}


def count(output: str) -> str:
    """The line that ends a run, e.g. ``812 passed, 0 failed``."""
    counts = counts_of(output)
    failed = sum(counts.get(name, 0) for name in ("failures", "errors", "unexpectedSuccesses"))
    return f"{counts.get('successes', 0)} passed, {failed} failed"


def complaints(output: str, allowed: set[str]) -> list[str]:
    """What is wrong with the tests that did not have to pass: one line each, none when all is well."""
    counts = counts_of(output)
    excused = {name for block in _EXCUSED.finditer(output) for name in _TEST_NAME.findall(block["body"])}
    told = [f"skipped or marked todo, and not on the list: {name}" for name in sorted(excused - allowed)]
    expected = counts.get("skips", 0) + counts.get("expectedFailures", 0)
    if expected > len(excused):
        told.append(f"{expected} tests were skipped or marked todo, of which only {len(excused)} are named")
    if not counts.get("successes"):
        told.append("no test has passed")
    return told


def main(arguments: list[str]) -> int:
    """Does what the command line asks for; returns the exit code."""
    command, output = arguments[0], Path(arguments[1]).read_text(encoding="utf-8", errors="replace")
    if command == "count":
        print(count(output))
        return 0
    lines = Path(arguments[2]).read_text(encoding="utf-8").splitlines()
    told = complaints(output, {line.strip() for line in lines if line.strip() and not line.startswith("#")})
    print("\n".join(told) or "no test was skipped that may not be")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
