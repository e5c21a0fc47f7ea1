"""The documents against the code: their examples are run, their tables compared, their links followed.

A conversation in ``docs/protocol.md`` is a ``text`` block of these lines, long messages going on in indented ones::

    alice connects                          alice is identified as user_7000      alice → {…}
    alice disconnects                       alice is in the room tea              alice ← {…}

It must show every message that anybody gets, in order. The messages that belong to "is identified" and "is in" are
left out. ``<id>`` and ``<time>`` stand for any of those, other names in brackets for one value each.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from twisted.trial.unittest import FailTest, SynchronousTestCase

from jsongle_server.config import Config, ConfigError, default_text
from jsongle_server.config_envfile import read_env_file
from jsongle_server.config_sources import load
from jsongle_server.config_table import SETTINGS
from jsongle_server.errors import JsongleError
from jsongle_server.keys import Keys
from jsongle_server.logs import LEVELS
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.tokens import Tokens
from jsongle_server.vocabulary import ACTIONS, CloseCode, ErrorCode, Event, Namespace, Query, Reason, Status
from tests.asyncapi import FROM_SERVER, TO_PEER, fault
from tests.scenarios import NOW
from tests.token_makers import SECRET

ROOT: Final = Path(__file__).parent.parent
DOCUMENTS: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_LINE: Final = re.compile(
    r"(?P<who>\w+) (?:(?P<arrow>[→←]) (?P<message>\{.*\})|(?P<does>connects|disconnects)"
    r"|is identified as (?P<uid>\w+)|is in the (?P<kind>room|muc) (?P<rid>\w+))",
    re.DOTALL,
)
_NAMED: Final = re.compile(r"<[\w-]+>")
_ANY: Final = {
    "<id>": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "<time>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
}


def read(name: str) -> str:
    """The text of a document."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for found, body in _BLOCK.findall(text) if found == language]


