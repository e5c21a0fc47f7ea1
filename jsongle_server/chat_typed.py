"""What happens for each line that the user of the terminal client types.

A table from command to function, on a :class:`jsongle_server.chat_state.State`. Layer 5.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jsongle_server.chat_commands import COMMANDS, Typed, WrongCommand, read_line
from jsongle_server.chat_json import shown_json
from jsongle_server.chat_lines import Kind, Piece, Style, harmless, harmless_text
from jsongle_server.chat_pace import Pending
from jsongle_server.chat_state import excerpt
from jsongle_server.vocabulary import Action, Namespace, Query, Reason, RoomKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsongle_server.chat_state import State

NAMESPACE: Final = "message"
"""The namespace of texts, but in a multi-user room: it is what JSONgle clients give them."""


JOINS: Final = MappingProxyType({str(Query.JOIN): RoomKind.ROOM, str(Query.MUC_JOIN): RoomKind.MUC})
"""The kind of room that each of these queries joins."""


def type_line(state: State, line: str, now: float) -> None:
    """Does what a line says: it is a command, or a text for the target."""
    line = line.encode("utf-8", "replace").decode("utf-8")
    try:
        typed = read_line(line)
    except WrongCommand as error:
        state.error(now, str(error))
        return
    if typed.command:
        if not state.wishes.is_script:
            state.news(now, f"> {harmless(line.strip(), 80)}")
        DOES[typed.command](state, typed, now)
    elif typed.text.strip():
        send_text(state, state.target, typed.text, now)


def send_text(state: State, to: str, text: str, now: float) -> None:
    """Sends a text, and shows it."""
    if not to:
        state.error(now, "there is nobody to send this to", "/join ROOM, or /to somebody")
        return
    room = state.people.rooms.get(to)
    rid, slash, _ = to.partition("/")
    is_muc = state.people.rooms[rid].kind is RoomKind.MUC if slash and rid in state.people.rooms else False
    if room is not None:
        is_muc = room.kind is RoomKind.MUC
        state.show(Kind.TALK, now, room_piece(room.rid), _you(state), ": ", harmless_text(text))
    else:
        state.show(Kind.TALK, now, _you(state), f" → {harmless(to)}: ", harmless_text(text))
    pending = Pending(f"your text “{excerpt(text)}” to {harmless(to)}", now)
    namespace = Namespace.MUC if is_muc else NAMESPACE
    state.say(to, Action.SESSION_TEXT, now, pending, namespace=str(namespace), description={"content": text})


def room_piece(rid: str) -> Piece:
    """The room that a line is about."""
    return Piece(f"[{harmless(rid)}] ", Style.DIM)


def join(state: State, rid: str, kind: RoomKind, now: float) -> None:
    """Joins a room."""
    query = Query.MUC_JOIN if kind is RoomKind.MUC else Query.JOIN
    state.ask(query, f"joining {harmless(rid)}", now, rid=rid)


def _you(state: State) -> Piece:
    return Piece("you", name=state.me.uid)


def _join(state: State, typed: Typed, now: float) -> None:
    join(state, typed.name, RoomKind.ROOM, now)


def _muc(state: State, typed: Typed, now: float) -> None:
    join(state, typed.name, RoomKind.MUC, now)


def _leave(state: State, typed: Typed, now: float) -> None:
    if rid := _room_of(state, typed, now):
        state.ask(Query.LEAVE, f"leaving {harmless(rid)}", now, rid=rid)


def _members(state: State, typed: Typed, now: float) -> None:
    if rid := _room_of(state, typed, now):
        state.ask(Query.ROOM_MEMBERS, f"asking who is in {harmless(rid)}", now, rid=rid)


def _room_of(state: State, typed: Typed, now: float) -> str:
    """The room that a command is about: the one that it names, the target, or the only one."""
    rid = typed.name or (state.target if state.target in state.people.rooms else "")
    if not rid and len(state.people.rooms) == 1:
        rid = next(iter(state.people.rooms))
    if not rid:
        state.error(now, "which room?", f"type it so: {COMMANDS[typed.command].line}")
    return rid


def _to(state: State, typed: Typed, now: float) -> None:
    state.target = typed.name
    state.news(now, f"texts go to {harmless(typed.name)} now")


def _msg(state: State, typed: Typed, now: float) -> None:
    send_text(state, typed.name, typed.text, now)


def _decline(state: State, typed: Typed, now: float) -> None:
    if not state.calls:
        state.error(now, "no call rings")
        return
    sid, call = state.calls.popitem()
    echoed = {name: call[name] for name in ("initiator", "responder") if isinstance(call.get(name), str)}
    state.say(call["from"], Action.SESSION_DECLINE, now, sid=sid, reason=str(Reason.DECLINED), description={}, **echoed)
    state.news(now, f"the call {harmless(sid)} is declined")


def _ping(state: State, typed: Typed, now: float) -> None:
    state.ask(Query.PING, "the ping", now)


def _ice(state: State, typed: Typed, now: float) -> None:
    state.ask(Query.ICE_SERVERS, "asking for ICE servers", now)


def _me(state: State, typed: Typed, now: float) -> None:
    me = state.me
    state.show(Kind.NEWS, now, "you are ", state.name_piece(me), f": uid {harmless(me.uid)}, identity {me.identity}")
    for room in state.people.rooms.values():
        kind = "multi-user room" if room.kind is RoomKind.MUC else "room"
        others = "1 other" if len(room.members) == 1 else f"{len(room.members)} others"
        state.show(Kind.NEWS, now, f"in the {kind} {harmless(room.rid)}, with {others}")


def _raw(state: State, typed: Typed, now: float) -> None:
    if not typed.text:
        state.raw = not state.raw
        state.news(now, "every frame is shown" if state.raw else "frames are no longer shown")
        return
    try:
        envelope = json.loads(typed.text)
    except (ValueError, RecursionError) as error:
        state.error(now, f"that is no JSON: {harmless(str(error), 80)}", "type it so: " + COMMANDS["raw"].line)
        return
    if not isinstance(envelope, dict):
        state.error(now, "an envelope is a JSON object", '/raw {"to": "…", "jsongle": {"action": "session-text"}}')
        return
    if state.target:
        envelope.setdefault("to", state.target)
    given = envelope.setdefault("id", state.new_id())
    mid = given if isinstance(given, str) and given else state.new_id()
    if not state.raw:
        shown = shown_json(envelope, rows=not state.wishes.is_script)
        state.show(Kind.FRAME, now, Piece("→ ", Style.GOOD), shown)
    jsongle = envelope.get("jsongle")
    transaction = jsongle.get("transaction") if isinstance(jsongle, dict) else None
    pending = Pending("your envelope", now, is_raw=True)
    state.send(mid, envelope, now, pending)
    if isinstance(transaction, str) and transaction != mid and mid in state.pending:
        state.pending[transaction] = state.pending.pop(mid)
    if state.wishes.is_script:
        # An envelope may have no answer. Those that it has come before that of the next question.
        barrier = Pending("the ping", now, query=str(Query.PING), is_quiet=True)
        state.say(state.server, Action.IQ_SET, now, barrier, query=str(Query.PING), description={})


def _help(state: State, typed: Typed, now: float) -> None:
    width = max(len(command.line) for command in COMMANDS.values())
    for command in COMMANDS.values():
        state.show(Kind.NEWS, now, Piece(f"{command.line:<{width}}", Style.BOLD), f"  {command.does}")
    state.news(now, "whatever else is typed goes to the name at the prompt; a tab completes")


def _quit(state: State, typed: Typed, now: float) -> None:
    state.ended = 0


DOES: Final[Mapping[str, Callable[[State, Typed, float], None]]] = MappingProxyType(
    {
        "join": _join,
        "muc": _muc,
        "leave": _leave,
        "members": _members,
        "to": _to,
        "msg": _msg,
        "decline": _decline,
        "ping": _ping,
        "ice": _ice,
        "me": _me,
        "raw": _raw,
        "help": _help,
        "quit": _quit,
    }
)
"""What each command does."""
