"""WebSocket connections, each the peer of one session (protocol section 1).

The thin side of the server: Autobahn turns bytes into frames, the session does the rest. What belongs to a single
connection is here: the handshake's limits, timers, close codes, and the guard around everything Autobahn calls.
Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

from autobahn.util import encode_truncate
from autobahn.websocket.types import ConnectionRequest
from OpenSSL.SSL import Error as TlsError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from jsongle_server.credentials import presented_token
from jsongle_server.frame_writer import FrameWriter
from jsongle_server.handshake import MAX_HEADERS, Refusal, check_request, http_answer, judge_failure, refusal_for
from jsongle_server.keepalive import Keepalive
from jsongle_server.metrics import Refused
from jsongle_server.outbox import Outbox
from jsongle_server.session import Session, SessionState
from jsongle_server.timeouts import Timeouts
from jsongle_server.unread import silent_for
from jsongle_server.upgrade import Upgrade
from jsongle_server.vocabulary import SUBPROTOCOL, CloseCode

if TYPE_CHECKING:
    from jsongle_server.config import Config

HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds that a client has for its opening handshake."""

CLOSE_TIMEOUT: Final = 3.0
"""Seconds that a client has to answer a close frame, or to read what was written before the connection ends."""

_PING: Final = b"\x89\x00"
_MAX_REASON: Final = 123  # bytes of reason that fit into a close frame (RFC 6455 section 5.5)


