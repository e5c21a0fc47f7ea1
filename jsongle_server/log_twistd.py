"""twistd's own log, its console or ``--logfile``, under the level and in the format of the server.

Owns the way into twistd's logging; it must not know levels (:mod:`jsongle_server.logs`) or formats
(:mod:`jsongle_server.log_format`). The tap calls it while options are parsed; twistd calls back when it starts, for the
one observer that it logs to. Importing this installs no reactor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.logger import FileLogObserver, ILogObserver, LegacyLogObserverWrapper
from twisted.python.logfile import LogFile
from twisted.python.usage import Options

from jsongle_server.log_format import formatter
from jsongle_server.logs import LogControl


def control_twistd_log(options: Options, control: LogControl, *, format_name: str) -> None:
    """Make twistd log through a level switch; call it from ``postOptions`` of the subcommand.

    twistd takes its observer from its ``logger`` option, which it resolves from a name in its own ``postOptions``,
    after those of the subcommand, and reads for good before ``makeService``. So the observer is put there as the last
    step of twistd's own ``postOptions``; one that the user named with ``--logger`` stays, behind the switch.

    :param options: twistd's options, the parent of the subcommand's.
    :param control: decides what is logged.
    :param format_name: ``text`` or ``json``.
    """
    resolve: Callable[[], None] = options.postOptions

    def resolve_then_wrap() -> None:
        resolve()
        options["logger"] = twistd_observer_factory(options, control, format_name=format_name)

    options.postOptions = resolve_then_wrap  # type: ignore[method-assign]  # on this one object, which twistd made for us


def twistd_observer_factory(options: Options, control: LogControl, *, format_name: str) -> Callable[[], ILogObserver]:
    """Make what twistd accepts as its ``logger`` option: a factory of the observer that twistd itself would make.

    :param options: twistd's options, parsed.
    :param control: decides what is logged.
    :param format_name: ``text`` or ``json``; an observer that the user chose with ``--logger`` writes as it likes.
    """
    return _ObserverFactory(options, control, format_name, options.get("logger"))


def current_log_path(options: Options | None, *, log_path: str | None) -> str | None:
    """Find the log file to show to an administrator (``GET /logs``).

    Call it while the folder is still the one that twistd was started in, at ``makeService`` at the latest.

    :param options: twistd's options, or ``None`` when something else runs the service.
    :param log_path: the setting ``logPath``; when it is set it is the answer.
    :returns: an absolute path, or ``None`` when the log goes to a console, to syslog or to an observer of the user's.
    """
    if log_path:
        return os.path.abspath(log_path)
    if options is None or options.get("syslog") or _chosen(options) is not None:
        return None
    name = options.get("logfile")
    if name == "-" or (not name and (options.get("nodaemon") or options.get("debug"))):
        return None
    path = os.path.abspath(name or "twistd.log")
    return None if os.path.exists(path) and not os.path.isfile(path) else path


@dataclass(frozen=True, slots=True)
class _ObserverFactory:
    """Waits with everything until twistd asks, since opening the log has effects: a file, a signal handler."""

    options: Options
    control: LogControl
    format_name: str
    chosen: Callable[[], Any] | None

    def __call__(self) -> ILogObserver:
        observer = self.chosen() if self.chosen is not None else self._own_of_twistd()
        if not ILogObserver.providedBy(observer):
            # Syslog's, and any of a user's that was written for twisted.python.log.
            observer = LegacyLogObserverWrapper(observer)
        return self.control.filtered(observer)

    def _own_of_twistd(self) -> Any:
        # Private, but it alone knows the console, --logfile, --syslog and the rotation on SIGUSR1.
        from twisted.scripts._twistd_unix import UnixAppLogger  # noqa: PLC0415  (does not exist on Windows)

        observer = UnixAppLogger(self.options)._getLogObserver()
        if isinstance(observer, FileLogObserver):
            observer.formatEvent = formatter(self.format_name)
            file = observer._outFile
            if isinstance(file, LogFile) and not os.path.isfile(file.path):
                # Twisted would rename a device like /dev/null, for everybody on the machine.
                file.rotateLength = None
        return observer


def _chosen(options: Options) -> Callable[[], Any] | None:
    """What the user gave as ``--logger``, whether or not it was wrapped since."""
    logger = options.get("logger")
    return logger.chosen if isinstance(logger, _ObserverFactory) else logger
