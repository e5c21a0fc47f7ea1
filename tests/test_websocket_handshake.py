"""Opening handshakes: who may come in, what the others are told (protocol section 1)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.handshake import MAX_HEADERS, RETRY_AFTER
from jsongle_server.lifecycle import Phase
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WebSocketWire
from jsongle_server.websocket import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT

REQUEST = "\r\n".join((*HANDSHAKE, "", "")).encode()
MALFORMED_ORIGINS = ("example.com", "https://", "https:///x", "https://[::1", "https://example.com:x", "*")


class HandshakeCase(SynchronousTestCase):
    """Sends opening handshakes and reads the answers."""

    def setUp(self) -> None:
        """Starts a server."""
        self.server = WebSocketMemoryServer()

    def asked(self, *lines: str) -> WebSocketWire:
        """A connection on which these lines were sent as the head of a request."""
        wire = self.server.open_wire()
        wire.send("\r\n".join((*lines, "", "")).encode())
        return wire

    def path(self, target: str) -> WebSocketWire:
        """A connection on which an otherwise good handshake for some request target was sent."""
        return self.asked(f"GET {target} HTTP/1.1", *HANDSHAKE[1:])

    def with_header(self, *headers: str) -> WebSocketWire:
        """A connection on which a good handshake with more headers was sent."""
        return self.asked(*HANDSHAKE, *headers)

    def assert_open(self, wire: WebSocketWire) -> None:
        """A handshake was accepted."""
        self.assertEqual(self.head(wire)[0], 101)

    def head(self, wire: WebSocketWire) -> tuple[int, list[str], bytes]:
        """The answer to a handshake: status, header lines, what comes after them."""
        head, _, rest = wire.read_rest().partition(b"\r\n\r\n")
        status, *headers = head.decode("ascii").split("\r\n")
        version, code, _ = status.split(" ", 2)
        self.assertEqual(version, "HTTP/1.1")
        return int(code), headers, rest

    def assert_refused(self, wire: WebSocketWire, status: int, *, code: int | None = None) -> list[str]:
        """A handshake was refused with JSON, and the connection ends; returns the headers."""
        actual, headers, rest = self.head(wire)
        self.assertEqual(actual, status)
        body: dict[str, Any] = orjson.loads(rest)
        self.assertEqual(set(body), {"errorCode", "errorMsg"})
        self.assertEqual(body["errorCode"], status * 1000 if code is None else code)
        self.assertTrue(body["errorMsg"])
        self.assertIn("Content-Type: application/json", headers)
        self.assertIn(f"Content-Length: {len(rest)}", headers)
        self.assertIn("Connection: close", headers)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.server.factory.connections, set())
        return headers


class AcceptanceTests(HandshakeCase):
    """Handshakes that are accepted."""

    def test_accept_key(self) -> None:
        """The answer proves that the key was read (RFC 6455 section 4.2.2)."""
        status, headers, _ = self.head(self.asked(*HANDSHAKE))
        self.assertEqual(status, 101)
        self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", headers)

    def test_no_extension_is_agreed(self) -> None:
        """Compression that a browser offers is not taken up."""
        _, headers, _ = self.head(
            self.with_header("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        )
        self.assertFalse([line for line in headers if line.lower().startswith("sec-websocket-extensions")])

    def test_any_path(self) -> None:
        """Any request path is accepted, with a query or without."""
        for target in (
            "/",
            "/ws",
            "/a/b/c?room=1&token=x",
            "/%F0%9F%98%80",
            "/socket.io",
            "/socket.iox",
            "/socket.iox/",
            "/a/socket.io/",
        ):
            with self.subTest(target):
                self.assert_open(self.path(target))

    def test_subprotocol_selected_when_offered(self) -> None:
        """``jsongle`` is selected wherever it stands among the offers."""
        for offer in ("jsongle", "chat, jsongle", "jsongle,chat"):
            with self.subTest(offer):
                _, headers, _ = self.head(self.with_header(f"Sec-WebSocket-Protocol: {offer}"))
                self.assertIn("Sec-WebSocket-Protocol: jsongle", headers)

    def test_no_subprotocol_without_offer(self) -> None:
        """No offer, or only others': none is selected, and the connection opens all the same."""
        for offer in ((), ("Sec-WebSocket-Protocol: chat",), ("Sec-WebSocket-Protocol: JSONgle",)):
            with self.subTest(offer):
                status, headers, _ = self.head(self.with_header(*offer))
                self.assertEqual(status, 101)
                self.assertFalse([line for line in headers if line.startswith("Sec-WebSocket-Protocol")])

    def test_split_anywhere(self) -> None:
        """A handshake may come in two reads, parted anywhere."""
        for position in range(1, len(REQUEST)):
            self.server = WebSocketMemoryServer()
            wire = self.server.open_wire()
            wire.send(REQUEST[:position])
            self.assertEqual(wire.transport.value(), b"", position)
            wire.send(REQUEST[position:])
            self.assert_open(wire)

    def test_byte_by_byte(self) -> None:
        """A handshake may come in single bytes."""
        wire = self.server.open_wire()
        for position in range(len(REQUEST)):
            wire.send(REQUEST[position : position + 1])
        self.assert_open(wire)

    def test_large_headers(self) -> None:
        """Cookies and the like fit, up to the limit."""
        filler = "X-Filler: " + "x" * (MAX_HEADERS - len(REQUEST) - len("X-Filler: \r\n"))
        self.assert_open(self.with_header(filler))

    def test_new_key_each_time(self) -> None:
        """The accept key follows the client's key."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        _, headers, _ = self.head(self.asked(*HANDSHAKE[:-1], f"Sec-WebSocket-Key: {key}"))
        digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.assertIn(f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", headers)


class RequestTests(HandshakeCase):
    """Requests that are no WebSocket handshake of ours."""

    def test_socket_io(self) -> None:
        """The path of Socket.IO is kept free."""
        for target in ("/socket.io/", "/socket.io/?EIO=4&transport=websocket", "/socket.io/x"):
            with self.subTest(target):
                self.assert_refused(self.path(target), 404)

    def test_socket_io_polling(self) -> None:
        """Socket.IO begins with plain HTTP: it is told there that it is wrong here, not to upgrade."""
        self.assert_refused(self.asked("GET /socket.io/?EIO=4&transport=polling HTTP/1.1", "Host: localhost"), 404)
        self.assertEqual(dict(+self.server.metrics.refusals), {"path": 1})

    def test_plain_http(self) -> None:
        """A browser that opens the address is told to upgrade (RFC 9110 section 15.5.22)."""
        headers = self.assert_refused(self.asked("GET / HTTP/1.1", "Host: localhost"), 426)
        self.assertIn("Upgrade: websocket", headers)
        self.assertIn("Connection: Upgrade", headers)

    def test_other_method(self) -> None:
        """Only GET opens a WebSocket."""
        for method in ("POST", "HEAD", "OPTIONS"):
            with self.subTest(method):
                headers = self.assert_refused(self.asked(f"{method} /ws HTTP/1.1", *HANDSHAKE[1:]), 405)
                self.assertIn("Allow: GET", headers)

    def test_garbage(self) -> None:
        """What is not HTTP at all is answered, not swallowed."""
        for line in ("", "hello", "\x16\x03\x01\x02", "GET", "GET / HTTP/1.1 or so"):
            with self.subTest(line):
                self.assert_refused(self.asked(line), 400)

    def test_handshake_without_a_part(self) -> None:
        """Every header of a handshake is needed."""
        for missing in (1, 3, 4, 5):
            with self.subTest(HANDSHAKE[missing]):
                lines = [line for index, line in enumerate(HANDSHAKE) if index != missing]
                self.assert_refused(self.asked(*lines), 400)

    def test_other_version(self) -> None:
        """A version that is not spoken is answered with those that are (RFC 6455 section 4.4)."""
        for version in ("99", "14", "12", "8", "7", "0"):
            with self.subTest(version):
                lines = [line.replace("Version: 13", f"Version: {version}") for line in HANDSHAKE]
                headers = self.assert_refused(self.asked(*lines), 400)
                self.assertIn("Sec-WebSocket-Version: 13", headers)

    def test_headers_too_large(self) -> None:
        """Headers beyond the limit are refused, finished or not."""
        wire = self.server.open_wire()
        wire.send(b"GET / HTTP/1.1\r\nX-Filler: ")
        wire.send(b"x" * (MAX_HEADERS - 26))
        self.assertEqual(wire.transport.value(), b"")
        wire.send(b"x")
        self.assert_refused(wire, 431)

    def test_refusals_are_counted(self) -> None:
        """Each refusal is counted by its reason, of which there are few."""
        self.path("/socket.io/")
        self.path("/socket.io/")
        self.asked("hello")
        self.assertEqual(dict(+self.server.metrics.refusals), {"path": 2, "bad_request": 1})


class OriginTests(HandshakeCase):
    """Which web pages may open a WebSocket."""

    def allowing(self, origins: str) -> None:
        """Starts the server with a setting."""
        config = Config.from_mapping({"corsPolicyOrigin": origins})
        self.server = WebSocketMemoryServer(cors_policy_origin=config.cors_policy_origin)

    def test_listed(self) -> None:
        """A page of a listed origin may."""
        self.allowing("https://app.example.com, http://localhost:3000")
        self.assert_open(self.with_header("Origin: https://app.example.com"))
        self.assert_open(self.with_header("Origin: http://localhost:3000"))

    def test_not_listed(self) -> None:
        """A page of any other origin may not: another scheme, port, subdomain or lookalike is another origin."""
        self.allowing("https://example.com")
        for origin in (
            "https://evil.example",
            "http://example.com",
            "https://example.com:8443",
            "https://www.example.com",
            "https://example.com.evil.example",
            "https://example.com@evil.example",
            "null",
        ):
            with self.subTest(origin):
                self.assert_refused(self.with_header(f"Origin: {origin}"), 403)

    def test_malformed(self) -> None:
        """What is no origin is not on the list: 403; without a list it is only malformed: 400."""
        for origin in MALFORMED_ORIGINS:
            with self.subTest(origin):
                self.allowing("https://example.com")
                self.assert_refused(self.with_header(f"Origin: {origin}"), 403)
                self.assertEqual(dict(+self.server.metrics.refusals), {"origin": 1})
                self.server = WebSocketMemoryServer()
                self.assert_refused(self.with_header(f"Origin: {origin}"), 400)

    def test_setting_in_other_forms(self) -> None:
        """The setting may be written with capitals, a default port or a slash; browsers send none of them."""
        self.allowing("HTTPS://Example.COM:443/")
        self.assert_open(self.with_header("Origin: https://example.com"))

    def test_no_origin(self) -> None:
        """Clients that are no browsers send no Origin and are not held back."""
        self.allowing("https://example.com")
        self.assert_open(self.asked(*HANDSHAKE))

    def test_empty_setting(self) -> None:
        """With no list any page may, a local file or an app's web view too."""
        for origin in ("https://a.example", "null", "file://", "capacitor://localhost", "chrome-extension://abcdef"):
            with self.subTest(origin):
                self.assert_open(self.with_header(f"Origin: {origin}"))


