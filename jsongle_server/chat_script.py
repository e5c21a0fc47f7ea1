"""The terminal client without a terminal: lines from a file or a pipe, lines to one.

Owns the reading, one line at a time: the next is read when the one before is answered, so that nothing is sent faster
than the server takes it. Layer 5.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any, Final, TextIO

from jsongle_server.chat_lines import Kind, Line, rendered

if TYPE_CHECKING:
    from jsongle_server.chat_runner import Runner

LONGEST_LINE: Final = 1_048_576
"""Bytes of a line; what is longer comes as several."""

ANSWER_SECONDS: Final = 10.0
"""How long a connected server may take to answer."""

_CHUNK: Final = 65_536


class Script:
    """Lines in and out: a :class:`jsongle_server.chat_runner.Screen`.

    :param reactor: runs it.
    :param source: the file descriptor that lines come from.
    :param output: where lines go.
    :param errors: where those go that tell what went wrong.
    :param coloured: whether to write colours.

    :ivar is_broken: whether nobody reads the output any more.
    """

    def __init__(self, reactor: Any, source: int, output: TextIO, errors: TextIO, *, coloured: bool) -> None:
        self.is_broken = False
        self._reactor = reactor
        self._source = source
        self._output = output
        self._errors = errors
        self._coloured = coloured
        self._runner: Runner | None = None
        self._line: str | None = None
        self._is_over = False
        self._wanted = Semaphore(1)
        self._limit: Any = None

    def run(self, runner: Runner) -> None:
        """Begins to read.

        :param runner: takes what is read.
        """
        self._runner = runner
        # Nobody waits for this thread: reading may take for ever.
        Thread(target=self._read, daemon=True).start()

    def show(self, line: Line) -> None:
        """Writes a line."""
        if self.is_broken:
            return
        output = self._errors if line.kind is Kind.ERROR else self._output
        try:
            print(rendered(line, coloured=self._coloured), file=output, flush=True)
        except OSError:
            self.is_broken = True
            self._reactor.callLater(0, self._leave)

    def refresh(self) -> None:
        """Takes the next line, if it is its turn."""
        runner = self._runner
        if runner is None:
            return
        self._watch(runner)
        if runner.is_over or not runner.chat.is_idle:
            return
        if self._line is not None:
            line, self._line = self._line, None
            self._wanted.release()
            runner.typed(line)
        elif self._is_over:
            self._is_over = False
            runner.input_over()

    async def finished(self) -> None:
        """Waits for nothing."""

    def _watch(self, runner: Runner) -> None:
        """Waits for no answer for ever; while there is no connection there can be none."""
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = None
        if runner.chat.is_answer_due and not runner.is_over:
            self._limit = self._reactor.callLater(ANSWER_SECONDS, runner.gave_up)

    def _leave(self) -> None:
        if self._runner is not None:
            self._runner.leave()

    def _read(self) -> None:
        """Reads lines, in a thread."""
        for line in read_lines(lambda: os.read(self._source, _CHUNK)):
            self._wanted.acquire()
            self._reactor.callFromThread(self._take, line)
        self._wanted.acquire()
        self._reactor.callFromThread(self._take, None)

    def _take(self, line: str | None) -> None:
        self._line = line
        self._is_over = line is None
        self.refresh()


def read_lines(read: Callable[[], bytes]) -> Any:
    """The lines of a stream, as they come.

    :param read: gives the next bytes, none at the end.
    """
    unread = b""
    while True:
        try:
            chunk = read()
        except OSError:
            chunk = b""
        unread += chunk
        while b"\n" in unread or len(unread) > LONGEST_LINE or (unread and not chunk):
            end = unread.find(b"\n", 0, LONGEST_LINE)
            cut, skip = (end, 1) if end >= 0 else (min(len(unread), LONGEST_LINE), 0)
            line, unread = unread[:cut], unread[cut + skip :]
            yield line.decode("utf-8", "replace")
        if not chunk:
            return


def standard_script(reactor: Any, *, coloured: bool) -> Script:
    """One that reads the standard input."""
    return Script(reactor, sys.stdin.fileno(), sys.stdout, sys.stderr, coloured=coloured)
