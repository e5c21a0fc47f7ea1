"""When what is to be sent is sent: at the end of a read, or along with something else.

All that follows from the bytes of one read goes out once these have been handled, in one write for each client. What
the server itself has to say waits a little longer: under load, the next message for the same client takes it along,
which saves every second write. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jsongle_server.outbox import Outbox


class Flusher:
    """Flushes the outboxes of one server.

    :param clock: the reactor, whose turns count.
    """

    _log = Logger()

    __slots__ = ("_clock", "_depth", "_due", "_later", "_next")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._depth = 0
        self._due: list[Outbox] = []
        self._next: list[Outbox] = []
        self._later: list[Outbox] = []

    def begin(self) -> None:
        """A read begins: what is to be sent waits for its end."""
        self._depth += 1

    def end(self) -> None:
        """A read is over."""
        self._depth -= 1
        if self._due and not self._depth:
            due, self._due = self._due, []
            self._flush(due)

    def soon(self, outbox: Outbox) -> None:
        """Flushes an outbox at the end of this read, at once if there is none."""
        if self._depth:
            self._due.append(outbox)
        else:
            outbox.flush()

    def later(self, outbox: Outbox) -> None:
        """Flushes an outbox when everybody else has had a turn."""
        if not self._next and not self._later:
            self._clock.callLater(0, self._turn)
        self._next.append(outbox)

    def _turn(self) -> None:
        # What came up in the turn before has had this one to be taken along.
        due, self._later, self._next = self._later, self._next, []
        if self._later:
            self._clock.callLater(0, self._turn)
        self._flush(due)

    def _flush(self, due: list[Outbox]) -> None:
        for outbox in due:
            try:
                outbox.flush()
            except Exception:
                self._log.failure("a client could not be written to", level=LogLevel.error)
