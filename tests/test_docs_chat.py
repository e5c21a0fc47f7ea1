"""``docs/chat.md`` against the command: its options, what can be typed, and its transcript."""

from __future__ import annotations

import re
from argparse import ArgumentParser

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import chat
from jsongle_server.chat_commands import COMMANDS
from tests.test_chat import ChatCase
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


class TranscriptTests(ChatCase):
    """What the document shows."""

    def test_transcript(self) -> None:
        """The session that the document shows goes as it shows it."""
        page = read("chat.md")
        found = re.search(r"```text\n\$ printf '(.*?)' \| .*? chat (?:ws://\S+) (.*?)\n(.*?)```", page, re.DOTALL)
        assert found is not None
        address, _ = self.foreground().addresses
        self.partner(address, "kitchen")
        text = found[1].replace(r"\n", "\n")
        status, output, errors = self.script(text, address, *found[2].split())
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(settled(output), settled(found[3]))


def settled(text: str) -> str:
    """A transcript without what is different each time."""
    text = re.sub(r"\d\d:\d\d:\d\d", "<time>", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<identity>", text)
    return re.sub(r"[\d.]+ ms", "<ms>", text)
