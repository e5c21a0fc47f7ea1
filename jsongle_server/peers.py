"""Where connections come from, as far as their transports know. Layer 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.protocols.policies import ProtocolWrapper

from jsongle_server.config_addresses import UNIX
from jsongle_server.forwarded import is_address, normal

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress


def peer_of(transport: Any) -> IAddress:
    """Whom a connection comes from: by its header of the PROXY protocol, where that has an address.

    Twisted believes whatever that header has in the place of one.
    """
    while isinstance(transport, ProtocolWrapper):
        peer: IAddress = transport.getPeer()
        host = getattr(peer, "host", None)
        if host is None or is_address(host):
            return peer
        transport = transport.transport
    return socket_peer(transport)


def socket_peer(transport: Any) -> IAddress:
    """Where the socket under a transport leads to, whatever a header of the PROXY protocol says."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    peer: IAddress = transport.getPeer()
    return peer


def host_of(peer: IAddress) -> str:
    """A peer's host, in the form in which addresses are compared; ``unix`` for Unix sockets."""
    host: str | None = getattr(peer, "host", None)
    if host is None:
        return UNIX
    # IPv4 has one form only, unless it shows as mapped.
    return normal(host) if ":" in host else host
