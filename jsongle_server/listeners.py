"""Where each side of the server listens: on a host and a port, with TLS or without, or on an endpoint.

Both sides, WebSocket and REST, have the same settings under two names. Layer 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred

from jsongle_server.endpoints import listen
from jsongle_server.listening import Place, bind, url

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort

    from jsongle_server.tls import Tls


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the server, and where its settings have it listen.

    :param name: what the names of its settings begin with.
    :param scheme: that of its addresses without TLS; with TLS there is an s behind it.
    :param host: an address or name; empty for every interface.
    :param port: 0 for any that is free.
    :param endpoint: where to listen instead.
    """

    name: str
    scheme: str
    host: str
    port: int
    endpoint: str | None


class Listener:
    """What accepts the connections of a side, once it is started.

    :param listening: its port, bound.
    :param address: where it is reached from this machine.
    """

    def __init__(self, listening: IListeningPort, address: str) -> None:
        self._listening = listening
        self.address = address

    @property
    def port(self) -> int | None:
        """Its TCP port, ``None`` where it has none."""
        host = self._listening.getHost()
        return host.port if isinstance(host, IPv4Address | IPv6Address) else None

    def start(self) -> None:
        """Begins to accept connections."""
        # Endpoints of other makes may accept them already.
        if isinstance(self._listening, Place):
            self._listening.startListening()

    def stop(self) -> Deferred[Any]:
        """Accepts no more, whether or not it has begun to; fires when its port is free."""
        return maybeDeferred(self._listening.stopListening)


def open_listener(reactor: Any, factory: Any, side: Side, tls: Tls | None) -> Listener:
    """Binds the port of a side.

    :param factory: serves its connections.
    :param tls: encrypts them, but for those of an endpoint, which says itself whether that is done.
    :raises CannotBind: it cannot be had.
    """
    if side.endpoint:
        return Listener(listen(reactor, side.endpoint, factory, setting=f"{side.name}Endpoint"), side.endpoint)
    bound = bind(side.host, side.port, setting=f"{side.name}Port")
    scheme = side.scheme if tls is None else f"{side.scheme}s"
    served = factory if tls is None else tls.wrap(factory)
    return Listener(Place(reactor, bound, served), url(scheme, bound))
