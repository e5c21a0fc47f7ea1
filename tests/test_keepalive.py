"""Tests of :mod:`jsongle_server.keepalive`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.keepalive import Keepalive

INTERVAL = 25.0
TIMEOUT = 20.0
PEER = "alice"


class KeepaliveTests(SynchronousTestCase):
    """Pinging a peer, and giving it up."""

    def setUp(self) -> None:
        """A keepalive that has started, and a log of what it did."""
        self.clock = Clock()
        self.done: list[tuple[str, float]] = []
        self.keepalive = self.make(interval=INTERVAL)
        self.keepalive.start(PEER)

    def make(self, *, interval: float) -> Keepalive[str]:
        """A keepalive that logs what it does, and when."""
        return Keepalive(
            self.clock,
            interval=interval,
            timeout=TIMEOUT,
            ping=lambda peer: self.done.append(("ping", self.clock.seconds())),
            expired=lambda peer: self.done.append(("expired", self.clock.seconds())),
        )

    def test_first_ping_comes_after_one_interval(self) -> None:
        """A connection that has just begun is left alone for one interval."""
        self.clock.advance(INTERVAL - 0.001)
        self.assertEqual(self.done, [])
        self.clock.advance(0.001)
        self.assertEqual(self.done, [("ping", INTERVAL)])

    def test_silent_peer_is_given_up_once(self) -> None:
        """A peer that is silent is found out after interval plus timeout, and then left alone."""
        self.clock.advance(INTERVAL)
        self.clock.advance(TIMEOUT)
        self.clock.advance(1000)
        self.assertEqual(self.done, [("ping", INTERVAL), ("expired", INTERVAL + TIMEOUT)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_peer_that_answers_at_the_last_moment_is_kept(self) -> None:
        """An answer just before the timeout is in time, and the next ping is one interval away from it."""
        self.clock.advance(INTERVAL)
        self.clock.advance(TIMEOUT - 0.5)
        self.keepalive.heard(PEER)
        self.clock.advance(INTERVAL - 0.5)
        self.assertEqual(len(self.done), 1)
        self.clock.advance(0.5)
        self.assertEqual(self.done[1:], [("ping", INTERVAL + TIMEOUT - 0.5 + INTERVAL)])

    def test_bytes_between_pings_cost_no_timer(self) -> None:
        """A talkative peer is pinged as regularly as a quiet one: bytes before the ping move nothing."""
        for _ in range(5):
            self.clock.advance(INTERVAL / 5)
            self.keepalive.heard(PEER)
        self.assertEqual(self.done, [("ping", INTERVAL)])

    def test_peer_that_always_answers_is_never_given_up(self) -> None:
        """Ping follows ping as long as each is answered, with one timer at a time."""
        for _ in range(10):
            self.clock.advance(INTERVAL)
            self.keepalive.heard(PEER)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertEqual([kind for kind, _ in self.done], ["ping"] * 10)

    def test_each_peer_is_judged_alone(self) -> None:
        """A peer that answers stays while another is given up; both share the timers."""
        self.clock.advance(1)
        self.keepalive.start("bob")
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.done), 2)
        self.keepalive.heard("bob")
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)
        self.clock.advance(TIMEOUT)
        self.assertEqual(self.done[2:], [("expired", 1 + INTERVAL + TIMEOUT)])

    def test_stop_leaves_no_timer_behind(self) -> None:
        """Stopping ends it, before a ping as well as while it waits for the answer."""
        self.keepalive.stop(PEER)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.keepalive.start(PEER)
        self.clock.advance(INTERVAL)
        self.keepalive.stop(PEER)
        self.keepalive.stop(PEER)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping_inside_a_ping_leaves_no_timer_behind(self) -> None:
        """A ping that fails and ends the connection on the spot ends the keepalive as well."""

        def fail_and_stop(peer: str) -> None:
            keepalive.stop(peer)

        keepalive = Keepalive(
            self.clock, interval=1, timeout=1, ping=fail_and_stop, expired=lambda peer: self.fail("given up")
        )
        self.keepalive.stop(PEER)
        keepalive.start(PEER)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_interval_of_zero_pings_never(self) -> None:
        """With pings turned off there is no timer at all."""
        self.keepalive.stop(PEER)
        self.make(interval=0).start(PEER)
        self.assertEqual(self.clock.getDelayedCalls(), [])
