"""What the terminal client knows and does, whatever it is about: lines go out to somebody, frames to the server.

Owns who one is, whom texts go to, and what is still to be answered. It has no terminal, no connection and no clock:
all three are given. What is typed and what is heard are carried out on it by ``chat_typed.py`` and ``chat_heard.py``.
Layer 5.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jsongle_server.chat_json import shown_json
from jsongle_server.chat_lines import Kind, Line, Piece, Style, harmless, shortened
from jsongle_server.chat_link import MOST_KEPT, Link, TooMuch
from jsongle_server.chat_pace import Pace, Pending
from jsongle_server.chat_people import People, Person
from jsongle_server.vocabulary import Action, RoomKind

Show = Callable[[Line], None]
Send = Callable[[str], None]
Later = Callable[[float, Callable[[], None]], None]

MOST_PENDING: Final = 2048
"""Messages whose answers are waited for; beyond it the oldest is no longer."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options say.

    :param uid: who one is.
    :param dn: the display name; empty for none.
    :param rooms: what to join at the beginning; texts go to the first.
    :param tokens: what to say hello with, by the names of its fields: ``token``, ``appToken``.
    :param raw: whether to show every frame.
    :param resumes: whether the session outlives a lost connection.
    :param is_script: whether nobody looks: lines are read from a file or a pipe, or written to one.
    """

    uid: str
    dn: str = ""
    rooms: tuple[tuple[str, RoomKind], ...] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    raw: bool = False
    resumes: bool = True
    is_script: bool = False


class State:
    """One user of the terminal client.

    :param wishes: what the options say.
    :param show: takes what is to be shown.
    :param send: takes text frames for the server; called while there is a connection only.
    :param later: calls something after some seconds.

    :ivar me: who one is; the identity is empty before the first hello.
    :ivar offered: the identity that the server greeted one with.
    :ivar server: the id of the server, and in ``server_info`` what it says of itself.
    :ivar target: where texts go; empty for nowhere.
    :ivar status: a few words on what was acknowledged last.
    :ivar ended: the exit status, once it is over.
    :ivar failed: whether something was refused.
    :ivar calls: calls that ring: whom to answer, by ``sid``.
    """

    def __init__(self, wishes: Wishes, *, show: Show, send: Send, later: Later) -> None:
        self.wishes = wishes
        self.me = Person("", wishes.uid, wishes.dn)
        self.offered = ""
        self.server = ""
        self.server_info = ""
        self.target = wishes.rooms[0][0] if wishes.rooms else ""
        self.status = ""
        self.raw = wishes.raw
        self.people = People()
        self.link = Link(resumes=wishes.resumes)
        self.pending: dict[str, Pending] = {}
        self.pace = Pace(self.pending)
        self.calls: dict[str, dict[str, Any]] = {}
        self.ended: int | None = None
        self.failed = False
        self.later = later
        self._show = show
        self._send = send
        self._count = 0

    def show(self, kind: Kind, now: float, *pieces: Piece | str) -> None:
        """Shows a line."""
        made = tuple(Piece(piece) if isinstance(piece, str) else piece for piece in pieces)
        self._show(Line(kind, made, now))

    def news(self, now: float, text: str) -> None:
        """Shows what is good to know."""
        self.show(Kind.NEWS, now, Piece(text, Style.DIM))

    def error(self, now: float, text: str, advice: str = "") -> None:
        """Shows what went wrong, and what to do about it."""
        self.failed = True
        more = (Piece(f"\n{'':<9}  {advice}", Style.DIM),) if advice else ()
        self.show(Kind.ERROR, now, Piece("✗ ", Style.ERROR), Piece(text, Style.ERROR), *more)

    def say(self, to: str, action: Action, now: float, pending: Pending | None = None, **jsongle: Any) -> None:
        """Sends a message, now or as soon as there is a connection.

        :param pending: how to remember it until it is answered, if it will be.
        :param jsongle: what else stands in its ``jsongle`` object; an iq gets its transaction.
        """
        mid = self.new_id()
        if pending is not None and pending.query:
            jsongle["transaction"] = mid
        self.send(mid, {"id": mid, "to": to, "jsongle": {"action": str(action), **jsongle}}, now, pending)

    def send(self, mid: str, envelope: dict[str, Any], now: float, pending: Pending | None) -> None:
        """Sends an envelope, as :meth:`say` does."""
        frame = json.dumps(envelope, ensure_ascii=False)
        if pending is None:
            self.push(mid, frame, now)
            return
        pending = replace(pending, since=now, frame=frame, number=self._count)
        if pending.is_raw or not self.pace.is_slow:
            self.transmit(mid, pending, now)
        elif len(self.pace.waiting) < MOST_KEPT:
            self.pace.hold(pending)
        else:
            self._refuse(now)

    def transmit(self, mid: str, pending: Pending, now: float) -> None:
        """Sends a message that is answered, however fast that is."""
        if self.push(mid, pending.frame, now):
            self.pending[mid] = pending
            if len(self.pending) > MOST_PENDING:
                del self.pending[next(iter(self.pending))]

    def push(self, mid: str, frame: str, now: float) -> bool:
        """Sends a frame, now or later; whether it was taken."""
        try:
            is_now = self.link.push(mid, frame)
        except TooMuch:
            self._refuse(now)
            return False
        if is_now:
            self.write(frame, now)
        return True

    def write(self, frame: str, now: float) -> None:
        """Hands a frame to the connection."""
        self.show_frame(Piece("→ ", Style.GOOD), frame, now)
        self._send(frame)

    def ask(self, query: str, what: str, now: float, **description: Any) -> None:
        """Sends an iq to the server.

        :param what: it, in words that errors begin with.
        """
        pending = Pending(what, now, query=query, rid=str(description.get("rid", "")))
        self.say(self.server, Action.IQ_SET, now, pending, query=query, description=description)

    def show_frame(self, arrow: Piece, frame: str, now: float) -> None:
        """Shows a frame, in raw mode."""
        if self.raw:
            self.show(Kind.FRAME, now, arrow, shown_json(json.loads(frame), rows=not self.wishes.is_script))

    def answered(self, mid: object) -> Pending | None:
        """A message was answered; which one it was, if it is known."""
        if not isinstance(mid, str):
            return None
        self.link.confirm(mid)
        self.pace.overtaken(mid)
        return self.pending.pop(mid, None)

    def new_id(self) -> str:
        """An id for a message."""
        self._count += 1
        return f"m-{self._count}"

    def name_piece(self, person: Person) -> Piece:
        """Somebody's name in their colour."""
        return Piece(harmless(person.name), name=person.uid)

    def _refuse(self, now: float) -> None:
        self.error(now, "too much waits to be sent", "wait until the server has taken some of it")


def excerpt(text: str) -> str:
    """A text, for a line that is about it."""
    return harmless(shortened(text, 30), 34)
