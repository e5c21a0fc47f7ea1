"""Tests of :mod:`jsongle_server.lifecycle`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.lifecycle import Lifecycle, Phase


class LifecycleTests(SynchronousTestCase):
    """The phases of a server."""

    def test_clients_are_welcome_in_one_phase_only(self) -> None:
        """A server begins unready, and lets nobody in before it listens or while it drains."""
        lifecycle = Lifecycle(started=0.0)
        self.assertFalse(lifecycle.is_ready)
        welcome = []
        for phase in Phase:
            lifecycle.phase = phase
            welcome.append((phase.value, lifecycle.is_ready))
        self.assertEqual(welcome, [("starting", False), ("ready", True), ("draining", False)])