class SignalingProtocol(FrameWriter):
    """One WebSocket connection: the :class:`jsongle_server.session.Peer` of its session."""

    _log = Logger()

    _session: Session | None = None
    _handshakes: ClassVar[Timeouts[Any]]
    _hellos: ClassVar[Timeouts[Any]]
    _closes: ClassVar[Timeouts[Any]]
    _keepalive: ClassVar[Keepalive[Any]]
    _is_pinged = False
    _unread: tuple[int, float] | None = None
    _refusal: Refusal | None = None
    _must_resume = False
    _presented: str | None = None

    @classmethod
    def keep_time(cls, clock: IReactorTime, config: Config) -> None:
        """Makes the timers that the connections of this class share."""
        cls._handshakes = Timeouts(clock, HANDSHAKE_TIMEOUT, cls._handshake_overdue)
        cls._hellos = Timeouts(clock, config.hello_timeout, cls._hello_overdue, is_done=cls._has_said_hello)
        cls._closes = Timeouts(clock, CLOSE_TIMEOUT, cls._close_overdue)
        cls._keepalive = Keepalive(
            clock, interval=config.ping_interval, timeout=config.ping_timeout, ping=cls._ping, expired=cls._silent
        )

    def connectionMade(self) -> None:
        """Begins to wait for the opening handshake."""
        super().connectionMade()
        self.factory.connections.add(self)
        # Autobahn's own tcpNoDelay option is read before it is set and so does nothing.
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        limit = self.factory.config.max_send_queue
        self._outbox = Outbox(self.transport, self.factory.flusher, limit=limit, overflow=self._too_slow)
        self._handshakes.start(self)

    def dataReceived(self, data: bytes) -> None:
        """Takes bytes from the client, as many as came."""
        if self._poller is None:
            self.factory.clock_watch.look()
        if self._is_pinged:
            self._heard()
        self.guarded(self._take, data)

    def onConnect(self, request: ConnectionRequest | Upgrade) -> str | None:
        """Decides on the opening handshake; returns the subprotocol to speak."""
        factory = self.factory
        try:
            self.ask_proxy(request)
            self._must_resume = check_request(
                request,
                factory.config,
                factory.lifecycle,
                factory.signaling,
                is_welcome=factory.addresses.may_open(self.host, factory.config, factory.now()),
                is_blocked=factory.signaling.blocks.holds_address(self.host, factory.now()),
            )
        except Refusal as refusal:
            self._refusal = refusal
            raise
        except Exception:
            self._log.failure("a handshake could not be handled", level=LogLevel.error)
            self._refusal = _internal()
            raise self._refusal from None
        if factory.signaling.asks_for_tokens:
            self._presented = presented_token(request)
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def onOpen(self) -> None:
        """Begins the session."""
        self.guarded(self._open)

    def receive_text(self, payload: bytes) -> None:
        """Hands a text message to the session."""
        if self._session is not None:
            self._session.receive(payload, self.factory.now())

    def woken(self) -> None:
        """Takes note that the client may be heard again: its sign of life may not have been read yet."""
        if self._is_pinged:
            self._heard()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hands a message to the session."""
        # Guarded here too: a frame that comes along with the handshake is read inside a Deferred of Autobahn's.
        self.guarded(self._receive, payload, isBinary)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Ends the session, if it has not ended, and every timer."""
        if reason.check(TlsError):
            self._note_tls_error(reason)
        self.end_reading()
        self.stop_resting()
        self._stop_timers()
        self._lose()
        super().connectionLost(reason)
        self.factory.forget(self)

    def attach(self, session: Session | None) -> None:
        """Has what it receives from now on go to a session, or to nobody."""
        self._session = session

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
            self.guarded(self._session.close, code, reason, self.factory.now())
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
            self._outbox.flush()
            self._stop_timers()
            latest = self.factory.now() + max(CLOSE_TIMEOUT, self.factory.config.drain_timeout)
            self._wait_for_close(self._outbox.unread, latest)
            self._end_session("closed by the client" if isReply else f"closed with {code}")
            # The answer may be behind what was not to be read yet.
            self.wake()

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Answers a handshake that failed, in Autobahn's eyes or in ours."""
        refusal = self._refusal or judge_failure(
            HTTPStatus(code), reason, path=getattr(self, "http_request_path", ""), config=self.factory.config
        )
        self.factory.signaling.metrics.refusals[refusal.label] += 1
        self._log.debug("refused {remote}: {reason}", remote=self.remote, reason=refusal.label)
        self.transport.write(http_answer(refusal, server=self.factory.server, headers=responseHeaders or ()))

    def _closeConnection(self, abort: bool = False) -> None:
        # Never at once, as Autobahn would have it when both close frames are exchanged: ours may still be on its way.
        self.end_reading()
        super()._closeConnection(abort=False)
        # Twisted waits for the client to read what was written: for ever, if it does not.
        self._stop_timers()
        self._unread = None
        self._closes.start(self)

    def _take(self, data: bytes) -> None:
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > MAX_HEADERS:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._refuse(refusal_for(status, Refused.TOO_LARGE, "The handshake is too large"))
        else:
            self.read(data)

    def _wait_for_close(self, waiting: int, latest: float) -> None:
        """Gives the client a while to answer the close frame, or to read some of what is before that.

        :param waiting: how many bytes are left to be read.
        :param latest: when to wait no longer, in seconds since the epoch.
        """
        self._unread = waiting, latest
        self._closes.start(self)

    def _close_overdue(self) -> None:
        """Ends a connection that should be closed by now, unless the client still reads what is before the end."""
        left = self._outbox.unread
        if self._unread is not None:
            waiting, latest = self._unread
            is_reading = left < waiting
            if is_reading and self.factory.now() < latest:
                self._wait_for_close(left, latest)
                return
            if not left or (is_reading and not self._outbox.kept):
                # What is left is the system's, which delivers it after the end as well, if that is an orderly one.
                self._closeConnection()
                return
        self.transport.abortConnection()

    def _too_slow(self) -> None:
        # Not now: others hear of the end of a session, and any of them may be too slow for just that.
        self.factory.reactor.callLater(0, self.guarded, self._give_up)

    def _give_up(self) -> None:
        """Closes the connection of a client that does not read: its session waits for it to come back, if it can."""
        session, self._session = self._session, None
        if session is not None and session.is_heard_through(self):
            session.detach(self.factory.now(), cause="reads too slowly")
        self.close(CloseCode.SLOW_CONSUMER, "reads too slowly")

    def _ping(self) -> None:
        self._is_pinged = True
        self._outbox.write(_PING)

    def _heard(self) -> None:
        if self._has_vanished():
            return
        self._is_pinged = False
        self._keepalive.heard(self)

    def _silent(self) -> None:
        """Gives up a client that is not heard any more, unless it is the server that does not listen."""
        if self._resting is not None and not self._has_vanished():
            self._is_pinged = False
            self._keepalive.start(self)
        else:
            self.transport.abortConnection()

    def _has_vanished(self) -> bool:
        """Whether what is read of a client that sends faster than it is read from was sent before the last ping."""
        silence = silent_for(self.transport)
        return silence is not None and silence > self.factory.config.ping_timeout

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.failHandshake(refusal.message, refusal.code)

    def _receive(self, payload: bytes, is_binary: bool) -> None:
        if is_binary:
            self.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
        else:
            self.receive_text(payload)

    def _open(self) -> None:
        self._stop_timers()
        factory = self.factory
        self._keepalive.start(self)
        self.count_in()
        self.begin_to_read()
        presented, self._presented = self._presented, None
        factory.signaling.open(
            self, remote=self.remote, now=factory.now(), must_resume=self._must_resume, presented=presented
        )
        self._hellos.start(self)

    def _handshake_overdue(self) -> None:
        self.factory.signaling.metrics.refusals[Refused.TIMEOUT] += 1
        self.transport.abortConnection()

    def _note_tls_error(self, reason: Failure) -> None:
        if self.state == self.STATE_CONNECTING:
            self.factory.signaling.metrics.refusals[Refused.TLS] += 1
        self._log.debug("TLS with {remote} failed: {reason}", remote=self.remote, reason=reason.value)

    def _has_said_hello(self) -> bool:
        return self._session is None or self._session.state is not SessionState.AWAITING_HELLO

    def _hello_overdue(self) -> None:
        if self._session is not None:
            self.guarded(self._session.close, CloseCode.NO_HELLO, "no session-hello in time", self.factory.now())

    def guarded(self, work: Callable[..., None], *args: Any) -> None:
        """Does some work, and sends what follows from it; whatever goes wrong stays with this connection."""
        flusher = self.factory.flusher
        flusher.begin()
        try:
            work(*args)
        except Exception:
            self.fail()
        finally:
            flusher.end()

    def fail(self) -> None:
        """Closes the connection for the exception that is being handled; the client is not told what it is."""
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
        self.count_out()
        try:
            self.factory.signaling.lost(self, self.factory.now())
        except Exception:
            self._log.failure("a session could not be ended", level=LogLevel.error, remote=self.remote)

    def _stop_timers(self) -> None:
        self._handshakes.stop(self)
        self._hellos.stop(self)
        self._closes.stop(self)
        self._keepalive.stop(self)


def _internal() -> Refusal:
    return refusal_for(HTTPStatus.INTERNAL_SERVER_ERROR, Refused.INTERNAL, "Internal error")
