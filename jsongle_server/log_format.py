"""What a log line looks like: Twisted's classic text, or one JSON object.

Owns the writing of an event as text; it must not know where the text goes or which events pass. Used by the observers
of :mod:`jsongle_server.log_file` and :mod:`jsongle_server.log_twistd`. Whatever a client put into a message, one event
cannot pass for two: in text only an event begins at the margin, in JSON every line is an object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from twisted.logger import LogEvent, eventAsText, formatEvent

from jsongle_server.logs import level_name
from jsongle_server.privacy import escaped

Formatter = Callable[[LogEvent], str | None]
"""Writes an event as text that ends in a newline; ``None`` where the event says nothing."""

# What twisted.python.log and its bridge to twisted.logger add to an event, and what only steers our own levels.
_NOT_FIELDS: Final = frozenset(
    {"failure", "format", "isError", "logLevel", "message", "system", "time", "trace", "txaio_trace", "why"}
)
_RESERVED: Final = frozenset({"level", "logger", "traceback"})


def format_text(event: LogEvent) -> str | None:
    """Write an event as ``2026-11-22T14:09:08.451Z [namespace#level] message``, for people.

    Further lines, those of a traceback for one, are indented by a tab; other control characters are escaped.

    :param event: an event of ``twisted.logger``.
    :returns: the text with its newline, or ``None`` when the event has neither message nor failure.
    """
    body = _message(event)
    if event.get("log_failure") is not None:
        body = f"{body}\n{_traceback(event)}"
    body = body.strip("\n")
    if not body:
        return None
    system = event.get("log_system") or f"{event.get('log_namespace', '-')}#{level_name(event)}"
    indented = escaped(body, keep="\n\t").replace("\n", "\n\t")
    return f"{_timestamp(event) or '-'} [{escaped(str(system))}] {indented}\n"


def format_json(event: LogEvent) -> str | None:
    """Write an event as one JSON object on one line, for machines.

    ``time``, ``level``, ``logger``, ``message``, then the fields that it was logged with as far as JSON can hold them,
    then ``traceback`` where there is a failure.

    :param event: an event of ``twisted.logger``.
    :returns: the text with its newline, or ``None`` when the event has neither message nor failure.
    """
    message = _message(event)
    failure = event.get("log_failure")
    if not message and failure is None:
        return None
    entry: dict[str, object] = {
        "time": _timestamp(event),
        "level": level_name(event),
        "logger": str(event.get("log_namespace", "-")),
        "message": message,
        **dict(_fields(event)),
    }
    if failure is not None:
        entry["traceback"] = _traceback(event).strip("\n")
    return json.dumps(entry) + "\n"


_FORMATTERS: Final[dict[str, Formatter]] = {"text": format_text, "json": format_json}


def formatter(name: str) -> Formatter:
    """Choose how lines are written, by the setting ``logFormat``.

    :param name: ``text`` or ``json``.
    :raises KeyError: on any other name.
    """
    return _FORMATTERS[name]


def _message(event: LogEvent) -> str:
    log_format = event.get("log_format")
    # Twisted's way knows more, {call()} above all, has an answer to every mistake, and takes ten times as long.
    if type(log_format) is str and "(" not in log_format and "log_flattened" not in event:
        with suppress(Exception):
            return log_format.format_map(event)
    return formatEvent(event)


def _traceback(event: LogEvent) -> str:
    return eventAsText({"log_failure": event["log_failure"]}, includeTimestamp=False, includeSystem=False)


def _timestamp(event: LogEvent) -> str | None:
    """When the event happened, ISO 8601 UTC with milliseconds, if it says."""
    when = event.get("log_time")
    if when is None:
        return None
    second, micros = divmod(round(when * 1_000_000), 1_000_000)
    return f"{_second(second)}.{micros // 1000:03}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _fields(event: LogEvent) -> Iterator[tuple[str, object]]:
    for name, value in event.items():
        if not name.startswith("log_") and name not in _NOT_FIELDS and name not in _RESERVED and _fits_json(value):
            yield name, value


def _fits_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