def rows(text: str, header: str) -> list[tuple[str, ...]]:
    """The rows of the table whose header line begins so, a tuple of cells each."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith(header))
    next(lines)
    found: list[tuple[str, ...]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return found


def conversations() -> list[str]:
    """The blocks of the protocol document that are conversations."""
    return [block for block in blocks(read("protocol.md"), "text") if "→" in block]


class Inbox(list[dict[str, Any]]):
    """A client's inbox that notes what arrives in a record of all clients, so that the order among them shows."""

    def __init__(self, name: str, record: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__()
        self._name = name
        self._record = record

    def append(self, message: dict[str, Any]) -> None:
        """Take a message and note it."""
        super().append(message)
        self._record.append((self._name, message))


class Replay:
    """Plays a conversation against a server in memory.

    :ivar heard: who got what, in order, and is not shown in the conversation yet.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._server = MemoryServer(id="barracuda")
        self._clients: dict[str, Client] = {}
        self._values: dict[str, Any] = {}

    def play(self, block: str) -> None:
        """Plays all of it.

        :raises FailTest: what happens is not what it shows.
        """
        for line in re.split(r"\n+(?=\S)", block.strip()):
            step = _LINE.fullmatch(line)
            if step is None:
                raise FailTest(f"not a line of a conversation: {line}")
            if step["arrow"] == "←":
                self._expect(step["who"], json.loads(step["message"]))
                continue
            self._expect_silence(line)
            if step["arrow"]:
                self._clients[step["who"]].send(self._fill(json.loads(step["message"])))
            else:
                self._act(step)
        self._expect_silence("the end")

    def _act(self, step: re.Match[str]) -> None:
        who = step["who"]
        if step["does"] == "disconnects":
            self._server.drop(self._clients[who])
        elif step["rid"]:
            self._clients[who].join(step["rid"], muc=step["kind"] == "muc")
            self.heard.clear()
        else:
            client = self._clients[who] = self._server.connect()
            greeting, client.inbox = client.inbox, Inbox(who, self.heard)
            client.inbox += greeting
            if step["uid"]:
                client.hello(step["uid"])
                self.heard.clear()
                self._values[f"<{who}>"] = client.identity
            else:
                self.heard.append((who, greeting[0]))

    def _expect(self, who: str, shown: dict[str, Any]) -> None:
        if not self.heard:
            raise FailTest(f"{who} gets nothing, least of all {shown}")
        actual = self.heard.pop(0)
        self._learn(shown, actual[1])
        if actual != (who, self._fill(shown)):
            raise FailTest(f"{actual} is what happens, not {(who, self._fill(shown))}")

    def _expect_silence(self, before: str) -> None:
        if self.heard:
            raise FailTest(f"{self.heard} is missing before {before}")

    def _learn(self, shown: Any, actual: Any) -> None:
        """Finds out what the placeholders of a message stand for."""
        if isinstance(shown, dict) and isinstance(actual, dict):
            for key in shown.keys() & actual.keys():
                self._learn(shown[key], actual[key])
        elif isinstance(shown, list) and isinstance(actual, list):
            for pair in zip(shown, actual, strict=False):
                self._learn(*pair)
        elif shown in _ANY:
            if not isinstance(actual, str) or not _ANY[shown].fullmatch(actual):
                raise FailTest(f"{actual} is no {shown}")
            self._values[shown] = actual
        elif isinstance(shown, str) and _NAMED.fullmatch(shown):
            self._values.setdefault(shown, actual)

    def _fill(self, shown: Any) -> Any:
        """Puts the values into a message."""
        if isinstance(shown, dict):
            return {key: self._fill(value) for key, value in shown.items()}
        if isinstance(shown, list):
            return [self._fill(value) for value in shown]
        return self._values.get(shown, shown) if isinstance(shown, str) else shown


class ConversationTests(SynchronousTestCase):
    """The examples of ``docs/protocol.md`` are what happens."""

    def test_conversations_happen_as_shown(self) -> None:
        """Every conversation, played against a server, gives exactly the messages that it shows."""
        for block in conversations():
            Replay().play(block)

    def test_whole_conversation(self) -> None:
        """One conversation leads from the hello over a room, a call and a text to the leave."""
        whole = conversations()[-1]
        for word in ("session-hello", '"join"', "session-propose", "session-accept", "session-text", '"leave"'):
            self.assertIn(word, whole)

    def test_replay_sees_what_is_wrong(self) -> None:
        """A value, a message or an order that is not what happens makes a replay fail."""
        setting = "alice is identified as user_1\nbob is identified as user_2\n"
        propose = 'alice → {"id": "m-1", "to": "user_2", "jsongle": {"action": "session-propose"}}\n'
        relayed = 'bob ← {"id": "m-1", "from": "<alice>", "to": "<bob>", "jsongle": {"action": "session-propose"}}\n'
        trying = (
            'alice ← {"id": "<id>", "from": "barracuda", "to": "<alice>", "jsongle": {'
            '"action": "session-info", "reason": "trying", "description": {"tried": "<time>"}}}\n'
        )
        Replay().play(setting + propose + relayed + trying)
        for wrong in (
            setting + propose + relayed,
            setting + propose + trying + relayed,
            setting + propose + relayed + trying + trying,
            setting + propose + relayed.replace("<alice>", "<bob>") + trying,
            setting + propose + relayed + trying.replace('"trying"', '"ringing"'),
            setting + propose + relayed + trying.replace('"<time>"', '"<id>"'),
            setting + "alice whistles",
        ):
            self.assertRaises(FailTest, Replay().play, wrong)

    def test_json_examples_are_messages(self) -> None:
        """Every other example is a message of the AsyncAPI document, which those of the conversations are anyway."""
        examples = blocks(read("protocol.md"), "json")
        self.assertTrue(examples)
        for example in examples:
            filled = example.replace('"<time>"', f'"{NOW}"')
            message = json.loads(_NAMED.sub(str(UUID(int=1, version=4)), filled))
            family = FROM_SERVER if message["from"] == "barracuda" else TO_PEER
            self.assertIsNone(fault(family, message))


class ProtocolTests(SynchronousTestCase):
    """``docs/protocol.md`` names every word of the wire, and no code that does not exist."""

    def setUp(self) -> None:
        """Read the document."""
        self.text = read("protocol.md")

    def test_words(self) -> None:
        """Every action, query, namespace, event, reason and status is named."""
        words = [word.value for kind in (ACTIONS.values(), Query, Namespace, Event, Reason, Status) for word in kind]
        self.assertEqual([word for word in words if not re.search(rf"[`\"]{word}[`\"]", self.text)], [])

    def test_error_codes(self) -> None:
        """The table of errors has exactly the codes that the server can answer with, and the text uses no others."""
        codes = {str(int(kind.code)) for kind in JsongleError.__subclasses__()} | {str(int(ErrorCode.UNAVAILABLE))}
        self.assertEqual({row[0] for row in rows(self.text, "| code |")}, codes)
        self.assertEqual(set(re.findall(r"(?<![\w-])\d{6}(?![\w-])", self.text)), codes)

    def test_close_codes(self) -> None:
        """Every close code has a row."""
        documented = {int(row[0]) for row in rows(self.text, "| close code |")}
        self.assertEqual({int(code) for code in CloseCode} - documented, set())


class SettingsTests(SynchronousTestCase):
    """``docs/settings.md`` says of every setting what the code says."""

    def setUp(self) -> None:
        """Read the document."""
        self.text = read("settings.md")

    def test_table(self) -> None:
        """The table has every setting, with its default, what is accepted and what it means."""
        expected = [
            (
                f"`{setting.name}`",
                f"`{default_text(setting)}`" if default_text(setting) else "empty",
                setting.accepts,
                setting.help,
            )
            for setting in SETTINGS
        ]
        self.assertEqual(rows(self.text, "| setting |"), expected)

    def test_aliases(self) -> None:
        """Every alias is named."""
        for alias in (alias for setting in SETTINGS for alias in setting.aliases):
            self.assertIn(f"`{alias}`", self.text)

    def test_levels(self) -> None:
        """The table of log levels has all of them, most severe first."""
        self.assertEqual([row[0].strip("`") for row in rows(self.text, "| level |")], list(reversed(LEVELS)))

    def test_env_file_example(self) -> None:
        """The example of an env file reads as it looks."""
        (example,) = blocks(self.text, "sh")
        path = self.mktemp()
        Path(path).write_text(example, encoding="utf-8")
        file = read_env_file(path)
        self.assertEqual((file.problems, file.warnings), ((), ()))
        self.assertEqual(
            {entry.name: entry.text for entry in file.entries},
            {"wsPort": "9000", "restPort": "9001", "id": "My #1 server", "logPath": "/var/log/jsongle"},
        )

    def test_token_example(self) -> None:
        """The example of an application makes a token that lets its user in."""
        (example,) = blocks(self.text, "python")
        found: dict[str, Any] = {"secret": SECRET}
        exec(example, found)
        config = Config.from_mapping({"jwtKey": SECRET})
        grant = Tokens(config, Keys(config)).check("user_7000", {"token": found["token"]}, None, time.time())
        self.assertEqual((grant.name, grant.rooms), ("Alice", ("team-*",)))

    def test_mistakes_example(self) -> None:
        """The example of mistakes is what these mistakes give."""
        empty = self.mktemp()
        Path(empty).touch()
        error = self.assertRaises(
            ConfigError, load, options={"helloTimeout": "0"}, environ={"wsPort": "x"}, env_file=empty
        )
        shown = "".join(f"  {problem}\n" for problem in error.problems)
        self.assertTrue(any(block.endswith(f":\n{shown}") for block in blocks(self.text, "text")), shown)


class LinkTests(SynchronousTestCase):
    """Links between the documents lead somewhere."""

    def test_relative_links(self) -> None:
        """Every relative link leads to a file, and to a heading of it where it names one."""
        broken = [f"{document.name}: {link}" for document in DOCUMENTS for link in _broken_links(document)]
        self.assertEqual(broken, [])


def _broken_links(document: Path) -> Iterator[str]:
    for link in _LINK.findall(document.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