class RoomForMoreTests(HandshakeCase):
    """When there is no room, or it is not the time."""

    def test_full(self) -> None:
        """Beyond ``maxConcurrentUsers`` connections a client is asked to come back later."""
        self.server = WebSocketMemoryServer(max_concurrent_users=2)
        self.server.connect()
        self.server.connect()
        wire = self.asked(*HANDSHAKE)
        status, headers, rest = self.head(wire)
        self.assertEqual(status, 503)
        self.assertIn(f"Retry-After: {RETRY_AFTER}", headers)
        self.assertEqual(orjson.loads(rest)["errorCode"], 503001)

    def test_place_is_free_again(self) -> None:
        """A place is free as soon as its client has left, however it left."""
        self.server = WebSocketMemoryServer(max_concurrent_users=1)
        self.server.drop(self.server.connect())
        closing = self.server.connect()
        self.assertEqual(closing.greeted()["jsongle"]["query"], "session-hello")
        closing.wire.send_frame(8)
        self.server.clock.advance(0)
        self.assertEqual(self.server.connect().greeted()["jsongle"]["query"], "session-hello")

    def test_refused_take_no_place(self) -> None:
        """Handshakes that are refused, cut or not finished do not fill the server."""
        self.server = WebSocketMemoryServer(max_concurrent_users=1)
        self.path("/socket.io/")
        self.server.open_wire().transport.cut()
        self.server.open_wire()
        self.assert_open(self.asked(*HANDSHAKE))

    def test_starting_and_draining(self) -> None:
        """A server that is starting or draining lets nobody in and says when to try again."""
        for phase in (Phase.STARTING, Phase.DRAINING):
            with self.subTest(phase):
                self.server.lifecycle.phase = phase
                headers = self.assert_refused(self.asked(*HANDSHAKE), 503, code=503001)
                self.assertIn(f"Retry-After: {RETRY_AFTER}", headers)
                self.assertEqual(self.server.metrics.refusals[phase.value], 1)


class TimeTests(HandshakeCase):
    """Clients that take their time."""

    def test_slow_handshake(self) -> None:
        """A handshake that is not finished in time is cut, whatever trickles in meanwhile."""
        wire = self.server.open_wire()
        for position in range(int(HANDSHAKE_TIMEOUT)):
            self.assertIsNone(wire.transport.lost)
            wire.send(REQUEST[position : position + 1])
            self.server.clock.advance(1)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.server.metrics.refusals["timeout"], 1)

    def test_client_does_not_read_its_refusal(self) -> None:
        """A refused client that never reads the answer is cut."""
        wire = self.server.open_wire()
        wire.transport.stalled = True
        wire.send(b"hello\r\n\r\n")
        self.server.clock.advance(CLOSE_TIMEOUT - 0.1)
        self.assertIsNone(wire.transport.lost)
        self.server.clock.advance(0.1)
        self.server.clock.advance(0)
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_client_leaves_early(self) -> None:
        """A client that goes before its handshake is done leaves nothing behind."""
        wire = self.server.open_wire()
        wire.send(REQUEST[:40])
        wire.transport.cut()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual(self.server.signaling.connection_count, 0)
