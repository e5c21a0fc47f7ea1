"""What the server counts, and how Prometheus reads it.

Counting is adding to plain integers, which costs next to nothing on the way of a message; everything that Prometheus
wants around them is made when it asks. Gauges are read from the live objects at that moment, so they cannot drift.
Layer 2.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import accumulate
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from jsongle_server.call_steps import Outcome
from jsongle_server.vocabulary import ACTIONS, ErrorCode, RoomKind
from jsongle_server.webhook_queue import Dropped

RELAY_BUCKETS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
"""Upper bounds of the relay time histogram, in seconds."""

CALL_BUCKETS: Final = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)
"""Upper bounds of the call duration histogram, in seconds."""


class Refused(StrEnum):
    """Why opening handshakes are refused; each is counted from 0, so that the first one is one to Prometheus too."""

    BAD_REQUEST = "bad_request"
    PATH = "path"
    ORIGIN = "origin"
    BLOCKED = "blocked"
    ADDRESS = "address"
    TOO_LARGE = "too_large"
    INTERNAL = "internal"
    STARTING = "starting"
    DRAINING = "draining"
    FULL = "full"
    TIMEOUT = "timeout"
    TLS = "tls"


OTHER_ACTION: Final = "other"
"""The label of every action that does not exist, so that clients cannot make labels."""


class Live(Protocol):
    """What is there right now, asked for at scrape time."""

    @property
    def connection_count(self) -> int:
        """Open WebSocket connections."""
        ...

    def count_sessions(self) -> Mapping[str, int]:
        """Sessions by state."""
        ...

    def count_rooms(self) -> Mapping[RoomKind, int]:
        """Rooms by kind."""
        ...

    def count_calls(self) -> Mapping[str, int]:
        """Live calls by state."""
        ...

    @property
    def detached_bytes(self) -> int:
        """Bytes that are kept for clients that have lost their connection."""
        ...


class Histogram:
    """Counts values by size.

    :param bounds: upper bounds of the buckets, ascending; what is larger falls into one more.
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def counts(self) -> tuple[int, ...]:
        """How many values fell into each bucket, and into the one behind them."""
        return tuple(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """The cumulative counts with their bounds, as Prometheus has them."""
        bounds = [*map(str, self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))


class Metrics:
    """Everything that is counted, and a Prometheus registry over it.

    :param version: the server's version, for the build info.

    :ivar received: messages from clients by action, see :meth:`count_received`.
    :ivar sent: messages to clients by action.
    :ivar errors: errors told to clients by code.
    :ivar refusals: refused handshakes by reason.
    :ivar rooms_created: rooms by kind.
    :ivar requests: HTTP requests by route and status.
    :ivar webhooks: webhooks that were delivered, and those that the receiver did not take.
    :ivar webhooks_dropped: those that were given up before it had.
    :ivar count_webhooks: gives how many wait.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._live: Live | None = None
        self.received: Counter[str] = Counter(dict.fromkeys((*ACTIONS, OTHER_ACTION), 0))
        self.sent: Counter[str] = Counter(dict.fromkeys(ACTIONS, 0))
        self.received_bytes = 0
        self.sent_bytes = 0
        self.errors: Counter[int] = Counter(dict.fromkeys(ErrorCode, 0))
        self.refusals: Counter[str] = Counter(dict.fromkeys(Refused, 0))
        self.rooms_created: Counter[RoomKind] = Counter(dict.fromkeys(RoomKind, 0))
        self.requests: Counter[tuple[str, int]] = Counter()
        self.connections = 0
        self.sessions = 0
        self.session_seconds = 0.0
        self.relay_seconds = Histogram(RELAY_BUCKETS)
        self.calls_answered = 0
        self.calls_ended: Counter[str] = Counter(dict.fromkeys(Outcome, 0))
        self.talk_seconds = Histogram(CALL_BUCKETS)
        self.texts = 0
        self.reactions = 0
        self.ice_failures = 0
        self.resumed = 0
        self.resumes_refused = 0
        self.replayed = 0
        self.reported_seconds = Histogram(CALL_BUCKETS)
        self.webhooks: Counter[str] = Counter({"delivered": 0, "failed": 0})
        self.webhooks_dropped: Counter[str] = Counter(dict.fromkeys(Dropped, 0))
        self.webhook_retries = 0
        self.count_webhooks: Callable[[], int] = lambda: 0
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def watch(self, live: Live) -> None:
        """Says whose gauges to read at scrape time."""
        self._live = live

    def count_received(self, action: str, size: int) -> None:
        """Counts a message from a client.

        :param action: what it says its action is.
        :param size: its length in bytes.
        """
        self.received[action if action in ACTIONS else OTHER_ACTION] += 1
        self.received_bytes += size

    def describe(self) -> Iterable[Metric]:
        """Names no metric beforehand; Prometheus's registry then does not scrape at registration."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric as it stands, for Prometheus's registry."""
        info = {"version": self._version, "python": platform.python_version()}
        yield InfoMetricFamily("jsongle_build", "The running server", value=info)
        if self._live is not None:
            yield from _live_metrics(self._live)
        yield from self._traffic()
        yield from self._business()
        yield from self._outside()

    def _traffic(self) -> Iterator[Metric]:
        yield _counter("connections_opened", "WebSocket connections opened", self.connections)
        yield _by("handshake_refusals", "Refused WebSocket handshakes", "reason", self.refusals)
        yield _by("messages_received", "Messages from clients", "action", self.received)
        yield _by("messages_sent", "Messages to clients", "action", self.sent)
        yield _counter("received_bytes", "Bytes of messages from clients", self.received_bytes)
        yield _counter("sent_bytes", "Bytes of messages to clients", self.sent_bytes)
        yield _by("errors", "Errors told to clients", "code", self.errors)
        yield _histogram(
            "relay_seconds", "From reading a message to writing it to all its recipients", self.relay_seconds
        )
        requests = CounterMetricFamily("jsongle_http_requests", "HTTP requests", labels=("route", "status"))
        for (route, status), count in self.requests.items():
            requests.add_metric((route, str(status)), count)
        yield requests

    def _business(self) -> Iterator[Metric]:
        yield _counter("sessions_identified", "Sessions that said hello", self.sessions)
        yield _counter("session_seconds", "Time that ended sessions lasted", self.session_seconds)
        yield _by("rooms_created", "Rooms created", "kind", self.rooms_created)
        yield _counter("calls_answered", "Calls answered", self.calls_answered)
        yield _by("calls_ended", "Calls that are over, by how they ended", "outcome", self.calls_ended)
        yield _histogram("call_seconds", "Durations of answered calls, from answer to end", self.talk_seconds)
        yield _counter("sessions_resumed", "Sessions that went on over another connection", self.resumed)
        yield _counter("resumes_refused", "Clients that came back and could not go on", self.resumes_refused)
        yield _counter("messages_replayed", "Messages sent again to clients that came back", self.replayed)
        yield _counter("ice_failures", "ICE failures reported by clients", self.ice_failures)
        yield _histogram("reported_call_seconds", "Durations of calls reported by clients", self.reported_seconds)

    def _outside(self) -> Iterator[Metric]:
        waiting = self.count_webhooks()
        yield GaugeMetricFamily("jsongle_webhooks_queued", "Webhooks that wait to be delivered", value=waiting)
        results = {**self.webhooks, "dropped": self.webhooks_dropped.total()}
        yield _by("webhooks", "Webhooks that are over, by what became of them", "result", results)
        yield _by("webhooks_dropped", "Webhooks that were given up", "reason", self.webhooks_dropped)
        yield _counter("webhook_retries", "Webhooks that were tried again", self.webhook_retries)


def _live_metrics(live: Live) -> Iterator[Metric]:
    yield GaugeMetricFamily("jsongle_connections", "Open WebSocket connections", value=live.connection_count)
    sessions = GaugeMetricFamily("jsongle_sessions", "Live sessions", labels=("state",))
    for state, count in live.count_sessions().items():
        sessions.add_metric((state,), count)
    yield sessions
    rooms = GaugeMetricFamily("jsongle_rooms", "Rooms with members in them", labels=("kind",))
    for kind, count in live.count_rooms().items():
        rooms.add_metric((kind,), count)
    yield rooms
    calls = GaugeMetricFamily("jsongle_calls", "Live calls", labels=("state",))
    for call_state, count in live.count_calls().items():
        calls.add_metric((call_state,), count)
    yield calls
    kept = "Bytes kept for clients that have lost their connection"
    yield GaugeMetricFamily("jsongle_detached_bytes", kept, value=live.detached_bytes)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"jsongle_{name}", text, value=value)


def _by(
    name: str, text: str, label: str, counts: Mapping[str, int] | Mapping[int, int] | Mapping[RoomKind, int]
) -> Metric:
    family = CounterMetricFamily(f"jsongle_{name}", text, labels=(label,))
    for value, count in counts.items():
        family.add_metric((str(int(value)) if isinstance(value, int) else str(value),), count)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(f"jsongle_{name}", text, buckets=histogram.buckets(), sum_value=histogram.total)
