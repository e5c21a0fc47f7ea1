"""``docs/security.md`` against the code: the tests, modules and settings that it names exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server
from fuzz.targets import TARGETS
from jsongle_server.config_table import SETTINGS
from tests.test_docs import read, rows

PACKAGE: Final = Path(jsongle_server.__file__).parent
HEADER: Final = "| threat |"


def named(cell: str) -> list[str]:
    """What stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


class TableTests(SynchronousTestCase):
    """The tables of threats."""

    def setUp(self) -> None:
        """Reads all of them."""
        text = read("security.md")
        parts = text.split(HEADER)[1:]
        self.rows = [row for part in parts for row in rows(HEADER + part, HEADER)]
        self.text = text

    def test_tests(self) -> None:
        """Every threat has a test, and every test that is named is there."""
        self.assertGreater(len(self.rows), 30)
        for threat, _, _, tested in self.rows:
            tests = [name for name in named(tested) if name.startswith("test_")]
            self.assertNotEqual(tests, [], threat)
            for name in tests:
                module, _, case = name.partition(".")
                self.assertTrue(hasattr(import_module(f"tests.{module}"), case), name)

    def test_modules_and_settings(self) -> None:
        """What protects stands in modules and settings that there are."""
        settings = {setting.name for setting in SETTINGS}
        for threat, _, where, _ in self.rows:
            for name in named(where):
                self.assertTrue(name in settings or (PACKAGE / f"{name}.py").exists(), (threat, name))

    def test_targets(self) -> None:
        """The targets of fuzzing are those that there are."""
        self.assertEqual([row[0].strip("`") for row in rows(self.text, "| target |")], list(TARGETS))
