"""Tests of :mod:`jsongle_server.told`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.told import TOLD_MEMORY, Told


class ToldTests(SynchronousTestCase):
    """What is remembered of calls."""

    def test_once(self) -> None:
        """A call is new once, whatever JSON value its sid is."""
        told = Told()
        sids = ["s", 1, None, {"a": [1]}, "s" * 10_000]
        self.assertEqual([told.add(sid) for sid in sids], [True] * 5)
        self.assertEqual([told.add(sid) for sid in sids], [False] * 5)

    def test_bound(self) -> None:
        """The latest are remembered; the oldest are forgotten first."""
        told = Told()
        for number in range(TOLD_MEMORY + 1):
            told.add(number)
        self.assertEqual(len(told), TOLD_MEMORY)
        self.assertFalse(told.add(1))
        self.assertTrue(told.add(0))
