"""The pages of the documentation as a whole: each can be found, and the README says what there is."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server
from jsongle_server.config import default_text
from jsongle_server.config_table import SETTINGS
from jsongle_server.rest import ROUTES
from jsongle_server.rest_routes import Door
from tests.test_docs import DOCUMENTS, ROOT, read, rows
from tests.test_docs_metrics import names

DOCS: Final = ROOT / "docs"
INDEX: Final = DOCS / "index.md"
PACKAGE: Final = Path(jsongle_server.__file__).parent

_LINK: Final = re.compile(r"^- \[[^\]]+\]\(([^)#]+\.md)\): ", re.MULTILINE)
_TREE: Final = re.compile(r"^```\{toctree\}\n(?::.*\n)*\n((?:.+\n)+)```$", re.MULTILINE)

DOORS: Final = {Door.OPEN: "", Door.ADMINISTRATOR: "🔒", Door.LOCAL: "🔓"}
"""How the README marks who may."""


class IndexTests(SynchronousTestCase):
    """``docs/index.md`` leads to every page."""

    def setUp(self) -> None:
        """Finds all pages but the index itself."""
        self.pages = {path.relative_to(DOCS).as_posix() for path in DOCUMENTS if path.is_relative_to(DOCS)} - {
            "index.md"
        }

    def test_links(self) -> None:
        """Each is linked to, once, with a word on what it is."""
        self.assertEqual(sorted(_LINK.findall(read("index.md"))), sorted(self.pages))

    def test_trees(self) -> None:
        """Each has its place in one tree of the built documentation."""
        trees = [tree.split() for tree in _TREE.findall(read("index.md"))]
        for page in self.pages:
            fitting = [tree for tree in trees if any(fnmatch(page, f"{entry}.md") for entry in tree)]
            self.assertEqual(len(fitting), 1, page)

    def test_titles(self) -> None:
        """Each begins with a title, and has no other."""
        for path in DOCUMENTS:
            text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
            self.assertEqual(re.findall(r"^# ", text, re.MULTILINE), ["# "], path)
            self.assertTrue(text.startswith("# "), path)
            self.assertTrue(path.read_text(encoding="utf-8").endswith("\n"), path)


class ReadmeTests(SynchronousTestCase):
    """What the tables of the README say is so."""

    def setUp(self) -> None:
        """Reads it."""
        self.text = (ROOT / "README.md").read_text(encoding="utf-8")

    def test_settings(self) -> None:
        """The settings are there, and the numbers and words under "default" are their defaults."""
        defaults = {setting.name: default_text(setting) for setting in SETTINGS}
        for cell, default, _ in rows(self.text, "| setting |"):
            for name in names(cell):
                self.assertIn(name, defaults)
            first = default.partition(",")[0]
            if first.isdigit() or first in {"info", "off"}:
                self.assertEqual(defaults[names(cell)[0]], first, cell)

    def test_routes(self) -> None:
        """The routes are there, marked by who may use them, and none that shows something is left out."""
        doors = {(route.method, route.template): route.door for route in ROUTES}
        listed = set()
        for cell, _ in rows(self.text, "| request |"):
            method = ""
            for name in names(cell):
                method, path = name.split() if " " in name else (method, name)
                listed.add((method, path))
                self.assertEqual(DOORS[doors[method, path]], re.sub(r"[^🔒🔓]", "", cell), name)
        left_out = {path for _, path in doors.keys() - listed if f"`{path}`" not in self.text}
        self.assertEqual({path for path in left_out if not path.startswith("/static/")}, set())

    def test_folders(self) -> None:
        """The folders are those that there are, and none of those that are linted is left out."""
        folders = {names(cell)[0].rstrip("/") for cell, _ in rows(self.text, "| folder |")}
        self.assertEqual({folder for folder in folders if not (ROOT / folder).is_dir()}, set())
        linted = re.findall(r"^LINTED := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[
            0
        ].split()
        self.assertEqual(
            {folder for folder in linted if folder[0] != "."} - {name.partition("/")[0] for name in folders}, set()
        )


class CodeTests(SynchronousTestCase):
    """The tables that say which file does what name each file that there is, and none that there is not."""

    def assertNamed(self, cells: list[str], folder: Path, kind: str) -> None:
        """The files of a folder are those that stand in cells, as names or patterns."""
        patterns = re.findall(r"`([^`]+)`", " ".join(cells))
        files = {path.name for path in folder.glob(kind)}
        self.assertEqual([pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in files)], [])
        self.assertEqual({name for name in files if not any(fnmatch(name, each) for each in patterns)}, set())

    def test_pages(self) -> None:
        """Of the demo and of the dashboard."""
        for page in ("demo", "dashboard"):
            cells = [row[0] for row in rows(read(f"{page}.md"), "| module |")]
            self.assertNamed(cells, PACKAGE / "static" / page, "*.js")

    def test_layers(self) -> None:
        """Of the server."""
        cells = [row[1] for row in rows(read("architecture.md"), "| layer |")]
        self.assertNamed([*cells, "`__init__.py`"], PACKAGE, "*.py")
