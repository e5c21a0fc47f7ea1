"""The composition root: the one place where a server's objects are made and wired together.

``make_server`` takes a configuration and gives a Twisted service that listens while it runs. Layer 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, globalLogPublisher

from jsongle_server import __version__
from jsongle_server.config import Config, ConfigError
from jsongle_server.history import History
from jsongle_server.jwks import KeyFetcher
from jsongle_server.keys import Keys
from jsongle_server.lifecycle import Lifecycle, Phase
from jsongle_server.listeners import Listener, Side, open_listener
from jsongle_server.listening import CannotBind
from jsongle_server.log_file import LogFile
from jsongle_server.logs import LEVELS, LogControl
from jsongle_server.metrics import Metrics
from jsongle_server.rest import RestApi, make_site
from jsongle_server.sampler import Sampler
from jsongle_server.signaling import Signaling
from jsongle_server.tls import Tls, make_tls
from jsongle_server.vocabulary import CloseCode
from jsongle_server.webhooks import Webhooks
from jsongle_server.websocket_factory import SignalingFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.web.server import Site

    from jsongle_server.rest_streams import Streams


class Server(Service):
    """A running server: listens on both ports from start to stop.

    :param factory: serves the WebSocket port.
    :param fetcher: keeps the keys for tokens up to date.
    :param listeners: both ports, bound: WebSocket, REST.
    :param sampler: keeps how the server has been.
    :param streams: tell administrators what goes on.
    :param tls: encrypts their connections, where it does.
    :param reconfigure: has every part go by other settings.
    :param webhooks: tells an application outside what happens; the last to stop.
    :param log_file: the server's own log, where it has one: written from now on, closed at the end.

    :ivar addresses: where the server is reached from this machine: the WebSocket and the REST address.
    """

    _log = Logger()
    name = "jsongle-server"

    def __init__(
        self,
        reactor: Any,
        *,
        lifecycle: Lifecycle,
        factory: SignalingFactory,
        webhooks: Webhooks,
        fetcher: KeyFetcher,
        listeners: tuple[Listener, Listener],
        sampler: Sampler,
        streams: Streams,
        tls: Tls | None,
        log_file: LogFile | None,
        control: LogControl,
        config: Config,
        reconfigure: Callable[[Config], None],
    ) -> None:
        self._config = config
        self._reconfigure = reconfigure
        self._control = control
        self._reactor = reactor
        self._lifecycle = lifecycle
        self._factory = factory
        self._webhooks = webhooks
        self._fetcher = fetcher
        self._listeners = listeners
        self._sampler = sampler
        self._streams = streams
        self._tls = tls
        ws, rest = listeners
        self.addresses = (ws.address, rest.address)
        self._log_file = log_file
        self._observer = control.filtered(log_file) if log_file is not None else None
        if self._observer is not None:
            globalLogPublisher.addObserver(self._observer)
        self._in_a_hurry = False

    def startService(self) -> None:
        """Begins to accept connections."""
        super().startService()
        ws_address, rest_address = self.addresses
        for listener in self._listeners:
            listener.start()
        self._fetcher.reconfigure(self._config)
        self._sampler.start()
        self._lifecycle.phase = Phase.READY
        self._log.info("WebSocket on {address}", address=ws_address)
        self._log.info("REST on {address}", address=rest_address)
        if self._tls is not None:
            self._tls.start()
        if not self._factory.signaling.knows_users:
            who = "anybody" if self._config.app_token is None else "anybody who has the appToken"
            self._log.warn("{who} may claim any user id: no key for signed tokens is configured", who=who)

    def reload(self, read: Callable[[], Config]) -> None:
        """Goes by the settings as they are now, as far as they can change while the server runs.

        Never raises: whatever fails is logged, and changes nothing.

        :param read: reads them.
        """
        try:
            self._take(read())
        except ConfigError as error:
            for problem in error.problems:
                self._log.error("not reloaded: {problem}", problem=problem)
        except OSError as error:
            self._log.error("not reloaded: {problem}", problem=error)
        except Exception:
            self._log.failure("not reloaded", level=LogLevel.error)

    def _take(self, other: Config) -> None:
        config, changed, waiting = self._config.reloaded(other)
        try:
            self._reconfigure(config)
        except Exception:
            # Some parts may go by the new settings already.
            self._reconfigure(self._config)
            raise
        self._config = config
        if "logLevel" in changed:
            # Under the level that shows more of the two, or nobody would read that it was changed.
            self._control.set_level(min(self._control.level, config.log_level, key=LEVELS.index))
        self._log.info("reloaded; changed: {names}", names=", ".join(changed) or "nothing")
        if waiting:
            self._log.warn("changed, but only a restart takes it: {names}", names=", ".join(waiting))
        if "logLevel" in changed:
            self._control.set_level(config.log_level)

    def hurry(self) -> None:
        """Stops at once: now if it is stopping already, else as soon as it does."""
        self._in_a_hurry = True
        if self._lifecycle.phase is Phase.DRAINING:
            self._factory.hurry()
        self._webhooks.hurry()

    def stopService(self) -> Deferred[None]:
        """Closes every connection and port; fires when all of them are closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._lifecycle.phase = Phase.DRAINING
        # Both ports answer until the last client is gone, so that newcomers and load balancers are told why not.
        spread = self._config.drain_timeout
        count = len(self._factory.connections)
        if count:
            self._log.info("sending {count} clients away over {seconds:g} seconds", count=count, seconds=spread)
        gone = self._factory.close_all(CloseCode.SERVICE_RESTART, "the server is shutting down", spread=spread)
        if self._in_a_hurry:
            self._factory.hurry()
        await gone
        self._sampler.stop()
        await self._streams.stop()
        for listener in self._listeners:
            await listener.stop()
        if self._tls is not None:
            self._tls.stop()
        self._factory.abort_all()
        self._fetcher.stop()
        self._factory.signaling.end_detached(self._reactor.seconds())
        await self._webhooks.stop()
        self._log.info("stopped")
        if self._log_file is not None and self._observer is not None:
            globalLogPublisher.removeObserver(self._observer)
            self._log_file.close()


