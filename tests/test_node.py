"""Which Node the tests of the browser client run on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import playwright
from twisted.trial.unittest import SynchronousTestCase

from tests.node import OLDEST, find_node

BROUGHT = Path(playwright.__file__).parent / "driver" / "node"


class FindTests(SynchronousTestCase):
    """Where there are several, or none."""

    def put(self, script: str) -> str:
        """Makes a script the only node in the path."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        node = folder / "node"
        node.write_text(f"#!/bin/sh\n{script}\n")
        node.chmod(0o755)
        self.patch(os, "environ", {**os.environ, "PATH": str(folder)})
        return str(node)

    def test_in_the_path(self) -> None:
        """One in the path that is new enough is taken."""
        node = self.put(f"echo v{OLDEST}.0.0")
        self.assertEqual(find_node(), node)

    def test_too_old(self) -> None:
        """In the place of one that is too old, or does not run, comes that of playwright."""
        for script in (f"echo v{OLDEST - 1}.9.9", "exit 1"):
            self.put(script)
            self.assertEqual(find_node(), str(BROUGHT))

    def test_brought(self) -> None:
        """That of playwright is new enough."""
        done = subprocess.run((BROUGHT, "--version"), capture_output=True, check=True, timeout=60)
        self.assertGreaterEqual(int(done.stdout[1:].split(b".")[0]), OLDEST)
