"""The log file of the setting ``logPath``: one line an event, a new file each period, a bounded number of old ones.

Owns the writing, the turn of the file and the deletion of old ones; it must not know which events pass
(:mod:`jsongle_server.logs`) or what they look like (:mod:`jsongle_server.log_format`). It is the end of the way.

The standard library's handler turns the file; it says nothing to ``logging``. Periods are counted from the epoch, so
that a day ends at midnight UTC however often the server was restarted in it. Archives are named for the period that
they begin in: ``server.log.2026-11-22_00-00-00``.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging import LogRecord, makeLogRecord
from logging.handlers import TimedRotatingFileHandler
from threading import RLock
from typing import Final

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from jsongle_server.log_format import Formatter, formatter

_MODE: Final = 0o640


def open_log_file(
    path: str,
    *,
    period: int,
    keep: int,
    format_name: str,
    clock: Callable[[], float] = time.time,
) -> LogFile:
    """Open a log file, or go on with the one that is there.

    :param path: where it is; made absolute, since a daemon changes its folder.
    :param period: seconds until a new file is begun, at least 1.
    :param keep: how many old files to keep; 0 keeps none.
    :param format_name: ``text`` or ``json``.
    :param clock: seconds since the epoch.
    :raises OSError: when the file cannot be opened for writing.
    """
    handler = _RotatingFile(path, period=period, keep=keep, clock=clock)
    return LogFile(handler, formatter(format_name), clock=clock)


@implementer(ILogObserver)
class LogFile:
    """Observer that writes events to a file and never fails its caller; made by :func:`open_log_file`.

    While the file cannot be written (a full disk, a folder that is gone) events are lost and counted; the first one
    that can be written again is preceded by a line that says how many.

    :param handler: writes to the file.
    :param write: formats an event.
    :param clock: seconds since the epoch.
    """

    def __init__(self, handler: _RotatingFile, write: Formatter, *, clock: Callable[[], float]) -> None:
        self._handler = handler
        self._format = write
        self._clock = clock
        self._lost = 0
        self._failure: BaseException | None = None
        # Threads log too, and a signal handler may log while its own thread is in here.
        self._lock = RLock()

    @property
    def path(self) -> str:
        """The absolute path of the current file."""
        return self._handler.baseFilename

    def __call__(self, event: LogEvent) -> None:
        """Write one event, as far as possible."""
        text = self._format(event)
        if text is None:
            return
        with self._lock:
            self._failure = self._handler.write(self._loss() + text)
            self._lost = 0 if self._failure is None else self._lost + 1

    def close(self) -> None:
        """Close the file. Take the observer off its publisher first: an event that still comes opens it again."""
        with self._lock, suppress(OSError):
            self._handler.close()

    def _loss(self) -> str:
        if not self._lost:
            return ""
        notice = self._format(
            {
                "log_time": self._clock(),
                "log_level": LogLevel.warn,
                "log_namespace": __name__,
                "log_format": "events lost before this one: {lost} ({reason})",
                "lost": self._lost,
                "reason": str(self._failure),
            }
        )
        return notice or ""


class _RotatingFile(TimedRotatingFileHandler):
    """The standard library's handler, by a clock of ours, and with what it needs to outlive a bad disk."""

    terminator = ""

    def __init__(self, path: str, *, period: int, keep: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keep = keep
        self._failure: BaseException | None = None
        super().__init__(path, when="S", interval=period, encoding="utf-8", delay=True, utc=True)
        if not os.path.exists(self.baseFilename):
            self.rolloverAt = self.computeRollover(int(clock()))
        # The library would open it with the first line, too late to tell the operator that it cannot be.
        self.stream = self._open()

    def write(self, text: str) -> BaseException | None:
        """Append text, in a new file where the time has come, and return what went wrong."""
        self._failure = None
        self.handle(makeLogRecord({"msg": text}))
        return self._failure

    def emit(self, record: LogRecord) -> None:
        if self._moved():
            self._drop_stream()
        super().emit(record)

    # The names of these four are the standard library's.

    def computeRollover(self, currentTime: int) -> int:  # noqa: N802, N803
        return (currentTime // self.interval + 1) * self.interval

    def shouldRollover(self, record: LogRecord) -> bool:  # noqa: N802
        now = self._clock()
        if now < self.rolloverAt:
            return False
        if os.path.isfile(self.baseFilename):
            return True
        # A pipe or a device has no periods, and a file that is gone begins again in this one.
        self.rolloverAt = self.computeRollover(int(now))
        return False

    def doRollover(self) -> None:  # noqa: N802
        # A folder that takes no new names must not silence the log: it goes on in the same file for another period.
        with suppress(OSError):
            super().doRollover()
        self.rolloverAt = self.computeRollover(int(self._clock()))
        self._delete_old()

    def handleError(self, record: LogRecord) -> None:  # noqa: N802
        # The library prints to stderr, which under twistd is a log: that would be a loop.
        self._failure = sys.exception()
        self._drop_stream()

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_descriptor)

    def _moved(self) -> bool:
        """Tell whether somebody moved or deleted the open file, as logrotate does."""
        if not self.stream:
            return False
        try:
            return not os.path.samestat(os.fstat(self.stream.fileno()), os.stat(self.baseFilename))
        except FileNotFoundError:
            return True
        except OSError:
            # A folder that may no longer be looked into, once twistd has given up its privileges: the file is open.
            return False

    def _drop_stream(self) -> None:
        """Let go of the file; the next line opens it anew. What could not be written is not tried again."""
        stream, self.stream = self.stream, None
        # RuntimeError: a signal handler logged in the middle of a write to this very file.
        with suppress(OSError, RuntimeError):
            if stream:
                stream.close()

    def _delete_old(self) -> None:
        """Delete the oldest archives.

        The library's own deletion takes other logs' archives for its own (those of ``server.log-old``), keeps all of
        them for 0, and where it fails the next line overwrites the newest archive.
        """
        folder, name = os.path.split(self.baseFilename)
        own = re.compile(re.escape(name) + r"\.\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}", re.ASCII)
        with suppress(OSError):
            archives = sorted(entry for entry in os.listdir(folder) if own.fullmatch(entry))
            for old in archives[: max(0, len(archives) - self._keep)]:
                os.remove(os.path.join(folder, old))


def _open_descriptor(path: str, flags: int) -> int:
    """Open a file; one that this creates is for the owner and group alone, whatever the umask.

    A daemon opens its first file before twistd sets the umask and the later ones after it: all get the same mode. The
    mode of a file that is there already is its administrator's business.
    """
    try:
        descriptor = os.open(path, flags | os.O_EXCL, _MODE)
    except FileExistsError:
        return os.open(path, flags, _MODE)
    os.fchmod(descriptor, _MODE)
    return descriptor
