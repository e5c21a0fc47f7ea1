"""A Node that is new enough for the browser client and its tests."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import playwright

OLDEST: Final = 20
"""The first release that has all that the client takes for granted."""

NEEDED: Final = f"needs Node {OLDEST} or later: as node in the path, or as the one that playwright brings"


def find_node() -> str | None:
    """Where it is: in the path, or else, as systems have old ones, within playwright, which runs on it."""
    brought = Path(playwright.__file__).parent / "driver" / "node"
    return next((node for node in (shutil.which("node"), str(brought)) if node and _release(node) >= OLDEST), None)


def _release(node: str) -> int:
    """The release of a Node; 0 where it does not run."""
    try:
        done = subprocess.run((node, "--version"), capture_output=True, check=False, timeout=60)
    except OSError:
        return 0
    found = re.match(rb"v(\d+)\.", done.stdout)
    return int(found[1]) if found else 0