def make_server(
    reactor: Any, config: Config, control: LogControl, *, log_file: LogFile | None, log_path: str | None
) -> Server:
    """Makes a server and binds its ports; it accepts connections from ``startService`` on.

    :param reactor: runs everything.
    :param control: the log level, which REST can change.
    :param log_file: the server's own log, where it has one.
    :param log_path: the file that ``GET /logs`` serves: that log's, or twistd's.
    :raises CannotBind: a port cannot be had.
    :raises ConfigError: the certificate cannot be used.
    """
    lifecycle = Lifecycle(started=reactor.seconds())
    metrics = Metrics(__version__)
    keys = Keys(config)
    signaling = Signaling(config, metrics, clock=reactor, keys=keys)
    fetcher = KeyFetcher(reactor, keys)
    control.watch(lambda: signaling.trace(enabled=control.enabled("debug")))
    factory = SignalingFactory(config, signaling, lifecycle, reactor=reactor)
    webhooks = Webhooks(config, metrics, listen=signaling.publish_to, reactor=reactor)
    history = History(metrics, signaling)
    api = RestApi(
        config=config,
        lifecycle=lifecycle,
        signaling=signaling,
        metrics=metrics,
        history=history,
        control=control,
        log_path=log_path,
        reactor=reactor,
    )
    sampler = Sampler(history, reactor, api.streams.take)
    api.streams.opened = sampler.look
    tls = make_tls(config, reactor)
    listeners = _listen_on_both(reactor, config, factory, make_site(api, reactor), tls)
    lifecycle.ws_port, lifecycle.rest_port = (listener.port for listener in listeners)

    def reconfigure(config: Config) -> None:
        for part in (signaling, factory, api, fetcher, webhooks, tls):
            if part is not None:
                part.reconfigure(config)

    return Server(
        reactor,
        lifecycle=lifecycle,
        factory=factory,
        webhooks=webhooks,
        fetcher=fetcher,
        listeners=listeners,
        sampler=sampler,
        streams=api.streams,
        tls=tls,
        log_file=log_file,
        control=control,
        config=config,
        reconfigure=reconfigure,
    )


def _listen_on_both(
    reactor: Any, config: Config, factory: SignalingFactory, site: Site, tls: Tls | None
) -> tuple[Listener, Listener]:
    ws_side = Side("ws", "ws", config.ws_host, config.ws_port, config.ws_endpoint)
    rest_side = Side("rest", "http", config.rest_host, config.rest_port, config.rest_endpoint)
    ws = open_listener(reactor, factory, ws_side, tls)
    try:
        return ws, open_listener(reactor, site, rest_side, tls)
    except CannotBind:
        ws.stop()
        raise
