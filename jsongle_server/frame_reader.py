"""From bytes to messages: in place where they are whole text frames, by Autobahn otherwise.

Nearly all that clients send are text messages in one frame each. Those are taken out of what was read as they are;
anything else, from a ping to a frame of which a byte is still to come, takes Autobahn's own path, which decides what is
an error and what is answered. Both paths give the same messages, and the same answers. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IDelayedCall

from jsongle_server.framing import take_text
from jsongle_server.lean import LeanProtocol

if TYPE_CHECKING:
    from jsongle_server.poller import Poller
    from jsongle_server.websocket_factory import SignalingFactory

FRAMES_PER_TURN: Final = 64
"""Most frames, or pieces of frames, that are taken from one connection before the others have their turn."""


class FrameReader(LeanProtocol):
    """The reading side of a connection; what it reads goes to :meth:`receive_text`."""

    factory: SignalingFactory
    transport: Any  # TCP, TLS or unix: Twisted has no interface for what all of them can do
    current_frame: Any  # what Autobahn is in the middle of
    maxFramePayloadSize: int
    _perMessageCompress: Any
    _resting: IDelayedCall | None = None
    _poller: Poller | None = None
    _fd = -1

    if TYPE_CHECKING:

        def receive_text(self, payload: bytes) -> None:
            """Takes a text message: valid UTF-8, not longer than ``maxMessageSize``."""

        def guarded(self, work: Callable[..., None], *args: Any) -> None:
            """Does some work; whatever goes wrong with it stays with this connection."""

        def fail(self) -> None:
            """Closes the connection for the exception that is being handled."""

    def read(self, data: bytes) -> None:
        """Takes bytes after all those before."""
        self.data = self.data + data if self.data else data
        self._consume()

    def onMessageFrame(self, payload: Any) -> None:  # a list of parts, whatever Autobahn's annotation says
        """Adds a frame to its message; empty ones are forgotten, as no limit on sizes ever counts them."""
        parts: Any = [part for part in payload if part]
        super().onMessageFrame(parts)

    def consumeData(self) -> None:
        """Called by Autobahn after the opening handshake, for frames that came along with it."""
        self.guarded(self._consume)

    def rest(self, delay: float) -> None:
        """Takes nothing from the client for some seconds; what it sends meanwhile waits in its socket."""
        if self._resting is None:
            self._stop_reading()
            self._resting = self.factory.reactor.callLater(delay, self._go_on)

    def wake(self) -> None:
        """Takes what the client sends again."""
        if self._resting is not None:
            self._resting.reset(0)

    def stop_resting(self) -> None:
        """Takes what was read before the connection was lost: it still counts."""
        if self._resting is not None:
            self.guarded(self._finish_reading)
            self._resting.cancel()
            self._resting = None

    def woken(self) -> None:
        """Called when the client is read from again after a rest."""

    def _consume(self) -> None:
        """Takes what was read, frame by frame, and lets other connections have their turn after some.

        A single read can hold thousands of frames; nothing more is read from the client until they are done.
        """
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            super().consumeData()
            return
        left = FRAMES_PER_TURN
        while left > 0:
            taken = self._take_texts(left)
            left -= taken
            if taken and not self.data:
                return
            if left > 0:
                if not self._may_go_on() or not self.processData():
                    return
                left -= 1
        if self._may_go_on():
            self.rest(0)

    def begin_to_read(self) -> None:
        """Reads frames from now on: the opening handshake is over."""
        poller = self.factory.poller
        if self.is_fast and poller.can_watch(self.transport):
            self._poller = poller
            self._fd = poller.watch(self)

    def given_back(self) -> None:
        """Called when Twisted reads from now on: it is to be told where there is to be a rest."""
        self._poller = None

    def end_reading(self) -> None:
        """Reads no more: the connection is lost, or about to be."""
        if self._poller is not None:
            self._poller.forget(self._fd)
            self._poller = None

    def _stop_reading(self) -> None:
        if self._poller is not None:
            self._poller.forget(self._fd)
        else:
            self.transport.pauseProducing()

    def _start_reading(self) -> None:
        if self._poller is not None:
            self._fd = self._poller.watch(self)
        else:
            self.transport.resumeProducing()

    def _may_go_on(self) -> bool:
        return self._resting is None and self.state != self.STATE_CLOSED

    def _take_texts(self, most: int) -> int:
        """Takes whole text frames as long as nothing else comes; returns how many there were."""
        if not self.is_fast or self.current_frame is not None or self.inside_message:
            return 0
        data, start, count, limit = self.data, 0, 0, self.maxFramePayloadSize
        while count < most and self.state == self.STATE_OPEN and self._resting is None:
            taken = take_text(data, start, limit)
            if taken is None:
                break
            payload, start = taken
            count += 1
            try:
                self.receive_text(payload)
            except Exception:
                self.fail()
        if count:
            self.data = data[start:]
        return count

    def _finish_reading(self) -> None:
        while self.state == self.STATE_OPEN and self.processData():
            pass

    def _go_on(self) -> None:
        self._resting = None
        self.woken()
        self.guarded(self._start_reading)
        self.guarded(self._consume)
