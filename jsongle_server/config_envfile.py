"""The ``.env`` file: its lines, its mistakes, and the names in it that look mistyped.

Owns how the file is found, decoded and parsed (with python-dotenv's parser, without interpolation: what is written is
the value), and the warnings that concern it alone. Must not know what a setting's value may be, nor which source wins.
Layer 0, used by :mod:`jsongle_server.config_sources`.
"""

from __future__ import annotations

import difflib
import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dotenv.parser import Binding, parse_stream

from jsongle_server.config_table import SETTINGS

DEFAULT_PATH: Final = ".env"
"""The file that is read when none is named, if it exists."""

# High enough that "PORT" and "REDIS_HOST" are not taken for settings, low enough for two letters that changed places.
_SIMILARITY: Final = 0.83
_PREFIX: Final = re.compile(r"^jsongle(server)?")
_NEWLINE: Final = re.compile(r"\r\n|\n|\r")
_KNOWN: Final = frozenset(name for setting in SETTINGS for name in setting.names)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as the file gives it: its name as written, its text, and its line, counted from 1."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What an env file says.

    :param path: the file, as it was named, in a form that fits on a line.
    :param entries: the known settings in it, by name or alias; of one that is given twice, the last.
    :param problems: why it cannot be used.
    :param warnings: what is probably not meant.
    :param exists: whether there is such a file.
    """

    path: str
    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exists: bool = True


def read_env_file(path: str | None, *, may_be_missing: bool = False) -> EnvFile:
    """Read an env file; never raises, what is wrong is in ``problems``.

    :param path: the file; ``None`` for :data:`DEFAULT_PATH`, which may be missing.
    :param may_be_missing: whether another may be missing too.
    """
    name = DEFAULT_PATH if path is None else path
    shown = name if name.isprintable() else ascii(name)
    try:
        text = _read(name).decode("utf-8-sig")
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and not os.path.lexists(name)
        if is_missing and (path is None or may_be_missing):
            return EnvFile(shown, exists=False)
        return EnvFile(shown, problems=(_unreadable(shown, error.strerror),))
    except UnicodeDecodeError:
        return EnvFile(shown, problems=(_unreadable(shown, "it is not UTF-8 text"),))
    except ValueError:
        # stat() refuses names with NUL bytes and lone surrogates this way.
        return EnvFile(shown, problems=(_unreadable(shown, "this cannot be the name of a file"),))
    return _parse(shown, text)


def _read(path: str) -> bytes:
    """Give what a file holds.

    :raises OSError: it cannot be read.
    """
    # Before it is opened: a pipe would wait there until somebody writes to it, and so may a device.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    with open(path, "rb") as file:
        return file.read()


def _unreadable(path: str, reason: str | None) -> str:
    """Say why a file is of no use."""
    return f"{path or 'an env file without a name'} cannot be read: {reason}"


def _parse(path: str, text: str) -> EnvFile:
    """Sort the bindings of a file's text into settings, problems and warnings."""
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for binding, line in _bindings(text):
        key = binding.key
        if binding.error:
            # The line itself is not shown: it may hold a secret.
            problems.append(f"{path}, line {line}: not of the form NAME=VALUE, or a quote is not closed")
        elif key in _KNOWN and binding.value is not None:
            if key in entries:
                first = entries[key].line
                warnings.append(f"{path} line {line}: '{key}' is already set on line {first}; the last one counts")
            entries[key] = Entry(key, binding.value, line)
        elif key is not None and binding.value is None and key.partition(":")[0] in _KNOWN:
            problems.append(f"{path}, line {line}: '{key.partition(':')[0]}' has no value; NAME=VALUE gives it one")
        elif key is not None and (meant := _meant(key)):
            warnings.append(f"{path} line {line}: {key!r} is not a setting; did you mean '{meant}'?")
    return EnvFile(path, tuple(entries.values()), tuple(problems), tuple(warnings))


def _bindings(text: str) -> Iterator[tuple[Binding, int]]:
    """Give each binding with its own line: the parser counts the blank lines before a binding as its part."""
    for binding in parse_stream(io.StringIO(text, newline="")):
        original = binding.original
        blank = original.string[: len(original.string) - len(original.string.lstrip())]
        yield binding, original.line + len(_NEWLINE.findall(blank))


def _meant(key: str) -> str | None:
    """Give the setting that a name was probably meant for, if any."""
    names = {_plain(name): name for name in sorted(_KNOWN)}
    plain = _plain(key)
    exact = names.get(plain) or names.get(_PREFIX.sub("", plain))
    if exact:
        return exact
    close = difflib.get_close_matches(plain, names, n=1, cutoff=_SIMILARITY)
    return names[close[0]] if close else None


def _plain(name: str) -> str:
    """Give a name without what people write differently: case, underscores and hyphens."""
    return name.lower().replace("_", "").replace("-", "")
