"""``python -m jsongle_server chat``: talks to a server by hand, or from a script.

Owns the options. ``chat_process.py`` does the rest. Layer 5; importing this installs no reactor.
"""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, Final

from jsongle_server.chat_state import Wishes
from jsongle_server.doctor_subject import read_url
from jsongle_server.doctor_tokens import in_hello, subject_of
from jsongle_server.vocabulary import MAX_NAME, RoomKind

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

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
    is_http = arguments.url.lower().startswith("http")
    notice = f"that is the address of a web page; taken for {target}" if is_http else ""
    # This takes a while, and installs a reactor.
    from jsongle_server.chat_process import Process  # noqa: PLC0415

    process = Process(target, wishes, origin=arguments.origin, coloured=is_coloured(arguments.color))
    return process.run(notice)


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
        tokens={} if token is None else in_hello(token),
        raw=arguments.raw,
        resumes=arguments.resume,
        is_script=is_script,
    )


def is_coloured(choice: str) -> bool:
    """Whether to write colours: on a terminal that has some, unless ``NO_COLOR`` is set (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
