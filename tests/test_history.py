"""Tests of :mod:`jsongle_server.history`."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.history import INTERVAL, MAX_SAMPLES, History, Sample, quantile
from jsongle_server.metrics import RELAY_BUCKETS
from jsongle_server.testing import START, MemoryServer
from jsongle_server.vocabulary import ErrorCode

BOUNDS = (1.0, 2.0, 4.0)


class SampleTests(SynchronousTestCase):
    """What a sample says."""

    def setUp(self) -> None:
        """A server and its history."""
        self.server = MemoryServer()
        self.history = History(self.server.metrics, self.server.signaling)

    def take(self, *, elapsed: float = INTERVAL) -> Sample:
        """A sample, some seconds after the one before."""
        self.server.clock.advance(elapsed)
        return self.history.take(self.server.clock.seconds(), elapsed=elapsed, memory=1234)

    def test_an_idle_server(self) -> None:
        """Nobody is there, and nothing happened."""
        self.assertEqual(
            orjson.loads(orjson.dumps(self.take())),
            {
                "at": "2026-11-22T14:09:10.451Z",
                "connections": 0,
                "sessions": {"awaiting_hello": 0, "identified": 0, "detached": 0},
                "rooms": 0,
                "calls": 0,
                "received": 0.0,
                "sent": 0.0,
                "errors": {},
                "relay": None,
                "memory": 1234,
            },
        )

    def test_what_is_there(self) -> None:
        """Connections, sessions, rooms and calls are those of the moment."""
        alice, bob = (self.server.user(uid) for uid in ("alice", "bob"))
        self.server.connect()
        alice.join("tea")
        alice.join("cake", muc=True)
        alice.say(bob.identity, "session-propose", sid="s")
        sample = self.take()
        self.assertEqual((sample.connections, sample.rooms, sample.calls), (3, 2, 1))
        self.assertEqual(sample.sessions, {"awaiting_hello": 1, "identified": 2, "detached": 0})
        self.server.drop(alice)
        sample = self.take()
        self.assertEqual((sample.connections, sample.rooms, sample.calls), (2, 0, 0))

    def test_rates(self) -> None:
        """Messages a second, since the sample before: what came before that is not counted again."""
        alice, bob = (self.server.user(uid) for uid in ("alice", "bob"))
        self.take()
        for _ in range(6):
            alice.say(bob.identity, "session-text")
        sample = self.take()
        self.assertEqual((sample.received, sample.sent), (3.0, 6.0))
        alice.say(bob.identity, "session-text")
        self.assertEqual(self.take(elapsed=4.0).received, 0.25)
        self.assertEqual((self.take().received, self.take().sent), (0.0, 0.0))

    def test_what_was_before_it_is_not_counted(self) -> None:
        """A history that begins late has no first sample in which all that ever happened is."""
        self.server.user("alice").say("nobody", "session-text")
        late = History(self.server.metrics, self.server.signaling)
        sample = late.take(START, elapsed=INTERVAL, memory=0)
        self.assertEqual((sample.received, sample.sent, sample.errors, sample.relay), (0.0, 0.0, {}, None))

    def test_errors(self) -> None:
        """Each code that there was since the sample before, as text and with its number; no others."""
        alice = self.server.user("alice")
        for _ in range(2):
            alice.say("nobody", "session-text")
        alice.ask("make-tea")
        self.assertEqual(self.take().errors, {"404002": 2, "404001": 1})
        self.assertEqual(self.take().errors, {})
        self.server.metrics.errors[ErrorCode.INTERNAL] += 1
        self.assertEqual(self.take().errors, {"500001": 1})

    def test_relay_times(self) -> None:
        """They are of what was relayed since the sample before."""
        observe = self.server.metrics.relay_seconds.observe
        for _ in range(100):
            observe(0.00002)
        self.assertEqual(self.take().relay, {"p50": 0.000025, "p99": 0.0000495})
        for _ in range(98):
            observe(0.00002)
        for _ in range(2):
            observe(0.3)
        relay = self.take().relay
        assert relay is not None
        self.assertLess(relay["p50"], 0.00005)
        self.assertEqual(relay["p99"], 0.3)
        self.assertIsNone(self.take().relay)

    def test_a_relay_beyond_all_bounds(self) -> None:
        """It took at least as long as the last of them says."""
        self.server.metrics.relay_seconds.observe(20.0)
        self.assertEqual(self.take().relay, {"p50": RELAY_BUCKETS[-1], "p99": RELAY_BUCKETS[-1]})

    def test_only_the_latest_are_kept(self) -> None:
        """A quarter of an hour of them, the oldest first, whatever the clock says."""
        self.assertEqual(MAX_SAMPLES * INTERVAL, 15 * 60)
        for number in range(MAX_SAMPLES + 3):
            self.history.take(START - number, elapsed=INTERVAL, memory=number)
        kept = self.history.samples()
        self.assertEqual([sample.memory for sample in kept], list(range(3, MAX_SAMPLES + 3)))


class QuantileTests(SynchronousTestCase):
    """What buckets tell of the values in them."""

    def test_within_a_bucket(self) -> None:
        """Values are taken to be spread evenly between its bounds."""
        self.assertEqual(quantile(BOUNDS, (0, 4, 0, 0), 0.5), 1.5)
        self.assertEqual(quantile(BOUNDS, (0, 0, 4, 0), 1.0), 4.0)
        self.assertEqual(quantile(BOUNDS, (2, 2, 0, 0), 0.5), 1.0)

    def test_nothing(self) -> None:
        """Of no values there is none."""
        self.assertIsNone(quantile(BOUNDS, (0, 0, 0, 0), 0.5))

    @given(st.tuples(*[st.integers(0, 50)] * 4), st.floats(0, 1), st.floats(0, 1))
    def test_order(self, counts: tuple[int, ...], one: float, other: float) -> None:
        """A larger share lies below a larger value, and none above the last bound."""
        low, high = (quantile(BOUNDS, counts, share) for share in sorted((one, other)))
        if any(counts):
            assert low is not None and high is not None
            self.assertTrue(0 <= low <= high + 1e-9 <= BOUNDS[-1] + 1e-8, (low, high))
