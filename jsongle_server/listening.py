"""Binding ports before anything else happens.

Sockets are bound while the command line is still in front of the operator, before the process becomes a daemon: a
port in use is then one line on the terminal, and no pid file is left behind. The reactor adopts them later. Layer 4.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorSocket
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from jsongle_server.unix_sockets import SocketFile, UnixPort

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKLOG: Final = 1024
"""Connections that the system may hold until they are accepted."""

_FINAL: Final = frozenset({errno.EADDRINUSE, errno.EACCES})
"""Errors that trying the other address family would only hide."""


class CannotBind(Exception):
    """A port cannot be had; the text says which and why."""


@implementer(IListeningPort)
class Place:
    """A socket that is bound, with what is to serve it: a port that accepts connections from ``startListening`` on.

    :param bound: the socket, listening.
    :param file: its file, where it is a Unix socket of ours.
    """

    def __init__(
        self,
        reactor: IReactorSocket,
        bound: socket.socket,
        factory: ServerFactory[Any],
        *,
        file: SocketFile | None = None,
    ) -> None:
        self._reactor = reactor
        self._bound = bound
        self._factory = factory
        self._file = file
        self._host = _address_of(bound)
        self._port: IListeningPort | None = None

    def startListening(self) -> None:  # noqa: N802  (Twisted's name)
        """Begins to accept connections."""
        self._port = adopt(self._reactor, self._bound, self._factory)

    def stopListening(self) -> Deferred[None]:  # noqa: N802  (Twisted's name)
        """Closes the socket, whether or not it has begun to; fires when it is closed."""
        if self._port is None:
            self._bound.close()
            closed: Deferred[Any] = succeed(None)
        else:
            closed = maybeDeferred(self._port.stopListening)
        return closed.addCallback(self._clean_up)

    def getHost(self) -> IAddress:
        """Where it listens."""
        return self._host

    def _clean_up(self, result: object) -> None:
        if self._file is not None:
            self._file.remove()


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
    raise CannotBind(
        f"{setting}: cannot listen on {host or 'any interface'} port {port}: {reason_of(failure)}"
    ) from failure


def reason_of(failure: OSError | None) -> str:
    """Why a socket cannot be had, in the system's words, without what Python adds to them."""
    return os.strerror(failure.errno) if failure and failure.errno and failure.errno > 0 else str(failure)


def adopt(reactor: IReactorSocket, bound: socket.socket, factory: ServerFactory[Any]) -> IListeningPort:
    """Hands a bound socket over to the reactor, which accepts its connections for a factory."""
    bound.setblocking(False)
    if bound.family == socket.AF_UNIX:
        unix_port = UnixPort(bound, factory, reactor)
        unix_port.startListening()
        return unix_port
    port = reactor.adoptStreamPort(bound.fileno(), bound.family, factory)
    bound.close()  # the reactor has a descriptor of its own
    return port


def url(scheme: str, bound: socket.socket) -> str:
    """The address of a bound socket as somebody on this machine would type it."""
    host, port = bound.getsockname()[:2]
    if host in ("::", "0.0.0.0"):
        host = "localhost"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _address_of(bound: socket.socket) -> IPv4Address | IPv6Address | UNIXAddress:
    name = bound.getsockname()
    match bound.family:
        case socket.AF_INET6:
            return IPv6Address("TCP", *name)
        case socket.AF_INET:
            return IPv4Address("TCP", *name)
    return UNIXAddress(name)


def _candidates(host: str, port: int) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...], bool]]:
    if host:
        # A name such as localhost has addresses of both families: IPv4 is what proxies try.
        for family, _, _, _, sockaddr in sorted(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)):
            yield family, sockaddr, False
        return
    if socket.has_dualstack_ipv6():
        yield socket.AF_INET6, ("", port), True
    yield socket.AF_INET, ("", port), False
