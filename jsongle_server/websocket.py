"""WebSocket connections, each the peer of one session (protocol section 1).

The thin side of the server: Autobahn turns bytes into frames, the session does the rest. What belongs to a single
connection is here: the handshake's limits, timers, close codes, and the guard around everything Autobahn calls.
Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from jsongle_server.framing import text_frame
from jsongle_server.handshake import MAX_HEADERS, Refusal, check_request, http_answer, judge_failure, refusal_for
from jsongle_server.keepalive import Keepalive
from jsongle_server.outbox import Outbox
from jsongle_server.session import Session, SessionState
from jsongle_server.vocabulary import SUBPROTOCOL, CloseCode

if TYPE_CHECKING:
    from jsongle_server.websocket_factory import SignalingFactory

HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds that a client has for its opening handshake."""

CLOSE_TIMEOUT: Final = 3.0
"""Seconds that a client has to answer a close frame, or to read what was written before the connection ends."""

FRAMES_PER_TURN: Final = 64
"""Most frames, or pieces of frames, that are taken from one connection before the others have their turn."""

_MAX_REASON: Final = 123  # bytes of reason that fit into a close frame (RFC 6455 section 5.5)


class SignalingProtocol(WebSocketServerProtocol):
    """One WebSocket connection: the :class:`jsongle_server.session.Peer` of its session."""

    _log = Logger()

    factory: SignalingFactory
    transport: Any  # TCP, TLS or unix: Twisted has no interface for what all of them can do
    _session: Session | None = None
    _timer: IDelayedCall | None = None
    _keepalive: Keepalive | None = None
    _refusal: Refusal | None = None
    _must_resume = False
    _is_counted = False
    _outbox: Outbox
    _resting: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begins to wait for the opening handshake."""
        super().connectionMade()
        self.factory.connections.add(self)
        # Autobahn's own tcpNoDelay option is read before it is set and so does nothing.
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._outbox = Outbox(self.transport, limit=self.factory.config.max_send_queue, overflow=self._too_slow)
        self._set_timer(HANDSHAKE_TIMEOUT, self._handshake_overdue)

    def dataReceived(self, data: bytes) -> None:
        """Takes bytes from the client, as many as came."""
        keepalive = self._keepalive
        if keepalive is not None and keepalive.waiting:
            keepalive.heard()
        self._guarded(self._consume, data)

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """Decides on the opening handshake; returns the subprotocol to speak."""
        factory = self.factory
        try:
            self._must_resume = check_request(
                request,
                factory.config,
                factory.lifecycle,
                factory.signaling,
                is_welcome=factory.addresses.may_open(self.host, factory.config, factory.now()),
            )
        except Refusal as refusal:
            self._refusal = refusal
            raise
        except Exception:
            self._log.failure("a handshake could not be handled", level=LogLevel.error)
            self._refusal = _internal()
            raise self._refusal from None
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def onOpen(self) -> None:
        """Begins the session."""
        self._guarded(self._open)

    def onMessageFrame(self, payload: Any) -> None:  # a list of parts, whatever Autobahn's annotation says
        """Adds a frame to its message; empty ones are forgotten, as no limit on sizes ever counts them."""
        parts: Any = [part for part in payload if part]
        super().onMessageFrame(parts)

    def consumeData(self) -> None:
        """Takes what was read, frame by frame, and lets other connections have their turn after some.

        A single read can hold thousands of frames; nothing more is read from the client until they are done.
        """
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            super().consumeData()
            return
        if self._resting is not None:
            return
        for _ in range(FRAMES_PER_TURN):
            if not self.processData() or self.state == self.STATE_CLOSED or self._resting is not None:
                return
        self.rest(0)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hands a message to the session."""
        # Guarded here too: a frame that comes along with the handshake is read inside a Deferred of Autobahn's.
        self._guarded(self._receive, payload, isBinary)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Ends the session, if it has not ended, and every timer."""
        if self._resting is not None:
            # What was read before the end still counts; nothing rests any more, as it is resting already.
            self._guarded(self._finish_reading)
            self._resting.cancel()
            self._resting = None
        self._stop_timers()
        self._lose()
        super().connectionLost(reason)
        self.factory.forget(self)

    def send(self, payload: bytes) -> None:
        """Sends one text frame; does nothing once the connection is closing."""
        if self.state == self.STATE_OPEN:
            self._outbox.write(text_frame(payload))

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Sends what the client missed: however much of it has to wait, that does not make the client too slow."""
        frames = [text_frame(payload) for payload in payloads]
        self._outbox.make_room(sum(map(len, frames)))
        for frame in frames:
            self._outbox.write(frame)

    def rest(self, delay: float) -> None:
        """Takes nothing from the client for some seconds; what it sends meanwhile waits in its socket."""
        if self._resting is None:
            self.transport.pauseProducing()
            self._resting = self.factory.reactor.callLater(delay, self._go_on)

    def attach(self, session: Session | None) -> None:
        """Has what it receives from now on go to a session, or to nobody."""
        self._session = session

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Writes what Autobahn sends, control frames above all, behind what is still waiting."""
        self._outbox.write(data)

    def unregisterProducer(self) -> None:
        """Called by Autobahn before the end of the connection: what waits goes to the transport, which flushes it."""
        self._outbox.finish()

    def close(self, code: CloseCode, reason: str) -> None:
        """Sends a close frame and gives the client a while to answer it; does nothing once that is done."""
        if self.state == self.STATE_OPEN:
            if code is CloseCode.SESSION_MOVED:
                # The newer connection gets all of it.
                self._outbox.drop()
            # Not sendClose: that refuses the codes below 3000 although RFC 6455 lets servers send them.
            self.sendCloseFrame(code=int(code), reasonUtf8=encode_truncate(reason, _MAX_REASON))

    def shut(self, code: CloseCode, reason: str) -> None:
        """Closes the connection at whatever stage it is."""
        if self._session is not None:
            self._guarded(self._session.close, code, reason, self.factory.now())
        elif self.state == self.STATE_CONNECTING:
            self.transport.abortConnection()

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        """Sends a close frame, ours or the answer to the client's: either way the session is over."""
        was_open = self.state == self.STATE_OPEN
        if was_open:
            # Nothing comes after it, and it must not be what is one too many.
            self._outbox.lift_limit()
        super().sendCloseFrame(code=code, reasonUtf8=reasonUtf8, isReply=isReply)
        if was_open:
            self._stop_timers()
            latest = self.factory.now() + max(CLOSE_TIMEOUT, self.factory.config.drain_timeout)
            self._wait_for_close(self._outbox.size, latest)
            self._end_session("closed by the client" if isReply else f"closed with {code}")

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Answers a handshake that failed, in Autobahn's eyes or in ours."""
        refusal = self._refusal or judge_failure(
            HTTPStatus(code), reason, path=getattr(self, "http_request_path", ""), config=self.factory.config
        )
        self.factory.signaling.metrics.refusals[refusal.label] += 1
        self._log.debug("refused {remote}: {reason}", remote=self.remote, reason=refusal.label)
        self.transport.write(http_answer(refusal, server=self.factory.server, headers=responseHeaders or ()))

    @property
    def remote(self) -> str:
        """The client's address, for people to read."""
        address = self.transport.getPeer()
        return f"{self.host}:{address.port}" if hasattr(address, "port") else self.host

    @property
    def host(self) -> str:
        """The client's address without its port."""
        host: str | None = getattr(self.transport.getPeer(), "host", None)
        # An IPv4 client of a socket that serves both families shows as mapped.
        return "unix" if host is None else host.removeprefix("::ffff:")

    def _closeConnection(self, abort: bool = False) -> None:
        # Never at once, as Autobahn would have it when both close frames are exchanged: ours may still be on its way.
        super()._closeConnection(abort=False)
        # Twisted waits for the client to read what was written: for ever, if it does not.
        self._stop_timers()
        self._set_timer(CLOSE_TIMEOUT, self.transport.abortConnection)

    def _consume(self, data: bytes) -> None:
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > MAX_HEADERS:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._refuse(refusal_for(status, "too_large", "The handshake is too large"))
        else:
            super().dataReceived(data)

    def _finish_reading(self) -> None:
        while self.state == self.STATE_OPEN and self.processData():
            pass

    def _wait_for_close(self, waiting: int, latest: float) -> None:
        self._set_timer(CLOSE_TIMEOUT, lambda: self._close_overdue(waiting, latest))

    def _close_overdue(self, waiting: int, latest: float) -> None:
        """Ends a connection whose client has not answered the close frame, unless it still reads what is before that.

        :param waiting: how many bytes were left a while ago.
        :param latest: when to wait no longer, in seconds since the epoch.
        """
        left = self._outbox.size
        if left < waiting and self.factory.now() < latest:
            self._wait_for_close(left, latest)
        elif left:
            self.transport.abortConnection()
        else:
            self._closeConnection()

    def _too_slow(self) -> None:
        # Not now: others hear of the end of a session, and any of them may be too slow for just that.
        self.factory.reactor.callLater(0, self._guarded, self._give_up)

    def _give_up(self) -> None:
        """Closes the connection of a client that does not read: its session waits for it to come back, if it can."""
        session, self._session = self._session, None
        if session is not None and session.is_heard_through(self):
            session.detach(self.factory.now(), cause="reads too slowly")
        self.close(CloseCode.SLOW_CONSUMER, "reads too slowly")

    def _silent(self) -> None:
        """Gives up a client that is not heard any more, unless it is the server that does not listen."""
        if self._resting is not None and self._keepalive is not None:
            self._keepalive.start()
        else:
            self.transport.abortConnection()

    def _go_on(self) -> None:
        self._resting = None
        if self._keepalive is not None:
            # The sign of life may be among what the server has not read yet.
            self._keepalive.heard()
        self.transport.resumeProducing()
        self._guarded(self.consumeData)

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.failHandshake(refusal.message, refusal.code)

    def _receive(self, payload: bytes, is_binary: bool) -> None:
        if is_binary:
            self.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
        elif self._session is not None:
            self._session.receive(payload, self.factory.now())

    def _open(self) -> None:
        self._stop_timers()
        factory = self.factory
        config = factory.config
        self._keepalive = Keepalive(
            factory.reactor,
            interval=config.ping_interval,
            timeout=config.ping_timeout,
            ping=self.sendPing,
            expired=self._silent,
        )
        self._keepalive.start()
        self._set_timer(config.hello_timeout, lambda: self._guarded(self._hello_overdue))
        factory.addresses.opened(self.host)
        self._is_counted = True
        factory.signaling.open(self, remote=self.remote, now=factory.now(), must_resume=self._must_resume)

    def _handshake_overdue(self) -> None:
        self._timer = None
        self.factory.signaling.metrics.refusals["timeout"] += 1
        self.transport.abortConnection()

    def _hello_overdue(self) -> None:
        self._timer = None
        session = self._session
        if session is not None and session.state is SessionState.AWAITING_HELLO:
            session.close(CloseCode.NO_HELLO, "no session-hello in time", self.factory.now())

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        """Does some work; whatever goes wrong with it stays with this connection."""
        try:
            work(*args)
        except Exception:
            self._log.failure("a connection failed", level=LogLevel.error, remote=self.remote)
            if self.state == self.STATE_OPEN:
                self.close(CloseCode.INTERNAL_ERROR, "internal error")
            elif self.state == self.STATE_CONNECTING:
                self._refuse(_internal())
            else:
                self.transport.abortConnection()

    def _end_session(self, cause: str) -> None:
        session, self._session = self._session, None
        if session is None or not session.is_heard_through(self):
            return
        try:
            session.end(self.factory.now(), cause=cause)
        except Exception:
            self._log.failure("a session could not be ended", level=LogLevel.error, remote=self.remote)

    def _lose(self) -> None:
        self._session = None
        if self._is_counted:
            self.factory.addresses.closed(self.host)
        try:
            self.factory.signaling.lost(self, self.factory.now())
        except Exception:
            self._log.failure("a session could not be ended", level=LogLevel.error, remote=self.remote)

    def _set_timer(self, delay: float, call: Callable[[], None]) -> None:
        self._timer = self.factory.reactor.callLater(delay, call)

    def _stop_timers(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._keepalive is not None:
            self._keepalive.stop()


def _internal() -> Refusal:
    return refusal_for(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error")
