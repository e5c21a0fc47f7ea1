"""What accepts WebSocket connections, keeps count of them, and closes them all in the end.

Makes a :class:`jsongle_server.websocket.SignalingProtocol` for each, and holds what they share. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING, Any, Final

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IProtocolNegotiationFactory, IReactorTime
from zope.interface import implementer

from jsongle_server import __version__
from jsongle_server.addresses import Addresses
from jsongle_server.clock_watch import ClockWatch
from jsongle_server.flusher import Flusher
from jsongle_server.forwarded import proxies_of
from jsongle_server.lean import configured
from jsongle_server.poller import Poller
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import SignalingProtocol

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.signaling import Signaling

HURRY: Final = 0.1
"""Seconds between the close frame and the end of a connection for which there is no time left."""


@implementer(IProtocolNegotiationFactory)
class SignalingFactory(WebSocketServerFactory):
    """Makes the protocol of each connection and keeps count of them.

    :param signaling: the service that their sessions belong to.
    :param reactor: where the timers run, and whose clock tells the time.
    :param jitter: a number from 0 to 1, another one each time.

    :ivar connections: every connection, those in their handshake included.
    :ivar proxies: those that are believed when they say whom a connection comes from; ``None`` where nobody is.
    """

    noisy = False

    def __init__(
        self,
        config: Config,
        signaling: Signaling,
        lifecycle: Lifecycle,
        *,
        reactor: IReactorTime,
        jitter: Callable[[], float] = random,
    ) -> None:
        super().__init__(server=f"jsongle-server/{__version__}", reactor=reactor)
        self.config = config
        self.signaling = signaling
        self.lifecycle = lifecycle
        self.now = reactor.seconds
        self.addresses = Addresses()
        self.flusher = Flusher(reactor)
        self.clock_watch = ClockWatch(reactor)
        self.poller = Poller(reactor, self.flusher, self.clock_watch)
        self.connections: set[SignalingProtocol] = set()
        self._leaving: set[SignalingProtocol] = set()
        self._goodbyes: list[IDelayedCall] = []
        self._farewell = (CloseCode.SERVICE_RESTART, "")
        self._jitter = jitter
        self._all_gone: Deferred[None] | None = None
        self.reconfigure(config)

    def acceptableProtocols(self) -> list[bytes]:
        """What is spoken under TLS (RFC 7301): browsers offer it, and with none in common there is no connection."""
        return [b"http/1.1"]

    def reconfigure(self, config: Config) -> None:
        """Goes by other settings from now on; the frames of open connections keep to their limit."""
        self.config = config
        self.proxies = proxies_of(config.trusted_proxies)
        self.addresses.forget_handshakes()
        # Autobahn's own timers run on a global loop, so all of them are off and ours do their work. Without
        # failByDrop a bad frame is answered by a close frame that says why.
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            allowNullOrigin=True,
            failByDrop=False,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            maxFramePayloadSize=config.max_message_size,
            maxMessagePayloadSize=config.max_message_size,
            perMessageCompressionAccept=_accept_deflate if config.per_message_deflate else _accept_nothing,
        )
        protocol = configured(SignalingProtocol, self)
        protocol.is_fast = config.fast_frames
        protocol.declines_extensions = not config.per_message_deflate
        protocol.keep_time(self.reactor, config)
        self.protocol = protocol

    def close_all(self, code: CloseCode, reason: str, *, spread: float = 0.0) -> Deferred[None]:
        """Closes every connection; those that come while this lasts are the handshake's to refuse.

        :param spread: seconds over which they are closed, each at a moment of its own, so that not all of them come
            back at once.
        :returns: fires when the last of them is gone, ``CLOSE_TIMEOUT`` seconds after that at most.
        """
        self.signaling.begin_to_stop()
        self._leaving = set(self.connections)
        self._farewell = (code, reason)
        leaving = list(self._leaving)
        for number, connection in enumerate(leaving):
            if spread:
                delay = (number + self._jitter()) / len(leaving) * spread
                self._goodbyes.append(self.reactor.callLater(delay, connection.shut, code, reason))
            else:
                connection.shut(code, reason)
        if not self._leaving:
            return succeed(None)
        self._all_gone = Deferred()
        return self._all_gone

    def hurry(self) -> None:
        """Closes those connections at once that were still to be closed."""
        for goodbye in self._goodbyes:
            if goodbye.active():
                goodbye.cancel()
        self._goodbyes.clear()
        for connection in list(self._leaving):
            connection.shut(*self._farewell)
        # What was just written is on its way a moment later.
        self.reactor.callLater(HURRY, self.abort_all)

    def abort_all(self) -> None:
        """Cuts the connections that are left: those that came while the others were being closed."""
        for connection in list(self.connections):
            connection.transport.abortConnection()

    def forget(self, connection: SignalingProtocol) -> None:
        """Takes note that a connection is gone."""
        self.connections.discard(connection)
        self._leaving.discard(connection)
        if self._all_gone is not None and not self._leaving:
            gone, self._all_gone = self._all_gone, None
            gone.callback(None)


def _accept_nothing(offers: list[Any]) -> None:
    """Declines every extension."""


def _accept_deflate(offers: list[Any]) -> PerMessageDeflateOfferAccept | None:
    """Accepts the first offer of permessage-deflate (RFC 7692), if there is one."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None
