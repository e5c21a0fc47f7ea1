"""Tests of :mod:`jsongle_server.flusher`."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.flusher import Flusher
from jsongle_server.outbox import Outbox


class Turns:
    """A reactor whose turns are taken one by one: what is called later in one comes in the next."""

    def __init__(self) -> None:
        self.clock = Clock()

    def callLater(self, delay: float, call: Callable[[], object]) -> None:  # noqa: N802
        """Keeps a call for the next turn."""
        assert delay == 0
        self.clock.callLater(1, call)

    def turn(self) -> None:
        """Takes a turn."""
        self.clock.advance(1)

    @property
    def waiting(self) -> int:
        """How many calls are kept."""
        return len(self.clock.getDelayedCalls())


class NotingOutbox:
    """An outbox that only notes that it was flushed."""

    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name

    def flush(self) -> None:
        """Notes its name."""
        self._log.append(self._name)


class FailingOutbox:
    """An outbox whose transport is broken."""

    def flush(self) -> None:
        """Fails."""
        raise RuntimeError("broken")


class FlusherTests(SynchronousTestCase):
    """When outboxes are flushed."""

    def setUp(self) -> None:
        """Two outboxes."""
        self.turns = Turns()
        self.flusher = Flusher(self.turns)  # type: ignore[arg-type]
        self.flushed: list[str] = []
        self.one, self.two = (self.outbox(name) for name in ("one", "two"))

    def outbox(self, name: str) -> Outbox:
        """An outbox that notes its name when it is flushed."""
        return cast(Outbox, NotingOutbox(self.flushed, name))

    def test_at_the_end_of_a_read(self) -> None:
        """What is to be sent soon is sent when the read is over, in the order in which it came up."""
        self.flusher.begin()
        self.flusher.soon(self.two)
        self.flusher.soon(self.one)
        self.assertEqual(self.flushed, [])
        self.flusher.end()
        self.assertEqual(self.flushed, ["two", "one"])

    def test_once_for_each_read(self) -> None:
        """The next read begins with nothing."""
        self.flusher.begin()
        self.flusher.soon(self.one)
        self.flusher.end()
        self.flusher.begin()
        self.flusher.end()
        self.assertEqual(self.flushed, ["one"])

    def test_read_within_a_read(self) -> None:
        """It is the end of the outer one that counts."""
        self.flusher.begin()
        self.flusher.begin()
        self.flusher.soon(self.one)
        self.flusher.end()
        self.assertEqual(self.flushed, [])
        self.flusher.end()
        self.assertEqual(self.flushed, ["one"])

    def test_outside_of_a_read(self) -> None:
        """What nobody has sent anything for, such as a ping, goes out at once."""
        self.flusher.soon(self.one)
        self.assertEqual(self.flushed, ["one"])

    def test_later(self) -> None:
        """What may wait has a whole turn in which to be taken along, and goes out in the one after it."""
        self.flusher.later(self.one)
        self.turns.turn()
        self.assertEqual(self.flushed, [])
        self.turns.turn()
        self.assertEqual(self.flushed, ["one"])

    def test_later_in_the_next_turn(self) -> None:
        """What comes up while something else is waiting waits for itself, not longer."""
        self.flusher.later(self.one)
        self.turns.turn()
        self.flusher.later(self.two)
        self.turns.turn()
        self.assertEqual(self.flushed, ["one"])
        self.turns.turn()
        self.assertEqual(self.flushed, ["one", "two"])

    def test_idle(self) -> None:
        """A server with nothing to send has no timer, and however much is waiting, it has one."""
        self.assertEqual(self.turns.waiting, 0)
        for _ in range(5):
            self.flusher.later(self.one)
            self.flusher.later(self.two)
        self.assertEqual(self.turns.waiting, 1)
        self.turns.turn()
        self.flusher.later(self.one)
        self.assertEqual(self.turns.waiting, 1)
        for _ in range(3):
            self.turns.turn()
        self.assertEqual(self.turns.waiting, 0)

    def test_one_that_fails(self) -> None:
        """An outbox that fails is logged, and the others are flushed all the same."""
        broken = cast(Outbox, FailingOutbox())
        self.flusher.begin()
        for outbox in (self.one, broken, self.two):
            self.flusher.soon(outbox)
        self.flusher.end()
        self.assertEqual(self.flushed, ["one", "two"])
        for outbox in (broken, self.one):
            self.flusher.later(outbox)
        self.turns.turn()
        self.turns.turn()
        self.assertEqual(self.flushed, ["one", "two", "one"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_after_a_failure(self) -> None:
        """The next read is flushed as if nothing had been."""
        self.test_one_that_fails()
        self.flushed.clear()
        self.flusher.begin()
        self.flusher.soon(self.one)
        self.flusher.end()
        self.assertEqual(self.flushed, ["one"])

    @given(st.lists(st.sampled_from(("later", "turn", "soon", "begin", "end")), max_size=40))
    def test_nobody_is_forgotten(self, steps: list[str]) -> None:
        """Whatever happens, everybody is flushed: at the end of the read, or after two turns."""
        self.setUp()
        depth, due, turn = 0, 0, 0
        asked: list[int] = []
        for step in steps:
            if step == "later":
                self.flusher.later(self.two)
                asked.append(turn)
            elif step == "turn":
                self.turns.turn()
                turn += 1
            elif step == "soon":
                self.flusher.soon(self.one)
                due += 1
            elif step == "begin":
                self.flusher.begin()
                depth += 1
            elif depth:
                self.flusher.end()
                depth -= 1
            if not depth:
                self.assertEqual(self.flushed.count("one"), due)
            self.assertEqual(self.flushed.count("two"), sum(1 for begun in asked if begun + 2 <= turn))
