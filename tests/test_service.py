"""A whole server on the real reactor: its ports from start to stop."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import orjson
import treq
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from jsongle_server.config import Config
from jsongle_server.listening import CannotBind
from jsongle_server.log_file import open_log_file
from jsongle_server.logs import AUDIT, LogControl
from jsongle_server.service import Server, make_server
from jsongle_server.testing import Client
from jsongle_server.testing_websocket import HANDSHAKE
from jsongle_server.websocket import HANDSHAKE_TIMEOUT

REQUEST = "\r\n".join((*HANDSHAKE, "", "")).encode()


class Browser(WebSocketClientProtocol):
    """A client of another make than ours: Autobahn's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox: DeferredQueue[dict[str, Any]] = DeferredQueue()
        self.gone: Deferred[tuple[int, str]] = Deferred()
        self._witness = Client.witness_class()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Keeps a message."""
        message = orjson.loads(payload)
        self._witness.heard(message)
        self.inbox.put(message)

    def onClose(self, was_clean: bool, code: int, reason: str) -> None:
        """Notes how it ended."""
        self.gone.callback((code, reason))


class Talker(Protocol):
    """A client that says one thing and then never a word, whatever comes.

    :ivar answer: fires with what came, up to the end of an HTTP head.
    :ivar gone: fires with all that came, when the connection has ended.
    """

    transport: Any  # a TCP one, which can abort

    def __init__(self, words: bytes) -> None:
        self._words = words
        self._received = b""
        self.answer: Deferred[bytes] = Deferred()
        self.gone: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """Says it."""
        self.transport.write(self._words)

    def dataReceived(self, data: bytes) -> None:
        """Takes what comes."""
        self._received += data
        if b"\r\n\r\n" in self._received and not self.answer.called:
            self.answer.callback(self._received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Notes the end."""
        self.gone.callback(self._received)


class ServerCase(TestCase):
    """Starts and stops servers."""

    timeout = 60

    def start(self, *, log_path: str | None = None, **settings: Any) -> Server:
        """A running server on free ports of this machine, unless the settings say otherwise."""
        free: dict[str, Any] = {"ws_port": 0, "rest_port": 0, "ws_host": "127.0.0.1", "rest_host": "127.0.0.1"}
        free["drain_timeout"] = 0.0
        log_file = open_log_file(log_path, period=86_400, keep=1, format_name="text") if log_path else None
        config = Config(**(free | settings))
        server = make_server(reactor, config, LogControl(), log_file=log_file, log_path=log_path)
        server.startService()
        self.addCleanup(lambda: server.stopService() if server.running else None)
        return server

    async def connect(self, server: Server, host: str = "127.0.0.1") -> Browser:
        """A client whose connection is open."""
        port = server.addresses[0].rpartition(":")[2]
        factory = WebSocketClientFactory(f"ws://localhost:{port}/ws", protocols=["jsongle"], reactor=reactor)
        # Autobahn's timers would outlive the test.
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0)
        factory.noisy = False
        factory.protocol = Browser
        escaped = host.replace(":", "\\:")
        browser: Browser = await clientFromString(reactor, f"tcp:{escaped}:{port}").connect(factory)
        await browser.is_open
        return browser

    async def talk(self, server: Server, words: bytes) -> Talker:
        """A client that has said something to the WebSocket port."""
        port = server.addresses[0].rpartition(":")[2]
        talker: Talker = await connectProtocol(clientFromString(reactor, f"tcp:127.0.0.1:{port}"), Talker(words))
        self.addCleanup(talker.transport.abortConnection)
        return talker


class RunningTests(ServerCase):
    """What a running server does."""

    async def test_hello(self) -> None:
        """A client of another make says hello and is let in."""
        browser = await self.connect(self.start(id="barracuda"))
        self.assertEqual(browser.websocket_protocol_in_use, "jsongle")
        hello = await browser.inbox.get()
        answer = {"action": "iq-result", "query": "session-hello", "description": {"uid": "alice"}}
        browser.sendMessage(orjson.dumps({"to": hello["from"], "jsongle": answer}))
        ack = await browser.inbox.get()
        self.assertEqual((hello["from"], ack["jsongle"]["status"]), ("barracuda", "success"))
        browser.sendClose(1000)
        await browser.gone

    async def test_rest(self) -> None:
        """The other port answers HTTP."""
        server = self.start()
        response = await treq.get(f"{server.addresses[1]}/readyz", persistent=False)
        await response.content()
        self.assertEqual(response.code, 200)

    async def test_every_interface(self) -> None:
        """Without a host both families are served on one port."""
        if not socket.has_dualstack_ipv6():
            raise SkipTest("no IPv6 here")
        server = self.start(ws_host="")
        self.assertRegex(server.addresses[0], r"^ws://localhost:\d+$")
        for host in ("127.0.0.1", "::1"):
            browser = await self.connect(server, host)
            await browser.inbox.get()
            browser.sendClose(1000)
            await browser.gone

    async def test_one_interface(self) -> None:
        """With a host only that interface is served."""
        server = self.start(ws_host="127.0.0.1")
        with self.assertRaises(ConnectionRefusedError):
            await self.connect(server, "127.0.0.2")

    async def test_log_file(self) -> None:
        """The server's own log has its lines from start to stop, changes over REST at every level, and none after."""
        path = Path(self.mktemp()).absolute()
        server = self.start(log_path=str(path))
        server._control.set_level("fatal")
        Logger(namespace="jsongle_server.test").error("too little")
        Logger(namespace=AUDIT).info("a change")
        server._control.set_level("info")
        await server.stopService()
        Logger(namespace="jsongle_server.test").info("too late")
        lines = path.read_text().splitlines()
        self.assertTrue([line for line in lines if line.endswith(f"WebSocket on {server.addresses[0]}")])
        self.assertTrue([line for line in lines if line.endswith(f"REST on {server.addresses[1]}")])
        self.assertEqual([line for line in lines if "too little" in line], [])
        self.assertTrue([line for line in lines if line.endswith("[jsongle_server.audit#info] a change")])
        self.assertTrue(lines[-1].endswith("stopped"))


