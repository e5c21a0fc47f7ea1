"""``docs/client.md`` against the browser client: its options, members, events and reasons, and its examples."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.node import NEEDED, find_node
from tests.test_docs import blocks, read, rows

SOURCE: Final = (Path(__file__).parent.parent / "jsongle_server" / "static" / "jsongle-client.js").read_text("utf-8")


def typedef(name: str) -> str:
    """The properties of an object type in the module's JSDoc."""
    found = re.search(rf"@typedef {{object}} {name}\n(.*?)(?:\*/|\n \*\n)", SOURCE, re.DOTALL)
    assert found is not None, name
    return found[1]


def union(name: str) -> set[str]:
    """The words of a type that is one of some."""
    found = re.search(rf'@typedef {{((?:"[\w-]+"[ |\n*]*)+)}} {name}\b', SOURCE)
    assert found is not None, name
    return set(re.findall(r'"([\w-]+)"', found[1]))


def details(name: str) -> dict[str, set[str]]:
    """The properties of each event's detail; a detail that has a name of its own is looked up."""
    found = {}
    for kind, event in re.findall(r"@property {({.*?}|\w+)} (\w+)", typedef(name), re.DOTALL):
        shape = kind if kind.startswith("{") else SOURCE.partition(f"}} {kind}\n")[0].rpartition("@typedef {")[2]
        shape = re.sub(r"\([^()]*\)", "", shape)  # parameters of functions are no properties
        found[event] = set(re.findall(r"(\w+)\??:", shape))
    return found


def body(name: str) -> str:
    """The text of a class."""
    return SOURCE.partition(f"\nexport class {name} ")[2].partition("\n}\n")[0]


def methods(name: str) -> set[str]:
    """What a class does for its users: neither private nor internal."""
    text = re.sub(r"@internal\n(?:     \* .*\n)*     \*/\n    \w+\(", "", body(name))
    return set(re.findall(r"^    (?:async )?(\w+)\(", text, re.MULTILINE)) - {"constructor"}


def properties(name: str) -> set[str]:
    """What a class shows its users."""
    return set(re.findall(r"^        this\.(\w+) = ", body(name), re.MULTILINE))


def names(column: str) -> set[str]:
    """The names in a cell: what stands in backquotes, without parameters."""
    return {name.partition("(")[0] for name in re.findall(r"`([^`]+)`", column)}


class ClientTests(SynchronousTestCase):
    """What the manual says of the client."""

    def setUp(self) -> None:
        """Reads it."""
        text = read("client.md")
        self.text, _, self.calls = text.partition("\n## Calls\n")

    def documented(self, text: str, header: str) -> set[str]:
        """The names in the first column of a table."""
        return set().union(*(names(row[0]) for row in rows(text, header)))

    def test_options(self) -> None:
        """Each has a row, and there are no others."""
        known = set(re.findall(r"@property {.*?} \[?(\w+)", typedef("Options")))
        self.assertEqual(self.documented(self.text, "| option |"), known)

    def test_defaults(self) -> None:
        """Those of the table are those of the module."""
        shown = {row[0].strip("`"): row[1] for row in rows(self.text, "| option |")}
        for name in ("heartbeat", "timeout", "maxUnacknowledged"):
            said = re.search(rf"\[{name}\](?:(?!@property).)*?Default: ([\d,]+)", SOURCE, re.DOTALL)
            self.assertEqual(said and said[1], shown[name], name)

    def test_members(self) -> None:
        """Every property and method of a client and of a call is there, and no other."""
        for name, text in (("JSONgleClient", self.text), ("Call", self.calls)):
            self.assertEqual(self.documented(text, "| method |"), methods(name))
            self.assertEqual(self.documented(text, "| property |"), properties(name))

    def test_events(self) -> None:
        """Every event of a client and of a call is there, and no other."""
        for name, text in (("ClientEvents", self.text), ("CallEvents", self.calls)):
            known = set(re.findall(r"@property {(?:{.*?}|\w+)} (\w+)", typedef(name), re.DOTALL))
            self.assertEqual(self.documented(text, "| event |"), known)

    def test_details(self) -> None:
        """The detail of each event has the properties of the table, and no other."""
        for name, text in (("ClientEvents", self.text), ("CallEvents", self.calls)):
            shown = {event: names(row[1]) for row in rows(text, "| event |") for event in names(row[0])}
            shown["custom"] = shown.get("text", set()) - {"content"}  # as its row says
            known = details(name)
            self.assertEqual({event: shown[event] for event in known}, known)

    def test_marks(self) -> None:
        """Each mark of a text has a row, with its word on the wire."""
        shown = {row[2].strip("`"): row[0].strip("`") for row in rows(self.text, "| `type` |")}
        said = re.search(r"^const MARKS = .*?\(\[(\[.*\])\]\)\);$", SOURCE, re.MULTILINE)
        assert said is not None
        self.assertEqual(shown, {"server-received": "server", **dict(re.findall(r'\["(\w+)", "(\w+)"\]', said[1]))})
        self.assertEqual(set(shown.values()), union("Mark"))

    def test_reasons(self) -> None:
        """Errors have the reasons of the table, and calls end for those in their last row."""
        said = re.search(r'reason\?: ((?:"\w+"[ |]*)+)', SOURCE)
        assert said is not None
        self.assertEqual(self.documented(self.text, "| `reason` |"), set(re.findall(r'"(\w+)"', said[1])))
        end = rows(self.calls, "| event |")[-1]
        self.assertEqual(names(end[2]), union("EndReason"))

    def test_states(self) -> None:
        """A client has the states of the table."""
        state = next(row for row in rows(self.text, "| property |") if row[0] == "`state`")
        self.assertEqual(names(state[1]), union("State"))

    def test_close_codes(self) -> None:
        """Those after which the client ends are those of the module, and nothing else is said to end it."""
        final = set(re.findall(r"^    \[(\d{4}), ", SOURCE, re.MULTILINE))
        ends = [row[0] for row in rows(self.text, "| close code |") if row[1].startswith("ends")]
        self.assertEqual(set(re.findall(r"\d{4}", " ".join(ends))), final)

    def test_examples(self) -> None:
        """Node takes each for a module."""
        node = find_node()
        if node is None:
            self.skipTest(NEEDED)
        examples = blocks(read("client.md"), "js")
        self.assertTrue(examples)
        for example in examples:
            done = subprocess.run(
                (node, "--input-type=module", "--check"), input=example, capture_output=True, text=True, check=False
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""), example)
