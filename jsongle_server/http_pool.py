"""Connections to other servers: bounded in what is read before an answer's body, checked, and not worth a line each.

Twisted bounds no head: one that never ends would fill the memory until the time is over. Must not know what is asked.
Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseNeverReceived

from jsongle_server.tls_names import NamedCreator

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

MAX_HEAD: Final = 16_384
"""Bytes before the body of an answer, those of interim answers included; what is read at once may go beyond."""


class HeadTooLarge(Exception):
    """There is more before the body than anybody needs."""


class KeptConnectionLost(ResponseNeverReceived):
    """The other side has ended a connection that was kept, without an answer: it may not have seen the request."""


def make_agent(reactor: Any, *, connect_timeout: float, pool: HTTPConnectionPool) -> Agent:
    """What asks other servers.

    :param connect_timeout: seconds that a connection may take.
    """
    return Agent(reactor, contextFactory=_Policy(), connectTimeout=connect_timeout, pool=pool)


class _Connection(HTTP11ClientProtocol):
    """Reads no endless head, and tells the loss of a kept connection from that of a new one."""

    transport: Any
    _was_used = False
    _waits_for_head = False
    _head = 0

    def request(self, request: Any) -> Deferred[Any]:
        answer: Deferred[Any] = super().request(request)
        was_used, self._was_used = self._was_used, True
        self._waits_for_head, self._head = True, 0
        return answer.addBoth(self._note_head).addErrback(self._explain, was_used)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self._head += len(data)
        if self._waits_for_head and self._head > MAX_HEAD:
            self.transport.abortConnection()

    def _note_head(self, result: Any) -> Any:
        self._waits_for_head = False
        return result

    def _explain(self, failure: Failure, was_used: bool) -> Failure:
        if self._head > MAX_HEAD:
            return Failure(HeadTooLarge(f"more than {MAX_HEAD} bytes before the body"))
        error = failure.value
        if was_used and isinstance(error, ResponseNeverReceived) and _is_hung_up(error):
            return Failure(KeptConnectionLost(error.reasons))
        return failure


def _is_hung_up(error: ResponseNeverReceived) -> bool:
    """Whether the other side has ended the connection, rather than we."""
    return any(reason.check(ConnectionDone, ConnectionLost) for reason in error.reasons)


class _Factory(HTTPConnectionPool._factory):  # type: ignore[misc,valid-type]  # a class, kept in a variable
    noisy = False

    def buildProtocol(self, address: Any) -> _Connection:
        return _Connection(self._quiescentCallback)


class QuietPool(HTTPConnectionPool):
    """A pool of such connections that does not log two lines for each."""

    _factory = _Factory


class _Policy(BrowserLikePolicyForHTTPS):
    """Trusts whom OpenSSL trusts, as long as the certificate names the host (RFC 9525 section 6)."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:  # noqa: N802
        return NamedCreator(super().creatorForNetloc(hostname, port), hostname.decode("ascii"))
