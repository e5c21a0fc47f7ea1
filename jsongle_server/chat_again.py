"""How the terminal client slows down when the server finds it too fast: everything is sent again, in order, once.

On a :class:`jsongle_server.chat_state.State`. One message at a time, the next when it is answered: so each that is too
fast is refused aloud, and nothing overtakes it. Layer 5.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jsongle_server.chat_pace import Pending
from jsongle_server.vocabulary import Action, Query

if TYPE_CHECKING:
    from jsongle_server.chat_state import State

SLOWEST: Final = 1.0
"""Least seconds of silence after a message that was too fast: the server complains once a second."""


def slow_down(state: State, pending: Pending, wait: int, now: float) -> None:
    """A message was too fast: it is sent again after a while, unless that is for the user to decide.

    :param wait: milliseconds that the server asks for.
    """
    delay = max(wait / 1000, SLOWEST)
    if not pending.is_raw:
        state.pace.hold(pending)
        if not pending.is_quiet:
            state.news(now, f"{pending.what}: that was too fast, it is sent again in {delay:g} s")
    pace = state.pace
    pace.is_slow = True
    pace.rest = rest = object()

    def go_on() -> None:
        if pace.rest is rest:
            pace.rest = None
            keep_pace(state, now + delay)

    state.later(delay, go_on)


def keep_pace(state: State, now: float) -> None:
    """Sends what is next, if it is its turn."""
    pace = state.pace
    if not pace.is_slow or pace.rest or not state.link.is_live or pace.probe in state.pending:
        return
    if pace.waiting:
        pace.probe = _send(state, pace.waiting.pop(0), now)
    elif pace.is_doubtful:
        # What was ignored shows when something else is answered.
        envelope = {"to": state.server, "jsongle": {"action": Action.IQ_SET, "query": Query.PING, "description": {}}}
        question = Pending("the ping", now, frame=json.dumps(envelope), query=Query.PING, is_quiet=True)
        pace.probe = _send(state, question, now)
    else:
        pace.is_slow = False


def begin_anew(state: State) -> None:
    """What waits for a server that has forgotten how fast one was is still sent in order."""
    state.pace.is_slow = bool(state.pace.waiting)


def _send(state: State, pending: Pending, now: float) -> str:
    """Sends a message under a new id, since the server has seen the old one; gives the id."""
    mid = state.new_id()
    envelope = json.loads(pending.frame)
    envelope["id"] = mid
    if pending.query:
        envelope["jsongle"]["transaction"] = mid
    state.transmit(mid, replace(pending, since=now, frame=json.dumps(envelope, ensure_ascii=False)), now)
    return mid
