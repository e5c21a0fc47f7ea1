"""Listening on any of Twisted's endpoints (the settings ``wsEndpoint`` and ``restEndpoint``), early.

An endpoint asks a reactor to listen. The one that is asked here binds at once, as :mod:`jsongle_server.listening` does,
and lets the real one accept connections later. So sockets of files, of systemd and behind PROXY headers are had, or
refused in one line, before the process becomes a daemon. Layer 4.
"""

from __future__ import annotations

import os
import socket
from typing import Any, Final

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from jsongle_server.listening import BACKLOG, CannotBind, Place, reason_of
from jsongle_server.unix_sockets import SocketFile, bind_unix

EXAMPLES: Final = "tcp:8080:interface=127.0.0.1 or unix:/run/jsongle/ws.sock"


class NotListening(ValueError):
    """An inherited descriptor is no listening socket."""


class EarlyReactor:
    """What endpoints take for the reactor: binds what they ask for, as a :class:`Place` to start later.

    Whatever else they want, they get of the real one.

    :param reactor: the real one.
    """

    # The arguments are Twisted's, in its interfaces IReactorTCP, IReactorSSL, IReactorUNIX and IReactorSocket.
    # ruff: noqa: N802, N803

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: ServerFactory[Any], backlog: int = BACKLOG, interface: str = "") -> Place:
        """Binds a TCP port."""
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        is_dual = interface == "::" and socket.has_dualstack_ipv6()
        bound = socket.create_server(
            (interface, port), family=family, backlog=max(backlog, BACKLOG), dualstack_ipv6=is_dual
        )
        return Place(self._reactor, bound, factory)

    def listenSSL(
        self,
        port: int,
        factory: ServerFactory[Any],
        contextFactory: Any,
        backlog: int = BACKLOG,
        interface: str = "",
    ) -> Place:
        """Binds a TCP port whose connections are encrypted."""
        encrypted: Any = TLSMemoryBIOFactory(contextFactory, False, factory, self._reactor)
        return self.listenTCP(port, encrypted, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: ServerFactory[Any],
        backlog: int = BACKLOG,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> Place:
        """Binds a Unix socket. Without a lock file, which would name a process that a daemon is no longer."""
        # Bound as it stands there: the system takes no long paths.
        bound = bind_unix(address, mode=mode, backlog=max(backlog, BACKLOG))
        return Place(self._reactor, bound, factory, file=SocketFile(os.path.abspath(address)))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: ServerFactory[Any]) -> Place:
        """Takes a socket over that was bound by somebody else, whose family is what the system says it is."""
        bound = socket.socket(fileno=os.dup(fileDescriptor))
        if not bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            bound.close()
            raise NotListening("the socket does not listen")
        return Place(self._reactor, bound, factory)


def problem_in(text: str, *, setting: str) -> str | None:
    """Says what is wrong with an endpoint, as far as can be told without listening on it.

    :param setting: the setting that it comes from, for the message.
    """
    try:
        _parse(EarlyReactor(None), text, setting=setting)
    except LookupError:
        return None  # only a start by systemd can tell what systemd passes
    except CannotBind as error:
        return str(error)
    return None


def listen(reactor: Any, text: str, factory: ServerFactory[Any], *, setting: str) -> IListeningPort:
    """Binds what an endpoint asks for. A :class:`Place` is still to be started.

    :param text: the endpoint in Twisted's words (``twisted.internet.endpoints.serverFromString``).
    :param setting: the setting that it comes from, for the message.
    :raises CannotBind: it cannot be had.
    """
    try:
        endpoint = _parse(EarlyReactor(reactor), text, setting=setting)
    except LookupError:
        raise CannotBind(f"{setting}: {text!r} is not accepted; systemd has passed no such socket") from None
    results: list[Any] = []
    listening: Deferred[Any] = endpoint.listen(factory)
    listening.addBoth(results.append)
    if not results:
        listening.cancel()
        raise CannotBind(f"{setting}: {text!r} is not accepted; an endpoint that listens at once is")
    (result,) = results
    if isinstance(result, Failure):
        error = result.value
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise CannotBind(f"{setting}: cannot listen on {text}: {reason}")
    if not IListeningPort.providedBy(result):
        raise CannotBind(f"{setting}: {text!r} is not accepted; an endpoint that has a port is")
    return result


def _parse(reactor: EarlyReactor, text: str, *, setting: str) -> IStreamServerEndpoint:
    """The endpoint of a text.

    :raises CannotBind: it is none.
    :raises LookupError: systemd has passed no such socket.
    """
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, text)
    except LookupError:
        raise
    except Exception as error:
        # Each kind of endpoint has a parser of its own, which raises what it likes.
        reason = str(error) or type(error).__name__
        message = f"{setting}: {text!r} is not accepted ({reason}); a Twisted endpoint such as {EXAMPLES} is"
        raise CannotBind(message) from None
    return endpoint
