"""Tests of :mod:`jsongle_server.throttle`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import decode
from jsongle_server.config import Config
from jsongle_server.errors import TooFast
from jsongle_server.testing import MemoryServer
from jsongle_server.throttle import REFUSED_LIMIT, REFUSED_SPAN, Throttle

TEXT = b'{"jsongle": {"action": "session-text"}}'
PROPOSE = b'{"jsongle": {"action": "session-propose", "sid": "c-1"}}'
CANDIDATE = b'{"jsongle": {"action": "transport-info", "sid": "c-1"}}'


class ThrottleTests(SynchronousTestCase):
    """What one session may send: two at once, one a second."""

    def setUp(self) -> None:
        """A session without calls."""
        server = MemoryServer()
        self.session = server.session_of(server.user("alice"))
        self.throttle = self.make()

    def make(self, **settings: Any) -> Throttle:
        """A throttle with two messages and three candidates at once, unless the settings say otherwise."""
        some: dict[str, Any] = {"rate_limit": 1, "rate_burst": 2, "candidate_rate": 1, "candidate_burst": 3}
        return Throttle(Config(**(some | settings)), 0.0)

    def admit(self, payload: bytes, now: float = 0.0) -> float:
        """Counts a message; the pause that follows."""
        return self.throttle.admit(self.session, decode(payload), now)

    def retry_after(self, payload: bytes, now: float = 0.0) -> int:
        """After how many milliseconds a message that is refused may come again."""
        error: TooFast = self.assertRaises(TooFast, self.admit, payload, now)
        return error.retry_after

    def test_refused(self) -> None:
        """A text over the burst is refused, with the milliseconds until there is room, rounded up."""
        self.assertEqual([self.admit(TEXT), self.admit(TEXT)], [0, 0])
        self.assertEqual(self.retry_after(TEXT), 1000)
        self.assertEqual(self.retry_after(TEXT, 0.2504), 750)
        self.assertEqual(self.admit(TEXT, 1.001), 0)

    def test_taken_all_the_same(self) -> None:
        """A propose over the burst is taken, and asks for the pause that it costs."""
        self.assertEqual([self.admit(PROPOSE) for _ in range(4)], [0, 0, 1, 2])

    def test_candidates_apart(self) -> None:
        """Candidates neither take the room of other messages nor have theirs taken."""
        for _ in range(2):
            self.admit(TEXT)
        for _ in range(3):
            self.assertEqual(self.admit(CANDIDATE), 0)
        self.assertEqual(self.retry_after(CANDIDATE), 1000)

    def test_what_did_not_pass_the_guards(self) -> None:
        """Garbage is counted with the messages and only ever asks for a pause."""
        self.assertEqual([self.throttle.count_other(0.0) for _ in range(3)], [0, 0, 1])
        self.retry_after(TEXT)

    def test_off(self) -> None:
        """With a rate of 0 nothing of that kind is counted."""
        self.throttle = self.make(rate_limit=0)
        self.assertEqual({self.admit(payload) for payload in (TEXT, PROPOSE) * 500}, {0})
        self.assertEqual({self.throttle.count_other(0.0) for _ in range(500)}, {0})
        self.throttle = self.make(candidate_rate=0)
        self.assertEqual({self.admit(CANDIDATE) for _ in range(500)}, {0})

    def test_abuse(self) -> None:
        """So many refused within so many seconds are abuse, the same number in a longer time are not."""
        soon = [self.throttle.is_abuse(0.0) for _ in range(REFUSED_LIMIT)]
        self.assertEqual((soon.index(True), soon.count(True)), (REFUSED_LIMIT - 1, 1))
        other, step = self.make(), REFUSED_SPAN * 1.01 / (REFUSED_LIMIT - 1)
        self.assertFalse(any(other.is_abuse(step * number) for number in range(3 * REFUSED_LIMIT)))

    def test_complaints(self) -> None:
        """It is time for another error a second after the last."""
        moments = (0.0, 0.5, 0.999, 1.0, 1.5, 2.0)
        self.assertEqual([self.throttle.may_complain(now) for now in moments], [True, False, False, True, False, True])
        # The clock was set back.
        self.assertEqual([self.throttle.may_complain(now) for now in (-3600.0, -3599.5)], [True, False])
