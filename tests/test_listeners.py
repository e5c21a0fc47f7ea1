"""Tests of :mod:`jsongle_server.listeners`: where a side of the server listens."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jsongle_server.listeners import Side, open_listener


@implementer(IListeningPort)
class OtherPort:
    """A port of an endpoint of another make, which listens from the start."""

    def __init__(self, host: IAddress) -> None:
        self.host = host
        self.started = 0
        self.stopped = 0

    def startListening(self) -> None:  # noqa: N802  (Twisted's name)
        """Counts the call."""
        self.started += 1

    def stopListening(self) -> Deferred[Any]:  # noqa: N802  (Twisted's name)
        """Counts the call."""
        self.stopped += 1
        return succeed(None)

    def getHost(self) -> IAddress:
        """Where it listens."""
        return self.host


class ListenerTests(SynchronousTestCase):
    """Hosts, ports and endpoints."""

    def test_port_without_a_life_before_start(self) -> None:
        """A bound port is free again when the listener is stopped before it was started."""
        reactor = MemoryReactorClock()
        side = Side("ws", "ws", "127.0.0.1", 0, None)
        listener = open_listener(reactor, ServerFactory(), side, None)
        port = listener.port
        assert port is not None
        self.assertEqual(listener.address, f"ws://127.0.0.1:{port}")
        self.successResultOf(listener.stop())
        again = open_listener(reactor, ServerFactory(), Side("ws", "ws", "127.0.0.1", port, None), None)
        self.assertEqual(again.port, port)
        self.successResultOf(again.stop())

    def test_endpoint_of_another_make(self) -> None:
        """A port that listens by itself is not started again; it is stopped, and shown by its endpoint."""
        for host, port in ((IPv4Address("TCP", "127.0.0.1", 4711), 4711), (UNIXAddress("s"), None)):
            other = OtherPort(host)
            self.patch(TCP4ServerEndpoint, "listen", lambda endpoint, factory, other=other: succeed(other))
            side = Side("rest", "http", "", 0, "tcp:0")
            listener = open_listener(MemoryReactorClock(), ServerFactory(), side, None)
            self.assertEqual((listener.address, listener.port), ("tcp:0", port))
            listener.start()
            self.successResultOf(listener.stop())
            self.assertEqual((other.started, other.stopped), (0, 1))
