"""How much is logged: six level names, and the one switch that every observer of the server obeys.

Owns the levels and what passes at each of them; it must not know where the lines go or what they look like
(:mod:`jsongle_server.log_format`, :mod:`jsongle_server.log_file`, :mod:`jsongle_server.log_twistd`). An event goes
from a ``twisted.logger.Logger`` through a filter made here to the observer behind it.

``twisted.logger`` has neither trace nor fatal. Fatal is its critical. Trace is a debug event that carries the field
``trace=True``, or that comes from a library: debugging this server should not mean reading Twisted's chatter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import FilteringLogObserver, ILogFilterPredicate, ILogObserver, LogEvent, LogLevel, PredicateResult
from zope.interface import implementer

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
"""The accepted level names, least severe first."""

DEFAULT_LEVEL: Final = "info"
"""The level of a server that was told nothing else."""

AUDIT: Final = "jsongle_server.audit"
"""The logger of what administrators do, which passes at every level: whoever turns the log down hides nothing."""

_NAMESPACE: Final = "jsongle_server"
_ERROR: Final = LEVELS.index("error")

# Autobahn's info and warn lines quote the request ("failing WebSocket opening handshake ('HTTP method … not allowed')")
# and its debug lines print it whole, tokens included. What matters of a connection is logged by our own protocol.
_QUOTES_CLIENTS: Final = ("autobahn", "txaio")

# It has an info line for each interim answer, of which a server that is asked may send as many as it likes.
_HTTP_CLIENT: Final = "twisted.web._newclient"


@implementer(ILogFilterPredicate)
class LogControl:
    """The level of the whole server, changed at run time by ``PUT /logs/levels``.

    :param level: one of :data:`LEVELS`.
    :raises ValueError: on any other name; the text lists the accepted ones.
    """

    def __init__(self, level: str = DEFAULT_LEVEL) -> None:
        self._threshold = _rank(level)
        self._watchers: list[Callable[[], None]] = []

    @property
    def level(self) -> str:
        """The name of the least severe level that is logged."""
        return LEVELS[self._threshold]

    def set_level(self, level: str) -> str:
        """Change the level, at once and for all observers that :meth:`filtered` made.

        :param level: one of :data:`LEVELS`.
        :returns: the name of the level before.
        :raises ValueError: on any other name; the text lists the accepted ones, and the level stays.
        """
        former = self.level
        self._threshold = _rank(level)
        for watcher in self._watchers:
            watcher()
        return former

    def watch(self, watcher: Callable[[], None]) -> None:
        """Has something called now and whenever the level has changed."""
        self._watchers.append(watcher)
        watcher()

    def enabled(self, level: str) -> bool:
        """Tell whether events of a level are logged now: for what would format something to log it.

        :param level: one of :data:`LEVELS`.
        :raises ValueError: on any other name.
        """
        return _rank(level) >= self._threshold

    def filtered(self, observer: ILogObserver) -> ILogObserver:
        """Put the level in front of an observer.

        :param observer: what writes the events that pass.
        :returns: the observer to hand to Twisted.
        """
        return FilteringLogObserver(observer, [self])

    def __call__(self, event: LogEvent) -> Any:
        """Judge one event for :class:`twisted.logger.FilteringLogObserver`.

        :returns: ``PredicateResult.maybe`` when it may pass, ``PredicateResult.no`` when it may not.
        """
        if event.get("log_namespace") == AUDIT:
            return PredicateResult.maybe
        severity = _severity(event)
        if severity < self._threshold or (severity < _ERROR and _is_led_by_others(event)):
            return PredicateResult.no
        return PredicateResult.maybe


def level_name(event: LogEvent) -> str:
    """Name the level of an event as this server does.

    An event that carries an exception is an error at least, whatever it was logged as. One without a level (``log.msg``
    with a level nobody knows) is info.

    :param event: an event of ``twisted.logger``.
    :returns: one of :data:`LEVELS`.
    """
    return LEVELS[_severity(event)]


def _severity(event: LogEvent) -> int:
    level = event.get("log_level")
    if level is LogLevel.debug:
        name = "trace" if event.get("trace") or not _is_from(event, (_NAMESPACE,)) else "debug"
    elif level is LogLevel.critical:
        name = "fatal"
    else:
        name = level.name if level is not None else DEFAULT_LEVEL
    severity = LEVELS.index(name)
    return max(severity, _ERROR) if event.get("log_failure") is not None else severity


def _is_led_by_others(event: LogEvent) -> bool:
    """Whether those at the other ends of connections decide what the line says, or how many there are."""
    return _is_from(event, _QUOTES_CLIENTS) or event.get("log_namespace") == _HTTP_CLIENT


def _is_from(event: LogEvent, packages: tuple[str, ...]) -> bool:
    return str(event.get("log_namespace", "")).partition(".")[0] in packages


def _rank(level: str) -> int:
    if level not in LEVELS:
        raise ValueError(f"unknown log level {level!r}, accepted are {', '.join(LEVELS)}")
    return LEVELS.index(level)
