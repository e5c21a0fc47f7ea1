"""What must never happen, whatever anybody sends: seen in the log and in what the server answers."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import orjson
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from jsongle_server.vocabulary import CloseCode, ErrorCode

DAMAGE = (LogLevel.error, LogLevel.critical)


class Broken(AssertionError):
    """Something is not as it always must be."""


def demand(condition: object, what: str, *seen: object) -> None:
    """Makes sure of something.

    :raises Broken: it is not so.
    """
    if not condition:
        raise Broken(f"{what}: {seen}" if seen else what)


@implementer(ILogObserver)
class Watch:
    """Reads the log while it is in force, and fails at its end where something in the server has failed."""

    def __init__(self) -> None:
        self._failures: list[str] = []

    def __enter__(self) -> Watch:
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        globalLogPublisher.removeObserver(self)
        if error is None:
            demand(not self._failures, "the log tells of a failure", *self._failures)

    def __call__(self, event: LogEvent) -> None:
        """Takes a log event."""
        if "log_failure" in event or event.get("log_level") in DAMAGE:
            failure = event.get("log_failure")
            self._failures.append(f"{formatEvent(event)} {failure.getTraceback() if failure else ''}")


def check_message(message: dict[str, Any]) -> None:
    """What every message is that a client gets, whoever it is from.

    :raises Broken: this one is not.
    """
    demand(isinstance(message.get("id"), str) and 0 < len(message["id"]) <= 256, "an id is a name", message)
    demand(isinstance(message.get("from"), str) and message["from"], "there is a sender", message)
    demand(isinstance(message.get("to"), str) and message["to"], "there is a recipient", message)
    description = message["jsongle"].get("description")
    if message["jsongle"]["action"] in ("session-error", "iq-error") and isinstance(description, dict):
        code = description.get("errorCode")
        demand(code != ErrorCode.INTERNAL, "no error is the server's own", message)


def check_frame(opcode: int, payload: bytes) -> None:
    """What every frame is that a client gets.

    :raises Broken: this one is not.
    """
    demand(opcode in (1, 8, 9, 10), "servers send text, close, ping and pong", opcode)
    if opcode == 8:
        code = int.from_bytes(payload[:2], "big")
        demand(code != CloseCode.INTERNAL_ERROR, "no close is for an error of ours", payload)
        demand(len(payload) <= 125 and payload[2:].decode() is not None, "a reason is a short text", payload)
    elif opcode == 1:
        check_message(orjson.loads(payload))


def cut(data: bytes, size: int) -> list[bytes]:
    """Bytes in pieces of a size; 0 is one piece."""
    return [data[place : place + size] for place in range(0, len(data), size)] if size else [data]
