"""What a call message means, by the state of its call and the sender's role in it (protocol section 6).

All of it is one table, :data:`STEPS`, which docs/calls.md shows. Layer 2: knows neither sessions nor time.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jsongle_server.vocabulary import Action, Reason

if TYPE_CHECKING:
    from jsongle_server.codec import Json


class CallState(StrEnum):
    """How far a call has come."""

    RINGING = "ringing"
    BOUND = "bound"
    ACTIVE = "active"


class Role(StrEnum):
    """What a session is to a call."""

    CALLER = "caller"
    RUNG = "rung"
    WINNER = "winner"
    LOSER = "loser"


class Signal(StrEnum):
    """What a call message is for, as far as the call goes."""

    PROPOSE = "propose"
    ANSWER = "answer"
    REFUSE = "refuse"
    END = "end"
    ACTIVE = "active"
    OTHER = "other"


class Step(StrEnum):
    """What follows from a message."""

    REPEAT = "repeat"
    RELAY = "relay"
    BIND = "bind"
    DECLINE = "decline"
    CANCEL = "cancel"
    ACTIVATE = "activate"
    FINISH = "finish"
    LATE = "late"
    IGNORE = "ignore"
    FOREIGN = "foreign"


class Outcome(StrEnum):
    """How a call ended."""

    COMPLETED = "completed"
    CANCELED = "canceled"
    DECLINED = "declined"
    TIMEOUT = "timeout"
    LOST = "lost"


_SIGNALS: Final = MappingProxyType(
    {
        Action.SESSION_PROPOSE: Signal.PROPOSE,
        Action.SESSION_PROCEED: Signal.ANSWER,
        # A client that skips the proceed has answered with this.
        Action.SESSION_ACCEPT: Signal.ANSWER,
        Action.SESSION_DECLINE: Signal.REFUSE,
        Action.SESSION_RETRACT: Signal.REFUSE,
        Action.SESSION_TERMINATE: Signal.END,
    }
)

_OTHERWISE: Final = MappingProxyType(
    {Role.CALLER: Step.RELAY, Role.RUNG: Step.RELAY, Role.WINNER: Step.RELAY, Role.LOSER: Step.IGNORE}
)

_ANSWERED: Final = {
    (Role.CALLER, Signal.PROPOSE): Step.REPEAT,
    (Role.CALLER, Signal.REFUSE): Step.FINISH,
    (Role.CALLER, Signal.END): Step.FINISH,
    (Role.WINNER, Signal.PROPOSE): Step.FOREIGN,
    (Role.WINNER, Signal.REFUSE): Step.FINISH,
    (Role.WINNER, Signal.END): Step.FINISH,
    (Role.LOSER, Signal.PROPOSE): Step.FOREIGN,
    (Role.LOSER, Signal.ANSWER): Step.LATE,
}

STEPS: Final = MappingProxyType(
    {
        (CallState.RINGING, Role.CALLER, Signal.PROPOSE): Step.REPEAT,
        (CallState.RINGING, Role.CALLER, Signal.REFUSE): Step.CANCEL,
        (CallState.RINGING, Role.CALLER, Signal.END): Step.CANCEL,
        (CallState.RINGING, Role.RUNG, Signal.PROPOSE): Step.FOREIGN,
        (CallState.RINGING, Role.RUNG, Signal.ANSWER): Step.BIND,
        (CallState.RINGING, Role.RUNG, Signal.REFUSE): Step.DECLINE,
        (CallState.RINGING, Role.RUNG, Signal.END): Step.DECLINE,
        **{(CallState.BOUND, *key): step for key, step in _ANSWERED.items()},
        (CallState.BOUND, Role.CALLER, Signal.ACTIVE): Step.ACTIVATE,
        (CallState.BOUND, Role.WINNER, Signal.ACTIVE): Step.ACTIVATE,
        **{(CallState.ACTIVE, *key): step for key, step in _ANSWERED.items()},
    }
)
"""What follows from a message, by state, role and signal; what is not here is relayed, or ignored from a loser."""


def signal_of(jsongle: Json) -> Signal:
    """What a call message is for.

    :param jsongle: its ``jsongle`` object, whose action is one of those of calls.
    """
    if jsongle["action"] == Action.SESSION_INFO and jsongle.get("reason") == Reason.ACTIVE:
        return Signal.ACTIVE
    return _SIGNALS.get(jsongle["action"], Signal.OTHER)


def step_for(state: CallState, role: Role, signal: Signal) -> Step:
    """What follows from a message of a party, by what it signals."""
    return STEPS.get((state, role, signal), _OTHERWISE[role])
