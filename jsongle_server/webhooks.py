"""Telling an application outside what happens here, by HTTP (docs/webhooks.md).

Takes note of what happens, which is an append, and delivers it in turns of its own: however slow the receiver is,
nobody here waits for it. What each try leads to is decided in :mod:`jsongle_server.webhook_retries`, what comes next
in :mod:`jsongle_server.webhook_queue`. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING, Any, Final

import orjson
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel

from jsongle_server.ids import Ids
from jsongle_server.messages import timestamp
from jsongle_server.webhook_client import MAX_CONNECTIONS, WebhookClient
from jsongle_server.webhook_queue import Delivery, Dropped, WebhookQueue
from jsongle_server.webhook_retries import LONGEST_RETRY_AFTER, MAX_TRIES, Answer, Verdict, backoff
from jsongle_server.webhook_signing import sign, signing_key

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure
    from twisted.web.iweb import IAgent

    from jsongle_server.config import Config
    from jsongle_server.metrics import Metrics
    from jsongle_server.occurrences import Occurrence, Publish

STOP_TIME: Final = 2.0
"""Seconds for which a server that stops tries to deliver what waits."""

QUIET_TIME: Final = 60.0
"""Seconds from one line that says that the receiver fails to the next."""


class Webhooks:
    """Delivers what happens, while there is an address to deliver it to.

    :param listen: has somebody take note of what happens, or nobody.
    :param reactor: runs everything.
    :param agent: makes the requests; one of Twisted's unless a test wants another.
    :param new_id: makes unique ids; UUID4 strings unless a test wants others.
    :param jitter: makes numbers from 0 to 1.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        metrics: Metrics,
        *,
        listen: Callable[[Publish | None], None],
        reactor: Any,
        agent: IAgent | None = None,
        new_id: Callable[[], str] | None = None,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._metrics = metrics
        self._listen = listen
        self._reactor = reactor
        self._new_id = new_id or Ids()
        self._jitter = jitter
        self._client = WebhookClient(reactor, agent=agent)
        self._receiver = _Receiver(self._log)
        self._queue = WebhookQueue()
        self._trying: dict[Delivery, Deferred[Any]] = {}
        self._timer: IDelayedCall | None = None
        self._timer_due = 0.0
        self._paused_until = 0.0
        self._stopping = False
        self._in_a_hurry = False
        self._emptied: Deferred[None] = Deferred()
        self._url: str | None = None
        self._secret: str | None = None
        metrics.count_webhooks = lambda: len(self._queue)
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """Goes by another address and secret from now on, for what waits already too; without an address, drops it."""
        if (self._url, self._secret) == (config.webhook_url, config.webhook_secret):
            return
        self._url, self._secret = config.webhook_url, config.webhook_secret
        if self._url is None:
            self._listen(None)
            self._drop(Dropped.OFF)
        else:
            self._listen(self.publish)
            self._try_all_at_once()

    def publish(self, occurrence: Occurrence) -> None:
        """Takes note of something that is to be delivered."""
        message_id = self._new_id()
        told = {
            "id": message_id,
            "type": occurrence.kind,
            "timestamp": timestamp(occurrence.at),
            "data": occurrence.data,
        }
        dropped = self._queue.put(Delivery(message_id, occurrence.session, orjson.dumps(told)))
        if dropped is None:
            self._look_at(0.0)
        else:
            self._metrics.webhooks_dropped[dropped] += 1

    def hurry(self) -> None:
        """Does not wait for what is still to be delivered, now or when it stops."""
        self._in_a_hurry = True
        self._stop_waiting()

    async def stop(self) -> None:
        """Tries what waits once more, for :data:`STOP_TIME` at most, and drops the rest."""
        self._listen(None)
        self._stopping = True
        if len(self._queue) and not self._in_a_hurry:
            waiting = self._emptied.addTimeout(STOP_TIME, self._reactor).addErrback(lambda timeout: None)
            self._try_all_at_once()
            await waiting
        self._drop(Dropped.STOP)
        given_up = self._metrics.webhooks_dropped[Dropped.STOP]
        if given_up:
            self._log.warn("{count} webhooks could not be delivered before the end", count=given_up)
        # Not waited for: a receiver that does not answer could take any time to end a connection.
        self._client.close()

    def _try_all_at_once(self) -> None:
        self._paused_until = 0.0
        self._queue.hurry()
        self._look_at(0.0)

    def _look_at(self, due: float) -> None:
        """Has the queue be looked at in a turn of its own, by then at the latest."""
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._look)

    def _look(self) -> None:
        """Tries what can be tried, and looks again when more can."""
        self._timer = None
        now = self._reactor.seconds()
        if max(self._paused_until, self._queue.next_due or 0.0) > now + LONGEST_RETRY_AFTER:
            # The clock was set back: nobody has to wait longer for that.
            self._paused_until = 0.0
            self._queue.hurry()
        if now < self._paused_until:
            self._look_at(self._paused_until)
            return
        while len(self._trying) < (1 if self._receiver.is_silent else MAX_CONNECTIONS):
            delivery = self._queue.take(now)
            if delivery is None:
                if self._queue.next_due is not None:
                    self._look_at(self._queue.next_due)
                return
            self._try(delivery)

    def _try(self, delivery: Delivery) -> None:
        self._metrics.webhook_retries += delivery.tries > 0
        delivery.tries += 1
        trying = self._trying[delivery] = Deferred.fromCoroutine(self._post(delivery))
        # Whatever goes wrong, its place and its session are free again.
        trying.addErrback(self._fail)
        trying.addCallback(self._settle, delivery, self._url)
        trying.addErrback(lambda failure: self._log.failure("a webhook failed", failure, level=LogLevel.error))

    def _fail(self, failure: Failure) -> Answer:
        self._log.failure("a webhook failed", failure, level=LogLevel.error)
        return Answer(None, reason=type(failure.value).__name__)

    async def _post(self, delivery: Delivery) -> Answer:
        assert self._url is not None and self._secret is not None
        sent = int(self._reactor.seconds())
        signature = sign(signing_key(self._secret), message_id=delivery.id, timestamp=sent, body=delivery.body)
        headers = {"webhook-id": delivery.id, "webhook-timestamp": str(sent), "webhook-signature": signature}
        return await self._client.post(self._url, headers, delivery.body)

    def _settle(self, answer: Answer, delivery: Delivery, url: str | None) -> None:
        """Draws the consequences of a try, unless what was tried was dropped meanwhile.

        :param url: who was asked. What another says than is asked now is nothing that this one has to answer for.
        """
        del self._trying[delivery]
        if self._queue.holds(delivery):
            now = self._reactor.seconds()
            pause = 0.0
            if url == self._url:
                self._receiver.note(answer, now)
                pause = answer.pause(now)
            verdict = answer.verdict
            if verdict is Verdict.AGAIN and delivery.tries < MAX_TRIES and not self._stopping:
                self._paused_until = max(self._paused_until, now + pause)
                self._queue.put_off(delivery, now + backoff(delivery.tries, jitter=self._jitter()))
            else:
                self._queue.done(delivery)
                self._count(verdict)
        if len(self._queue):
            self._look_at(0.0)
        elif self._stopping:
            self._stop_waiting()

    def _count(self, verdict: Verdict) -> None:
        if verdict is Verdict.AGAIN and self._stopping:
            self._metrics.webhooks_dropped[Dropped.STOP] += 1
        else:
            self._metrics.webhooks["delivered" if verdict is Verdict.DELIVERED else "failed"] += 1

    def _drop(self, reason: Dropped) -> None:
        """Gives up all that waits, and what is being tried."""
        self._metrics.webhooks_dropped[reason] += self._queue.clear()
        for trying in list(self._trying.values()):
            trying.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_waiting(self) -> None:
        if not self._emptied.called:
            self._emptied.callback(None)


class _Receiver:
    """Says in the log when the receiver begins to fail, and when it takes webhooks again; once each, not for each.

    :ivar is_silent: whether it did not answer at all the last time. Then one is enough to find out whether it does
        again: connections that are opened in vain, and names that are looked up, take places that others need.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._is_told = False
        self._quiet_until = 0.0
        self.is_silent = False

    def note(self, answer: Answer, now: float) -> None:
        """Takes note of how it has answered."""
        self.is_silent = answer.status is None
        if answer.verdict is not Verdict.DELIVERED:
            if not self._is_told and now >= self._quiet_until:
                self._is_told = True
                self._quiet_until = now + QUIET_TIME
                self._log.warn("webhooks are not taken by their receiver: {reason}", reason=answer.reason)
        elif self._is_told:
            self._is_told = False
            self._log.info("webhooks are taken by their receiver again")
