"""The service behind every connection: sessions, rooms and what passes between them.

Wires the pieces of layers 0 to 3 together for one server and opens sessions on them; a protocol needs nothing else.
Layer 3: knows no reactor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from time import perf_counter
from uuid import uuid4

from twisted.logger import Logger

from jsongle_server.config import Config
from jsongle_server.handlers import admit
from jsongle_server.metrics import Metrics
from jsongle_server.registry import Registry
from jsongle_server.rooms import Rooms
from jsongle_server.session import Peer, Services, Session, SessionState
from jsongle_server.vocabulary import RoomKind


class Signaling:
    """Rooms and sessions of one server.

    :param config: the configuration.
    :param metrics: where to count.
    :param tracing: tells whether single messages are logged.
    :param new_id: makes unique ids; UUID4 strings unless a test wants others.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        metrics: Metrics,
        *,
        tracing: Callable[[], bool],
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.rooms = Rooms(
            max_members={RoomKind.ROOM: config.max_members_per_room, RoomKind.MUC: config.max_members_per_multi_room},
            max_rooms_per_user=config.max_rooms_per_user,
        )
        self.registry: Registry[Session] = Registry()
        self.metrics = metrics
        self._sessions: dict[Session, None] = {}
        self._services = Services(
            config=config,
            registry=self.registry,
            rooms=self.rooms,
            metrics=metrics,
            new_id=new_id,
            admit=admit,
            stopwatch=perf_counter,
            tracing=tracing,
        )
        metrics.watch(self)

    @property
    def connection_count(self) -> int:
        """Open WebSocket connections."""
        return len(self._sessions)

    def open(self, peer: Peer, *, remote: str, now: float) -> Session:
        """Begins the session of a connection that has just opened, and greets it.

        :param remote: the client's network address.
        :param now: seconds since the epoch.
        """
        session = Session(self._services, peer, identity=self._services.new_id(), remote=remote, now=now)
        self._sessions[session] = None
        self.metrics.connections += 1
        self._log.info("connect {session} {remote}", session=session.identity, remote=remote)
        session.greet(now)
        return session

    def lost(self, session: Session, now: float, *, cause: str = "connection lost") -> None:
        """Ends the session of a connection that is gone or going.

        :param cause: why, for the log.
        """
        self._sessions.pop(session, None)
        session.end(now, cause=cause)

    def sessions(self) -> list[Session]:
        """A snapshot of every live session, in order of arrival, those included that have not said hello."""
        return [session for session in self._sessions if session.state is not SessionState.ENDED]

    def find(self, identity: str) -> Session | None:
        """The live session of that identity, whether or not it has said hello."""
        return next((session for session in self.sessions() if session.identity == identity), None)

    def count_sessions(self) -> Mapping[str, int]:
        """Live sessions by state, every state being there."""
        counts = Counter(session.state for session in self._sessions)
        return {state.value: counts[state] for state in (SessionState.AWAITING_HELLO, SessionState.IDENTIFIED)}

    def count_rooms(self) -> Mapping[RoomKind, int]:
        """Rooms by kind, every kind being there."""
        counts = Counter(room.kind for room in self.rooms.all())
        return {kind: counts[kind] for kind in RoomKind}
