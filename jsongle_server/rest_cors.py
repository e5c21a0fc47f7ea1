"""Which web pages may read the REST side: Cross-Origin Resource Sharing (Fetch standard, section 3.2).

Owns the headers of it; must not know what is asked for. Layer 4.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from twisted.web.http import Request

MAX_AGE: Final = 600
"""Seconds for which a browser may remember the answer to a preflight."""

_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
    ("Access-Control-Max-Age", str(MAX_AGE)),
)


def origin_of(request: Request) -> str | None:
    """The origin of the page that a request comes from; ``None`` where no page is behind it."""
    # Several of them make one that matches nothing.
    origins = request.requestHeaders.getRawHeaders(b"Origin", [])
    return b", ".join(origins).decode("latin-1") if origins else None


def allow_origin(request: Request, origins: tuple[str, ...]) -> bool:
    """Lets the page behind a request read the answer, errors too, if it is one of the allowed.

    :param origins: the setting ``corsPolicyOrigin``; while it is empty no header is set.
    :returns: whether there is such a page.
    """
    if not origins:
        return False
    # Even where the origin is not allowed: a shared cache must not hand that answer to an allowed one.
    request.setHeader("Vary", "Origin")
    origin = origin_of(request)
    if origin is None or origin not in origins:
        return False
    request.setHeader("Access-Control-Allow-Origin", origin)
    request.setHeader("Access-Control-Expose-Headers", "Allow, Content-Disposition, Retry-After")
    return True


def is_preflight(request: Request) -> bool:
    """Whether a browser asks what a page may do before it lets the page do it."""
    return request.method == b"OPTIONS" and request.requestHeaders.hasHeader(b"Access-Control-Request-Method")


def prepare_preflight(request: Request) -> None:
    """Prepares the answer to the preflight of an allowed page; it has no body."""
    request.setResponseCode(HTTPStatus.NO_CONTENT)
    for name, value in _PREFLIGHT:
        request.setHeader(name, value)
