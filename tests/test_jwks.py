"""Tests of :mod:`jsongle_server.jwks`: keys that are fetched, and what happens where they cannot be."""

from __future__ import annotations

from functools import partial

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.config_values import LARGEST_FILE
from jsongle_server.jwks import AFTER_FAILURE, REFRESH, SHORTEST, TIMEOUT, KeyFetcher
from jsongle_server.keys import Keys
from tests.token_makers import jwk, key_set
from tests.web_fakes import FakeAgent, FakeResponse

URL = "https://keys.example/jwks?x=y"
CONFIG = Config(jwks_url=URL)


class FetchCase(SynchronousTestCase):
    """Has keys that are fetched from a fake."""

    def setUp(self) -> None:
        """Begins to fetch."""
        self.observer = EventLoggingObserver()
        globalLogPublisher.addObserver(self.observer)
        self.addCleanup(globalLogPublisher.removeObserver, self.observer)
        self.clock = Clock()
        self.agent = FakeAgent()
        self.keys = Keys(CONFIG)
        self.fetcher = KeyFetcher(self.clock, self.keys, agent=self.agent)
        self.fetcher.reconfigure(CONFIG)

    @property
    def lines(self) -> list[str]:
        """What was logged."""
        return [formatEvent(event) for event in self.observer]

    def assertAsked(self, times: int) -> None:
        """So many requests were made so far."""
        self.assertEqual(len(self.agent.requests), times)


