"""Tests of :mod:`jsongle_server.rest_turns`."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_turns import TOLD_IN_A_TURN, in_turns


class TurnsTests(SynchronousTestCase):
    """Work in turns."""

    def setUp(self) -> None:
        """Nothing is done."""
        self.clock = Clock()
        self.noted: list[int] = []

    def test_turns(self) -> None:
        """A turn ends when enough is told; what is little is done at once."""
        waiting = in_turns(iter([TOLD_IN_A_TURN - 1, 1, 1]), self.clock, self.noted.append)
        self.assertNoResult(waiting)
        self.clock.advance(0)
        self.assertEqual((self.successResultOf(waiting), self.noted), (3, [3]))
        self.assertEqual(self.successResultOf(in_turns(iter([1, 2]), self.clock, self.noted.append)), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody_waits(self) -> None:
        """It goes on to its end, which is noted."""
        in_turns(iter([TOLD_IN_A_TURN] * 3), self.clock, self.noted.append).addErrback(lambda failure: None).cancel()
        self.clock.pump([0] * 3)
        self.assertEqual(self.noted, [3])

    def test_failure(self) -> None:
        """What goes wrong ends it, and is told to whoever waits."""

        def steps() -> Iterator[int]:
            yield TOLD_IN_A_TURN
            raise RuntimeError("odd")

        waiting = in_turns(steps(), self.clock, self.noted.append)
        self.clock.advance(0)
        self.failureResultOf(waiting, RuntimeError)
        self.assertEqual(self.noted, [])
