"""The setting ``logPath``: which files are accepted, and what becomes of their paths."""

from __future__ import annotations

import os

from tests.test_config import SettingCase


class LogPathTests(SettingCase):
    """The log file's path."""

    def setUp(self) -> None:
        """Make a directory."""
        self.directory = self.mktemp()
        os.makedirs(self.directory)

    def test_none(self) -> None:
        """Nothing means no log file."""
        self.assertAccepts("logPath", {"": None, "  ": None})

    def test_file(self) -> None:
        """A file, there or not, becomes its absolute path."""
        path = os.path.join(self.directory, "a.log")
        self.assertAccepts("logPath", {path: os.path.abspath(path)})
        with open(path, "w", encoding="utf-8"):
            self.assertAccepts("logPath", {path: os.path.abspath(path)})

    def test_directory(self) -> None:
        """In a directory, the file has its standard name."""
        path = os.path.abspath(os.path.join(self.directory, "jsongle-server.log"))
        self.assertAccepts("logPath", {self.directory: path, self.directory + "/": path})

    def test_no_such_place(self) -> None:
        """A file in no directory, a directory that is not there, a device, and what no file can be called."""
        missing = os.path.join(self.directory, "missing")
        self.assertRefuses("logPath", [missing + "/a.log", missing + "/", os.devnull, "a\x00b", "a\nb", "\ud800"])

    def test_directory_in_the_place_of_the_file(self) -> None:
        """A directory with the file's standard name is in its way."""
        os.makedirs(os.path.join(self.directory, "jsongle-server.log"))
        self.assertRefuses("logPath", [self.directory])

    def test_relative_to_no_folder(self) -> None:
        """A relative path while the current folder was deleted is refused as any other that leads nowhere."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.directory)
        os.rmdir(os.getcwd())
        self.assertRefuses("logPath", ["a.log", "./a.log"])
