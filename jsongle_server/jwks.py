"""Fetches the key set that signed tokens are checked with, without holding anybody up.

Once at the start, again every ten minutes, and soon when a token names a key that is not there. While the address does
not answer, the last keys stay good. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.logger import Logger
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from jsongle_server import __version__
from jsongle_server.config_values import LARGEST_FILE
from jsongle_server.http_body import BodyTooLarge, abandon, read_body
from jsongle_server.http_pool import QuietPool, make_agent
from jsongle_server.key_set import Key, read_key_set

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure
    from twisted.web.iweb import IAgent

    from jsongle_server.config import Config
    from jsongle_server.keys import Keys

REFRESH: Final = 600.0
"""Seconds from one fetching to the next."""

SHORTEST: Final = 5.0
"""Fewest seconds between two, however many tokens name keys that nobody knows."""

AFTER_FAILURE: Final = 30.0
"""Seconds after which keys that could not be fetched are asked for again."""

TIMEOUT: Final = 5.0
"""Seconds that one may take."""


class CannotFetch(Exception):
    """The answer is of no use; the text says why."""


class KeyFetcher:
    """Keeps keys up to date.

    :param reactor: times it.
    :param keys: what is kept.
    :param agent: makes the requests.
    """

    _log = Logger()

    def __init__(self, reactor: Any, keys: Keys, *, agent: IAgent | None = None) -> None:
        self._reactor = reactor
        self._keys = keys
        pool = QuietPool(reactor, persistent=False)
        self._agent = agent or make_agent(reactor, connect_timeout=TIMEOUT, pool=pool)
        self._url: str | None = None
        self._next: IDelayedCall | None = None
        self._fetching: Deferred[None] | None = None
        self._began: float | None = None
        self._has_failed = False

    def reconfigure(self, config: Config) -> None:
        """Fetches from the address that is configured from now on, if there is one."""
        if config.jwks_url == self._url:
            return
        self.stop()
        self._url = config.jwks_url
        if self._url is not None:
            self._keys.fetch = self.fetch
            self.fetch()

    def stop(self) -> None:
        """Fetches nothing any more."""
        self._keys.fetch = self._url = self._began = None
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._fetching is not None:
            self._fetching.cancel()
        self._keys.go_on()

    def fetch(self) -> None:
        """Fetches the keys anew: now, or where that was done just now, a little later."""
        if self._fetching is not None or self._url is None:
            return
        now: float = self._reactor.seconds()
        waits = 0.0 if self._began is None or now < self._began else self._began + SHORTEST - now
        if waits > 0:
            if self._next is None or self._next.getTime() > now + waits:
                self._schedule(waits)
            return
        self._began = now
        self._schedule(REFRESH)
        fetching = Deferred.fromCoroutine(self._request(self._url))
        fetching.addTimeout(TIMEOUT, self._reactor)
        self._fetching = done = fetching.addCallbacks(self._succeed, self._fail)
        # It may have ended already.
        done.addBoth(self._forget)

    async def _request(self, url: str) -> dict[str | None, Key]:
        headers = Headers({"User-Agent": [f"jsongle-server/{__version__}"], "Accept": ["application/json"]})
        response = await self._agent.request(b"GET", url.encode("ascii"), headers)
        if response.code != 200:
            abandon(response)
            raise CannotFetch(f"the answer is {response.code}")
        content = await read_body(response, LARGEST_FILE)
        try:
            return read_key_set(content)
        except ValueError:
            raise CannotFetch("the answer is no key set with a public key for signatures") from None

    def _forget(self, result: object) -> object:
        self._fetching = None
        return result

    def _succeed(self, keys: dict[str | None, Key]) -> None:
        if self._has_failed:
            self._has_failed = False
            self._log.info("keys for tokens are fetched from {url} again", url=self._url)
        self._forget(None)
        self._keys.replace(keys)

    def _fail(self, failure: Failure) -> None:
        self._forget(None)
        if self._url is not None:
            self._tell(failure)
            self._schedule(AFTER_FAILURE)
        self._keys.fail()

    def _tell(self, failure: Failure) -> None:
        """Says that there are no new keys, once until there are again."""
        if self._has_failed:
            return
        self._has_failed = True
        known = failure.check(CannotFetch, BodyTooLarge, ConnectError, DNSLookupError)
        reason = failure.getErrorMessage() if known else type(failure.value).__name__
        if failure.check(TimeoutError, ResponseFailed):
            reason = f"no whole answer within {TIMEOUT:.0f} seconds"
        kept = f"the last {len(self._keys)} stay good" if len(self._keys) else "clients have to wait"
        self._log.error(
            "keys for tokens cannot be fetched from {url}: {reason}; {kept}", url=self._url, reason=reason, kept=kept
        )

    def _schedule(self, delay: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._reactor.callLater(delay, self._again)

    def _again(self) -> None:
        self._next = None
        self.fetch()
