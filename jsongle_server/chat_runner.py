"""Runs the terminal client: connects it, connects it again, ends it; lines go to a screen, time comes from a reactor.

Layer 5.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred

from jsongle_server.chat_connection import Connection, failed, open_connection
from jsongle_server.chat_model import Chat

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jsongle_server.chat_errors import Trouble
    from jsongle_server.chat_lines import Line
    from jsongle_server.chat_state import Wishes
    from jsongle_server.doctor_subject import Target

GOODBYE_SECONDS: Final = 1.0
"""How long to wait for the server to answer a close frame."""


class Screen(Protocol):
    """Where lines go, and typed ones come from."""

    def show(self, line: Line) -> None:
        """Shows a line."""
        ...

    def refresh(self) -> None:
        """Something has changed: what is asked for may be typed now, or looks otherwise."""
        ...


class Runner:
    """A client that runs.

    :param reactor: runs it.
    :param target: where the server is.
    :param origin: the ``Origin`` header.
    :param screen: where lines go.

    :ivar chat: what is said.
    :ivar done: fires with the exit status.
    """

    def __init__(self, reactor: Any, target: Target, wishes: Wishes, *, screen: Screen, origin: str | None) -> None:
        self.chat = Chat(wishes, show=screen.show, send=self._send, later=self._later, jitter=random.random)
        self.done: Deferred[int] = Deferred()
        self._reactor = reactor
        self._target = target
        self._origin = origin
        self._screen = screen
        self._connection: Connection | None = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether it is over, or about to be."""
        return self._is_over

    def start(self) -> None:
        """Connects."""
        if self._is_over:
            return
        opening = open_connection(self._reactor, self._target, self, origin=self._origin)
        opening.addCallbacks(self._opened, self._not_opened)

    def typed(self, line: str) -> None:
        """Takes a line."""
        self.chat.typed(line, self._reactor.seconds())
        self._look()

    def input_over(self) -> None:
        """No more lines come."""
        self.chat.input_over()
        self._look()

    def gave_up(self) -> None:
        """Answers have not come in time."""
        self.chat.gave_up(self._reactor.seconds())
        self._look()

    def leave(self) -> None:
        """Ends it; a second time, at once."""
        if self._is_over:
            self._finish()
            return
        self.chat.leave()
        self._look()

    def heard(self, frame: str) -> None:
        """Takes a text frame of the server."""
        self.chat.heard(frame, self._reactor.seconds())
        self._look()

    def closed(self, trouble: Trouble) -> None:
        """The connection has ended."""
        self._connection = None
        if self._is_over:
            self._finish()
            return
        wait = self.chat.lost(trouble, self._reactor.seconds())
        if wait is None:
            self._look()
            return
        self._screen.refresh()
        self._reactor.callLater(wait, self.start)

    def _opened(self, connection: Connection) -> None:
        self._connection = connection
        if self._is_over:
            connection.dropConnection(abort=True)

    def _not_opened(self, failure: Failure) -> None:
        assert failure.value is not None
        self.closed(failed(failure.value, self._target.place))

    def _send(self, frame: str) -> None:
        if self._connection is not None:
            self._connection.sendMessage(frame.encode("utf-8"))

    def _later(self, delay: float, call: Callable[[], None]) -> None:
        def do() -> None:
            call()
            self._look()

        self._reactor.callLater(delay, do)

    def _look(self) -> None:
        """Ends if it is over."""
        if self.chat.ended is not None and not self._is_over:
            self._is_over = True
            if self._connection is None:
                self._finish()
            else:
                self._connection.leave()
                self._reactor.callLater(GOODBYE_SECONDS, self._finish)
        self._screen.refresh()

    def _finish(self) -> None:
        if self._connection is not None:
            self._connection.dropConnection(abort=True)
        if not self.done.called:
            self.done.callback(0 if self.chat.ended is None else self.chat.ended)
