"""The fault-injecting proxy: each fault does what it says, and nothing else."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.network import until
from tests.proxy import Link, Proxy


@implementer(IHalfCloseableProtocol)
class Recorder(Protocol):
    """An end that records what happens to it.

    :ivar chunks: what it read, read by read.
    :ivar has_eof: whether the other has said that no more comes.
    :ivar gone: why its connection ended.
    """

    transport: Any

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.has_eof = False
        self.gone: Failure | None = None

    @property
    def text(self) -> bytes:
        """All that it read."""
        return b"".join(self.chunks)

    def connectionMade(self) -> None:
        """Sends every write at once."""
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Takes what comes."""
        self.chunks.append(data)

    def readConnectionLost(self) -> None:
        """Takes note that no more comes."""
        self.has_eof = True

    def writeConnectionLost(self) -> None:
        """Nothing to do."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Takes note of the end."""
        self.gone = reason


class Servers(Factory):
    """Makes the server's ends."""

    noisy = False

    def __init__(self) -> None:
        self.made: list[Recorder] = []

    def buildProtocol(self, addr: Any) -> Recorder:
        """Makes one."""
        self.made.append(Recorder())
        return self.made[-1]


class ProxyTests(TestCase):
    """A client, a proxy and a server."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Connects them."""
        clock: Any = reactor
        servers = Servers()
        listening = clock.listenTCP(0, servers, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        self.proxy = Proxy(reactor, listening.getHost().port)
        self.client = await connectProtocol(clientFromString(reactor, f"tcp:127.0.0.1:{self.proxy.port}"), Recorder())
        await until(lambda: self.proxy.links and self.proxy.links[0].server and servers.made, "the link")
        self.link: Link = self.proxy.links[0]
        self.server = servers.made[0]
        self.addCleanup(self.stop)

    async def stop(self) -> None:
        """Ends everything."""
        await self.proxy.stop()
        for end in (self.client, self.server):
            end.transport.abortConnection()
        await until(lambda: self.client.gone and self.server.gone and self.link.is_gone, "the end")

    async def test_passes(self) -> None:
        """What is sent either way arrives, and so does the end."""
        self.client.transport.write(b"ping")
        await until(lambda: self.server.text == b"ping", "the ping")
        self.server.transport.write(b"pong")
        self.server.transport.loseConnection()
        await until(lambda: self.client.has_eof, "the end")
        self.assertEqual(self.client.text, b"pong")

    async def test_cut(self) -> None:
        """A cut resets both ends."""
        self.link.cut()
        await until(lambda: self.client.gone and self.server.gone, "both ends")
        for end in (self.client, self.server):
            assert end.gone is not None
            self.assertTrue(end.gone.check(ConnectionLost), end.gone)

    async def test_refuse(self) -> None:
        """A port that refuses does so until it accepts again, and what is open goes on."""
        await self.proxy.refuse()
        place = f"tcp:127.0.0.1:{self.proxy.port}"
        with self.assertRaises(ConnectionRefusedError):
            await connectProtocol(clientFromString(reactor, place), Recorder())
        self.client.transport.write(b"still here")
        await until(lambda: self.server.text == b"still here", "what was sent meanwhile")
        self.proxy.accept()
        late = await connectProtocol(clientFromString(reactor, place), Recorder())
        late.transport.abortConnection()
        await until(lambda: late.gone and all(link.is_gone for link in self.proxy.links[1:]), "the end of the new one")

    async def test_cut_after(self) -> None:
        """A cut after so many bytes lets exactly those pass."""
        self.link.up.cut_after(3)
        self.client.transport.write(b"abcdef")
        await until(lambda: self.server.gone, "the cut")
        self.assertEqual(self.server.text, b"abc")

    async def test_stall(self) -> None:
        """What is stalled arrives afterwards; the other direction does not wait."""
        self.link.up.stall()
        self.client.transport.write(b"held")
        self.server.transport.write(b"free")
        await until(lambda: self.client.text == b"free", "the other direction")
        self.assertEqual(self.server.text, b"")
        self.link.up.flow()
        await until(lambda: self.server.text == b"held", "what was held")

    async def test_stall_fills_buffers(self) -> None:
        """A sender is held up by a stall, as by a peer that does not read."""
        self.link.up.stall()
        size = 32_000_000  # more than the kernel holds
        self.client.transport.write(bytes(size))
        await deferLater(reactor, 0.2)
        self.assertTrue(self.client.transport._tempDataBuffer or self.client.transport.dataBuffer)
        self.link.up.flow()
        await until(lambda: sum(map(len, self.server.chunks)) == size, "everything")

    async def test_delay(self) -> None:
        """What is delayed comes later and in order, also where the delay has ended meanwhile."""
        clock: Any = reactor
        start = clock.seconds()
        self.link.up.delay(0.2)
        self.client.transport.write(b"first ")
        await until(lambda: self.link.up._waiting, "the first")
        self.link.up.delay(0)
        self.client.transport.write(b"second")
        await until(lambda: self.server.text, "something")
        self.assertGreaterEqual(clock.seconds() - start, 0.19)
        await until(lambda: self.server.text == b"first second", "both, in order")

    async def test_split(self) -> None:
        """What is split comes byte by byte."""
        text = bytes(range(100))
        self.link.up.split()
        self.client.transport.write(text)
        await until(lambda: self.server.text == text, "everything")
        # The kernel may join two bytes for a reader that is late.
        self.assertGreater(len(self.server.chunks), 90)

    async def test_half_close(self) -> None:
        """A half-closed direction ends; the other goes on."""
        self.client.transport.write(b"the last")
        await until(lambda: self.server.text == b"the last", "the last word")
        self.link.up.half_close()
        await until(lambda: self.server.has_eof, "the end")
        self.server.transport.write(b"answer")
        await until(lambda: self.client.text == b"answer", "the answer")
        self.assertIsNone(self.client.gone)

    async def test_vanish(self) -> None:
        """Where the network has vanished, nobody learns of the other's end."""
        self.link.vanish()
        self.client.transport.abortConnection()
        await until(lambda: self.client.gone, "the client's end")
        await deferLater(reactor, 0.1)
        self.assertIsNone(self.server.gone)

    async def test_client_ends(self) -> None:
        """A client that ends its connection ends the server's, after all it has said."""
        self.client.transport.write(b"bye")
        self.client.transport.loseConnection()
        await until(lambda: self.server.has_eof or self.server.gone, "the end")
        self.assertEqual(self.server.text, b"bye")
        self.server.transport.loseConnection()
        await until(lambda: self.client.gone, "the client's end")
        assert self.client.gone is not None
        self.assertTrue(self.client.gone.check(ConnectionDone))
