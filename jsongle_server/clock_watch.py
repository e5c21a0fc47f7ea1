"""Notices that the system's clock was set back, and has nothing wait longer for that.

Reactors time by that clock: what was to happen in a moment would happen an hour later where it is set back by an hour.
Layer 4.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.logger import Logger

TOLERANCE: Final = 0.001
"""Seconds that do not matter."""


class ClockWatch:
    """Looks at the clock of a reactor.

    :param reactor: whose timers are moved.
    """

    _log = Logger()

    __slots__ = ("_latest", "_reactor")

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._latest: float = reactor.seconds()

    def look(self) -> None:
        """Looks at the clock; to be called whenever something happens that no timer brought about."""
        now: float = self._reactor.seconds()
        lost = self._latest - now
        self._latest = now
        if lost > TOLERANCE:
            for call in self._reactor.getDelayedCalls():
                call.delay(-lost)
            self._log.warn("the clock was set back by {seconds:.3f} seconds", seconds=lost)
