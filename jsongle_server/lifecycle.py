"""Whether the server is open for business: starting, ready or draining. Layer 0."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The phases of a server's life, in order."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Lifecycle:
    """The phase that the server is in: written by the service that starts and stops it, read by everybody.

    :param started: when the process started, in seconds since the epoch.

    :ivar ws_port: the TCP port of the WebSocket side, ``None`` where it has none.
    :ivar rest_port: the same of the REST side.
    """

    def __init__(self, *, started: float) -> None:
        self.started = started
        self.phase = Phase.STARTING
        self.ws_port: int | None = None
        self.rest_port: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether new clients are welcome."""
        return self.phase is Phase.READY
