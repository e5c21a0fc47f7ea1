"""Every command in the documents is one that there is: its options, its targets, its addresses, its settings."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.__main__ import COMMANDS
from jsongle_server.config_envfile import read_env_file
from jsongle_server.config_sources import load
from jsongle_server.config_table import SETTINGS
from jsongle_server.rest import ROUTES
from jsongle_server.tap import Options
from tests.test_docs import DOCUMENTS, ROOT, blocks

NAMES: Final = {name for setting in SETTINGS for name in setting.names}

FILES: Final = {"key", "cert", "useHTTPS", "jwksPath"}
"""Settings whose examples name files that are not there."""

STARTS: Final = ("systemd:", "unix:")
"""Endpoints that only the system that they are for can have."""

_TARGETS: Final = re.compile(r"^([a-z-]+):", re.MULTILINE)
_ADDRESS: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1):8081(/[^\s\"'<>)`]*)")
_COMMAND: Final = re.compile(r"^(?:\w+=\S* )*(\S*/)?(make|twistd|python) ")


def lines() -> Iterator[tuple[str, list[str]]]:
    """Every command line of a shell in the documents, with the document that it is from, split into words."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in (*blocks(text, "sh"), *blocks(text, "console")):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.removeprefix("$ ").strip()
                for part in re.split(r" && | \| ", command):
                    if _COMMAND.match(part):
                        words = shlex.split(part, comments=True)
                        yield document.name, [word for word in words if not re.match(r"[0-9]*>", word)]


def commands(name: str) -> list[tuple[str, list[str]]]:
    """What follows the name of a program, each time that it is called."""
    found = []
    for document, words in lines():
        programs = [index for index, word in enumerate(words) if Path(word).name == name]
        if programs and all("=" in word for word in words[: programs[0]]):
            found.append((document, words[programs[0] + 1 :]))
    return found


class CommandTests(SynchronousTestCase):
    """What stands in blocks of shell."""

    def test_make(self) -> None:
        """``make`` has the targets, and knows the variables."""
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(_TARGETS.findall(makefile))
        found = commands("make")
        self.assertGreater(len(found), 3)
        for document, words in found:
            for word in words:
                name, is_variable, _ = word.partition("=")
                known = f"$({name})" in makefile or f"{name} ?=" in makefile or f"or $({name})" in makefile
                self.assertTrue(known if is_variable else name in targets, (document, word))

    def test_modules(self) -> None:
        """``python -m jsongle_server`` takes the command, and that its options."""
        found = [(name, words[2:]) for name, words in commands("python") if words[:2] == ["-m", "jsongle_server"]]
        self.assertGreater(len(found), 3)
        for document, words in found:
            parser = ArgumentParser(exit_on_error=False)
            COMMANDS[words[0]].add_arguments(parser)
            try:
                parser.parse_args(words[1:])
            except SystemExit:
                self.fail(f"{document}: {words}")

    def test_twistd(self) -> None:
        """``twistd jsongle`` knows the options."""
        found = [
            (name, words[words.index("jsongle") + 1 :]) for name, words in commands("twistd") if "jsongle" in words
        ]
        self.assertGreater(len(found), 2)
        for document, words in found:
            options = Options()
            options.postOptions = lambda: None  # type: ignore[method-assign]  # only the syntax is of interest
            try:
                options.parseOptions(words)
            except UsageError as error:
                self.fail(f"{document}: {words}: {error}")

    def test_addresses(self) -> None:
        """Every address of the REST port is a route's."""
        routes = [re.sub(r"\{\w+\}", "[^/]+", route.template) for route in ROUTES]
        found = [
            (document.name, path.partition("?")[0])
            for document in DOCUMENTS
            for path in _ADDRESS.findall(document.read_text(encoding="utf-8"))
        ]
        self.assertGreater(len(found), 3)
        for document, path in found:
            self.assertTrue(any(re.fullmatch(route, path) for route in routes), (document, path))


class SettingTests(SynchronousTestCase):
    """What stands in blocks that are lines of an env file."""

    def test_settings(self) -> None:
        """They are settings, and their values are accepted, those apart that name files of a machine."""
        found = [(document.name, block) for document in DOCUMENTS for block in _env_files(document)]
        self.assertGreater(len(found), 3)
        for document, block in found:
            path = Path(self.mktemp())
            path.write_text(block, encoding="utf-8")
            read = read_env_file(str(path))
            self.assertEqual((read.problems, read.warnings), ((), ()), document)
            options = {
                entry.name: entry.text
                for entry in read.entries
                if entry.name not in FILES and not entry.text.startswith(STARTS) and "…" not in entry.text
            }
            empty = Path(self.mktemp())
            empty.touch()
            load(options={**_needed(options), **options}, environ={}, env_file=str(empty))


def _needed(options: dict[str, str]) -> dict[str, str]:
    """What must be given along with some settings."""
    needed: dict[str, str] = {}
    if "turnUrls" in options or "turnSecret" in options:
        needed |= {"turnUrls": "turn:turn.example.org", "turnSecret": "a-secret"}
    if "webhookUrl" in options:
        needed["webhookSecret"] = "a-secret-of-enough-characters"
    return needed


def _env_files(document: Path) -> Iterator[str]:
    for block in blocks(document.read_text(encoding="utf-8"), "sh"):
        names = [line.partition("=")[0].strip() for line in block.splitlines() if line and not line.startswith("#")]
        if names and set(names) <= NAMES:
            yield block
