"""The figures of ``GET /stats``: one flat object for dashboards that do not speak Prometheus.

Reads the counters and what is live; counts nothing itself. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server.call_steps import Outcome
from jsongle_server.session import SessionState
from jsongle_server.vocabulary import RoomKind

if TYPE_CHECKING:
    from jsongle_server.metrics import Metrics
    from jsongle_server.signaling import Signaling

BYTES_PER_MB: Final = 1_000_000
SECONDS_PER_MINUTE: Final = 60


def snapshot(signaling: Signaling, metrics: Metrics, now: float) -> dict[str, float]:
    """The figures as they stand; each ``…_count`` is of this moment, each ``…_total`` since the start.

    :param now: seconds since the epoch.
    """
    return {
        "users_count": signaling.count_sessions()[SessionState.IDENTIFIED],
        "users_total": metrics.sessions,
        "duration_total": round(_session_seconds(signaling, metrics, now) / SECONDS_PER_MINUTE, 3),
        "recv_total": round(metrics.received_bytes / BYTES_PER_MB, 6),
        "sent_total": round(metrics.sent_bytes / BYTES_PER_MB, 6),
        "conferences_count": signaling.count_rooms()[RoomKind.MUC],
        "conferences_total": metrics.rooms_created[RoomKind.MUC],
        "p2p_count": signaling.calls.count_answered(),
        "p2p_total": metrics.calls_answered,
        "p2p_duration_total": round(metrics.reported_seconds.total, 3),
        "p2p_failed_total": metrics.ice_failures,
        **{f"calls_{outcome}_total": metrics.calls_ended[outcome] for outcome in Outcome},
        "calls_duration_total": round(metrics.talk_seconds.total, 3),
        "messages_total": metrics.texts,
        "reactions_total": metrics.reactions,
    }


def _session_seconds(signaling: Signaling, metrics: Metrics, now: float) -> float:
    """How long all sessions lasted: those that have ended, and those that are here, or detached, until now."""
    live = sum(max(0.0, now - session.connected) for session in signaling.registry.all())
    return metrics.session_seconds + live
