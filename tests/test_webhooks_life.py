"""Tests of :mod:`jsongle_server.webhooks`: other settings, the stop, the log and the metrics."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from jsongle_server.config import Config
from jsongle_server.webhook_client import MAX_CONNECTIONS
from jsongle_server.webhooks import QUIET_TIME, STOP_TIME
from tests.test_metrics import scrape
from tests.webhook_support import OTHER_URL, SECRET, URL, WebhookCase, is_signed

OTHER_SECRET = "another-secret-of-enough-characters"


class ReloadTests(WebhookCase):
    """Other settings while the server runs."""

    def test_off(self) -> None:
        """Without an address nobody listens; what waits and what is under way is dropped, and counted."""
        self.happen(1, 2)
        request = self.receiver.take_one()
        self.webhooks.reconfigure(Config())
        self.assertIsNone(self.publish)
        self.assertTrue(request.given_up)
        self.assertEqual(self.counted(), {"off": 2})
        self.assertEqual((self.metrics.count_webhooks(), self.clock.getDelayedCalls(), self.lines()), (0, [], []))

    def test_on(self) -> None:
        """They can be switched on again."""
        self.webhooks.reconfigure(Config())
        self.webhooks.reconfigure(Config(webhook_url=OTHER_URL, webhook_secret=SECRET))
        self.happen(1)
        self.assertEqual(self.receiver.take_one().uri, OTHER_URL)

    def test_other_receiver(self) -> None:
        """Another address and secret hold for what waits as well, which is tried there at once."""
        self.happen(1, 2)
        self.answer(503, Retry_After="300")
        self.webhooks.reconfigure(Config(webhook_url=OTHER_URL, webhook_secret=OTHER_SECRET))
        self.clock.advance(0)
        request = self.receiver.take_one()
        self.assertEqual((request.uri, request.number), (OTHER_URL, 1))
        self.assertTrue(is_signed(request, OTHER_SECRET))

    def test_same(self) -> None:
        """A reload of other settings changes nothing: what waits goes on to wait."""
        self.happen(1)
        self.answer(503)
        self.webhooks.reconfigure(Config(webhook_url=URL, webhook_secret=SECRET, max_concurrent_users=7))
        self.clock.advance(0.9)
        self.assertEqual(self.receiver.take(), [])

    def test_answer_to_what_was_dropped(self) -> None:
        """An answer that comes after all is nobody's any more, whatever has happened since."""
        self.happen(1)
        self.receiver.take_one()
        self.webhooks.reconfigure(Config())
        self.webhooks.reconfigure(Config(webhook_url=URL, webhook_secret=SECRET))
        self.happen(2)
        self.assertEqual(self.answer(), 2)
        self.assertEqual(self.counted(), {"off": 1, "delivered": 1})

    def test_late_answer(self) -> None:
        """What the former receiver says of itself is nothing that the new one is left alone or blamed for."""
        self.happen(1)
        request = self.receiver.take_one()
        self.webhooks.reconfigure(Config(webhook_url=OTHER_URL, webhook_secret=SECRET))
        request.answer(503, Retry_After="300")
        self.happen(2, session="other")
        self.assertEqual(self.answer(), 2)
        self.clock.advance(1)
        self.assertEqual((self.answer(), self.lines()), (1, []))


