"""Tests of :mod:`jsongle_server.call_steps`: the table of docs/calls.md is what the code does."""

from __future__ import annotations

from itertools import product
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.call_steps import STEPS, CallState, Outcome, Role, Signal, Step, signal_of
from jsongle_server.calls import MAX_CALLS, MAX_OWED, Call
from jsongle_server.vocabulary import CALL_ACTIONS, Action
from tests.members import PlainMember
from tests.test_docs import read, rows

UNANSWERED_ROLES = (Role.CALLER, Role.RUNG)
ANSWERED_ROLES = (Role.CALLER, Role.WINNER, Role.LOSER)
ROLES = {
    CallState.RINGING: UNANSWERED_ROLES,
    CallState.BOUND: ANSWERED_ROLES,
    CallState.ACTIVE: ANSWERED_ROLES,
}
"""The roles that there are in each state."""


def names(cells: list[str]) -> list[str]:
    """Cells without the marks of code."""
    return [cell.strip("`") for cell in cells]


class TableTests(SynchronousTestCase):
    """The table of docs/calls.md is what the code does."""

    def setUp(self) -> None:
        """Read the document."""
        self.text = read("calls.md")

    def test_every_step(self) -> None:
        """For every state, role and signal, the document has the step that the call takes, and no more."""
        header = next(line for line in self.text.splitlines() if line.startswith("| state | role | "))
        signals = names([cell.strip() for cell in header.strip("|").split("|")])[2:]
        shown: dict[tuple[str, ...], str] = {}
        for row in rows(self.text, "| state | role | "):
            state, role, *steps = names(list(row))
            shown |= {(state, role, signal): step for signal, step in zip(signals, steps, strict=True)}
        done: dict[tuple[str, ...], str] = {}
        for state, roles in ROLES.items():
            call = Call("s", {"sid": "s"}, caller=PlainMember("a"), rung=[PlainMember("b")], rid=None, started=0.0)
            call.state = state
            done |= {(state, role, signal): call.step(role, signal) for role, signal in product(roles, Signal)}
        self.assertEqual(shown, done)

    def test_no_step_that_cannot_be_taken(self) -> None:
        """The table has no role in a state in which nobody has it."""
        self.assertEqual([key for key in STEPS if key[1] not in ROLES[key[0]]], [])

    def test_signals(self) -> None:
        """The document lists every signal with the actions that give it; all other call actions are ``other``."""
        shown = {row[0].strip("`"): row[1] for row in rows(self.text, "| signal |")}
        self.assertEqual(list(shown), [signal.value for signal in Signal])
        for action in CALL_ACTIONS:
            self.assertIn(f"`{action}`", shown[signal_of({"action": action})])

    def test_words(self) -> None:
        """Every state, role, step and outcome has its row."""
        for header, words in (("| state | since", CallState), ("| role |", Role), ("| step |", Step)):
            self.assertEqual({row[0].strip("`") for row in rows(self.text, header)}, {str(word) for word in words})
        self.assertEqual(names([row[0] for row in rows(self.text, "| outcome |")]), [str(word) for word in Outcome])

    def test_bounds(self) -> None:
        """The bounds are those that clients are told."""
        self.assertIn(f"A session may have {MAX_CALLS} live calls", self.text)
        self.assertIn(f"there are at most {MAX_OWED} calls", self.text)


class SignalTests(SynchronousTestCase):
    """What a message is for."""

    def test_active(self) -> None:
        """Only a ``session-info`` with that reason makes a call active."""
        self.assertIs(signal_of({"action": Action.SESSION_INFO, "reason": "active"}), Signal.ACTIVE)
        self.assertIs(signal_of({"action": Action.TRANSPORT_INFO, "reason": "active"}), Signal.OTHER)
        odd: list[Any] = ["mute", None, 1, ["active"], {"active": 1}]
        for reason in odd:
            self.assertIs(signal_of({"action": Action.SESSION_INFO, "reason": reason}), Signal.OTHER)
