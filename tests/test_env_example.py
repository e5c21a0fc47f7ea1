"""The example env file against the table of settings."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config, default_text
from jsongle_server.config_sources import load
from jsongle_server.config_table import SETTINGS

EXAMPLE = Path(__file__).parent.parent / ".env.example"
ASSIGNMENT = re.compile(r"^#(\w+)=(.*)$", re.MULTILINE)


class EnvExampleTests(SynchronousTestCase):
    """``.env.example`` documents what the server understands, no more and no less."""

    def setUp(self) -> None:
        """Read the example."""
        self.text = EXAMPLE.read_text(encoding="utf-8")

    def test_every_setting_with_its_default(self) -> None:
        """Every setting is there once, with its default, and nothing else is."""
        documented = sorted(ASSIGNMENT.findall(self.text))
        self.assertEqual(documented, sorted((setting.name, default_text(setting)) for setting in SETTINGS))

    def test_copied_unchanged_changes_nothing(self) -> None:
        """The file as it stands gives the default configuration, without a warning."""
        loaded = load(options={}, environ={}, env_file=str(EXAMPLE))
        self.assertEqual((loaded.config, loaded.warnings), (Config(), ()))
        self.assertEqual(set(loaded.origins.values()), {"default"})

    def test_uncommented_gives_the_defaults(self) -> None:
        """With every setting uncommented, all come from the file and are the defaults."""
        path = self.mktemp()
        Path(path).write_text(ASSIGNMENT.sub(r"\1=\2", self.text), encoding="utf-8")
        loaded = load(options={}, environ={}, env_file=path)
        self.assertEqual((loaded.config, loaded.warnings), (Config(), ()))
        self.assertEqual(set(loaded.origins.values()), {path})

    def test_aliases_are_mentioned(self) -> None:
        """Whoever knows a setting by its other name finds it."""
        for alias in (alias for setting in SETTINGS for alias in setting.aliases):
            self.assertIn(alias, self.text)
