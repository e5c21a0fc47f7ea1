"""The tables that streams show: the newest rooms and sessions, all of them or those in which some text stands.

They are made only while somebody looks, once for all streams that ask for the same, in turns of the reactor where there
is much to look through, and told only when they have changed. Layer 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.logger import Logger, LogLevel

from jsongle_server.event_stream import EventStream, event
from jsongle_server.rest_turns import in_turns
from jsongle_server.rest_views import room_view, session_view

if TYPE_CHECKING:
    from jsongle_server.rooms import Room
    from jsongle_server.session import Session
    from jsongle_server.signaling import Signaling

MAX_ROWS: Final = 100
"""Most rows of a table."""

MAX_NAMES: Final = 50
"""Most members that are shown of a room, and rooms of a session: one row must not be as long as a table."""

T = TypeVar("T")


class Table:
    """Rooms and sessions in which a text stands, for all streams that ask for that.

    :param find: the text, whatever its case; empty for all.
    :param signaling: whose rooms and sessions.
    :param reactor: gives turns.
    """

    _log = Logger()

    def __init__(self, find: str, signaling: Signaling, reactor: Any) -> None:
        self._find = find
        self._signaling = signaling
        self._reactor = reactor
        self._is_busy = False
        self._latest: dict[str, bytes] = {}
        self.streams: dict[EventStream, None] = {}

    def add(self, stream: EventStream) -> None:
        """Has a stream show it from now on."""
        self.streams[stream] = None
        for name, data in self._latest.items():
            stream.show(name, data)
        if not self._latest:
            self.refresh()

    def refresh(self) -> None:
        """Makes it anew, and shows what has changed; does nothing while that is still being done."""
        if not self._is_busy:
            self._is_busy = True
            in_turns(self._steps(), self._reactor, self._done).addErrback(self._failed)

    def _steps(self) -> Iterator[int]:
        signaling = self._signaling
        rooms = yield from self._search(list(signaling.rooms.all()), _texts_of_room)
        newest = nlargest(MAX_ROWS, rooms, key=lambda room: room.created)
        yield from self._show("rooms", newest, _room_row, len(rooms))
        sessions = yield from self._search(signaling.sessions(), _texts_of_session)
        latest = nlargest(MAX_ROWS, sessions, key=lambda session: session.connected)
        yield from self._show("sessions", latest, _session_row, len(sessions))

    def _search(self, items: list[T], texts_of: Callable[[T], Iterator[str]]) -> Any:
        """Those that are asked for; a generator that yields once for each text that it looks at."""
        if not self._find:
            return items
        found: list[T] = []
        for item in items:
            for text in texts_of(item):
                yield 1
                if self._find in text.casefold():
                    found.append(item)
                    break
        return found

    def _show(self, name: str, items: list[T], row_of: Callable[[T], dict[str, Any]], count: int) -> Iterator[int]:
        rows = []
        for item in items:
            rows.append(row_of(item))
            yield MAX_NAMES
        data = event(name, {name: rows, "count": count, "limit": MAX_ROWS})
        if data != self._latest.get(name):
            self._latest[name] = data
            for stream in list(self.streams):
                stream.show(name, data)

    def _done(self, steps: int) -> None:
        self._is_busy = False

    def _failed(self, failure: Any) -> None:
        self._is_busy = False
        self._log.failure("a table could not be made", failure=failure, level=LogLevel.error)


class Tables:
    """The tables of all streams."""

    def __init__(self, signaling: Signaling, reactor: Any) -> None:
        self._signaling = signaling
        self._reactor = reactor
        self._tables: dict[str, Table] = {}

    def __len__(self) -> int:
        return len(self._tables)

    def add(self, stream: EventStream, find: str) -> None:
        """Has a stream show what fits a text."""
        key = find.casefold()
        if key not in self._tables:
            self._tables[key] = Table(key, self._signaling, self._reactor)
        self._tables[key].add(stream)

    def remove(self, stream: EventStream) -> None:
        """Forgets a stream, and what nobody else looks at."""
        for key, table in list(self._tables.items()):
            table.streams.pop(stream, None)
            if not table.streams:
                del self._tables[key]

    def refresh(self) -> None:
        """Makes all of them anew."""
        for table in list(self._tables.values()):
            table.refresh()


def _room_row(room: Room) -> dict[str, Any]:
    """A room as ``GET /rooms`` shows it, but with a bound; ``memberCount`` is how many are in it."""
    return room_view(room, most=MAX_NAMES) | {"memberCount": len(room)}


def _session_row(session: Session) -> dict[str, Any]:
    """A session as ``GET /sessions`` shows it, but with a bound; ``roomCount`` is in how many it is."""
    return session_view(session, most=MAX_NAMES) | {"roomCount": len(session.rooms)}


def _texts_of_room(room: Room) -> Iterator[str]:
    yield room.rid
    for member in list(room):
        # Everybody else has had turns meanwhile.
        if member in room:
            yield _joined(member.identity, member.uid, room.describe(member).get("dn"))


def _texts_of_session(session: Session) -> Iterator[str]:
    yield _joined(session.identity, session.uid, session.describe().get("dn"), session.remote, *session.rooms)


def _joined(*texts: object) -> str:
    """One text to look through; what is asked for cannot stand across the gap, as no query has a line end in it."""
    return "\n".join(text for text in texts if isinstance(text, str))
