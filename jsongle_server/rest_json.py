"""The answers of the REST side: what every one of them carries, and errors as JSON.

Owns the shape of an answer; must not know what is asked for or by whom. Layer 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from twisted.web.http import datetimeToString

from jsongle_server import __version__
from jsongle_server.vocabulary import ErrorCode

if TYPE_CHECKING:
    from twisted.web.http import Request

JSON: Final = "application/json"

STANDARD_HEADERS: Final = (
    ("Server", f"jsongle-server/{__version__}"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)
"""What every answer carries, whatever it says."""

NOT_FOUND: Final = "There is nothing at this path; GET /about says who answers here"

_CODES: Final = {
    HTTPStatus.BAD_REQUEST: ErrorCode.BAD_PARAMETER,
    HTTPStatus.UNAUTHORIZED: ErrorCode.TOKEN_REFUSED,
    HTTPStatus.INTERNAL_SERVER_ERROR: ErrorCode.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: ErrorCode.UNAVAILABLE,
}


class HttpError(Exception):
    """A request that cannot be served.

    :param status: the HTTP status of the answer.
    :param message: what the caller reads.
    :param headers: what the answer carries besides.
    """

    def __init__(self, status: HTTPStatus, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def error_body(status: HTTPStatus, message: str) -> dict[str, Any]:
    """The JSON object of an error.

    Its code is the one that the protocol has for it (protocol section 8), else the HTTP status and three zeros.
    """
    return {"errorCode": int(_CODES.get(status, status * 1000)), "errorMsg": message}


def answer(request: Request, payload: object, *, status: HTTPStatus = HTTPStatus.OK) -> bytes:
    """Prepares a JSON answer.

    :returns: the body to write.
    """
    return answer_bytes(request, orjson.dumps(payload), content_type=JSON, status=status)


def answer_bytes(request: Request, body: bytes, *, content_type: str, status: HTTPStatus = HTTPStatus.OK) -> bytes:
    """Prepares an answer of any type; its length is told here, since HEAD needs it and gets no body.

    :returns: the body to write.
    """
    request.setResponseCode(status, status.phrase.encode("ascii"))
    request.setHeader("Content-Type", content_type)
    request.setHeader("Content-Length", str(len(body)))
    return body


def answer_error(request: Request, error: HttpError) -> bytes:
    """Prepares the answer to a request that cannot be served.

    :returns: the body to write.
    """
    for name, value in error.headers.items():
        request.setHeader(name, value)
    return answer(request, error_body(error.status, error.message), status=error.status)


def raw_error(status: HTTPStatus, message: str) -> bytes:
    """A whole HTTP response that refuses what is no request; the connection ends after it."""
    body = orjson.dumps(error_body(status, message))
    date = datetimeToString().decode("ascii")
    headers = (
        *STANDARD_HEADERS,
        ("Date", date),
        ("Content-Type", JSON),
        ("Content-Length", len(body)),
        ("Connection", "close"),
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode("ascii") + body