class StopTests(ServerCase):
    """The end of a server."""

    async def test_clients_are_told(self) -> None:
        """Clients get 1012, and the stop is done when they are gone."""
        server = self.start()
        browsers = [await self.connect(server) for _ in range(3)]
        await server.stopService()
        for browser in browsers:
            self.assertEqual(await browser.gone, (1012, "the server is shutting down"))

    async def test_ports_are_closed(self) -> None:
        """Both ports are free again, for the next start at once."""
        server = self.start()
        await server.stopService()
        for address in server.addresses:
            with self.assertRaises(ConnectionRefusedError):
                await clientFromString(reactor, f"tcp:127.0.0.1:{address.rpartition(':')[2]}").connect(Factory())
        self.start(ws_port=int(server.addresses[0].rpartition(":")[2]))

    async def test_newcomers_are_told(self) -> None:
        """Until those who were there are gone, newcomers are told to try again, and REST says why."""
        server = self.start()
        stubborn = await self.talk(server, REQUEST)
        self.assertTrue((await stubborn.answer).startswith(b"HTTP/1.1 101 "))
        stopping = server.stopService()
        newcomer = await self.talk(server, REQUEST)
        head, _, body = (await newcomer.gone).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 503 "), head)
        self.assertIn(b"\r\nRetry-After: ", head)
        self.assertEqual(orjson.loads(body)["errorCode"], 503001)
        response = await treq.get(f"{server.addresses[1]}/readyz", persistent=False)
        self.assertEqual((response.code, (await response.json())["status"]), (503, "draining"))
        self.assertFalse(stopping.called)
        stubborn.transport.abortConnection()
        await stopping

    async def test_newcomers_do_not_hold_it_up(self) -> None:
        """Who comes while the server stops, and says nothing, is cut as soon as those who were there are gone."""
        server = self.start()
        stubborn = await self.talk(server, REQUEST)
        await stubborn.answer
        stopping = server.stopService()
        silent = await self.talk(server, b"GET")
        await (await self.talk(server, REQUEST)).gone  # the server has accepted the silent one by now
        stubborn.transport.abortConnection()
        await stopping
        # Much sooner than it would have been cut for its slow handshake.
        self.assertEqual(await silent.gone.addTimeout(HANDSHAKE_TIMEOUT / 2, reactor), b"")

    async def test_connections_without_a_word(self) -> None:
        """Connections that never got to their handshake do not hold it up."""
        server = self.start()
        port = int(server.addresses[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent:
            await (await self.connect(server)).inbox.get()  # the server has accepted by now
            await server.stopService()
            silent.settimeout(5)
            with self.assertRaises(ConnectionResetError):
                silent.recv(1)


class PortTests(ServerCase):
    """Ports that cannot be had."""

    def test_port_in_use(self) -> None:
        """A port in use is reported by the setting to change, and the other port is let go."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for setting, field in (("wsPort", "ws_port"), ("restPort", "rest_port")):
                with self.assertRaises(CannotBind) as raised:
                    self.start(**{field: port})
                expected = f"{setting}: cannot listen on 127.0.0.1 port {port}: Address already in use"
                self.assertEqual(str(raised.exception), expected)

    def test_same_port_twice(self) -> None:
        """After a start that failed on one port, the other can be had at once."""
        with socket.create_server(("127.0.0.1", 0)) as spare:
            free = spare.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as taken, self.assertRaises(CannotBind) as raised:
            self.start(ws_port=free, rest_port=taken.getsockname()[1])
        self.assertIn("restPort", str(raised.exception))
        server = self.start(ws_port=free)
        self.assertEqual(server.addresses[0], f"ws://127.0.0.1:{free}")
