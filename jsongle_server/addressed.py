"""Where a connection comes from: for people to read, for limits, and by the word of a trusted proxy.

Part of every connection; knows transports and the requests that open them, and nothing of what follows. Layer 4.
"""

from __future__ import annotations

from http import HTTPStatus

from autobahn.websocket.types import ConnectionRequest

from jsongle_server.forwarded import Ambiguous, client_address, shown
from jsongle_server.frame_reader import FrameReader
from jsongle_server.handshake import refusal_for
from jsongle_server.metrics import Refused
from jsongle_server.peers import host_of, peer_of
from jsongle_server.upgrade import Upgrade


class Addressed(FrameReader):
    """A connection that knows whom it comes from."""

    _client: str | None = None
    _counted_host: str | None = None

    @property
    def remote(self) -> str:
        """The client's address, for people to read; its port where that is known."""
        if self._client is not None:
            return self._client
        peer = peer_of(self.transport)
        return shown(host_of(peer), getattr(peer, "port", None))

    @property
    def host(self) -> str:
        """The client's address without its port."""
        return self._client or host_of(peer_of(self.transport))

    def ask_proxy(self, request: ConnectionRequest | Upgrade) -> None:
        """Learns whom an opening handshake comes from, where trusted proxies say so.

        :raises Refusal: they contradict themselves, or say what cannot be read.
        """
        proxies = self.factory.proxies
        if proxies is None:
            return
        peer = host_of(peer_of(self.transport))
        try:
            client = client_address(peer, request.headers, proxies)
        except Ambiguous as error:
            raise refusal_for(HTTPStatus.BAD_REQUEST, Refused.BAD_REQUEST, str(error)) from None
        if client != peer:
            self._client = client

    def count_in(self) -> None:
        """Counts the connection among those from its address."""
        self._counted_host = self.host
        self.factory.addresses.opened(self._counted_host)

    def count_out(self) -> None:
        """Counts it out, if it was counted in."""
        if self._counted_host is not None:
            self.factory.addresses.closed(self._counted_host)
