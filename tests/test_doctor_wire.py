"""The doctor's connections: every wait on them ends."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final, cast

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import doctor_wire
from jsongle_server.doctor_wire import Place, Wire, http_get, read_http, resolve

ANSWER: Final = b"HTTP/1.1 200 OK\r\nServer: us\r\nContent-Length: 5\r\n\r\nhello"

ENDLESS: Final = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 26 + b"\r\n\r\nhello"

HTTP: Final = (
    (ANSWER, 200, b"hello"),
    (ANSWER[:-2], 200, b"hel"),
    (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 404, b"hello"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nl", 200, b"he"),
    (b"HTTP/1.0 502 Bad Gateway\r\n\r\nhello", 502, b"hello"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00", 101, b""),
)
"""What is read, and the status and body of it."""


class PlaceTests(SynchronousTestCase):
    """Where something listens."""

    def test_text(self) -> None:
        """A place is shown as it is typed."""
        self.assertEqual([str(Place("a", 1)), str(Place("::1", 2))], ["a:1", "[::1]:2"])


class WireTests(SynchronousTestCase):
    """A connection."""

    def setUp(self) -> None:
        """Listens on a port."""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.place = Place("127.0.0.1", self.server.getsockname()[1])

    def connect(self, seconds: float = 5.0) -> tuple[Wire, socket.socket]:
        """A connection and its other end."""
        wire = Wire.connect(self.place, seconds)
        self.addCleanup(wire.close)
        other, _ = self.server.accept()
        self.addCleanup(other.close)
        return wire, other

    def test_talks(self) -> None:
        """What is said gets to the other side, both ways, until the end."""
        wire, other = self.connect()
        wire.send(b"question")
        self.assertEqual(other.recv(100), b"question")
        other.sendall(b"answer")
        self.assertEqual(wire.receive(), b"answer")
        other.close()
        self.assertEqual(wire.receive(), b"")

    def test_silence_ends(self) -> None:
        """Nobody waits for longer than a step may take, not even for one who sends a byte now and then."""
        wire, other = self.connect(0.05)
        self.assertRaises(TimeoutError, wire.receive)
        wire.begin_step(0.05)
        end = time.monotonic() + 5

        def trickle() -> None:
            while time.monotonic() < end:
                other.sendall(b"x")
                wire.receive()

        self.assertRaises(TimeoutError, trickle)

    def test_end_of_tls(self) -> None:
        """A server that hangs up without the farewell of TLS has hung up."""

        class Ended:
            """A socket that ends so."""

            def settimeout(self, seconds: float) -> None:
                """Takes note of nothing."""

            def recv(self, size: int) -> bytes:
                """Ends."""
                raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")

        self.assertEqual(Wire(cast(socket.socket, Ended())).receive(), b"")

    def test_nobody_listens(self) -> None:
        """A port that nobody listens on, and a name that is none, are told by their errors."""
        self.server.close()
        self.assertRaises(ConnectionRefusedError, Wire.connect, self.place)
        for host in ("x" * 64, "a..b"):
            self.assertRaises(OSError, Wire.connect, Place(host, 1))

    def test_all_addresses_are_tried(self) -> None:
        """Of the addresses of a name, the first that answers is taken, for which there is time."""
        entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        bad, good = (*entry, ("127.0.0.1", 1)), (*entry, ("127.0.0.1", self.place.port))
        self.patch(doctor_wire, "resolve", lambda *_: [bad, good])
        Wire.connect(self.place).close()
        self.patch(doctor_wire, "resolve", lambda *_: [good])
        self.assertRaises(TimeoutError, Wire.connect, self.place, 0.0)


class ResolveTests(SynchronousTestCase):
    """Names."""

    def test_addresses(self) -> None:
        """An address leads to itself."""
        self.assertEqual(resolve("127.0.0.1", 7, socket.SOCK_STREAM)[0][4], ("127.0.0.1", 7))

    def test_unknown_name(self) -> None:
        """A name that is none is told by the resolver's error."""

        def unknown(*arguments: object, **options: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        self.patch(socket, "getaddrinfo", unknown)
        self.assertRaises(socket.gaierror, resolve, "example.org", 7, socket.SOCK_STREAM)

    def test_resolver_that_does_not_answer(self) -> None:
        """A resolver may take its time, but nobody waits for it."""
        self.patch(socket, "getaddrinfo", lambda *_, **__: time.sleep(0.2))
        error = self.assertRaises(TimeoutError, resolve, "example.org", 7, socket.SOCK_STREAM, 0.01)
        self.assertIn("not resolved within 0.01 s", str(error))


class HttpTests(SynchronousTestCase):
    """Answers over HTTP."""

    def test_answers(self) -> None:
        """Whole answers and those that are cut off are read, as far as they came."""
        for data, status, body in HTTP:
            answer = read_http(data)
            self.assertEqual((answer.status, answer.body), (status, body))
        self.assertEqual(read_http(ANSWER).headers["server"], "us")

    def test_no_http(self) -> None:
        """Anything else is refused."""
        for data in (b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x50", b"HTTP/1.1 x\r\n\r\n", ENDLESS):
            self.assertRaises(ValueError, read_http, data)

    def test_get(self) -> None:
        """A request has all that servers want to know, and the token where there is one."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            place = Place("127.0.0.1", server.getsockname()[1])
            self.patch(doctor_wire, "_read_all", lambda wire: ANSWER)
            self.assertEqual(http_get(place, "/about").body, b"hello")
            request = server.accept()[0].recv(1000).decode()
            self.assertTrue(request.startswith(f"GET /about HTTP/1.1\r\nHost: {place}\r\n"), request)
            self.assertNotIn("Authorization", request)
            http_get(place, "/sessions", token="a-token")
            self.assertIn("\r\nAuthorization: Bearer a-token\r\n", server.accept()[0].recv(1000).decode())

    def test_reads_until_the_end(self) -> None:
        """All is read until the connection ends, or is silent after some of it; and no more than is sensible."""
        for sent, ends in ((ANSWER, True), (ANSWER, False), (b"x" * 1000, False)):
            mine, theirs = socket.socketpair()
            with mine, theirs:
                theirs.sendall(sent)
                if ends:
                    theirs.shutdown(socket.SHUT_WR)
                self.patch(doctor_wire, "LARGEST_ANSWER", 500)
                self.assertEqual(doctor_wire._read_all(Wire(mine, 0.05)), sent)
        mine, theirs = socket.socketpair()
        with mine, theirs:
            self.assertRaises(TimeoutError, doctor_wire._read_all, Wire(mine, 0.01))
