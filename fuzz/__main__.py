"""Fuzzes the server for some minutes: ``python -m fuzz [--seconds N] [TARGET ...]``; ``make fuzz`` does all of it.

Exits with 1 where something was found, and says what and how to see it again. What is found stays in
``build/fuzz/TARGET``, as does what was learned of the way there, which later runs go on from.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from fuzz.targets import TARGETS, Target

BUILD: Final = Path("build", "fuzz")

HARNESS: Final = ("-m", "fuzz.harness")
"""What Python runs in the process of a target."""

TOO_LONG: Final = 20
"""Seconds that one input may take; most take a few milliseconds."""

TOO_MUCH: Final = 1024
"""MiB of memory that a run may take."""


def main(arguments: list[str] | None = None) -> int:
    """Runs what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzzes the server.")
    parser.add_argument("--seconds", type=int, default=300, help="for all targets together")
    parser.add_argument("--again", metavar="FILE", type=Path, help="an input to try once more, without atheris")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none is named")
    asked = parser.parse_args(arguments)
    names = asked.targets or list(TARGETS)
    if not set(names) <= TARGETS.keys():
        parser.error(f"the targets are {', '.join(TARGETS)}")
    if asked.again is not None:
        for name in names:
            TARGETS[name].check(asked.again.read_bytes())
        print("nothing is wrong with it")
        return 0
    found = [name for name in names if not fuzz(name, max(1, asked.seconds // len(names)))]
    print(f"found something: {', '.join(found)}" if found else "found nothing")
    return 1 if found else 0


def fuzz(name: str, seconds: int) -> bool:
    """Fuzzes one target; returns whether all was well."""
    folder = BUILD / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    plant(TARGETS[name], corpus)
    before = set(folder.iterdir())
    done = subprocess.run(
        [
            sys.executable, *HARNESS, name, str(corpus), f"-max_total_time={seconds}",
            f"-max_len={TARGETS[name].longest}", f"-artifact_prefix={folder}/", f"-timeout={TOO_LONG}",
            f"-rss_limit_mb={TOO_MUCH}", "-print_final_stats=1", "-verbosity=0",
        ],
        stderr=subprocess.PIPE, check=False, text=True, errors="replace",
    )  # fmt: skip
    count = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    print(f"{name}: {count[1] if count else 'an unknown number of'} inputs in {seconds} s", flush=True)
    if done.returncode == 0:
        return True
    print(*(line for line in done.stderr.splitlines() if not line.startswith("INFO: ")), sep="\n")
    for path in sorted(set(folder.iterdir()) - before):
        print(f"\n{name}: {path.read_bytes()!r}\n{sys.executable} -m fuzz --again {path} {name}")
    return False


def plant(target: Target, corpus: Path) -> None:
    """Writes the inputs to begin with."""
    for seed in target.seeds:
        (corpus / sha256(seed).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    sys.exit(main())