class StopTests(WebhookCase):
    """The end of the server."""

    def stop(self) -> Deferred[None]:
        """Begins to stop, and gives that a turn."""
        stopping = Deferred.fromCoroutine(self.webhooks.stop())
        self.clock.advance(0)
        return stopping

    def assertStopped(self, stopping: Deferred[None]) -> None:
        """It is done, and nothing is left."""
        self.assertIsNone(self.successResultOf(stopping))
        self.assertEqual((self.metrics.count_webhooks(), self.clock.getDelayedCalls()), (0, []))

    def test_nothing_waits(self) -> None:
        """It is done at once."""
        self.assertStopped(self.stop())
        self.assertIsNone(self.publish)
        self.assertEqual(self.lines(), [])

    def test_delivered(self) -> None:
        """What waits is delivered first."""
        self.happen(1, 2, 3)
        stopping = self.stop()
        for number in (1, 2, 3):
            self.assertNoResult(stopping)
            self.assertEqual(self.answer(), number)
        self.assertStopped(stopping)
        self.assertEqual((self.counted(), self.lines()), ({"delivered": 3}, []))

    def test_tried_once_more(self) -> None:
        """What waits for another try gets it now, whatever the receiver wanted, and no further one."""
        for number in range(MAX_CONNECTIONS):
            self.happen(number, session=f"s-{number}")
        for request in self.receiver.take():
            request.answer(429, Retry_After="300")
        stopping = self.stop()
        requests = self.receiver.take()
        self.assertEqual(len(requests), MAX_CONNECTIONS)
        requests[0].answer()
        for request in requests[1:]:
            request.refuse()
        self.assertStopped(stopping)
        lost = MAX_CONNECTIONS - 1
        self.assertEqual(self.counted(), {"delivered": 1, "stop": lost, "retries": MAX_CONNECTIONS})
        self.assertEqual(self.lines()[-1], ("warn", f"{lost} webhooks could not be delivered before the end"))

    def test_what_follows_is_tried_too(self) -> None:
        """After one that was given up, the next of its session has its try."""
        self.happen(1, 2)
        stopping = self.stop()
        self.assertEqual(self.answer(503), 1)
        self.assertEqual(self.answer(400), 2)
        self.assertStopped(stopping)
        self.assertEqual(self.counted(), {"stop": 1, "failed": 1})

    def test_no_longer_than_that(self) -> None:
        """A receiver that does not answer is waited for no longer than a moment."""
        self.happen(1, 2)
        request = self.receiver.take_one()
        stopping = self.stop()
        self.clock.advance(STOP_TIME - 0.1)
        self.assertNoResult(stopping)
        self.clock.advance(0.1)
        self.assertTrue(request.given_up)
        self.assertStopped(stopping)
        self.assertEqual(self.counted(), {"stop": 2})

    def test_connections_that_do_not_end(self) -> None:
        """Nor are its connections waited for."""
        self.patch(self.webhooks._client, "close", Deferred)
        self.assertStopped(self.stop())

    def test_hurry(self) -> None:
        """Who is in a hurry does not wait, whether it is said before or meanwhile; to say it twice is fine."""
        for before in (True, False):
            self.setUp()
            self.happen(1)
            if before:
                self.webhooks.hurry()
            stopping = self.stop()
            if not before:
                self.assertNoResult(stopping)
                self.webhooks.hurry()
            self.webhooks.hurry()
            self.assertStopped(stopping)
            self.assertEqual(self.counted(), {"stop": 1})


class LogTests(WebhookCase):
    """What is logged of a receiver that fails."""

    FAILS = ("warn", "webhooks are not taken by their receiver: HTTP 503")
    TAKES = ("info", "webhooks are taken by their receiver again")

    def test_fails_and_recovers(self) -> None:
        """That it begins to fail is one line, however much fails; that it takes webhooks again is another."""
        for number in range(3):
            self.happen(number, session=f"s-{number}")
        for _ in range(3):
            for request in self.receiver.take():
                request.answer(503)
            self.clock.advance(60)
        self.assertEqual(self.lines(), [self.FAILS])
        for request in self.receiver.take():
            request.answer()
        self.assertEqual(self.lines(), [self.FAILS, self.TAKES])

    def test_refused(self) -> None:
        """That it refuses what it gets is a failure too, and so is that it cannot be reached."""
        for number, reason in enumerate(("HTTP 404", "HTTP 301")):
            self.setUp()
            self.happen(number)
            self.answer(int(reason[5:]))
            self.assertEqual(self.lines(), [("warn", f"webhooks are not taken by their receiver: {reason}")])
        self.setUp()
        self.happen(1)
        self.receiver.take_one().refuse()
        self.assertIn("Connection was refused", self.lines()[0][1])

    def test_flapping(self) -> None:
        """One that takes every other is no line for each of them: at most one pair in a while."""
        for number in range(10):
            self.happen(2 * number, 2 * number + 1)
            self.answer(400)
            self.answer()
        self.assertEqual(len(self.lines()), 2)
        self.clock.advance(QUIET_TIME)
        self.happen(1)
        self.answer(400)
        self.assertEqual(len(self.lines()), 3)

    def test_begins_to_fail_in_the_quiet(self) -> None:
        """One that goes on to fail is told, if a while later."""
        self.happen(1, 2, 3)
        self.answer(400)
        self.answer()
        self.assertEqual(len(self.lines()), 2)
        for _ in range(9):
            self.answer(503)
            self.clock.advance(60)
        self.assertEqual(self.lines()[2:], [self.FAILS])

    def test_no_secret(self) -> None:
        """Neither the secret nor the address, which may have one in it, is logged."""
        self.happen(1)
        self.receiver.take_one().refuse()
        self.assertFalse(any(SECRET in repr(event) or "of=jsongle" in repr(event) for event in self.log))


class MetricsTests(WebhookCase):
    """What Prometheus reads."""

    def test_all(self) -> None:
        """What waits, what became of the rest, why some were dropped, and tries after the first."""
        self.happen(*range(300))
        self.answer()
        self.answer(404)
        self.answer(500)
        series = {name: value for name, value in scrape(self.metrics).items() if "webhook" in name and value}
        self.assertEqual(
            series,
            {
                "jsongle_webhooks_queued": 254,
                'jsongle_webhooks_total{result="delivered"}': 1,
                'jsongle_webhooks_total{result="failed"}': 1,
                'jsongle_webhooks_total{result="dropped"}': 44,
                'jsongle_webhooks_dropped_total{reason="session"}': 44,
            },
        )
        self.clock.advance(1)
        self.assertEqual(scrape(self.metrics)["jsongle_webhook_retries_total"], 1)
