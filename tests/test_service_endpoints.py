"""A whole server on the real reactor that listens elsewhere than on plain TCP: Unix sockets, PROXY headers, TLS."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import orjson
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from jsongle_server.listening import CannotBind
from jsongle_server.service import Server
from jsongle_server.testing_certificates import make_certificate
from jsongle_server.testing_websocket import HANDSHAKE, masked_frame, parse_frame
from tests.test_service import ServerCase

TOKEN = "a-token-of-enough-characters"
PROXIED = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"
REQUEST = "\r\n".join((*HANDSHAKE, "", "")).encode()


class Talker(Protocol):
    """A client that says what it is told to, and waits for what it wants to hear."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self._wanted = b""
        self._heard: Deferred[bytes] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Takes what comes."""
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Notes the end."""
        self.gone.callback(None)

    async def hear(self, wanted: bytes) -> bytes:
        """All that came, once some bytes are among it."""
        self._wanted, self._heard = wanted, Deferred()
        self._look()
        return await self._heard

    def _look(self) -> None:
        if self._wanted and self._wanted in self.received:
            self._wanted = b""
            self._heard.callback(self.received)


class EndpointCase(ServerCase):
    """Servers on endpoints, in a folder whose path is short enough for sockets."""

    def setUp(self) -> None:
        """Goes to the folder."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)

    async def visit(self, endpoint: str, words: bytes) -> Any:
        """A client of an endpoint that has said something."""
        talker = await connectProtocol(clientFromString(reactor, endpoint), Talker())
        self.addCleanup(talker.transport.abortConnection)
        talker.transport.write(words)
        return talker

    async def ask(self, endpoint: str, path: str, before: bytes = b"") -> Any:
        """The JSON of a REST request.

        :param before: what to say first.
        """
        request = f"GET {path} HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        talker = await self.visit(endpoint, before + request.encode())
        await talker.gone
        return orjson.loads(talker.received.partition(b"\r\n\r\n")[2])

    def serve(self, **settings: Any) -> Server:
        """A running server with a token."""
        return self.start(admin_token=TOKEN, **settings)


class UnixTests(EndpointCase):
    """Unix sockets for both sides."""

    async def test_conversation(self) -> None:
        """A client is greeted and answered over a Unix socket, and shown as coming from one."""
        server = self.serve(ws_endpoint="unix:w", rest_endpoint="unix:r:mode=600")
        self.assertEqual(server.addresses, ("unix:w", "unix:r:mode=600"))
        client = await self.visit("unix:w", REQUEST)
        received = await client.hear(b"}}}")
        greeting = orjson.loads(parse_frame(received.partition(b"\r\n\r\n")[2])[1])  # type: ignore[index]
        answer = {"action": "iq-result", "query": "session-hello", "description": {"uid": "alice"}}
        client.received = b""
        client.transport.write(masked_frame(1, orjson.dumps({"to": greeting["from"], "jsongle": answer})))
        self.assertIn(b'"success"', await client.hear(b"}}}"))
        (session,) = (await self.ask("unix:r", "/sessions"))["sessions"]
        self.assertEqual((session["uid"], session["address"]), ("alice", "unix"))
        self.assertEqual((await self.ask("unix:r", "/about"))["ports"], {"ws": None, "rest": None})

    async def test_client_named_by_the_proxy(self) -> None:
        """With ``unix`` among the trusted proxies a client has the address that the proxy gives."""
        self.serve(ws_endpoint="unix:w", rest_endpoint="unix:r", trusted_proxies=("unix",))
        headers = "X-Forwarded-For: 127.0.0.1, 192.0.2.7\r\n\r\n"
        client = await self.visit("unix:w", REQUEST[:-2] + headers.encode())
        await client.hear(b"}}}")
        (session,) = (await self.ask("unix:r", "/sessions"))["sessions"]
        self.assertEqual(session["address"], "192.0.2.7")

    async def test_files_go_with_the_server(self) -> None:
        """Both files are there while it runs, and gone after; then the next server can have them."""
        for _ in range(2):
            server = self.serve(ws_endpoint="unix:w", rest_endpoint="unix:r")
            self.assertEqual(sorted(os.listdir()), ["r", "w"])
            await server.stopService()
            self.assertEqual(os.listdir(), [])

    def test_start_that_fails(self) -> None:
        """Where the other side cannot be had, the file of the first goes at once."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaises(CannotBind) as raised:
                self.serve(ws_endpoint="unix:w", rest_port=port)
        self.assertIn("restPort", str(raised.exception))
        self.assertEqual(os.listdir(), [])


class ProxyHeaderTests(EndpointCase):
    """The PROXY protocol."""

    async def test_address(self) -> None:
        """The client that the header names is the one that is shown, with its port, and one of the limits."""
        server = self.serve(
            ws_endpoint="haproxy:tcp:0:interface=127.0.0.1",
            rest_endpoint="haproxy:unix:r",
            max_connections_per_address=1,
        )
        ports = (await self.ask("unix:r", "/about", PROXIED))["ports"]
        self.assertIsNone(ports["rest"])
        self.assertEqual(server.addresses[0], "haproxy:tcp:0:interface=127.0.0.1")
        place = f"tcp:127.0.0.1:{ports['ws']}"
        client = await self.visit(place, PROXIED + REQUEST)
        await client.hear(b"}}}")
        (session,) = (await self.ask("unix:r", "/sessions", PROXIED))["sessions"]
        self.assertEqual(session["address"], "192.0.2.7:4711")
        second = await self.visit(place, PROXIED + REQUEST)
        self.assertTrue((await second.hear(b"\r\n\r\n")).startswith(b"HTTP/1.1 429 "))
        other = await self.visit(place, PROXIED.replace(b"192.0.2.7", b"192.0.2.8") + REQUEST)
        await other.hear(b"}}}")

    async def test_without_the_header(self) -> None:
        """A connection that does not begin with one is closed."""
        self.serve(ws_endpoint="haproxy:unix:w")
        client = await self.visit("unix:w", REQUEST)
        await client.gone
        self.assertEqual(client.received, b"")


class TlsTests(EndpointCase):
    """``useHTTPS``."""

    async def test_addresses(self) -> None:
        """Both ports speak TLS, and their addresses say so; an endpoint does not unless it says so itself."""
        make_certificate().write(Path.cwd())
        settings: dict[str, Any] = {"use_https": True, "cert": "cert.pem", "key": "key.pem"}
        server = self.serve(**settings)
        self.assertRegex(server.addresses[0], r"^wss://127\.0\.0\.1:\d+$")
        self.assertRegex(server.addresses[1], r"^https://127\.0\.0\.1:\d+$")
        await server.stopService()
        server = self.serve(**settings, rest_endpoint="unix:r")
        self.assertRegex(server.addresses[0], "^wss:")
        self.assertEqual(await self.ask("unix:r", "/livez"), {"status": "OK"})
