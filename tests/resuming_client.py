"""A client that survives its connections: it comes back, goes on and sends again what the server has not got.

What protocol section 7 asks of a client, in one place and over real sockets: the scenarios and the soak use it, and
whoever writes a client can read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from jsongle_server.testing import Client
from jsongle_server.testing_websocket import HANDSHAKE, parse_frame

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_NO_MASK: Final = bytes(4)


class ResumingClient:
    """One user of a server.

    :param reactor: runs it.
    :param port: where the server, or a proxy before it, listens on this machine.
    :param heard: called with each message that counts: neither hello nor ack of one.
    :param back_after: gives the seconds that it waits before it connects again; ``None`` stays away.
    :param resumable: whether it opts in.

    :ivar identity: its session identity, the one that others see.
    :ivar seq: the number of the last envelope that it has seen.
    :ivar misnumbered: envelopes that came with another number than the next.
    :ivar resumes: how often it went on with its session.
    :ivar began_anew: how often it could not.
    :ivar closes: the close codes that the server gave.
    :ivar is_live: whether it has said hello over the connection that it has.
    :ivar wire: the connection that it has.
    :ivar wires: every connection that is open, those that it has turned away from included.
    """

    def __init__(
        self,
        reactor: Any,
        port: int,
        uid: str,
        *,
        heard: Callable[[dict[str, Any]], None],
        back_after: Callable[[], float | None],
        resumable: bool = True,
    ) -> None:
        self.reactor = reactor
        self.port = port
        self.uid = uid
        self.heard = heard
        self.identity = ""
        self.seq = 0
        self.misnumbered = 0
        self.resumes = 0
        self.began_anew = 0
        self.closes: list[int] = []
        self.is_live = False
        self.wire: Wire | None = None
        self.wires: list[Wire] = []
        self._back_after = back_after
        self._resumable = resumable
        self._witness = Client.witness_class()
        self._token = ""
        self._kept: deque[bytes] = deque()
        self._before_kept = 0
        self._awaiting_live: list[Deferred[None]] = []
        self._is_over = False

    def connect(self) -> Deferred[None]:
        """Connects, for the first time or again.

        :returns: fires once it is live.
        """
        self._open()
        return self.live()

    def live(self) -> Deferred[None]:
        """Fires once it has said hello over the connection that it has, or will have."""
        done: Deferred[None] = Deferred()
        if self.is_live:
            done.callback(None)
        else:
            self._awaiting_live.append(done)
        return done

    def say(self, to: str, action: str, **jsongle: Any) -> None:
        """Sends a message: now, or as soon as it is back."""
        message = {"to": to, "jsongle": {"action": action, **jsongle}}
        self._witness.said(message)
        self.send(orjson.dumps(message))

    def send(self, payload: bytes) -> None:
        """Sends a text frame and keeps it until the server is known to have read it."""
        if self._resumable:
            self._kept.append(payload)
        if self.is_live and self.wire is not None:
            self.wire.write_frame(_TEXT, payload)

    def cut(self, *, mid_frame: bool = False) -> None:
        """Loses the connection all at once, unread bytes of both directions included.

        :param mid_frame: whether half of a frame goes before.
        """
        wire, self.wire, self.is_live = self.wire, None, False
        if wire is None:
            return
        wire.is_forsaken = True
        if mid_frame:
            wire.write_half_a_frame()
            self.reactor.callLater(0.01, wire.abort)
        else:
            wire.abort()
        self._come_back()

    def forsake(self) -> None:
        """Turns away from its connection, which stays open, as behind a network that has gone."""
        wire, self.wire, self.is_live = self.wire, None, False
        if wire is not None:
            wire.is_forsaken = True
            self._come_back()

    def leave(self) -> None:
        """Ends its session with a close frame."""
        self._is_over = True
        if self.wire is not None:
            self.wire.write_frame(_CLOSE, b"\x03\xe8")

    def lost(self, wire: Wire) -> None:
        """Called when a connection has ended."""
        self.wires.remove(wire)
        if self.wire is wire:
            self.wire, self.is_live = None, False
            self._come_back()

    def closed(self, code: int) -> None:
        """Called with the server's close code."""
        self.is_live = False
        if not self._is_over:
            self.closes.append(code)

    def received(self, payload: bytes) -> None:
        """Called with each text frame."""
        message = orjson.loads(payload)
        self._witness.heard(message)
        jsongle = message["jsongle"]
        number = message.get("seq")
        if number is not None:
            if number != self.seq + 1:
                self.misnumbered += 1
            self.seq = number
        if self.is_live:
            self.heard(message)
        elif jsongle["action"] == "iq-get":
            self._answer_hello(message)
        elif jsongle["action"] == "ack":
            self._take_ack(jsongle.get("description", {}))

    def _open(self) -> None:
        if not self._is_over:
            self.reactor.connectTCP("127.0.0.1", self.port, WireFactory(self))

    def _come_back(self) -> None:
        delay = self._back_after()
        if delay is not None and not self._is_over:
            self.reactor.callLater(delay, self._open)

    def _answer_hello(self, greeting: dict[str, Any]) -> None:
        description: dict[str, Any] = {"uid": self.uid}
        if self._token:
            description["resume"] = {"token": self._token, "seq": self.seq}
        elif self._resumable:
            description["resume"] = True
        self._offered = greeting["to"]
        answer = {
            "action": "iq-result",
            "query": "session-hello",
            "transaction": greeting["jsongle"]["transaction"],
            "description": description,
        }
        assert self.wire is not None
        self.wire.write_frame(_TEXT, orjson.dumps({"to": greeting["from"], "jsongle": answer}))

    def _take_ack(self, description: dict[str, Any]) -> None:
        assert self.wire is not None
        if description.get("resumed"):
            self.resumes += 1
            while self._before_kept < description["received"]:
                self._kept.popleft()
                self._before_kept += 1
        else:
            if self._token:
                self.began_anew += 1
                self._kept.clear()  # whether the server had them is not to be known any more
            self.seq = 0
            self._before_kept = 0
        self.identity = description.get("id", self._offered)
        self._token = description["resume"]["token"] if self._resumable else ""
        self.is_live = True
        for payload in self._kept:
            self.wire.write_frame(_TEXT, payload)
        waiting, self._awaiting_live = self._awaiting_live, []
        for done in waiting:
            done.callback(None)


