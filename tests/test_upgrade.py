"""Tests of :mod:`jsongle_server.upgrade`: plain handshakes are answered just as Autobahn would have."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer
from jsongle_server.upgrade import read_upgrade

BROWSER: Final = (
    "GET /ws?room=7 HTTP/1.1",
    "Host: signaling.example.com:8443",
    "Connection: keep-alive, Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    "Upgrade: websocket",
    "Origin: https://app.example.com",
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: a=1; b=2",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Protocol: chat, jsongle",
)
"""What a browser sends."""

ALLOWED: Final = ("https://a.example", "http://a:3000", "null")

TARGETS: Final = (
    "/",
    "/ws",
    "//a/b",
    "/a;b",
    "/a#b",
    "/a?b#c",
    "/a?b=[&c",
    "a",
    "*",
    "http://a/b",
    "/%41",
    "/é",
    "/ a",
    "",
)
HOSTS: Final = ("localhost", "a.b-c:8080", "[::1]:80", "[::1]", "a:b", "a:99999", ":80", "", "a b", "a_b")
ORIGINS: Final = (
    "https://a.example", "http://a:3000", "null", "Null", "file:///x", "https://a:65535", "https://a:65536", "https://a/",
    "capacitor://localhost", "https://", "a", "", "HTTPS://A", "https://[::1]:80", "https://a b", "chrome-extension://abc",
)  # fmt: skip
HEADERS: Final = {
    "Host": HOSTS,
    "Upgrade": ("websocket", "WebSocket", "h2c, websocket", "h2c", ""),
    "Connection": ("Upgrade", "keep-alive, Upgrade", "keep-alive,upgrade", "keep-alive", "close", ""),
    "Sec-WebSocket-Version": ("13", "13 ", "013", "+13", "12", "8", "x", ""),
    "Sec-WebSocket-Key": ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ!==", ""),
    "Sec-WebSocket-Protocol": ("jsongle", "chat, jsongle", "chat", "a,a", "jsongle,", ""),
    "Sec-WebSocket-Extensions": (
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate",
        "permessage-deflate; bogus=1",
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "",
    ),
    "Origin": ORIGINS,
}
ODD: Final = (
    "X-A: b",
    "X-A: b\x0bHost: c",
    "X-A: é",
    " folded: x",
    "no colon",
    ": no name",
    "Host : x",
    "X-A:\tb",
    "Host: twice",
)


REQUESTS: Final = (*(f"GET {target} HTTP/1.1" for target in TARGETS), "POST / HTTP/1.1", "GET / HTTP/1.0", "GET /")

CHANGES: Final = [
    *(("", line) for line in REQUESTS),
    *((name, f"{name}: {value}") for name, values in HEADERS.items() for value in values),
    *((name, "X-Left: out") for name in HEADERS),
    *((line, line) for line in ODD),
]
"""What to change in a good request: the name of the line, empty for the first one, and what stands there instead."""


def changed(*changes: tuple[str, str]) -> list[str]:
    """The lines of a request that is good but for some changes."""
    lines = {"": HANDSHAKE[0], **{line.partition(":")[0]: line for line in HANDSHAKE[1:]}, **dict(changes)}
    return list(lines.values())


def as_bytes(lines: list[str]) -> bytes:
    """A request as it is sent."""
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request with a few changes, its headers in any order, and maybe a frame behind."""
    first, *headers = changed(*draw(st.lists(st.sampled_from(CHANGES), max_size=3)))
    shuffled = draw(st.permutations(headers))
    return as_bytes([first, *shuffled]) + draw(st.sampled_from([b"", b"\x89\x80\0\0\0\0"]))


def outcome(request: bytes, origins: tuple[str, ...], *, is_fast: bool) -> tuple[object, ...]:
    """All that can be seen of what became of a handshake."""
    server = WebSocketMemoryServer(cors_policy_origin=origins)
    wire = server.open_wire()
    protocol: Any = wire.protocol
    protocol.is_fast = is_fast
    asked = []
    decide = protocol.onConnect

    def note_and_decide(request: Any) -> Any:
        asked.append((request.path, request.origin, request.protocols))
        return decide(request)

    protocol.onConnect = note_and_decide
    wire.send(request)
    head, _, rest = wire.read_rest().partition(b"\r\n\r\n")
    # The ids in the hello are new each time.
    said = rest[:2] if head.startswith(b"HTTP/1.1 101") else rest
    return head, said, asked, protocol.state, protocol.data, dict(server.metrics.refusals)


class EquivalenceTests(SynchronousTestCase):
    """The same handshake, read here and by Autobahn."""

    def test_each_oddity(self) -> None:
        """Whatever one line of a handshake says, it has the same answer."""
        for change in CHANGES:
            for origins in ((), ALLOWED):
                with self.subTest(change, origins=origins):
                    request = as_bytes(changed(change))
                    self.assertEqual(outcome(request, origins, is_fast=True), outcome(request, origins, is_fast=False))

    @settings(max_examples=300)
    @given(requests(), st.sampled_from([(), ALLOWED]))
    def test_any_of_them_together(self, request: bytes, origins: tuple[str, ...]) -> None:
        """Whatever several lines of it say, in whatever order, it has the same answer."""
        self.assertEqual(outcome(request, origins, is_fast=True), outcome(request, origins, is_fast=False))


class PlainTests(SynchronousTestCase):
    """What is plain."""

    def test_a_browsers(self) -> None:
        """What a browser sends is read here, and leaves nothing of Autobahn's behind."""
        server = WebSocketMemoryServer()
        wire = server.open_wire()
        wire.send(as_bytes([*BROWSER]))
        answer = wire.read_rest()
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"Sec-WebSocket-Protocol: jsongle\r\n", answer)
        self.assertEqual([name for name in vars(wire.protocol) if name.startswith(("http_", "websocket_"))], [])

    def test_what_it_says(self) -> None:
        """Path, origin, offers and the bytes behind are read as they are."""
        upgrade = read_upgrade(as_bytes([*BROWSER]) + b"\x81")
        assert upgrade is not None
        self.assertEqual((upgrade.path, upgrade.origin), ("/ws", "https://app.example.com"))
        self.assertEqual(upgrade.protocols, ["chat", "jsongle"])
        self.assertEqual(upgrade.extensions, "permessage-deflate; client_max_window_bits")
        self.assertEqual(upgrade.rest, b"\x81")

    def test_unfinished(self) -> None:
        """A handshake is not read before it is all there."""
        request = as_bytes([*HANDSHAKE])
        for length in range(len(request)):
            self.assertIsNone(read_upgrade(request[:length]))

    def test_extensions_that_may_be_accepted(self) -> None:
        """Where extensions are not declined, offers of them are Autobahn's to judge."""
        wire = WebSocketMemoryServer().open_wire()
        wire.protocol.declines_extensions = False
        wire.send(as_bytes([*BROWSER]))
        self.assertTrue(wire.read_rest().startswith(b"HTTP/1.1 101 "))
        self.assertTrue(hasattr(wire.protocol, "http_headers"))
