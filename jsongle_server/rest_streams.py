"""All streams of events that are open: what each of them is told, and when they end.

Every sample is written once for all of them. Knows no request but as a stream (:mod:`jsongle_server.event_stream`).
Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from jsongle_server import __version__
from jsongle_server.event_stream import EventStream, event
from jsongle_server.handshake import RETRY_AFTER
from jsongle_server.history import INTERVAL, History, Sample
from jsongle_server.logs import LEVELS, LogControl
from jsongle_server.messages import timestamp
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_tables import Tables
from jsongle_server.rest_traces import Traces

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.rest_site import RestRequest
    from jsongle_server.signaling import Signaling

MAX_STREAMS: Final = 16
"""Most streams at a time; each is as many events to write."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader of a stream would like to see.

    :param find: only rooms and sessions in which this stands; all where it is empty.
    :param trace: whether to be told of single messages.
    :param match: only of those in whose envelope this stands; of all where it is empty.
    """

    find: str = ""
    trace: bool = False
    match: str = ""


class Streams:
    """The open streams.

    :param config: the settings in force.
    :param lifecycle: which phase the server is in.
    :param history: how it has been.
    :param control: its log level.
    :param signaling: whose rooms, sessions and messages are shown.
    :param reactor: runs them.

    :ivar opened: called whenever one has been opened.
    """

    def __init__(
        self,
        *,
        config: Config,
        lifecycle: Lifecycle,
        history: History,
        control: LogControl,
        signaling: Signaling,
        reactor: Any,
    ) -> None:
        self._config = config
        self._lifecycle = lifecycle
        self._history = history
        self._control = control
        self._reactor = reactor
        self._level = control.level
        self._tables = Tables(signaling, reactor)
        self._traces = Traces(signaling, reactor)
        self._told = (config, lifecycle.phase)
        self.opened: Callable[[], None] = lambda: None
        self._open: dict[EventStream, None] = {}
        control.watch(self._level_changed)

    def __len__(self) -> int:
        return len(self._open)

    def open(self, request: RestRequest, wish: Wish) -> Deferred[None]:
        """Begins a stream: who the server is and how it has been, then how it is.

        :param wish: what its reader would like to see.
        :returns: fires when it has ended.
        :raises HttpError: 503, there are too many.
        """
        if len(self._open) >= MAX_STREAMS:
            raise HttpError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{MAX_STREAMS} streams are open, as many as there may be",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._tell_server()
        stream = EventStream(request, reactor=self._reactor, ended=self._forget)
        self._open[stream] = None
        done = stream.start()
        stream.show("server", self._server_event())
        samples = {"interval": INTERVAL, "samples": self._history.samples()}
        stream.show("history", event("history", samples))
        self._tables.add(stream, wish.find)
        if wish.trace:
            self._traces.add(stream, wish.match)
        self.opened()
        return done

    def take(self, sample: Sample) -> None:
        """Tells all of them a sample, and before it who the server is, where that has changed."""
        self._tell_server()
        if self._open:
            self._show("sample", event("sample", sample))
        self._tables.refresh()
        self._traces.tell_missed()
        for stream in list(self._open):
            stream.look()

    def reconfigure(self, config: Config) -> None:
        """Goes by other settings; a stream whose reader may not have it any more ends."""
        if config.admin_token != self._config.admin_token:
            self.end()
        self._config = config

    def end(self) -> None:
        """Ends all of them."""
        for stream in list(self._open):
            stream.end()

    def stop(self) -> Deferred[None]:
        """Ends all of them; fires when their readers have been told so, as far as they read."""
        stopped: Deferred[None] = Deferred()
        if not self._open:
            stopped.callback(None)
            return stopped
        self.end()
        # The reactor writes at the end of a turn, which may be this one or the next.
        self._reactor.callLater(0, self._reactor.callLater, 0, stopped.callback, None)
        return stopped

    def _tell_server(self) -> None:
        """Tells all of them who the server is, if that has changed; its level of the log has an event of its own."""
        now = (self._config, self._lifecycle.phase)
        if now != self._told:
            self._told = now
            self._show("server", self._server_event())

    def _server_event(self) -> bytes:
        return event("server", server_view(self._config, self._lifecycle, self._control))

    def _show(self, name: str, data: bytes) -> None:
        for stream in list(self._open):
            stream.show(name, data)

    def _level_changed(self) -> None:
        level = self._control.level
        if level != self._level:
            self._level = level
            self._show("level", event("level", {"level": level}))

    def _forget(self, stream: EventStream) -> None:
        del self._open[stream]
        self._tables.remove(stream)
        self._traces.remove(stream)


def server_view(config: Config, lifecycle: Lifecycle, control: LogControl) -> dict[str, Any]:
    """Who the server is, as a stream begins with it."""
    return {
        "id": config.id,
        "version": __version__,
        "started": timestamp(lifecycle.started),
        "phase": lifecycle.phase.value,
        "level": control.level,
        "levels": LEVELS,
        "interval": INTERVAL,
        "limits": {
            "maxConcurrentUsers": config.max_concurrent_users,
            "maxMembersPerRoom": config.max_members_per_room,
            "maxMembersPerMultiRoom": config.max_members_per_multi_room,
            "maxRoomsPerUser": config.max_rooms_per_user,
        },
    }