class Wire(Protocol):
    """One WebSocket connection of a client's.

    :param client: whom it belongs to.

    :ivar is_forsaken: whether that has turned away from it.
    :ivar close_code: the code of the server's close frame.
    """

    transport: Any

    def __init__(self, client: ResumingClient) -> None:
        self.is_forsaken = False
        self.close_code: int | None = None
        self._client = client
        self._unread = bytearray()
        self._is_open = False

    def connectionMade(self) -> None:
        """Asks for a WebSocket."""
        self.transport.setTcpNoDelay(True)
        self._client.wire = self
        self._client.wires.append(self)
        self.transport.write("\r\n".join((*HANDSHAKE, "Sec-WebSocket-Protocol: jsongle", "", "")).encode())

    def dataReceived(self, data: bytes) -> None:
        """Takes bytes from the server."""
        self._unread += data
        if not self._is_open:
            end = self._unread.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._unread.startswith(b"HTTP/1.1 101 "):
                self.transport.abortConnection()
                return
            self._is_open = True
            del self._unread[: end + 4]
        while parsed := parse_frame(bytes(self._unread)):
            opcode, payload, rest = parsed
            del self._unread[: len(self._unread) - len(rest)]
            self._take(opcode, payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tells the client."""
        self._client.lost(self)

    def write_frame(self, opcode: int, payload: bytes) -> None:
        """Sends a frame under a mask of zeros, which is as good as any and costs nothing."""
        self.transport.write(_head(opcode, len(payload)) + payload)

    def write_half_a_frame(self) -> None:
        """Sends the beginning of a frame."""
        self.transport.write(_head(_TEXT, 100) + b'{"to":"nobody"')

    def abort(self) -> None:
        """Ends the connection with a reset."""
        self.transport.abortConnection()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            if not self.is_forsaken:
                self.write_frame(_PONG, payload)
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
            if not self.is_forsaken:
                self._client.closed(self.close_code)
            self.write_frame(_CLOSE, payload[:2])
            self.transport.loseConnection()
        elif opcode == _TEXT and not self.is_forsaken:
            self._client.received(payload)


class WireFactory(ClientFactory):
    """Makes one connection for a client."""

    noisy = False

    def __init__(self, client: ResumingClient) -> None:
        self._client = client

    def buildProtocol(self, addr: Any) -> Wire:
        """Makes the connection's protocol."""
        return Wire(self._client)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Tries again later: nobody listens there now."""
        reason.trap(ConnectError)
        self._client._come_back()


def _head(opcode: int, size: int) -> bytes:
    if size <= 125:
        return bytes((0x80 | opcode, 0x80 | size)) + _NO_MASK
    if size <= 0xFFFF:
        return bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big") + _NO_MASK
    return bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big") + _NO_MASK
