"""A request's head is parted in one way: on both ways of a handshake, and over REST, whatever byte is in it.

What a proxy has passed on as a part of one header must not come to be another, or clients would choose who they are.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import rest_caller, rest_front
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer
from tests.rest_support import RestServer

PROXY: Final = "10.0.0.1"
CLIENT: Final = "203.0.113.9"
CLAIMED: Final = "198.51.100.4"
REFUSED: Final = "refused"

REAL: Final = f"X-Forwarded-For: {CLIENT}".encode()
FALSE: Final = f"X-Forwarded-For: {CLAIMED}".encode()
PLACES: Final = (
    b"X-Note: a%b" + FALSE,
    b"%b" + FALSE,
    b"X-Forwarded-For%b: " + CLAIMED.encode(),
    b"X-Forwarded-For%bX: " + CLAIMED.encode(),
    b"X-Note:%ba",
    b"X-Note: a%b",
)
"""Lines behind the real header, with a place for the byte."""


class HeadTests(SynchronousTestCase):
    """Whom a request comes from, by each of its readers."""

    def setUp(self) -> None:
        """Starts both sides of a server, which trusts a proxy."""
        self.server = WebSocketMemoryServer(trusted_proxies=(PROXY,), max_concurrent_users=100_000)
        self.rest = RestServer(trusted_proxies=(PROXY,))

    def handshake(self, lines: tuple[bytes, ...], *, is_fast: bool) -> str:
        """Whom the session of a handshake with these lines comes from."""
        wire = self.server.open_wire(host=PROXY)
        protocol: Any = wire.protocol
        protocol.is_fast = is_fast
        wire.send(b"\r\n".join((*(line.encode() for line in HANDSHAKE), *lines, b"", b"")))
        answer = wire.read_rest()
        remote: str = protocol.remote
        wire.transport.cut()
        if answer.startswith(b"HTTP/1.1 101 "):
            return remote
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertEqual(orjson.loads(answer.partition(b"\r\n\r\n")[2])["errorCode"], 400_000)
        return REFUSED

    def request(self, lines: tuple[bytes, ...]) -> str:
        """Whom a REST request with these lines comes from."""
        found = []
        ask = rest_caller.ask_proxy

        def note(request: Any, proxies: Any) -> None:
            ask(request, proxies)
            found.append(rest_caller.describe_caller(request.getClientAddress()))

        patched = self.patch(rest_front, "ask_proxy", note)
        wire = self.rest.open_wire(IPv4Address("TCP", PROXY, 1024))
        wire.send(b"\r\n".join((b"GET /livez HTTP/1.1", b"Host: localhost", *lines, b"", b"")))
        answer = wire.read()
        wire.transport.cut()
        patched.restore()
        if answer.startswith(b"HTTP/1.1 200 "):
            return found[0]
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        return REFUSED

    def readings(self, *lines: bytes) -> list[str]:
        """Whom each reader takes for the client."""
        return [
            self.handshake(lines, is_fast=True),
            self.handshake(lines, is_fast=False),
            self.request(lines),
        ]

    def test_plain(self) -> None:
        """With nothing odd in it every reader finds the client."""
        self.assertEqual(self.readings(REAL, b"X-Note: a\tb \xe9"), [CLIENT] * 3)

    def test_every_byte(self) -> None:
        """Wherever a byte is, each reader finds the same client, or refuses; nobody finds the one that was smuggled."""
        for place in PLACES:
            for number in range(256):
                line = place.replace(b"%b", bytes([number]))
                with self.subTest(line):
                    fast, slow, rest = self.readings(REAL, line)
                    self.assertEqual(fast, slow)
                    self.assertLessEqual(len({fast, rest} - {REFUSED}), 1)
                    self.assertNotIn(CLAIMED, (fast, rest))

    def test_every_byte_in_the_value(self) -> None:
        """Around the address, too, each reader makes the same of a byte, or refuses it."""
        for line in (b"X-Forwarded-For:%b" + CLIENT.encode(), b"X-Forwarded-For: " + CLIENT.encode() + b"%b"):
            for number in range(256):
                with self.subTest(line, number=number):
                    fast, slow, rest = self.readings(line.replace(b"%b", bytes([number])))
                    self.assertEqual(fast, slow)
                    self.assertLessEqual(len({fast, rest} - {REFUSED}), 1)

    def test_smuggled(self) -> None:
        """What Autobahn alone takes for the end of a line, a blank, or a header is refused before it reads it."""
        for byte in b"\x00\x0b\x0c\x1c\x1d\x1e\x1f\x7f\x85\r\n":
            for is_fast in (True, False):
                line = b"X-Note: a" + bytes([byte]) + FALSE
                self.assertEqual(self.handshake((REAL, line), is_fast=is_fast), REFUSED)
        for line in (
            b" " + FALSE,
            b"\t" + FALSE,
            FALSE.replace(b":", b" :"),
            FALSE.replace(b":", b"\xa0:"),
            b": a",
            b"a",
        ):
            for is_fast in (True, False):
                self.assertEqual(self.handshake((REAL, line), is_fast=is_fast), REFUSED, line)
        self.assertEqual(dict(+self.server.metrics.refusals), {"bad_request": 34})
