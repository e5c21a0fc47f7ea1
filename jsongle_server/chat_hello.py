"""How the terminal client says hello, for the first time and when it comes back (protocol sections 3 and 7).

On a :class:`jsongle_server.chat_state.State`. Layer 5.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jsongle_server.chat_again import begin_anew
from jsongle_server.chat_lines import Kind, Piece, Style, harmless
from jsongle_server.chat_people import Person
from jsongle_server.chat_typed import JOINS, join
from jsongle_server.vocabulary import Action, Query, Status

if TYPE_CHECKING:
    from jsongle_server.chat_link import Begun
    from jsongle_server.chat_pace import Pending
    from jsongle_server.chat_state import State


def answer_greeting(state: State, message: dict[str, Any], now: float) -> None:
    """Answers the server's hello."""
    jsongle = message["jsongle"]
    state.server = str(message.get("from"))
    version = jsongle["description"].get("version")
    state.server_info = f"{harmless(state.server)} {harmless(str(version))}"
    # Whoever resumes keeps the identity from before; the ack says so.
    state.offered = str(message.get("to"))
    description: dict[str, Any] = {"uid": state.wishes.uid}
    if state.wishes.dn:
        description["dn"] = state.wishes.dn
    description.update(state.wishes.tokens)
    if (resume := state.link.request()) is not None:
        description["resume"] = resume
    answer = {"action": str(Action.IQ_RESULT), "query": str(Query.HELLO), "description": description}
    if (transaction := jsongle.get("transaction")) is not None:
        answer["transaction"] = transaction
    state.write(json.dumps({"id": state.new_id(), "to": state.server, "jsongle": answer}, ensure_ascii=False), now)


def take_ack(state: State, message: dict[str, Any], now: float) -> None:
    """Takes the server's ack: one is in, or is not and will hear why."""
    jsongle = message["jsongle"]
    if jsongle.get("status") != Status.SUCCESS or state.link.is_live:
        return
    description = jsongle["description"]
    was_in = bool(state.me.identity)
    identity = description.get("id")
    state.me = Person(identity if isinstance(identity, str) else state.offered, state.wishes.uid, state.wishes.dn)
    begun = state.link.began(description)
    if begun.resumed:
        state.show(Kind.NEWS, now, Piece("back: the session goes on, nothing is lost", Style.GOOD))
        for kept in begun.again:
            state.write(kept.frame, now)
        return
    if was_in:
        state.show(Kind.NEWS, now, Piece("back, with a new session: rooms are joined again", Style.WARNING))
    you = state.name_piece(state.me)
    state.show(Kind.NEWS, now, Piece(f"connected to {state.server_info} as ", Style.DIM), you)
    _begin(state, begun, now)


def _begin(state: State, begun: Begun, now: float) -> None:
    """Joins what is to be joined, then sends what waited for the connection."""
    lost = _lost(state, begun)
    for pending in lost:
        if pending.may_be_ignored:
            state.error(now, f"{pending.what}: nobody knows whether it arrived", "type it again if it matters")
    rooms = {room.rid: room.kind for room in state.people.rooms.values()} or dict(state.wishes.rooms)
    rooms |= {pending.rid: JOINS[pending.query] for pending in lost if pending.query in JOINS}
    state.people.rooms.clear()
    state.calls.clear()
    state.pace.forget()
    for rid, kind in rooms.items():
        join(state, rid, kind, now)
    for kept in begun.again:
        state.push(kept.mid, kept.frame, now)
    begin_anew(state)


def _lost(state: State, begun: Begun) -> list[Pending]:
    """What was said on a session that is over and will not be answered any more."""
    still = {kept.mid for kept in begun.again}
    return [state.pending.pop(mid) for mid in list(state.pending) if mid not in still]
