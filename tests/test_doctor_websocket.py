"""The doctor's WebSocket, against what a server may send."""

from __future__ import annotations

import secrets
import socket
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import doctor_websocket, doctor_wire
from jsongle_server.doctor_websocket import Closed, NotWebSocket, NoUpgrade, WebSocket
from jsongle_server.doctor_wire import Wire
from jsongle_server.framing import text_frame

KEY_BYTES: Final = bytes(range(16))
ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n\r\n"
)
"""The answer to a handshake whose key is the base64 of :data:`KEY_BYTES`."""

MESSAGE: Final = {"jsongle": {"action": "ack"}}
TEXT: Final = text_frame(b'{"jsongle":{"action":"ack"}}')
PING: Final = b"\x89\x04ping"
CLOSE: Final = b"\x88\x06\x03\xe9bye!"


class SocketCase(SynchronousTestCase):
    """Has both ends of a connection."""

    def setUp(self) -> None:
        """Connects them, and makes all keys the same."""
        mine, self.server = socket.socketpair()
        self.addCleanup(mine.close)
        self.addCleanup(self.server.close)
        self.wire = Wire(mine, 0.2)
        self.patch(secrets, "token_bytes", lambda size: KEY_BYTES[:size])
        self.patch(doctor_websocket, "BODY_SECONDS", 0.05)

    def open(self, answer: bytes = ACCEPTED) -> WebSocket:
        """Opens a WebSocket, the server answering so."""
        self.server.sendall(answer)
        return WebSocket.open(self.wire, host="example.org", path="/ws?token=t")

    def sent(self) -> list[tuple[int, bytes]]:
        """The frames that were sent, after the handshake."""
        _, _, data = self.server.recv(100_000).partition(b"\r\n\r\n")
        frames = []
        while data:
            first, second, size = data[0], data[1], data[1] & 0x7F
            self.assertTrue(second & 0x80, "a client masks")
            start = 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            body = data[start + 4 : start + 4 + size]
            key = data[start : start + 4]
            frames.append((first, bytes(byte ^ key[index % 4] for index, byte in enumerate(body))))
            data = data[start + 4 + size :]
        return frames


class HandshakeTests(SocketCase):
    """How it opens."""

    def test_request(self) -> None:
        """The request is one that servers take."""
        self.open()
        head = self.server.recv(1000).decode()
        self.assertTrue(head.startswith("GET /ws?token=t HTTP/1.1\r\nHost: example.org\r\n"), head)
        for line in ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"):
            self.assertIn(f"\r\n{line}\r\n", head)
        self.assertIn("\r\nSec-WebSocket-Protocol: jsongle\r\n", head)

    def test_other_answers(self) -> None:
        """Another status, or a proof that is none, are no WebSocket; what the answer says is there."""
        self.patch(doctor_wire, "_CHUNK", 64)  # the body comes behind the head
        refusal = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\n{}"
        for answer, status, body in (
            (refusal, 426, b"{}"),
            (refusal[:-1], 426, b"{"),
            (ACCEPTED.replace(b"Bz3q", b"xxxx"), 101, b""),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 30_000, 200, b"x" * 100),
        ):
            self.setUp()
            error = self.assertRaises(NoUpgrade, self.open, answer)
            self.assertEqual((error.answer.status, error.answer.body[:100]), (status, body))

    def test_answer_that_ends(self) -> None:
        """An answer that is cut off within its body is read as far as it came."""
        self.server.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\nsor")
        self.server.shutdown(socket.SHUT_WR)
        error = self.assertRaises(NoUpgrade, WebSocket.open, self.wire, host="a", path="/")
        self.assertEqual((error.answer.status, error.answer.body), (502, b"sor"))

    def test_no_answer(self) -> None:
        """A connection that ends, is silent, or speaks something else, is told by its error."""
        self.assertRaises(ValueError, self.open, b"220 mail.example.org ESMTP\r\n\r\n")
        self.assertRaises(TimeoutError, self.open, b"")
        self.server.shutdown(socket.SHUT_WR)
        self.assertRaises(ConnectionResetError, self.open_ended)

    def open_ended(self) -> None:
        """Opens one where the server has ended."""
        WebSocket.open(self.wire, host="a", path="/")

    def test_head_without_end(self) -> None:
        """A server that sends headers for ever is not listened to for ever."""
        self.patch(doctor_websocket, "LARGEST_HEAD", 100)
        self.assertRaises(NoUpgrade, self.open, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200)


