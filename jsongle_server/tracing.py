"""What is done with each message beside handling it: a line in the log, for whoever debugs. Layer 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jsongle_server.metrics import OTHER_ACTION
from jsongle_server.vocabulary import ACTIONS

if TYPE_CHECKING:
    from jsongle_server.session import Session

Trace = Callable[["Session", str, str, bytes], None]
"""Sees a message of a session: its direction, ``from`` or ``to`` the client, its action, and its bytes."""


def log_message(session: Session, direction: str, action: str, payload: bytes) -> None:
    """Writes a line of a message, and nothing that is in it."""
    session.log.debug(
        "{direction} {session}: {action}, {size} bytes",
        direction=direction,
        session=session.identity,
        action=action if action in ACTIONS else OTHER_ACTION,  # any other is the client's own text
        size=len(payload),
    )


def all_of(*traces: Trace | None) -> Trace | None:
    """Makes one of several; ``None``, which is what costs nothing, where there are none."""
    present = [trace for trace in traces if trace is not None]

    def see(session: Session, direction: str, action: str, payload: bytes) -> None:
        for trace in present:
            trace(session, direction, action, payload)

    return see if len(present) > 1 else next(iter(present), None)
