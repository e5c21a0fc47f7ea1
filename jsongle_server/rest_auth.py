"""Who may do what over REST.

Two doors: administration, which takes the token of the setting ``adminToken`` and stays shut without one, and the log
level, which without a token also opens to whoever is on this machine. Must not know what is behind them. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.address import UNIXAddress
from twisted.logger import Logger

from jsongle_server.peers import socket_peer
from jsongle_server.rest_caller import describe_caller
from jsongle_server.rest_cors import origin_of
from jsongle_server.rest_json import HttpError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.web.http import Request

WARN_INTERVAL: Final = 1.0
"""Seconds between two log lines about refused tokens."""

_FORWARDING: Final = ("cf-connecting-ip", "forwarded", "true-client-ip", "via", "x-client-ip", "x-real-ip")
_FORWARDING_PREFIXES: Final = ("x-forwarded", "x-original-forwarded")


class Gate:
    """Lets requests through or raises.

    :param token: the setting ``adminToken``.
    :param origins: the setting ``corsPolicyOrigin``.
    :param now: gives the time in seconds.
    """

    _log = Logger()

    def __init__(self, token: str | None, origins: tuple[str, ...], *, now: Callable[[], float]) -> None:
        self._token = token.encode("utf-8") if token else None
        self._origins = origins
        self._now = now
        self._next_warning = 0.0
        self._unreported = 0

    def admit_administrator(self, request: Request) -> None:
        """Opens to requests with the token.

        :raises HttpError: 403 while no token is configured, 401 without the right one.
        """
        if self._token is None:
            raise HttpError(HTTPStatus.FORBIDDEN, "Closed as long as the setting adminToken is empty")
        given = _bearer(request)
        if given is not None and compare_digest(given, self._token):
            return
        if given is None:
            message = "This needs the header 'Authorization: Bearer <adminToken>'"
        else:
            message = "The token is not the configured adminToken"
            self._count_refusal(request)
        raise HttpError(HTTPStatus.UNAUTHORIZED, message, headers={"WWW-Authenticate": "Bearer"})

    def admit_local_or_administrator(self, request: Request) -> None:
        """Opens to requests with the token, or where none is configured to those made on this machine.

        :raises HttpError: 403 or 401.
        """
        if self._token is not None:
            self.admit_administrator(request)
        elif not self._is_local(request):
            message = "Without the setting adminToken this is open to direct callers on the server's machine alone"
            raise HttpError(HTTPStatus.FORBIDDEN, message)

    def _is_local(self, request: Request) -> bool:
        # A page that the operator has open calls from this machine too, and always sends its origin with a PUT.
        origin = origin_of(request)
        if origin is not None and origin not in self._origins:
            return False
        # Whoever reaches an endpoint that takes PROXY headers can claim any address there.
        peers = (request.getClientAddress(), socket_peer(request.channel.transport))
        return all(map(is_loopback, peers)) and not _is_forwarded(request)

    def _count_refusal(self, request: Request) -> None:
        self._unreported += 1
        now = self._now()
        if now >= self._next_warning:
            self._log.warn(
                "refused {count} admin tokens, the last from {remote}",
                count=self._unreported,
                remote=describe_caller(request.getClientAddress()),
            )
            self._unreported = 0
            self._next_warning = now + WARN_INTERVAL


def is_loopback(address: IAddress) -> bool:
    """Whether a peer is on this machine: at a loopback address, or at a Unix socket."""
    if isinstance(address, UNIXAddress):
        return True
    if not isinstance(address, (TCP4Address, TCP6Address)):
        return False
    try:
        host = ip_address(address.host)
    except ValueError:
        return False
    # What comes in over IPv4 on a socket for both families (RFC 4291 section 2.5.5.2).
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        return host.ipv4_mapped.is_loopback
    return host.is_loopback


def _bearer(request: Request) -> bytes | None:
    """The bearer token of a request (RFC 6750 section 2.1), ``None`` where there is none or not just one."""
    headers = request.requestHeaders.getRawHeaders(b"Authorization", [])
    if len(headers) != 1:
        return None
    scheme, _, token = headers[0].partition(b" ")
    return token.strip(b" ") if scheme.lower() == b"bearer" else None


def _is_forwarded(request: Request) -> bool:
    names = (name.decode("latin-1").lower() for name, _ in request.requestHeaders.getAllRawHeaders())
    return any(name in _FORWARDING or name.startswith(_FORWARDING_PREFIXES) for name in names)