class FetchTests(FetchCase):
    """When keys are fetched."""

    def test_at_the_start(self) -> None:
        """The address is asked at once, in the server's name."""
        ((method, uri, headers, _),) = self.agent.requests
        self.assertEqual((method, uri), (b"GET", URL.encode()))
        self.assertTrue(headers.getRawHeaders(b"User-Agent")[0].startswith(b"jsongle-server/"))
        self.agent.answer(200, key_set(jwk("a")))
        self.assertIsNotNone(self.keys.find("a"))
        self.assertEqual(self.lines, [])

    def test_from_time_to_time(self) -> None:
        """Later again, and new keys take the place of the old ones."""
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.advance(REFRESH - 1)
        self.assertAsked(1)
        self.clock.advance(1)
        self.assertAsked(2)
        self.agent.answer(200, key_set(jwk("b"), jwk("c")))
        self.assertIsNone(self.keys.find("a"))
        self.assertIsNotNone(self.keys.find("b"))

    def test_for_an_unknown_key(self) -> None:
        """At once when somebody asks, however many do."""
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.advance(SHORTEST)
        waited: list[int] = []
        for number in range(3):
            self.keys.await_others(partial(waited.append, number))
        self.assertAsked(2)
        self.assertEqual(waited, [])
        self.agent.answer(200, key_set(jwk("a")))
        self.assertEqual(waited, [0, 1, 2])

    def test_not_again_and_again(self) -> None:
        """Whoever asks just after another has been answered waits for the next time, which is not far."""
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.advance(SHORTEST - 1)
        waited: list[str] = []
        for _ in range(3):
            self.keys.await_others(lambda: waited.append("over"))
        self.assertAsked(1)
        self.clock.advance(1)
        self.assertAsked(2)
        self.agent.answer(200, key_set(jwk("b")))
        self.assertEqual(len(waited), 3)
        self.clock.advance(REFRESH - 1)
        self.assertAsked(2)
        self.clock.advance(1)
        self.assertAsked(3)

    def test_clock_set_back(self) -> None:
        """A clock that is set back does not keep keys from being fetched."""
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.rightNow -= 10_000
        self.keys.await_others(lambda: None)
        self.assertAsked(2)

    def test_other_address(self) -> None:
        """A reload with another address asks that, and forgets what was under way."""
        first = self.agent.requests[0][3]
        self.keys.reconfigure(Config(jwks_url="http://other.example/"))
        self.fetcher.reconfigure(Config(jwks_url="http://other.example/"))
        self.assertEqual(self.agent.requests[1][1], b"http://other.example/")
        self.assertTrue(first.called)
        self.agent.answer(200, key_set(jwk("b")))
        self.assertIsNotNone(self.keys.find("b"))

    def test_same_address(self) -> None:
        """A reload that changes something else does not ask again."""
        self.fetcher.reconfigure(Config(jwks_url=URL, max_concurrent_users=3))
        self.assertAsked(1)

    def test_stopped(self) -> None:
        """Nothing is left when it stops, whatever was under way."""
        self.fetcher.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.agent.requests[0][3].called)
        self.assertIsNone(self.keys.fetch)
        self.assertEqual(self.lines, [])

    def test_stopped_while_somebody_waits(self) -> None:
        """Nobody waits for what will never be fetched."""
        self.agent.answer(200, key_set(jwk("a")))
        waited: list[str] = []
        self.keys.await_others(lambda: waited.append("over"))
        self.fetcher.stop()
        self.assertEqual((waited, self.clock.getDelayedCalls()), (["over"], []))

    def test_stopped_between(self) -> None:
        """As little is left between two requests."""
        self.agent.answer(200, key_set(jwk("a")))
        self.fetcher.reconfigure(Config())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class FailureTests(FetchCase):
    """Addresses that are of no use."""

    def fail_in_each_way(self) -> None:
        """Has a request fail in every way, one after the other."""
        for step in (
            lambda: self.agent.refuse(ConnectionRefusedError()),
            lambda: self.agent.answer(503),
            lambda: self.agent.answer(200, b"<html>"),
            lambda: self.agent.answer(200, key_set()),
            lambda: self.agent.answer(200, b"x" * (LARGEST_FILE + 1)),
            lambda: self.agent.refuse(RuntimeError("of some other kind")),
            lambda: self.clock.advance(TIMEOUT),
        ):
            step()
            self.clock.advance(AFTER_FAILURE)

    def test_last_keys_stay(self) -> None:
        """Whatever goes wrong, the last keys stay good; it is tried again, and said once."""
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.advance(REFRESH)
        self.fail_in_each_way()
        self.assertAsked(9)
        self.assertIsNotNone(self.keys.find("a"))
        self.assertEqual(
            self.lines,
            [
                f"keys for tokens cannot be fetched from {URL}: Connection was refused by other side.; "
                "the last 1 stay good"
            ],
        )

    def test_recovery(self) -> None:
        """When it works again, that is said as well, and the next failure anew."""
        self.agent.answer(500)
        self.clock.advance(AFTER_FAILURE)
        self.agent.answer(200, key_set(jwk("a")))
        self.clock.advance(REFRESH)
        self.agent.answer(500)
        self.assertEqual(
            self.lines,
            [
                f"keys for tokens cannot be fetched from {URL}: the answer is 500; clients have to wait",
                f"keys for tokens are fetched from {URL} again",
                f"keys for tokens cannot be fetched from {URL}: the answer is 500; the last 1 stay good",
            ],
        )

    def test_each_reason(self) -> None:
        """What is said is a reason, and never what was fetched."""
        for body, reason in ((b"s3cret", "no key set"), (b"s3cret" * LARGEST_FILE, "more than")):
            self.setUp()
            self.agent.answer(200, body)
            self.assertIn(reason, self.lines[-1])
            self.assertNotIn("s3cret", self.lines[-1])

    def test_slow_answer(self) -> None:
        """Whoever waits for keys does not wait longer than a request may take."""
        waited: list[str] = []
        self.keys.await_others(lambda: waited.append("over"))
        self.clock.advance(TIMEOUT - 0.1)
        self.assertEqual(waited, [])
        self.clock.advance(0.1)
        self.assertEqual(waited, ["over"])
        self.assertIn("no whole answer within 5 seconds", self.lines[-1])

    def test_refusal_without_an_end(self) -> None:
        """An answer that is of no use is not waited for to its end."""
        response = FakeResponse(503, b"", end=None)
        self.agent.requests[-1][3].callback(response)
        self.assertTrue(response.is_aborted)
