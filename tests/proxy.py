"""A TCP proxy that does to connections what networks do: cut, stall, delay, half-close, split at every byte.

A test puts it between clients and a server and tells each connection, in each direction, what to suffer. Everything
else passes unchanged, backpressure included: who does not read through the proxy is not written to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


class Proxy:
    """Listens on a free port of this machine and passes each connection on to a server.

    :param reactor: runs it.
    :param target: the server's port on this machine.
    :param prepare: called with each new link before anything passes.

    :ivar port: where clients connect to.
    :ivar links: every connection through it, in the order in which they came.
    """

    def __init__(self, reactor: Any, target: int, *, prepare: Callable[[Link], None] = lambda link: None) -> None:
        self.reactor = reactor
        self.target = target
        self.prepare = prepare
        self.links: list[Link] = []
        self._front = _Front(self)
        self._listening = reactor.listenTCP(0, self._front, interface="127.0.0.1")
        self.port: int = self._listening.getHost().port

    def refuse(self) -> Deferred[Any]:
        """Closes the port, until :meth:`accept`; connections that are open go on."""
        return maybeDeferred(self._listening.stopListening)

    def accept(self) -> None:
        """Opens the same port again."""
        self._listening = self.reactor.listenTCP(self.port, self._front, interface="127.0.0.1")

    def stop(self) -> Deferred[Any]:
        """Cuts every connection and closes the port."""
        for link in self.links:
            link.cut()
        return self.refuse()


class Link:
    """One connection through the proxy.

    :ivar up: from the client to the server.
    :ivar down: from the server to the client.
    :ivar is_over: whether either end is gone.
    """

    def __init__(self, proxy: Proxy, client: End) -> None:
        self.client = client
        self.server: End | None = None
        self.is_over = False
        self.up = Flow(proxy.reactor, self)
        self.down = Flow(proxy.reactor, self)
        self.up.begin(source=client)
        self._vanished = False

    @property
    def is_gone(self) -> bool:
        """Whether both ends are."""
        return self.client.is_gone and (self.server is None or self.server.is_gone)

    def cut(self) -> None:
        """Resets both ends at once; what was on its way is lost."""
        self._end_flows()
        for end in (self.client, self.server):
            if end is not None:
                end.transport.abortConnection()

    def vanish(self) -> None:
        """Lets nothing pass any more, the end of either side included: neither end can tell (half-open TCP)."""
        self._vanished = True
        self.up.stall()
        self.down.stall()

    def reached(self, server: End) -> None:
        """Called when the server has accepted the connection."""
        self.server = server
        self.down.begin(source=server)
        self.down.connect(self.client)
        self.up.connect(server)
        if self.is_over:
            self.cut()

    def lost(self, end: End, reason: Failure) -> None:
        """Called when an end is gone; the other learns of it in the same manner."""
        self.is_over = True
        if self._vanished:
            return
        flow, other = (self.up, self.server) if end is self.client else (self.down, self.client)
        if other is None:
            return
        if reason.check(ConnectionDone):
            flow.finish(other.transport.loseConnection)
        else:
            self.cut()

    def _end_flows(self) -> None:
        self.is_over = True
        self.up.stop()
        self.down.stop()


@implementer(IPushProducer)
class Flow:
    """One direction of a link.

    :ivar passed: bytes that have passed.
    """

    def __init__(self, reactor: Any, link: Link) -> None:
        self.passed = 0
        self._reactor = reactor
        self._link = link
        self._source: End | None = None
        self._target: End | None = None
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: Any = None
        self._delay = 0.0
        self._limit: int | None = None
        self._is_stalled = False
        self._is_full = False
        self._is_split = False
        self._finish: Callable[[], None] | None = None

    def begin(self, *, source: End) -> None:
        """Takes what a connection sends."""
        self._source = source
        self._balance()

    def connect(self, target: End) -> None:
        """Passes on to a connection, what has come before it first."""
        self._target = target
        target.transport.registerProducer(self, True)
        self._pump()

    def stall(self) -> None:
        """Lets nothing pass until :meth:`flow`; the sender finds its buffers filling."""
        self._is_stalled = True
        self._balance()

    def flow(self) -> None:
        """Lets everything pass again."""
        self._is_stalled = False
        self._balance()
        self._pump()

    def delay(self, seconds: float) -> None:
        """Has everything from now on pass so much later; the order stays."""
        self._delay = seconds

    def split(self) -> None:
        """Has every byte pass on its own."""
        self._is_split = True

    def cut_after(self, count: int) -> None:
        """Has the link cut as soon as so many more bytes have passed."""
        self._limit = self.passed + count

    def half_close(self) -> None:
        """Ends this direction after what has come, the other goes on."""
        target = self._target
        assert target is not None
        self.finish(target.transport.loseWriteConnection)

    def take(self, data: bytes) -> None:
        """Called with what the source sends."""
        if self._finish is None:
            self._waiting.append((self._reactor.seconds() + self._delay, data))
            self._pump()

    def finish(self, end: Callable[[], None]) -> None:
        """Does something once everything that has come has passed."""
        self._finish = end
        self._pump()

    def stop(self) -> None:
        """Forgets what has not passed."""
        self._waiting.clear()
        self._finish = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pauseProducing(self) -> None:
        """Called when the target reads too slowly."""
        self._is_full = True
        self._balance()

    def resumeProducing(self) -> None:
        """Called when the target has read enough."""
        self._is_full = False
        self._balance()

    def stopProducing(self) -> None:
        """Called when the target is gone."""

    def _balance(self) -> None:
        """Reads from the source, or does not."""
        if self._source is None or self._source.is_gone:
            return
        if self._is_stalled or self._is_full:
            self._source.transport.pauseProducing()
        else:
            self._source.transport.resumeProducing()

    def _pump(self) -> None:
        while self._waiting and self._target is not None and not self._is_stalled and self._timer is None:
            due, data = self._waiting[0]
            wait = due - self._reactor.seconds()
            if wait > 0:
                self._later(wait)
                return
            self._waiting.popleft()
            if self._is_split and len(data) > 1:
                self._waiting.appendleft((due, data[1:]))
                data = data[:1]
            self._pass(self._target, data)
            if self._is_split:
                # One turn of the reactor writes the byte, the next one reads it: sooner, and two would be joined.
                self._timer = self._reactor.callLater(0, self._later, 0)
        if self._finish is not None and not self._waiting and not self._is_stalled:
            finish, self._finish = self._finish, None
            finish()

    def _pass(self, target: End, data: bytes) -> None:
        if self._limit is not None and self.passed + len(data) >= self._limit:
            target.transport.write(data[: self._limit - self.passed])
            self.passed = self._limit
            self.stop()
            # A reset drops what was just written: it goes out in the turn before.
            self._reactor.callLater(0.001, self._link.cut)
            return
        target.transport.write(data)
        self.passed += len(data)

    def _later(self, wait: float) -> None:
        self._timer = self._reactor.callLater(wait, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        self._pump()


class End(Protocol):
    """The proxy's end of a connection: to the client, or to the server.

    :param name: which of its link's flows it feeds.
    """

    transport: Any

    def __init__(self, proxy: Proxy, link: Link | None = None) -> None:
        self._proxy = proxy
        self._link = link
        self.is_gone = False

    def connectionMade(self) -> None:
        """Has the link go on."""
        self.transport.setTcpNoDelay(True)
        if self._link is not None:
            self._link.reached(self)
            return
        self._link = Link(self._proxy, self)
        self._proxy.links.append(self._link)
        self._proxy.prepare(self._link)
        self._proxy.reactor.connectTCP("127.0.0.1", self._proxy.target, _Back(self._proxy, self._link))

    def dataReceived(self, data: bytes) -> None:
        """Passes it on."""
        assert self._link is not None
        (self._link.up if self is self._link.client else self._link.down).take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tells the link."""
        self.is_gone = True
        if self._link is not None:
            self._link.lost(self, reason)


class _Front(Factory):
    """Takes connections from clients."""

    noisy = False

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def buildProtocol(self, addr: Any) -> End:
        return End(self._proxy)


class _Back(ClientFactory):
    """Makes the connection to the server for a link."""

    noisy = False

    def __init__(self, proxy: Proxy, link: Link) -> None:
        self._proxy = proxy
        self._link = link

    def buildProtocol(self, addr: Any) -> End:
        return End(self._proxy, self._link)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._link.cut()
