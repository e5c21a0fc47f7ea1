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
    """

    def __init__(self, *, started: float) -> None:
        self.started = started
        self.phase = Phase.STARTING
        self.ws_port = 0
        self.rest_port = 0

    @property
    def is_ready(self) -> bool:
        """Whether new clients are welcome."""
        return self.phase is Phase.READY