class TalkTests(SocketCase):
    """What is said on it."""

    def test_says_and_hears(self) -> None:
        """Messages go both ways, also long ones and one that came along with the answer to the handshake."""
        connection = self.open(ACCEPTED + TEXT)
        self.assertEqual(connection.hear(), MESSAGE)
        long = {"jsongle": {"text": "x" * 70_000}}
        self.server.sendall(text_frame(b'{"jsongle":{"text":"' + b"x" * 70_000 + b'"}}') + TEXT)
        self.assertEqual([connection.hear(), connection.hear()], [long, MESSAGE])
        connection.say({"a": 1})
        connection.say({"a": "x" * 200})
        self.assertEqual(self.sent(), [(0x81, b'{"a":1}'), (0x81, b'{"a":"' + b"x" * 200 + b'"}')])

    def test_answers_pings(self) -> None:
        """Pings are answered and counted, pongs are let pass."""
        connection = self.open(ACCEPTED + PING + b"\x8a\x00" + TEXT)
        self.assertEqual(connection.hear(), MESSAGE)
        self.assertEqual((connection.pings, self.sent()), (1, [(0x8A, b"ping")]))

    def test_close(self) -> None:
        """A close frame ends it, with what it says; the end of the connection without one says nothing."""
        for data, code, text in ((CLOSE, 1001, "bye!"), (b"\x88\x00", None, ""), (b"", None, "")):
            self.setUp()
            connection = self.open(ACCEPTED + data)
            self.server.shutdown(socket.SHUT_WR)
            error = self.assertRaises(Closed, connection.hear)
            self.assertEqual((error.code, error.text), (code, text))

    def test_other_frames(self) -> None:
        """What a JSONgle server does not send is not taken for one."""
        for data in (
            b"\x82\x01x",
            b"\x01\x01x",
            b"\xc1\x01x",
            b"\x81\x81\0\0\0\0x",
            b"\x83\x00",
            b"\x81\x7f" + (1 << 40).to_bytes(8, "big"),
            text_frame(b"{"),
            text_frame(b"[]"),
            text_frame(b"{}"),
            text_frame(b'{"jsongle": 7}'),
        ):
            self.setUp()
            self.assertRaises(NotWebSocket, self.open(ACCEPTED + data).hear)

    def test_stays(self) -> None:
        """It stays for the time it is told, and answers pings and hears out messages meanwhile."""
        connection = self.open(ACCEPTED + PING + TEXT + PING)
        connection.stay(0.05)
        self.assertEqual((connection.pings, self.sent()), (2, [(0x8A, b"ping")] * 2))
        connection.stay(0)

    def test_stay_ends(self) -> None:
        """If the connection ends meanwhile, that is told, whichever way it ends."""
        connection = self.open(ACCEPTED)
        self.server.sendall(CLOSE)
        self.assertEqual(self.assertRaises(Closed, connection.stay, 5).code, 1001)
        self.server.close()
        self.assertIsNone(self.assertRaises(Closed, connection.stay, 5).code)
        self.wire.close()
        self.assertIsNone(self.assertRaises(Closed, connection.stay, 5).code)

    def test_says_goodbye(self) -> None:
        """Its end is a close frame; where nobody is there any more, it ends all the same."""
        connection = self.open()
        connection.close()
        self.assertEqual(self.sent(), [(0x88, b"\3\xe8")])
        connection.close()
