"""Tests of :mod:`jsongle_server.webhooks`: what is sent, in which order, and how often."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from types import FrameType
from typing import Any
from unittest.mock import patch
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.metrics import Metrics
from jsongle_server.occurrences import Kind, Occurrence
from jsongle_server.testing import START, MemoryServer
from jsongle_server.webhook_client import MAX_CONNECTIONS, TRY_TIME, WebhookClient
from jsongle_server.webhook_queue import MAX_QUEUED_PER_SESSION
from jsongle_server.webhook_retries import LONGEST_DELAY, MAX_TRIES
from jsongle_server.webhooks import Webhooks
from tests.scenarios import NOW
from tests.webhook_support import SECRET, URL, Receiver, Request, WebhookCase, is_signed


class MessageTests(WebhookCase):
    """What is sent."""

    def test_body(self) -> None:
        """It says what has happened and when, and has an id."""
        self.happen(7)
        request = self.receiver.take_one()
        self.assertEqual(request.uri, URL)
        told = request.told
        self.assertEqual(UUID(told.pop("id")).version, 4)
        self.assertEqual(told, {"type": "member.joined", "timestamp": NOW, "data": {"number": 7}})

    def test_headers(self) -> None:
        """The id, the time and the signature stand in headers; nobody without the secret could have made that."""
        self.happen(1)
        request = self.receiver.take_one()
        self.assertEqual(request.headers["webhook-id"], request.told["id"])
        self.assertEqual(request.headers["webhook-timestamp"], str(int(START)))
        self.assertTrue(is_signed(request, SECRET))
        self.assertFalse(is_signed(request, SECRET + "x"))
        request.body += b" "
        self.assertFalse(is_signed(request, SECRET))

    def test_next_try(self) -> None:
        """A further try has the same id and body, but its own time and signature: a receiver may refuse old ones."""
        self.happen(1)
        first = self.receiver.take_one()
        first.answer(503)
        self.clock.pump((0, 60))
        second = self.receiver.take_one()
        self.assertEqual((second.body, second.headers["webhook-id"]), (first.body, first.headers["webhook-id"]))
        self.assertEqual(second.headers["webhook-timestamp"], str(int(START + 60)))
        self.assertTrue(is_signed(second, SECRET))

    def test_encoded_secret(self) -> None:
        """A secret in base64 signs with what it stands for."""
        secret = "whsec_QUJDREVGR0hJSktMTU5PUA=="
        self.webhooks.reconfigure(Config(webhook_url=URL, webhook_secret=secret))
        self.happen(1)
        self.assertTrue(is_signed(self.receiver.take_one(), secret))


class TurnTests(WebhookCase):
    """That nobody waits."""

    def test_nothing_at_once(self) -> None:
        """What happens is only taken note of; it is sent in a turn of its own, one for all that happens meanwhile."""
        assert self.publish is not None
        for number in range(5):
            self.publish(Occurrence(Kind.MEMBER_JOINED, f"s-{number}", START, {"number": number}))
        self.assertEqual(self.receiver.take(), [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.assertEqual([request.number for request in self.receiver.take()], [0, 1, 2, 3, 4])

    def test_publishing_does_no_io(self) -> None:
        """However long the queue, taking note is a handful of calls, none of which writes, connects or sends."""
        assert self.publish is not None
        self.happen(*range(20))
        calls: Counter[str] = Counter()

        def see(frame: FrameType, event: str, argument: Any) -> None:
            if event in ("call", "c_call"):
                calls[frame.f_code.co_qualname if event == "call" else argument.__qualname__] += 1

        occurrence = Occurrence(Kind.MEMBER_JOINED, "s", START, {"number": 0})
        self.publish(occurrence)
        sys.setprofile(see)
        self.publish(occurrence)
        sys.setprofile(None)
        self.assertLess(calls.total(), 20, calls)
        self.assertEqual({name for name in calls if "request" in name or "write" in name or "send" in name}, set())

    def test_order(self) -> None:
        """One session has one under way; the next follows when it is done."""
        self.happen(1, 2, 3)
        self.assertEqual([self.answer(), self.answer(), self.answer()], [1, 2, 3])
        self.assertEqual((self.receiver.take(), self.counted()), ([], {"delivered": 3}))

    def test_several_sessions(self) -> None:
        """Sessions do not wait for each other, up to as many as are sent at the same time."""
        for number in range(MAX_CONNECTIONS + 2):
            self.happen(number, session=f"s-{number}")
        first = self.receiver.take()
        self.assertEqual([request.number for request in first], list(range(MAX_CONNECTIONS)))
        first[3].answer()
        self.clock.advance(0)
        self.assertEqual(self.receiver.take_one().number, MAX_CONNECTIONS)

    def test_silent_receiver(self) -> None:
        """A receiver that does not answer gets one at a time, until it does."""
        for number in range(MAX_CONNECTIONS + 4):
            self.happen(number, session=f"s-{number}")
        for request in self.receiver.take():
            request.refuse()
        self.clock.advance(0)
        self.receiver.take_one().refuse()
        self.clock.advance(0)
        self.answer(503)
        self.assertEqual(len(self.receiver.take()), 2)
        self.clock.advance(1)
        self.assertEqual(len(self.receiver.take()), MAX_CONNECTIONS - 2)

    def test_bound(self) -> None:
        """What does not fit is counted, and what was there stays."""
        self.happen(*range(MAX_QUEUED_PER_SESSION + 2))
        self.assertEqual(self.counted(), {"session": 2})
        self.assertEqual(self.metrics.count_webhooks(), MAX_QUEUED_PER_SESSION)
        for number in range(MAX_QUEUED_PER_SESSION):
            self.assertEqual(self.answer(), number)
        self.assertEqual((self.metrics.count_webhooks(), self.clock.getDelayedCalls()), (0, []))

    def test_relay_goes_on(self) -> None:
        """Clients notice nothing of a receiver that does not answer."""
        server = MemoryServer()
        Webhooks(
            Config(webhook_url=URL, webhook_secret=SECRET),
            server.metrics,
            listen=server.signaling.publish_to,
            reactor=server.clock,
            agent=Receiver(),
        )
        alice, bob = server.user("alice"), server.user("bob")
        for number in range(300):
            alice.join(f"r-{number % 50}")
            alice.ask("leave", rid=f"r-{number % 50}")
            server.clock.advance(1)
        alice.say("bob", "session-text", description={"content": "hi"})
        self.assertEqual(bob.take_one()["jsongle"]["description"]["content"], "hi")
        self.assertEqual(server.metrics.count_webhooks(), MAX_QUEUED_PER_SESSION)


class RetryTests(WebhookCase):
    """What is tried again, when and how often."""

    def test_again(self) -> None:
        """No answer, and statuses that may pass, are tried again, before all that follows in the session."""
        for fail in (lambda request: request.refuse(), *(self.failing(code) for code in (408, 429, 500, 503))):
            self.setUp()
            self.happen(1, 2)
            fail(self.receiver.take_one())
            self.clock.advance(0.99)
            self.assertEqual(self.receiver.take(), [])
            self.clock.advance(0.01)
            self.assertEqual([self.answer(), self.answer()], [1, 2])
            self.assertEqual(self.counted(), {"delivered": 2, "retries": 1})

    @staticmethod
    def failing(code: int) -> Any:
        """Answers a request with a status."""
        return lambda request: request.answer(code)

    def test_final(self) -> None:
        """A refusal and a redirect are not tried again; the next follows."""
        self.happen(1, 2, 3, 4)
        self.assertEqual([self.answer(400), self.answer(410), self.answer(302), self.answer()], [1, 2, 3, 4])
        self.assertEqual(self.counted(), {"failed": 3, "delivered": 1})

    def test_no_answer(self) -> None:
        """What is not answered in time is given up, and tried again."""
        self.happen(1)
        request = self.receiver.take_one()
        self.clock.advance(TRY_TIME)
        self.assertTrue(request.given_up)
        self.clock.pump((0, 1))
        self.assertEqual(self.answer(), 1)

    def test_backoff(self) -> None:
        """The time between tries doubles, up to a minute, and some chance comes in."""
        self.happen(1)
        for seconds in (1, 2, 4, 8, 16, 32, 60, 60):
            self.receiver.take_one().answer(500)
            self.clock.pump((0, seconds - 0.01))
            self.assertEqual(self.receiver.take(), [])
            self.clock.advance(0.01)
        self.jitter = 0.0
        self.receiver.take_one().answer(500)
        self.clock.pump((0, LONGEST_DELAY / 2))
        self.assertEqual(self.answer(), 1)

    def test_given_up(self) -> None:
        """After so many tries it has failed, and the next follows."""
        self.happen(1, 2)
        for _ in range(MAX_TRIES - 1):
            self.assertEqual(self.answer(500), 1)
            self.clock.advance(LONGEST_DELAY)
        self.assertEqual(self.answer(500), 1)
        self.assertEqual(self.answer(), 2)
        self.assertEqual(self.counted(), {"failed": 1, "delivered": 1, "retries": MAX_TRIES - 1})

    def test_others_go_on(self) -> None:
        """While one session waits for its next try, others are delivered."""
        self.happen(1, session="a")
        self.answer(500)
        self.happen(2, session="b")
        self.assertEqual(self.answer(), 2)

    def test_retry_after(self) -> None:
        """A receiver that says when to come again is left alone until then, by all sessions."""
        self.happen(1, session="a")
        self.answer(429, Retry_After="30")
        self.happen(2, session="b")
        self.clock.advance(29.9)
        self.assertEqual(self.receiver.take(), [])
        self.clock.advance(0.1)
        self.assertEqual({request.number for request in self.receiver.take()}, {1, 2})

    def test_short_retry_after(self) -> None:
        """It is not tried sooner than it would be without such a wish."""
        self.happen(1)
        self.answer(503, Retry_After="0")
        self.clock.advance(0.99)
        self.assertEqual(self.receiver.take(), [])
        self.clock.advance(0.01)
        self.assertEqual(self.answer(), 1)


class FailureTests(WebhookCase):
    """What should not happen."""

    def test_slots(self) -> None:
        """A try that goes wrong in a way that nobody thought of is one without an answer: the next comes."""
        for number in range(MAX_CONNECTIONS):
            self.happen(number, session=f"s-{number}")
        with patch.object(WebhookClient, "post", side_effect=RuntimeError("odd")):
            for request in self.receiver.take():
                request.answer(503)
            self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), MAX_CONNECTIONS)
        self.clock.pump((0, 60, 0))
        while self.metrics.count_webhooks():
            for request in self.receiver.take():
                request.answer()
            self.clock.advance(60)
        self.assertEqual(self.counted()["delivered"], MAX_CONNECTIONS)


class ClockTests(WebhookCase):
    """A clock that is set back."""

    def test_set_back(self) -> None:
        """What waits is not put off for as long as that: it is tried with the next that happens."""
        for headers in ({}, {"Retry_After": "300"}):
            self.setUp()
            self.happen(1, session="a")
            self.answer(503, **headers)
            self.clock.rightNow -= 3600
            self.happen(2, session="b")
            self.assertEqual({request.number for request in self.receiver.take()}, {1, 2})


class OutcomeTests(SynchronousTestCase):
    """Whatever a receiver does."""

    def setUp(self) -> None:
        """Switches webhooks on."""
        self.clock = Clock()
        self.metrics = Metrics("0")
        self.receiver = Receiver()
        self.webhooks = Webhooks(
            Config(webhook_url=URL, webhook_secret=SECRET),
            self.metrics,
            listen=lambda _: None,
            reactor=self.clock,
            agent=self.receiver,
            jitter=lambda: 0.5,
        )
        self.tries: Counter[int] = Counter()
        self.over: dict[str, list[int]] = defaultdict(list)

    @given(st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=30), st.data())
    def test_order_and_no_loss(self, sessions: list[str], data: st.DataObject) -> None:
        """Each is told until it is taken, refused or tried out, in the order of its session, one of it at a time."""
        self.setUp()
        for number, session in enumerate(sessions):
            self.webhooks.publish(Occurrence(Kind.CALL_ENDED, session, 0.0, {"number": number}))
        waiting: list[Request] = []
        while self.metrics.count_webhooks():
            self.clock.advance(data.draw(st.sampled_from((0, 1, 9, 60))))
            waiting += self.receiver.take()
            for request in [request for request in waiting if request.given_up]:
                self.note(request, sessions, status=None)
                waiting.remove(request)
            busy = [sessions[request.number] for request in waiting]
            self.assertEqual(len(busy), len(set(busy)))
            self.assertLessEqual(len(busy), MAX_CONNECTIONS)
            if waiting:
                request = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
                status = data.draw(st.sampled_from((200, 204, 400, 429, 500, 503, None)))
                self.note(request, sessions, status=status)
                if status is None:
                    request.refuse()
                else:
                    request.answer(status)
        expected: dict[str, list[int]] = defaultdict(list)
        for number, session in enumerate(sessions):
            expected[session].append(number)
        self.assertEqual(self.over, expected)

    def note(self, request: Request, sessions: list[str], *, status: int | None) -> None:
        """Notes what has come of a try."""
        self.tries[request.number] += 1
        if status in (200, 204, 400) or self.tries[request.number] == MAX_TRIES:
            self.over[sessions[request.number]].append(request.number)
