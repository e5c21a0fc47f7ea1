"""``python -m jsongle_server chat``: talks to a server by hand, or from a script.

Owns the command: its options, the reactor of its process, and the exit status. What is said stands in ``chat_model.py``
and what belongs to it, which know neither. Layer 5: a process of its own; importing this installs no reactor.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import signal
import sys
import time
from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, Any, Final

from jsongle_server.chat_lines import Kind, Line, Piece, Style
from jsongle_server.chat_state import Wishes
from jsongle_server.doctor_subject import Target, read_url
from jsongle_server.doctor_tokens import subject_of
from jsongle_server.vocabulary import MAX_NAME, RoomKind

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from jsongle_server.chat_runner import Runner

HELP: Final = "talk to a server by hand: rooms, texts, and every frame if you like"

TOKEN_VARIABLE: Final = "JSONGLE_TOKEN"
"""The environment variable with the token, which other users of the machine cannot see."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Connects to a server as a client, joins rooms, and sends what is typed; /help lists the commands. In a script "
        "it sends the lines of its standard input, and ends when all of them are answered. The exit status is 0 if all "
        "went well, 1 if the server refused something or ended it, and 2 if the options cannot be used."
    )
    parser.add_argument("url", metavar="URL", help="the address that clients use, such as ws://localhost:8080")
    parser.add_argument("--uid", type=_name, help="who to be, by default your login and a few digits")
    parser.add_argument("--dn", default="", metavar="NAME", help="the name to be shown to others")
    parser.add_argument("--room", dest="rooms", action="append", type=_room, metavar="ROOM", help="a room to join")
    parser.add_argument("--muc", dest="rooms", action="append", type=_muc, metavar="ROOM", help="a multi-user room")
    parser.add_argument("--token", help=f"an appToken or a signed token; ${TOKEN_VARIABLE} hides it from ps")
    parser.add_argument("--origin", type=_header, help="the Origin to come from, as a page in a browser does")
    parser.add_argument("--raw", action="store_true", help="show every frame in both directions, as /raw does")
    parser.add_argument(
        "--resume", action=BooleanOptionalAction, default=True, help="go on with the session after a lost connection"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="when to use colours")


def run(arguments: Namespace) -> int:
    """Does all of it; the exit status."""
    try:
        target = read_url(arguments.url)
    except ValueError as error:
        print(f"chat: {error}", file=sys.stderr)
        return 2
    is_script = not (sys.stdin.isatty() and sys.stdout.isatty())
    wishes = make_wishes(arguments, os.environ.get(TOKEN_VARIABLE), is_script=is_script)
    session = Process(target, wishes, origin=arguments.origin, coloured=is_coloured(arguments.color))
    return session.run(is_http=arguments.url.lower().startswith("http"))


def make_wishes(arguments: Namespace, token: str | None, *, is_script: bool) -> Wishes:
    """What the options ask for.

    :param token: that of the environment, which counts where the options have none.
    """
    token = arguments.token or token or None
    claimed = subject_of(token) if token is not None else None
    return Wishes(
        uid=arguments.uid or claimed or f"{_login()}-{secrets.token_hex(2)}",
        dn=arguments.dn,
        rooms=tuple(arguments.rooms or ()),
        token=None if token is None else ("appToken" if claimed is None else "token", token),
        raw=arguments.raw,
        resumes=arguments.resume,
        is_script=is_script,
    )


def is_coloured(choice: str) -> bool:
    """Whether to write colours: on a terminal that has some, unless ``NO_COLOR`` is set (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Process:
    """The process of the command: its reactor, its signals, its terminal.

    :param target: where the server is.
    :param wishes: what the options say.
    :param origin: the ``Origin`` header.
    :param coloured: whether to write colours.
    """

    def __init__(self, target: Target, wishes: Wishes, *, origin: str | None, coloured: bool) -> None:
        self._target = target
        self._wishes = wishes
        self._origin = origin
        self._coloured = coloured
        self._status = 0
        self._is_hung_up = False

    def run(self, *, is_http: bool) -> int:
        """Runs until it is over; the exit status.

        :param is_http: whether the address was given as one of a web page.
        """
        # prompt_toolkit runs on asyncio, and so must the reactor. These imports take a while, and nobody else needs
        # them.
        from twisted.internet.asyncioreactor import AsyncioSelectorReactor  # noqa: PLC0415
        from twisted.internet.main import installReactor  # noqa: PLC0415

        from jsongle_server.chat_runner import Runner  # noqa: PLC0415
        from jsongle_server.chat_script import standard_script  # noqa: PLC0415
        from jsongle_server.chat_terminal import Terminal  # noqa: PLC0415

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        reactor: Any = AsyncioSelectorReactor(loop)
        installReactor(reactor)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        screen: Any
        if self._wishes.is_script:
            screen = standard_script(reactor, coloured=self._coloured)
        else:
            screen = Terminal(coloured=self._coloured)
        runner = Runner(reactor, self._target, self._wishes, screen=screen, origin=self._origin)
        _watch_faults(loop, screen)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, runner.leave)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, runner)
        if is_http:
            text = f"that is the address of a web page; taken for {self._target}"
            screen.show(Line(Kind.NEWS, (Piece(text, Style.WARNING),), time.time()))
        reactor.callWhenRunning(self._begin, reactor, loop, runner, screen)
        reactor.run(installSignalHandlers=False)
        if self._is_hung_up:
            _write_nowhere()
            return 1
        if getattr(screen, "is_broken", False):
            raise BrokenPipeError
        return self._status

    def _hang_up(self, runner: Runner) -> None:
        self._is_hung_up = True
        runner.leave()

    def _begin(self, reactor: Any, loop: asyncio.AbstractEventLoop, runner: Runner, screen: Any) -> None:
        screen.run(runner)
        runner.done.addCallback(self._done, reactor, loop, screen)
        runner.start()

    def _done(self, status: int, reactor: Any, loop: asyncio.AbstractEventLoop, screen: Any) -> None:
        self._status = status

        async def end() -> None:
            if hasattr(screen, "finished"):
                await screen.finished()
            reactor.stop()

        self._ending = loop.create_task(end())


def _watch_faults(loop: asyncio.AbstractEventLoop, screen: Any) -> None:
    """Has faults of the program itself shown in a line, and nothing else of the log."""
    from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogBeginner  # noqa: PLC0415
    from zope.interface import provider  # noqa: PLC0415

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


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "guest"


def _name(text: str) -> str:
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ValueError(text)
    return text


def _header(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(text)
    return text


def _room(text: str) -> tuple[str, RoomKind]:
    return _name(text), RoomKind.ROOM


def _muc(text: str) -> tuple[str, RoomKind]:
    return _name(text), RoomKind.MUC
