"""``python -m jsongle_server COMMAND``: what there is besides the server itself, which ``twistd jsongle`` runs.

Owns the table of commands; each is a module with ``HELP``, ``add_arguments(parser)`` and ``run(arguments)``, which
gives the exit status. Layer 5.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from jsongle_server import __version__, chat, doctor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Command(Protocol):
    """A module that is a command."""

    @property
    def HELP(self) -> str:  # noqa: N802  (the name of a constant in a module)
        """What it does, in a line."""
        ...

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declares its options."""
        ...

    def run(self, arguments: Namespace) -> int:
        """Does it; the exit status."""
        ...


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType({"chat": chat, "doctor": doctor})
"""The commands by name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    :param arguments: those of the command line; ``None`` for those of this process.
    :returns: the exit status.
    :raises SystemExit: the arguments cannot be used, or ask for help.
    """
    parser = ArgumentParser(prog="python -m jsongle_server", description="Commands around JSONgle-Server.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.HELP))
    given = parser.parse_args(arguments)
    try:
        return COMMANDS[given.command].run(given)
    except KeyboardInterrupt:
        return 130  # as a shell has it for SIGINT
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain when it flushes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
