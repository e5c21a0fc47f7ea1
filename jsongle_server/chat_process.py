"""The process of the terminal client: its reactor, its signals, its screen, its exit status.

What is said stands in ``chat_model.py`` and what belongs to it, which know none of these. Layer 5, in a process
of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogBeginner
from zope.interface import provider

from jsongle_server.chat_lines import Kind, Line, Piece, Style
from jsongle_server.chat_runner import Runner, Screen
from jsongle_server.chat_script import standard_script
from jsongle_server.chat_terminal import Terminal
from jsongle_server.chat_threads import forsake_threads

if TYPE_CHECKING:
    from jsongle_server.chat_state import Wishes
    from jsongle_server.doctor_subject import Target


class Front(Screen, Protocol):
    """A screen that lines are typed at.

    :ivar is_broken: whether nobody reads the output any more.
    """

    is_broken: bool

    def run(self, runner: Runner) -> None:
        """Begins to read lines for a runner."""
        ...

    async def finished(self) -> None:
        """Waits until all is as it was before."""
        ...


class Process:
    """The process of the command; installs its reactor.

    :param target: where the server is.
    :param wishes: what the options say.
    :param origin: the ``Origin`` header.
    :param coloured: whether to write colours.
    """

    def __init__(self, target: Target, wishes: Wishes, *, origin: str | None, coloured: bool) -> None:
        self._loop = asyncio.new_event_loop()
        self._reactor = _install_reactor(self._loop)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        self._screen: Front
        if wishes.is_script:
            self._screen = standard_script(self._reactor, coloured=coloured)
        else:
            self._screen = Terminal(coloured=coloured)
        self._runner = Runner(self._reactor, target, wishes, screen=self._screen, origin=origin)
        self._status = 0
        self._is_hung_up = False

    def run(self, notice: str) -> int:
        """Runs until it is over; the exit status.

        :param notice: what to say at the beginning, if anything.
        :raises BrokenPipeError: nobody reads the output any more.
        """
        _watch_faults(self._loop, self._screen)
        self._obey_signals()
        if notice:
            self._screen.show(Line(Kind.NEWS, (Piece(notice, Style.WARNING),), time.time()))
        self._reactor.callWhenRunning(self._begin)
        self._reactor.run(installSignalHandlers=False)
        if self._is_hung_up:
            _write_nowhere()
            return 1
        if self._screen.is_broken:
            raise BrokenPipeError
        return self._status

    def _obey_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._runner.leave)
        self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _hang_up(self) -> None:
        self._is_hung_up = True
        self._runner.leave()

    def _begin(self) -> None:
        self._screen.run(self._runner)
        self._runner.done.addCallback(self._done)
        self._runner.start()

    def _done(self, status: int) -> None:
        self._status = status
        self._ending = self._loop.create_task(self._end())

    async def _end(self) -> None:
        await self._screen.finished()
        self._reactor.stop()


def _install_reactor(loop: asyncio.AbstractEventLoop) -> Any:
    """Makes the reactor: on asyncio, as prompt_toolkit is."""
    asyncio.set_event_loop(loop)
    reactor = AsyncioSelectorReactor(loop)
    installReactor(reactor)
    forsake_threads(reactor)
    return reactor


def _watch_faults(loop: asyncio.AbstractEventLoop, screen: Screen) -> None:
    """Has faults of the program itself shown in a line, and nothing else of the log."""

    def show(fault: str) -> None:
        text = f"✗ the chat itself failed, of {fault}: report this"
        screen.show(Line(Kind.ERROR, (Piece(text, Style.ERROR),), time.time()))

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.critical:
            failure = event.get("log_failure")
            show("something" if failure is None else failure.type.__name__)

    globalLogBeginner.beginLoggingTo([observe], discardBuffer=True, redirectStandardIO=False)
    loop.set_exception_handler(lambda _, context: show(type(context.get("exception")).__name__))


def _write_nowhere() -> None:
    """Has what is still to be written go nowhere: the terminal is gone, and Python would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
