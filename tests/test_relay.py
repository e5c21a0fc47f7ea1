"""Tests of :mod:`jsongle_server.relay`: what it counts and how it treats what it passes on."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import MemoryServer
from jsongle_server.told import TOLD_MEMORY


class CountTests(SynchronousTestCase):
    """What is counted of messages that were passed on."""

    def setUp(self) -> None:
        """Two clients that can reach one another."""
        self.server = MemoryServer()
        self.metrics = self.server.metrics
        self.alice, self.bob = self.server.user("alice"), self.server.user("bob")

    def test_texts_and_reactions(self) -> None:
        """Texts and reactions are counted when they reach somebody."""
        for to in ("bob", "nowhere"):
            self.alice.say(to, "session-text")
            self.alice.say(to, "session-event", event="reaction")
            self.alice.say(to, "session-event", event="active")
        self.assertEqual([self.metrics.texts, self.metrics.reactions], [1, 1])

    def test_once_for_many(self) -> None:
        """A message to many is one message."""
        self.server.user("bob")
        self.alice.say("bob", "session-text")
        self.assertEqual(self.metrics.texts, 1)

    def test_time(self) -> None:
        """The time of each relay is observed, and of nothing else."""

        def observed() -> float:
            return self.metrics.relay_seconds.buckets()[-1][1]

        self.alice.say("nowhere", "session-text")
        self.alice.ask("ping")
        self.assertEqual(observed(), 0)
        self.alice.say("bob", "session-text")
        self.assertEqual(observed(), 1)


class MemoryTests(SynchronousTestCase):
    """What is remembered of calls that reached nobody."""

    def test_bounded(self) -> None:
        """A sender that calls nobody for ever makes the server remember no more than so much."""
        server = MemoryServer()
        alice = server.user("alice")
        for number in range(5 * TOLD_MEMORY):
            alice.say("nowhere", "session-propose", sid=f"s-{number}")
        self.assertEqual(len(server.session_of(alice).told), TOLD_MEMORY)

    def test_nothing_is_remembered_of_calls_that_reach_somebody(self) -> None:
        """A call that reaches somebody leaves nothing behind."""
        server = MemoryServer()
        alice = server.user("alice")
        server.user("bob")
        alice.say("bob", "session-propose", sid="s")
        self.assertEqual(len(server.session_of(alice).told), 0)
