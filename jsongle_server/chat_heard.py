"""What happens for each message that the server sends to the terminal client.

A table from action to function, on a :class:`jsongle_server.chat_state.State`; what nobody here knows is shown as it
is. Layer 5.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from jsongle_server.chat_again import keep_pace, slow_down
from jsongle_server.chat_answers import take_result
from jsongle_server.chat_errors import refused_message
from jsongle_server.chat_hello import answer_greeting, take_ack
from jsongle_server.chat_json import shown_json
from jsongle_server.chat_lines import Kind, Piece, Style, harmless, harmless_text
from jsongle_server.chat_people import read_person
from jsongle_server.chat_typed import room_piece
from jsongle_server.vocabulary import Action, ErrorCode, Event, Namespace, Query, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsongle_server.chat_pace import Pending
    from jsongle_server.chat_people import Person, Room
    from jsongle_server.chat_state import State

Message = dict[str, Any]

MOST_CALLS: Final = 32
"""Calls that ring at a time; the server lets a caller have no more."""


def hear(state: State, frame: str, now: float) -> None:
    """Takes a text frame of the server."""
    try:
        message = orjson.loads(frame)
    except orjson.JSONDecodeError:
        message = None
    jsongle = message.get("jsongle") if isinstance(message, dict) else None
    if not isinstance(jsongle, dict):
        state.error(now, f"the server sends what is not JSONgle: {harmless(frame, 80)}")
        return
    assert isinstance(message, dict)
    state.link.saw(message)
    if state.raw:
        state.show(Kind.FRAME, now, Piece("← ", Style.WARNING), shown_json(message, rows=not state.wishes.is_script))
    if not isinstance(jsongle.get("description"), dict):
        jsongle["description"] = {}
    handle = HANDLES.get(str(jsongle.get("action")), _show_as_it_is)
    handle(state, message, now)
    keep_pace(state, now)


def who(state: State, message: Message) -> tuple[Person | None, Room | None, str]:
    """Who a message is from: the person and the room, as far as they are known, and the address itself."""
    address = str(message.get("from"))
    return (*state.people.sender(address), address)


def _name(state: State, person: Person | None, address: str) -> Piece:
    return Piece(harmless(address), name=address) if person is None else state.name_piece(person)


def _hear_iq_request(state: State, message: Message, now: float) -> None:
    if message["jsongle"].get("query") == Query.HELLO:
        answer_greeting(state, message, now)
    else:
        _show_as_it_is(state, message, now)


def _hear_ack(state: State, message: Message, now: float) -> None:
    take_ack(state, message, now)


def _hear_result(state: State, message: Message, now: float) -> None:
    pending = state.answered(message["jsongle"].get("transaction"))
    if pending is None or pending.is_raw:
        _show_as_it_is(state, message, now)
    else:
        take_result(state, pending, message["jsongle"]["description"], now)


def _hear_iq_error(state: State, message: Message, now: float) -> None:
    _refused(state, state.answered(message["jsongle"].get("transaction")), message, now)


def _hear_error(state: State, message: Message, now: float) -> None:
    mid = message["jsongle"]["description"].get("mid")
    _refused(state, state.answered(mid), message, now)


def _refused(state: State, pending: Pending | None, message: Message, now: float) -> None:
    description = message["jsongle"]["description"]
    code = description.get("errorCode")
    wait = description.get("retryAfter")
    if code == ErrorCode.TOO_FAST and pending is not None and isinstance(wait, int):
        slow_down(state, pending, wait, now)
        if not pending.is_raw:
            return
    if pending is not None and pending.is_raw:
        _show_as_it_is(state, message, now)
    trouble = refused_message(code, description.get("errorDetails"))
    what = "" if pending is None else f"{pending.what}: "
    mid = description.get("mid")
    named = f" [{harmless(mid)}]" if isinstance(mid, str) and pending is None and state.link.is_live else ""
    state.error(now, f"{what}{trouble.seen}{named}", trouble.advice)
    if not state.link.is_live:
        state.ended = 1


def _hear_text(state: State, message: Message, now: float) -> None:
    person, room, address = who(state, message)
    jsongle = message["jsongle"]
    content = jsongle["description"].get("content")
    if not isinstance(content, str):
        _show_as_it_is(state, message, now)
        return
    name = _name(state, person, address)
    if room is None:
        state.show(Kind.TALK, now, name, " → you: ", harmless_text(content))
    elif person is None:
        state.show(Kind.TALK, now, room_piece(room.rid), "somebody: ", harmless_text(content))
    else:
        state.show(Kind.TALK, now, room_piece(room.rid), name, ": ", harmless_text(content))


def _hear_event(state: State, message: Message, now: float) -> None:
    jsongle = message["jsongle"]
    event, is_from_server = jsongle.get("event"), message.get("from") == state.server
    description = jsongle["description"]
    if event in (Event.JOINED, Event.LEFT) and is_from_server:
        _hear_presence(state, jsongle, now)
    elif event == Event.ACK:
        _hear_received(state, message, now)
    elif event == Event.SERVER_MESSAGE and is_from_server:
        _hear_notice(state, description, now)
    elif event == Event.TOKEN_EXPIRING and is_from_server:
        state.show(Kind.NEWS, now, Piece("the token expires soon; get a new one and start again", Style.WARNING))
    elif event == Event.ICE_SERVERS and jsongle.get("namespace") == Namespace.SESSION:
        state.news(now, "the server gives new ICE servers: /ice")
    else:
        _show_as_it_is(state, message, now)


def _hear_presence(state: State, jsongle: Message, now: float) -> None:
    description = jsongle["description"]
    person, rid = read_person(description.get("member")), str(description.get("rid"))
    if person is None:
        return
    verb = "joined" if jsongle["event"] == Event.JOINED else "left"
    (state.people.came if verb == "joined" else state.people.went)(rid, person)
    sign = Piece("+ " if verb == "joined" else "- ", Style.GOOD if verb == "joined" else Style.WARNING)
    state.show(Kind.NEWS, now, room_piece(rid), sign, state.name_piece(person), Piece(f" {verb}", Style.DIM))


def _hear_received(state: State, message: Message, now: float) -> None:
    """A text has arrived: at the server, or with its recipient, who says so."""
    description = message["jsongle"]["description"]
    mid, kind = description.get("mid"), description.get("type")
    if kind == "server-received":
        pending = state.answered(mid)
        if pending is None:
            return
        if pending.is_raw:
            _show_as_it_is(state, message, now)
        state.status = f"✓ {_milliseconds(now - pending.since)}"
        text = f"✓ the server has {pending.what} ({_milliseconds(now - pending.since)})"
    else:
        person, _, address = who(state, message)
        name = harmless(address if person is None else person.name)
        state.status = f"✓✓ {harmless(str(kind))} by {name}"
        text = f"✓✓ {harmless(str(mid))} {harmless(str(kind))} by {name}"
    state.show(Kind.ACK, now, Piece(text, Style.DIM))


def _hear_notice(state: State, description: Message, now: float) -> None:
    if description.get("reason") == "room-emptied":
        rid = str(description.get("rid"))
        state.people.left(rid)
        state.show(Kind.NEWS, now, Piece(f"an administrator has emptied {harmless(rid)}", Style.WARNING))
        return
    said = description.get("content", description.get("text"))
    text = harmless_text(said) if isinstance(said, str) else shown_json(description)
    state.show(Kind.NEWS, now, Piece("the server says: ", Style.WARNING), text)


def _hear_propose(state: State, message: Message, now: float) -> None:
    person, _, address = who(state, message)
    sid = message["jsongle"].get("sid")
    name = _name(state, person, address)
    if not isinstance(sid, str):
        _show_as_it_is(state, message, now)
        return
    state.calls[sid] = {"from": address, **{key: message["jsongle"].get(key) for key in ("initiator", "responder")}}
    if len(state.calls) > MOST_CALLS:
        del state.calls[next(iter(state.calls))]
    state.show(Kind.NEWS, now, Piece("☎ ", Style.WARNING), name, f" calls ({harmless(sid)}): /decline, or let it ring")


def _hear_call(state: State, message: Message, now: float) -> None:
    person, room, address = who(state, message)
    jsongle = message["jsongle"]
    sid = str(jsongle.get("sid"))
    if jsongle.get("action") in (Action.SESSION_RETRACT, Action.SESSION_TERMINATE) or (
        jsongle.get("reason") == Reason.UNREACHABLE
    ):
        state.calls.pop(sid, None)
    reason = jsongle.get("reason")
    why = f" ({harmless(str(reason))})" if reason is not None else ""
    where = room_piece(room.rid) if room is not None else Piece("")
    said = f" {jsongle['action']}{why}, call {harmless(sid)}"
    state.show(Kind.NEWS, now, where, Piece("☎ ", Style.DIM), _name(state, person, address), Piece(said, Style.DIM))


def _show_as_it_is(state: State, message: Message, now: float) -> None:
    if not state.raw:
        state.show(Kind.FRAME, now, Piece("← ", Style.WARNING), shown_json(message, rows=not state.wishes.is_script))


def _milliseconds(seconds: float) -> str:
    return f"{max(seconds, 0) * 1000:.0f} ms"


HANDLES: Final[Mapping[str, Callable[[State, Message, float], None]]] = MappingProxyType(
    {
        Action.IQ_GET: _hear_iq_request,
        Action.IQ_SET: _hear_iq_request,
        Action.IQ_RESULT: _hear_result,
        Action.IQ_ERROR: _hear_iq_error,
        Action.ACK: _hear_ack,
        Action.SESSION_ERROR: _hear_error,
        Action.SESSION_TEXT: _hear_text,
        Action.SESSION_EVENT: _hear_event,
        Action.SESSION_PROPOSE: _hear_propose,
        Action.SESSION_INFO: _hear_call,
        Action.SESSION_PROCEED: _hear_call,
        Action.SESSION_INITIATE: _hear_call,
        Action.SESSION_ACCEPT: _hear_call,
        Action.SESSION_DECLINE: _hear_call,
        Action.SESSION_RETRACT: _hear_call,
        Action.SESSION_TERMINATE: _hear_call,
        Action.TRANSPORT_INFO: _hear_call,
    }
)
"""What is done with each action; what is not in it is shown as it is."""
