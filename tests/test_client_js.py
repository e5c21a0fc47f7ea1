"""The browser client: its own tests under Node, its types, and its words against those of the server."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server
from jsongle_server.vocabulary import Action, CloseCode, ErrorCode, Event, Namespace, Query, Reason, Status
from tests.node import NEEDED, find_node

NODE: Final = find_node()
DEADLINE: Final = 120
"""Seconds after which Node is given up."""

_HERE: Final = Path(__file__).parent / "js"
_CLIENT: Final = Path(jsongle_server.__file__).parent / "static" / "jsongle-client.js"
_TSC: Final = _HERE / "node_modules" / "typescript" / "bin" / "tsc"

_OWN_CODES: Final = {1006, 1007, 1009}
"""Close codes of the WebSocket itself, which are no words of ours (RFC 6455 section 7.4)."""

_WORD: Final = re.compile(r'"((?:session|iq|transport)-[a-z]+)"')


@skipIf(NODE is None, NEEDED)
class NodeTests(SynchronousTestCase):
    """What only Node can tell."""

    def test_its_own_tests(self) -> None:
        """The client passes its tests under Node's test runner."""
        self._node("--test", *sorted(str(file) for file in _HERE.glob("*.test.js")))

    @skipIf(not _TSC.exists(), "TypeScript is not installed: npm ci --prefix tests/js")
    def test_types(self) -> None:
        """The types in its documentation hold, in the client and in its tests."""
        self._node(str(_TSC), "--noEmit", "--project", str(_HERE))

    def _node(self, *arguments: str) -> None:
        assert NODE is not None
        done = subprocess.run((NODE, *arguments), capture_output=True, check=False, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, f"\n{done.stdout.decode()}{done.stderr.decode()}")


class WordTests(SynchronousTestCase):
    """The words that the client uses are the server's."""

    def setUp(self) -> None:
        """Reads the client, comments left out."""
        text = _CLIENT.read_text()
        self.code = re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*)", "", text, flags=re.DOTALL)

    def test_actions_and_queries(self) -> None:
        """Whatever looks like an action or a query is one."""
        words = set(_WORD.findall(self.code))
        self.assertLessEqual({"session-propose", "session-hello", "iq-set"}, words)
        self.assertLessEqual(words, {*Action, *Query})

    def test_every_action_is_known(self) -> None:
        """The client says or hears every action but the report for the metrics."""
        words = {*re.findall(r'"([a-z-]+)"', self.code)}
        self.assertEqual({*Action} - words, {Action.SESSION_METRICS})

    def test_events_and_reasons(self) -> None:
        """The events and reasons that the client looks for are those that the server says."""
        compared = {*re.findall(r'(?<!\.)\b(?:event|reason|query|status|action) === "([a-z-]+)"', self.code)}
        known = {*Action, *Query, *Event, *Reason, *Namespace, *Status, "room-emptied"}
        self.assertLessEqual({"ack", "joined", "left", "token-expiring", "trying"}, compared)
        self.assertLessEqual(compared, known)

    def test_error_codes(self) -> None:
        """Whatever looks like an error code is one."""
        codes = {int(number) for number in re.findall(r"\b[45]\d{5}\b", self.code)}
        self.assertIn(401001, codes)
        self.assertLessEqual(codes, {*ErrorCode})

    def test_close_codes(self) -> None:
        """Whatever looks like a close code is one."""
        codes = {int(number) for number in re.findall(r"\b(?:10[01]\d|400\d)\b", self.code)} - {1000}
        self.assertIn(4002, codes)
        self.assertLessEqual(codes, {*CloseCode} | _OWN_CODES)
