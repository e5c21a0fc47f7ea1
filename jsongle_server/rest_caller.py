"""Whom a request comes from: its connection, and the client that a trusted proxy names. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from twisted.internet.address import IPv4Address, IPv6Address

from jsongle_server.config_addresses import UNIX
from jsongle_server.forwarded import HEADERS, Ambiguous, Proxies, client_address, normal, shown
from jsongle_server.peers import host_of
from jsongle_server.rest_json import HttpError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.web.http import Request

UNKNOWN_PORT: Final = 0
"""What stands for the port of a client that a proxy names, which says nothing of it."""


def ask_proxy(request: Request, proxies: Proxies | None) -> None:
    """Has a request come from the client that trusted proxies name, if they do.

    :param proxies: the trusted ones; ``None`` where nobody is.
    :raises HttpError: they contradict themselves, or say what cannot be read.
    """
    headers = said_by_proxy(request, proxies, HEADERS)
    if proxies is None or headers is None:
        return
    peer = _peer(request)
    try:
        client = client_address(peer, headers, proxies)
    except Ambiguous as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error)) from None
    if client != peer:
        kind = IPv6Address if ":" in client else IPv4Address
        request.client = kind("TCP", client, UNKNOWN_PORT)


def said_by_proxy(request: Request, proxies: Proxies | None, names: tuple[str, ...]) -> dict[str, str] | None:
    """The headers of these names, those that came several times joined by commas, if a trusted proxy sent them.

    :param names: in small letters.
    :returns: ``None`` where the request comes from somebody else, whose headers are not so much as read.
    """
    if proxies is None or _peer(request) not in proxies:
        return None
    given = {name: request.requestHeaders.getRawHeaders(name.encode("ascii")) for name in names}
    return {name: b", ".join(lines).decode("iso-8859-1") for name, lines in given.items() if lines}


def _peer(request: Request) -> str:
    """The host that the connection comes from, whomever it says that the request comes from."""
    return host_of(request.channel.getPeer())


def describe_caller(address: IAddress) -> str:
    """A peer's address for people to read; its port where that is known."""
    if not isinstance(address, IPv4Address | IPv6Address):
        return UNIX
    return shown(normal(address.host), None if address.port == UNKNOWN_PORT else address.port)
