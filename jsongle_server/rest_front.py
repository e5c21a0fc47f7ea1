"""What every request passes before it comes to its route.

Gives each answer the headers that all of them carry, lets the pages of allowed origins in, and keeps from the router
what it would choke on. Knows no route. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_to_bytes

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from jsongle_server.rest_caller import ask_proxy
from jsongle_server.rest_cors import allow_origin, is_preflight, prepare_preflight
from jsongle_server.rest_json import NOT_FOUND, STANDARD_HEADERS, HttpError, answer_error

if TYPE_CHECKING:
    from twisted.web.http import Request
    from twisted.web.resource import IResource

    from jsongle_server.forwarded import Proxies
    from jsongle_server.rest_site import RestRequest

METHODS: Final = frozenset(
    {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"QUERY"}
)
"""The methods that there are (RFC 9110 section 9.1, RFC 5789, and QUERY), whether or not a route takes them."""


class Front(Resource):
    """The way to the routes.

    :param routes: the routes.
    :param origins: gives the setting ``corsPolicyOrigin`` as it is now.
    :param route_of: names the route of a path, for the metrics.
    :param proxies: gives those that are believed when they say whom a request comes from, as they are now.
    """

    isLeaf = True

    def __init__(
        self,
        routes: IResource,
        *,
        origins: Callable[[], tuple[str, ...]],
        route_of: Callable[[str], str],
        proxies: Callable[[], Proxies | None],
    ) -> None:
        super().__init__()
        self._route_of = route_of
        self._routes = routes
        self._origins = origins
        self._proxies = proxies

    def render(self, request: RestRequest) -> Any:
        """Answers a request, or hands it on."""
        is_allowed_page = self.begin(request)
        try:
            ask_proxy(request, self._proxies())
            parts = _read_path(request)
        except HttpError as error:
            return answer_error(request, error)
        request.postpath = [part.encode("ascii") for part in parts]
        request.route = self._route_of("/" + "/".join(parts))
        if is_allowed_page and is_preflight(request):
            prepare_preflight(request)
            request.finish()
            return NOT_DONE_YET
        return self._routes.render(request)

    def begin(self, request: Request) -> bool:
        """Sets the headers that every answer carries.

        :returns: whether the request comes from a page that may read the answer.
        """
        for name, value in STANDARD_HEADERS:
            request.setHeader(name, value)
        return allow_origin(request, self._origins())


def _read_path(request: RestRequest) -> list[str]:
    """The parts of a request's path, each percent-encoded in the one way that the router knows it by.

    Left encoded, a part may hold whatever it likes: a slash, a line end, dots.

    :raises HttpError: the router could not take it.
    """
    # Methods are case-sensitive, the router is not.
    if request.method not in METHODS:
        known = ", ".join(sorted(method.decode("ascii") for method in METHODS))
        raise HttpError(HTTPStatus.NOT_IMPLEMENTED, f"The methods that there are: {known}")
    root, *parts = request.path.split(b"/")
    # The router would overlook a second slash.
    if root or not parts or (len(parts) > 1 and not parts[0]):
        raise HttpError(HTTPStatus.NOT_FOUND, NOT_FOUND)
    try:
        return [quote(unquote_to_bytes(part).decode("utf-8"), safe="") for part in parts]
    except UnicodeDecodeError as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, "The path is not UTF-8") from error
