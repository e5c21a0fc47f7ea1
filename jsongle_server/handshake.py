"""Who may open a WebSocket, and how the others are told that they may not (protocol section 1).

Decides on the opening handshake and writes the HTTP answers of refused ones; the protocol calls it. Layer 4.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest

from jsongle_server.metrics import Refused
from jsongle_server.upgrade import Upgrade
from jsongle_server.vocabulary import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jsongle_server.config import Config
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.signaling import Signaling

KEPT_FREE: Final = "/socket.io/"
"""Where a path is refused, so that the other kind of client is told at once (protocol section 1)."""

RETRY_AFTER: Final = 5
"""Seconds after which a client that was refused for lack of room may try again."""

MAX_HEADERS: Final = 16384
"""Largest opening handshake, in bytes."""


class Refusal(ConnectionDeny):
    """A refused handshake.

    :param status: the HTTP status of the answer.
    :param error_code: the error code in its body.
    :param reason: what the metrics count it as.
    :param message: what the client's developer reads.
    """

    def __init__(self, status: HTTPStatus, *, error_code: int, reason: Refused, message: str) -> None:
        super().__init__(int(status), message)
        self.status = status
        self.error_code = error_code
        self.label = reason
        self.message = message


def check_request(
    request: ConnectionRequest | Upgrade,
    config: Config,
    lifecycle: Lifecycle,
    signaling: Signaling,
    *,
    is_welcome: bool,
    is_blocked: bool,
) -> bool:
    """Decides whether a client may come in.

    :param is_welcome: whether its address may have another connection.
    :param is_blocked: whether an administrator keeps its address out.

    :returns: whether it must go on with a session that there is: the server is full, but some of those that fill it
        may be clients that come back before the loss of their connections was noticed.
    :raises Refusal: it may not.
    """
    if request.path.startswith(KEPT_FREE):
        raise _not_socket_io()
    if is_blocked:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            error_code=ErrorCode.NOT_ALLOWED,
            reason=Refused.BLOCKED,
            message="This address is blocked by an administrator",
        )
    # Only browsers send an Origin, and only they need to be held back by it.
    origin = request.origin
    if config.cors_policy_origin and origin and origin not in config.cors_policy_origin:
        raise _bad_origin()
    if not lifecycle.is_ready:
        raise _unavailable(Refused(lifecycle.phase.value), f"The server is {lifecycle.phase.value}")
    if not is_welcome:
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            error_code=ErrorCode.TOO_FAST,
            reason=Refused.ADDRESS,
            message="Too many connections from this address",
        )
    over = signaling.connection_count - config.max_concurrent_users
    if over >= 0:
        over = signaling.count_occupied() - config.max_concurrent_users
    # Whoever comes back to a session that had lost its connection takes a place of its own: so many, and no more.
    if over >= 0 and over >= min(signaling.resumes.attached_count, config.max_concurrent_users):
        raise _unavailable(Refused.FULL, "The server is full")
    return over >= 0


def judge_failure(status: HTTPStatus, reason: str, *, path: str, config: Config) -> Refusal:
    """The refusal for a handshake that Autobahn could not accept.

    :param reason: what Autobahn says of it.
    :param path: the path asked for, empty where there was none to read.
    """
    if path.startswith(KEPT_FREE):
        return _not_socket_io()
    if config.cors_policy_origin and reason.startswith(_MALFORMED_ORIGIN):
        return _bad_origin()
    return refusal_for(status, Refused.BAD_REQUEST, reason)


def refusal_for(status: HTTPStatus, reason: Refused, message: str) -> Refusal:
    """A refusal whose error code says no more than its HTTP status: the status and three zeros."""
    return Refusal(status, error_code=status * 1000, reason=reason, message=message)


def http_answer(refusal: Refusal, *, server: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The HTTP response that refuses a handshake, with its JSON body; the connection ends after it.

    :param server: the ``Server`` header.
    :param headers: more headers, by name and value.
    """
    body = orjson.dumps({"errorCode": refusal.error_code, "errorMsg": refusal.message})
    lines = [
        f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}",
        f"Server: {server}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *_EXTRA_HEADERS.get(refusal.status, ()),
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def _not_socket_io() -> Refusal:
    return refusal_for(HTTPStatus.NOT_FOUND, Refused.PATH, "This server speaks plain WebSocket, not Socket.IO")


def _bad_origin() -> Refusal:
    return refusal_for(HTTPStatus.FORBIDDEN, Refused.ORIGIN, "This origin is not allowed")


def _unavailable(reason: Refused, message: str) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, error_code=ErrorCode.UNAVAILABLE, reason=reason, message=message)


_MALFORMED_ORIGIN: Final = "HTTP Origin header invalid"  # how Autobahn begins to say so

_EXTRA_HEADERS: Final[dict[HTTPStatus, tuple[str, ...]]] = {
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow: GET",),
    HTTPStatus.SERVICE_UNAVAILABLE: (f"Retry-After: {RETRY_AFTER}",),
    HTTPStatus.TOO_MANY_REQUESTS: (f"Retry-After: {RETRY_AFTER}",),
    HTTPStatus.UPGRADE_REQUIRED: ("Upgrade: websocket", "Connection: Upgrade"),
}
