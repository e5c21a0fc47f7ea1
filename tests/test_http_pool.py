"""Tests of :mod:`jsongle_server.http_pool`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.http_headers import Headers

from jsongle_server.http_pool import MAX_HEAD, HeadTooLarge, KeptConnectionLost, QuietPool, make_agent

URL = b"http://192.0.2.7/"


class ConnectionTests(SynchronousTestCase):
    """Connections, over a transport that the test plays."""

    def setUp(self) -> None:
        """Asks a server for something."""
        self.reactor = MemoryReactorClock()
        self.agent = make_agent(self.reactor, connect_timeout=5, pool=QuietPool(self.reactor, persistent=True))
        self.asking = self.ask()
        self.transport = StringTransport()
        factory: Any = self.reactor.tcpClients[0][2]
        self.protocol: Any = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def ask(self) -> Deferred[Any]:
        """Asks it again."""
        return self.agent.request(b"GET", URL, Headers({}))

    def test_endless_head(self) -> None:
        """Headers, folded lines, and interim answers without an end are read up to a bound, and hung up on."""
        for start, more in (
            (b"HTTP/1.1 200 OK\r\n", b"X-More: 123456789\r\n"),
            (b"HTTP/1.1 200 OK\r\nX: a\r\n", b" more and more\r\n"),
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        ):
            self.setUp()
            self.protocol.dataReceived(start)
            taken = len(start)
            while taken + len(more) <= MAX_HEAD:
                self.protocol.dataReceived(more)
                taken += len(more)
            self.assertNoResult(self.asking)
            self.protocol.dataReceived(more)
            self.assertTrue(self.transport.disconnected)
            self.protocol.connectionLost(Failure(ConnectionAborted()))
            self.failureResultOf(self.asking, HeadTooLarge)

    def test_long_body(self) -> None:
        """What comes after the head is not counted, however much comes with it at once."""
        self.protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000)
        self.assertEqual(self.successResultOf(self.asking).code, 200)
        self.protocol.dataReceived(b"x" * 40_000)
        self.assertFalse(self.transport.disconnected)

    def test_every_answer_has_its_own_bound(self) -> None:
        """A connection that is kept does not wear out."""
        for _ in range(3):
            self.protocol.dataReceived(b"HTTP/1.1 204 No\r\nX: " + b"x" * (MAX_HEAD - 1000) + b"\r\n\r\n")
            self.assertEqual(self.successResultOf(self.asking).code, 204)
            self.asking = self.ask()
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_hung_up(self) -> None:
        """That of a connection that was kept is told apart from that of a new one."""
        self.protocol.connectionLost(Failure(ConnectionDone()))
        error = self.failureResultOf(self.asking, ResponseNeverReceived).value
        self.assertNotIsInstance(error, KeptConnectionLost)
        self.setUp()
        self.protocol.dataReceived(b"HTTP/1.1 204 No\r\n\r\n")
        asking = self.agent.request(b"POST", URL, Headers({}))
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asking, KeptConnectionLost)

    def test_given_up(self) -> None:
        """What we have ended ourselves is not the other side's doing, kept or not."""
        self.protocol.dataReceived(b"HTTP/1.1 204 No\r\n\r\n")
        asking = self.agent.request(b"POST", URL, Headers({}))
        asking.cancel()
        error = self.failureResultOf(asking, ResponseNeverReceived).value
        self.assertNotIsInstance(error, KeptConnectionLost)
