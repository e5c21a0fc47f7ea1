"""Shows single messages, their envelopes alone, to whoever looks: so many a second, however many there are. Layer 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import orjson
from twisted.logger import Logger, LogLevel

from jsongle_server.codec import Json
from jsongle_server.elision import envelope_view, error_code
from jsongle_server.messages import timestamp

if TYPE_CHECKING:
    from jsongle_server.session import Session

MAX_RATE: Final = 200
"""Most messages that are read in a second; the others are only counted."""


class Tracer:
    """Reads messages and tells of them.

    :param now: gives the time in seconds.
    :param tell: called with what is shown of each.

    :ivar unread: how many were not read, as there were too many.
    """

    _log = Logger()

    def __init__(self, now: Callable[[], float], tell: Callable[[Json], None]) -> None:
        self._now = now
        self._tell = tell
        self._second = 0
        self._count = 0
        self.unread = 0

    def see(self, session: Session, direction: str, action: str, payload: bytes) -> None:
        """Takes note of a message, as a :data:`jsongle_server.tracing.Trace` does. Never raises.

        :param payload: a message that was checked, or that the server has made.
        """
        now = self._now()
        if not self._may_read(now):
            self.unread += 1
            return
        try:
            self._tell(trace_view(session, direction, payload, now))
        except Exception:
            # The client whose message this is has no part in it.
            self._log.failure("a message could not be traced", level=LogLevel.error)

    def _may_read(self, now: float) -> bool:
        second = int(now)
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count <= MAX_RATE


def trace_view(session: Session, direction: str, payload: bytes, now: float) -> Json:
    """What is shown of a message; ``error`` is the code of an error, where it is one."""
    fields: Json = orjson.loads(payload)
    view = {
        "at": timestamp(now),
        "direction": direction,
        "session": session.identity,
        "uid": session.uid or None,
        "size": len(payload),
        "envelope": envelope_view(fields),
    }
    code = error_code(fields)
    return view if code is None else {**view, "error": code}
