"""``docs/chat.md`` against the command: options, and what can be typed; ``tests/test_chat.py`` has its transcript."""

from __future__ import annotations

import re
from argparse import ArgumentParser

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import chat
from jsongle_server.chat_commands import COMMANDS
from tests.test_docs import read, rows


class ChatTests(SynchronousTestCase):
    """What the document says of the client."""

    def test_options(self) -> None:
        """The table of options has all of them, and no others."""
        parser = ArgumentParser(add_help=False)
        chat.add_arguments(parser)
        known = {str(name) for action in parser._actions for name in action.option_strings or (action.metavar,)}
        written = {word for row in rows(read("chat.md"), "| option |") for word in re.findall(r"--[\w-]+|URL", row[0])}
        self.assertEqual(written, known)

    def test_commands(self) -> None:
        """The table of commands is that of ``/help``."""
        page = read("chat.md").replace("\\|", "&")
        written = [(row[0].strip("`").replace("&", "|"), row[1]) for row in rows(page, "| command |")]
        self.assertEqual(written, [(command.line, command.does) for command in COMMANDS.values()])
