"""``docs/doctor.md`` against the command: its options, its exit status, and what it looks at."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server
from jsongle_server import doctor
from jsongle_server.config_table import SETTINGS
from tests.test_docs import read, rows


class DoctorTests(SynchronousTestCase):
    """What the document says of the doctor."""

    def test_options(self) -> None:
        """The table of options has all of them, and no others."""
        parser = ArgumentParser(add_help=False)
        doctor.add_arguments(parser)
        known = {name for action in parser._actions for name in (*action.option_strings, action.metavar) if name}
        written = {word for row in rows(read("doctor.md"), "| option |") for word in re.findall(r"[\w-]+", row[0])}
        self.assertEqual(written, known | {"TOKEN"})

    def test_checks(self) -> None:
        """The table of checks has every check that a finding can belong to."""
        package = Path(jsongle_server.__file__).parent
        source = "".join(path.read_text(encoding="utf-8") for path in package.glob("doctor*.py"))
        made = re.findall(r'\b(?:ok|skipped|warning|problem)\(\s*"(\w+)"', source)
        made += re.findall(r'^CHECK: Final = "(\w+)"$', source, re.MULTILINE)
        written = {word for row in rows(read("doctor.md"), "| check |") for word in re.findall(r"\w+", row[0])}
        self.assertEqual(written, {*made, "stun"})

    def test_settings(self) -> None:
        """The example counts all settings."""
        self.assertIn(f" of {len(SETTINGS)} settings are given", read("doctor.md"))
