"""Where the demo page finds the WebSocket server: as the settings say, or guessed from how the page was asked for.

What comes out stands in a page and in a header, so that nothing of a request gets there unchecked. Layer 4.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jsongle_server.config_addresses import ON, host_in
from jsongle_server.forwarded import HEADERS, Ambiguous, how_asked
from jsongle_server.rest_caller import said_by_proxy
from jsongle_server.rest_json import HttpError

if TYPE_CHECKING:
    from jsongle_server.rest_context import RestContext
    from jsongle_server.rest_site import RestRequest

_HEADERS: Final = (*HEADERS, "x-forwarded-proto", "x-forwarded-host")


def websocket_address(request: RestRequest, server: RestContext) -> str | None:
    """The address of the WebSocket server for whoever asks.

    Who asks the server itself finds it at the same host, on the real port. Who asks a trusted proxy, which says so in
    some header, finds it at the proxy's host, on the port that the scheme implies.

    :returns: ``None`` where it cannot be guessed, the server listening on an endpoint.
    :raises HttpError: 400, the headers name no host.
    """
    config = server.config
    if config.demo != ON:
        return config.demo
    said = said_by_proxy(request, server.proxies, _HEADERS)
    if said:
        return _behind_proxy(request, said)
    if config.ws_endpoint is not None:
        return None
    scheme = "wss" if config.use_https else "ws"
    return f"{scheme}://{_host(_host_header(request))}:{server.lifecycle.ws_port}"


def _behind_proxy(request: RestRequest, said: dict[str, str]) -> str:
    try:
        proto, host = how_asked(said, "proto"), how_asked(said, "host")
    except Ambiguous as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error)) from None
    scheme = "wss" if (proto or "").lower() == "https" else "ws"
    return f"{scheme}://{_host(host or _host_header(request))}"


def _host_header(request: RestRequest) -> str:
    """The ``Host`` header; empty where there is none or more than one (RFC 9112 section 3.2)."""
    hosts = request.requestHeaders.getRawHeaders(b"Host", [])
    return hosts[0].decode("latin-1") if len(hosts) == 1 else ""


def _host(authority: str) -> str:
    host = host_in(authority)
    if host is None:
        raise HttpError(HTTPStatus.BAD_REQUEST, "The Host header must be a host, with or without a port")
    return host
