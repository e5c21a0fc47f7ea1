"""Leaving the terminal client while the name of its server is looked up, which nothing ends."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.daemons import DEADLINE, wait_until
from tests.test_chat import Screenful, TerminalCase

HANGS = """
import pathlib, socket, threading

def getaddrinfo(*arguments, **named):
    pathlib.Path("asked").touch()
    threading.Event().wait()

socket.getaddrinfo = getaddrinfo
"""
"""Run at the start of Python: name servers are silent for ever."""


class LookUpTests(TerminalCase):
    """With name servers that are silent."""

    def setUp(self) -> None:
        """Makes them so."""
        super().setUp()
        (self.folder / "sitecustomize.py").write_text(HANGS)
        self.environ = {"PYTHONPATH": f"{self.folder}{os.pathsep}{self.command()['env']['PYTHONPATH']}"}

    def asking(self) -> Screenful:
        """The command on a terminal, while it looks the name up."""
        (self.folder / "asked").unlink(missing_ok=True)
        screen = self.screen("ws://server.example", **self.environ)
        wait_until((self.folder / "asked").exists, "the look-up")
        screen.sees("(offline) nobody>")
        return screen

    def test_typed(self) -> None:
        """What is typed to leave ends it at once, with 0."""
        for keys in ("/quit\r", "\x03", "\x04"):
            screen = self.asking()
            screen.type(keys)
            self.assertEqual(screen.wait(), 0, screen.output)
            self.assertNotIn("Traceback", screen.output)

    def test_signals(self) -> None:
        """Signals do, and 1 stands for a terminal that is gone."""
        for number, status in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 1)):
            screen = self.asking()
            screen.process.send_signal(number)
            self.assertEqual(screen.wait(), status, screen.output)
            self.assertNotIn("Traceback", screen.output)

    def test_script(self) -> None:
        """In pipes, too, whether or not the input is over."""
        for source in (subprocess.PIPE, subprocess.DEVNULL):
            (self.folder / "asked").unlink(missing_ok=True)
            command = {**self.chat("ws://server.example", **self.environ), "stdin": source}
            with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                wait_until((self.folder / "asked").exists, "the look-up")
                process.send_signal(signal.SIGTERM)
                status = process.wait(DEADLINE)
                assert process.stderr is not None
                self.assertEqual((status, process.stderr.read()), (0, b""))
