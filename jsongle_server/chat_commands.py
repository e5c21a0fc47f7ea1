"""What can be typed in the terminal client: the commands, and how a line is read.

One table; help, completion and documentation are made of it or tested against it. Layer 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jsongle_server.chat_lines import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wants(Enum):
    """What comes after the name of a command."""

    NOTHING = "nothing"
    NAME = "a name"
    MAYBE_NAME = "a name, or nothing"
    NAME_AND_TEXT = "a name and a text"
    MAYBE_JSON = "JSON, or nothing"


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    :param usage: what to type after its name.
    :param does: what it does, in a line.
    :param completes: what a tab completes after it: ``"room"``, ``"who"`` for everybody and every room, or nothing.
    """

    name: str
    wants: Wants
    usage: str
    does: str
    completes: str = ""

    @property
    def line(self) -> str:
        """How it is typed."""
        return f"/{self.name} {self.usage}".rstrip()


_LISTED: Final = (
    Command("join", Wants.NAME, "ROOM", "join a room, or make it"),
    Command("muc", Wants.NAME, "ROOM", "the same with a multi-user room, where all see who says what"),
    Command("leave", Wants.MAYBE_NAME, "[ROOM]", "leave a room", "room"),
    Command("members", Wants.MAYBE_NAME, "[ROOM]", "who is in a room", "room"),
    Command("to", Wants.NAME, "ROOM|UID|IDENTITY", "whom texts go to from now on", "who"),
    Command("msg", Wants.NAME_AND_TEXT, "ROOM|UID|IDENTITY TEXT", "one text to somebody else", "who"),
    Command("decline", Wants.NOTHING, "", "decline the call that rings: this terminal takes none"),
    Command("ping", Wants.NOTHING, "", "how long the server takes to answer"),
    Command("ice", Wants.NOTHING, "", "the ICE servers that the server gives, without their secrets"),
    Command("me", Wants.NOTHING, "", "who you are here"),
    Command("raw", Wants.MAYBE_JSON, "[ENVELOPE]", "send an envelope; without one, show every frame, or no more"),
    Command("help", Wants.NOTHING, "", "this list"),
    Command("quit", Wants.NOTHING, "", "leave"),
)

COMMANDS: Final[Mapping[str, Command]] = MappingProxyType({command.name: command for command in _LISTED})
"""The commands by name, in the order in which they are listed."""


class WrongCommand(ValueError):
    """A line begins like a command and is none; the text says what to type instead."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that was typed.

    :param command: its command; empty for a text.
    :param name: the name after the command, if it wants one.
    :param text: the rest, or the text.
    """

    command: str = ""
    name: str = ""
    text: str = ""


def read_line(line: str) -> Typed:
    """Reads a line; ``//`` at its beginning stands for a text that begins with a slash.

    :raises WrongCommand: it is a command that cannot be carried out.
    """
    stripped = line.strip()
    if not stripped.startswith("/") or stripped.startswith("//"):
        return Typed(text=stripped.removeprefix("/") if stripped.startswith("//") else line.rstrip("\r\n"))
    word, _, rest = stripped[1:].partition(" ")
    command = COMMANDS.get(word.lower())
    if command is None:
        raise WrongCommand(_unknown(word))
    return _with_arguments(command, rest.strip())


def _with_arguments(command: Command, rest: str) -> Typed:
    match command.wants:
        case Wants.NOTHING if not rest:
            return Typed(command.name)
        case Wants.MAYBE_JSON:
            return Typed(command.name, text=rest)
        case Wants.NAME if rest.isprintable() and rest:
            return Typed(command.name, rest)
        case Wants.MAYBE_NAME if rest.isprintable():
            return Typed(command.name, rest)
        case Wants.NAME_AND_TEXT if len(parts := rest.split(maxsplit=1)) == 2:
            return Typed(command.name, *parts)
    raise WrongCommand(f"type it so: {command.line}")


def _unknown(word: str) -> str:
    near = get_close_matches(word.lower(), COMMANDS, n=1)
    advice = f"did you mean {COMMANDS[near[0]].line}?" if near else "/help lists what there is"
    return f"there is no /{harmless(word)}: {advice} (a text that begins with a slash: //…)"
