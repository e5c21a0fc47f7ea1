"""What the tests of ``contrib/`` share: where it is, and tools that may not be there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml
from twisted.trial.unittest import SkipTest

from tests.daemons import DEADLINE

ROOT: Final = Path(__file__).parent.parent
CONTRIB: Final = ROOT / "contrib"


def tool(name: str, *, package: str) -> str:
    """The path of a program.

    :param package: the Debian package that it is in.
    :raises SkipTest: it is not installed.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise SkipTest(f"needs the Debian package {package}")
    return found


def run(*command: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs a program to its end: its exit status, and what it printed on both streams.

    :param environment: its environment; that of the test unless given.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=DEADLINE,
    )
    return done.returncode, done.stdout.decode()


def read_yaml(*parts: str) -> Any:
    """A YAML file of ``contrib/``."""
    return yaml.safe_load(CONTRIB.joinpath(*parts).read_text(encoding="utf-8"))


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """A text with other words for some of it, each of which must be there.

    :raises AssertionError: one is not.
    """
    for old, new in changes:
        if old not in text:
            raise AssertionError(f"there is no {old!r}")
        text = text.replace(old, new)
    return text
