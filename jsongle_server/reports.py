"""What clients report of their calls: ``session-metrics`` (protocol section 5). Layer 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server.codec import Envelope
from jsongle_server.errors import BadParameter

if TYPE_CHECKING:
    from jsongle_server.session import Session

ICE_FAILED: Final = "ice-failed"
MAX_DURATION: Final = 7 * 24 * 3600
"""Longest call that is believed, in seconds."""


def handle_report(session: Session, envelope: Envelope, now: float) -> None:
    """Counts what a client reports; nothing is answered.

    :raises BadParameter: the report makes no sense; nothing of it is counted.
    """
    envelope.check_id()
    description = envelope.jsongle.get("description", {})
    if not isinstance(description, dict):
        raise BadParameter("'description' must be an object")
    duration = description.get("duration")
    metrics = session.services.metrics
    if duration is not None:
        # A bool is an int to Python, not to the protocol.
        if type(duration) not in (int, float) or not 0 <= duration <= MAX_DURATION:
            raise BadParameter(f"'duration' must be a number of seconds from 0 to {MAX_DURATION}")
        metrics.reported_seconds.observe(duration)
    if description.get("error") == ICE_FAILED:
        metrics.ice_failures += 1
