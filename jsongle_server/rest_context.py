"""What the routes work on: a server's parts, as far as they are shown and changed over HTTP. Layer 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.forwarded import Proxies
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.logs import LogControl
    from jsongle_server.metrics import Metrics
    from jsongle_server.rest_auth import Gate
    from jsongle_server.rest_files import StaticFile
    from jsongle_server.rest_streams import Streams
    from jsongle_server.selftest import SelfTest
    from jsongle_server.signaling import Signaling
    from jsongle_server.telemetry import Telemetry


@dataclass(slots=True)
class RestContext:
    """What every route can reach.

    :ivar config: the settings in force; another one after a reload.
    :ivar gate: lets requests through or raises; another one after a reload.
    :ivar proxies: those that are believed when they say how they were asked; others after a reload.
    :ivar lifecycle: says whether the server is ready.
    :ivar signaling: its sessions, rooms and calls.
    :ivar metrics: what it counted.
    :ivar control: its log level.
    :ivar log_path: the log file to show; ``None`` where there is none.
    :ivar telemetry: measures the machine.
    :ivar selftest: has the server talk to itself; another one after a reload.
    :ivar document: the OpenAPI document of all routes.
    :ivar protocol: the AsyncAPI document of what goes over WebSocket, as JSON.
    :ivar files: what the pages are made of, by path under ``static``.
    :ivar streams: the streams of events that are open.
    :ivar reactor: gives the time.
    """

    config: Config
    gate: Gate
    proxies: Proxies | None
    lifecycle: Lifecycle
    signaling: Signaling
    metrics: Metrics
    control: LogControl
    log_path: str | None
    telemetry: Telemetry
    selftest: SelfTest
    document: dict[str, Any]
    protocol: bytes
    files: Mapping[str, StaticFile]
    streams: Streams
    reactor: Any

    def now(self) -> float:
        """Seconds since the epoch."""
        seconds: float = self.reactor.seconds()
        return seconds
