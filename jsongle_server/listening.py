"""Binding ports before anything else happens.

Sockets are bound while the command line is still in front of the operator, before the process becomes a daemon: a
port in use is then one line on the terminal, and no pid file is left behind. The reactor adopts them later. Layer 4.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IListeningPort, IReactorSocket
from twisted.internet.protocol import ServerFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKLOG: Final = 1024
"""Connections that the system may hold until they are accepted."""

_FINAL: Final = frozenset({errno.EADDRINUSE, errno.EACCES})
"""Errors that trying the other address family would only hide."""


class CannotBind(Exception):
    """A port cannot be had; the text says which and why."""


def bind(host: str, port: int, *, setting: str) -> socket.socket:
    """Binds a listening socket.

    :param host: an address or name; empty for every interface, IPv6 and IPv4.
    :param port: 0 for any that is free.
    :param setting: the setting that the port comes from, for the message.
    :raises CannotBind: it cannot be had.
    """
    failure: OSError | None = None
    try:
        for family, address, dual in _candidates(host, port):
            try:
                return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=dual)
            except OSError as error:
                failure = failure or error
                if error.errno in _FINAL:
                    break
    except OSError as error:  # the name cannot be resolved
        failure = error
    reason = os.strerror(failure.errno) if failure and failure.errno and failure.errno > 0 else str(failure)
    raise CannotBind(f"{setting}: cannot listen on {host or 'any interface'} port {port}: {reason}") from failure


def adopt(reactor: IReactorSocket, bound: socket.socket, factory: ServerFactory[Any]) -> IListeningPort:
    """Hands a bound socket over to the reactor, which accepts its connections for a factory."""
    bound.setblocking(False)
    port = reactor.adoptStreamPort(bound.fileno(), bound.family, factory)
    bound.close()  # the reactor has a descriptor of its own
    return port


def url(scheme: str, bound: socket.socket) -> str:
    """The address of a bound socket as somebody on this machine would type it."""
    host, port = bound.getsockname()[:2]
    if host in ("::", "0.0.0.0"):
        host = "localhost"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _candidates(host: str, port: int) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...], bool]]:
    if host:
        # A name such as localhost has addresses of both families: IPv4 is what proxies try.
        for family, _, _, _, sockaddr in sorted(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)):
            yield family, sockaddr, False
        return
    if socket.has_dualstack_ipv6():
        yield socket.AF_INET6, ("", port), True
    yield socket.AF_INET, ("", port), False
