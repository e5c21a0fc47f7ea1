"""``docs/guarantees.md`` against the tests and the code: what proves a guarantee exists, and so do the settings."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config_table import SETTINGS
from tests.test_docs import read, rows
from tests.test_docs_metrics import names

HEADER: Final = "| guarantee |"


class GuaranteeTests(SynchronousTestCase):
    """The tables of guarantees."""

    def setUp(self) -> None:
        """Reads all of them."""
        _, *parts = read("guarantees.md").split(HEADER)
        self.rows = [row for part in parts for row in rows(HEADER + part, HEADER)]

    def test_tests(self) -> None:
        """Every guarantee has a class of tests, and each that is named is there and has tests in it."""
        self.assertGreater(len(self.rows), 15)
        for guarantee, _, proven in self.rows:
            self.assertNotEqual(names(proven), [], guarantee)
            for name in names(proven):
                module, _, case = name.partition(".")
                found = getattr(import_module(f"tests.{module}"), case, object)
                self.assertTrue(any(method.startswith("test_") for method in dir(found)), name)

    def test_settings(self) -> None:
        """The settings that are named in camel case exist."""
        known = {setting.name for setting in SETTINGS}
        named = {
            name for _, meaning, _ in self.rows for name in names(meaning) if name.isalpha() and not name.islower()
        }
        self.assertGreater(len(named), 3)
        self.assertEqual(named - known, set())
