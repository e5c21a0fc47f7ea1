"""The service behind every connection: sessions, rooms and what passes between them.

Wires the pieces of layers 0 to 3 together for one server and opens sessions on them; a protocol needs nothing else.
Layer 3: knows no reactor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from secrets import token_urlsafe
from time import perf_counter
from typing import Final

from twisted.logger import Logger

from jsongle_server.blocks import Blocks
from jsongle_server.call_relay import leave_calls
from jsongle_server.calls import Calls
from jsongle_server.codec import Json, address
from jsongle_server.config import Config
from jsongle_server.handlers import admit
from jsongle_server.ice import is_same_ice
from jsongle_server.ids import Ids
from jsongle_server.keys import Keys
from jsongle_server.member import Member
from jsongle_server.metrics import Metrics
from jsongle_server.occurrences import Publish
from jsongle_server.registry import Registry
from jsongle_server.reminders import spread_ice
from jsongle_server.resume import Resumes
from jsongle_server.rooms import Rooms
from jsongle_server.services import Clock, Peer, Services
from jsongle_server.session import Session, SessionState
from jsongle_server.tokens import Tokens
from jsongle_server.tracing import Trace, all_of, log_message
from jsongle_server.vocabulary import RoomKind

SECRET_BYTES: Final = 24
"""Randomness of each part of a resume token."""


class Signaling:
    """Rooms and sessions of one server.

    :param config: the configuration.
    :param metrics: where to count.
    :param clock: tells the time and runs timers.
    :param keys: what signed tokens are checked with; those of the configuration unless others are fetched.
    :param tracing: whether lines at level debug are logged.
    :param new_id: makes unique ids; UUID4 strings unless a test wants others.
    :param new_secret: makes unguessable strings; of 192 bits unless a test wants others.
    :param session_type: what its sessions are: ones that are not logged, for the server's talk with itself.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        metrics: Metrics,
        *,
        clock: Clock,
        keys: Keys | None = None,
        tracing: bool = False,
        new_id: Callable[[], str] | None = None,
        new_secret: Callable[[], str] = lambda: token_urlsafe(SECRET_BYTES),
        session_type: type[Session] = Session,
    ) -> None:
        self.rooms = Rooms(max_members=_max_members(config), max_rooms_per_user=config.max_rooms_per_user)
        self.registry: Registry[Session] = Registry()
        self.calls: Calls[Session] = Calls()
        self.metrics = metrics
        self._session_type = session_type
        self._connections: dict[Peer, Session] = {}
        self._services = Services(
            config=config,
            address=address(config.id),
            registry=self.registry,
            rooms=self.rooms,
            calls=self.calls,
            metrics=metrics,
            clock=clock,
            tokens=Tokens(config, Keys(config) if keys is None else keys),
            blocks=Blocks(),
            resumes=Resumes(lambda: self._services.config, clock, new_secret=new_secret),
            moved=self._connections.__setitem__,
            leave_calls=leave_calls,
            new_id=new_id or Ids(),
            admit=admit,
            stopwatch=perf_counter,
            tracing=tracing,
        )
        self._tracer: Trace | None = None
        self._set_trace()
        metrics.watch(self)

    def trace(self, *, enabled: bool) -> None:
        """Has single messages logged from now on, or not any more."""
        self._services.tracing = enabled
        self._set_trace()

    def trace_to(self, tracer: Trace | None) -> None:
        """Has somebody see single messages from now on, or nobody any more, whatever is logged."""
        self._tracer = tracer
        self._set_trace()

    def _set_trace(self) -> None:
        self._services.trace = all_of(log_message if self._services.tracing else None, self._tracer)

    def publish_to(self, publish: Publish | None) -> None:
        """Has somebody take note of what happens from now on, or nobody any more."""
        self._services.publish = publish

    def reconfigure(self, config: Config) -> None:
        """Goes by other settings from now on; rates of clients that are here stay as they are."""
        keys = self._services.tokens.keys
        keys.reconfigure(config)
        former, self._services.config = self._services.config, config
        if not is_same_ice(former, config):
            spread_ice(self.registry.all())
        self._services.tokens = Tokens(config, keys)
        self.rooms.limit(max_members=_max_members(config), max_rooms_per_user=config.max_rooms_per_user)

    @property
    def asks_for_tokens(self) -> bool:
        """Whether clients must present a token of any kind."""
        return self._services.tokens.are_needed

    @property
    def knows_users(self) -> bool:
        """Whether clients must prove which user they are."""
        return self._services.tokens.are_signed

    @property
    def connection_count(self) -> int:
        """Open WebSocket connections."""
        return len(self._connections)

    def count_occupied(self) -> int:
        """Connections less those that are on their way out: whoever was on one of these may be back on another."""
        return sum(
            1
            for peer, session in self._connections.items()
            if session.state is not SessionState.ENDED and session.is_heard_through(peer)
        )

    def open(
        self, peer: Peer, *, remote: str, now: float, must_resume: bool = False, presented: str | None = None
    ) -> Session:
        """Begins the session of a connection that has just opened, and greets it.

        :param remote: the client's network address.
        :param now: seconds since the epoch.
        :param must_resume: whether there is only room for it if it goes on with a session that there is.
        :param presented: the token that came with the handshake.
        """
        session = self._session_type(
            self._services,
            peer,
            identity=self._services.new_id(),
            remote=remote,
            now=now,
            must_resume=must_resume,
            presented=presented,
        )
        self._connections[peer] = session
        peer.attach(session)
        self.metrics.connections += 1
        if self._services.tracing:
            self._log.debug("connect {session} {remote}", session=session.identity, remote=remote)
        session.greet(now)
        return session

    def lost(self, peer: Peer, now: float, *, cause: str = "connection lost") -> None:
        """Takes note that a connection is gone; its session, if it still is one, waits for its client or ends.

        :param cause: why, for the log.
        """
        session = self._connections.pop(peer, None)
        if session is not None and session.is_heard_through(peer):
            session.detach(now, cause=cause)

    def begin_to_stop(self) -> None:
        """Has calls go on without those that do not come back from now on."""
        self._services.resumes.begin_to_stop()

    def end_detached(self, now: float) -> None:
        """Ends the sessions that wait for their clients, as the server stops; their calls go on without it."""
        for session in self._services.resumes.detached():
            session.end(now, cause="the server stops", tell_calls=False)

    def sessions(self) -> list[Session]:
        """A snapshot of every live session, those included that have not said hello, or have no connection."""
        known = dict.fromkeys((*self._connections.values(), *self._services.resumes.detached()))
        return [session for session in known if session.state is not SessionState.ENDED]

    def find(self, identity: str) -> Session | None:
        """The live session of that identity, whether or not it has said hello."""
        return next((session for session in self.sessions() if session.identity == identity), None)

    def count_sessions(self) -> Mapping[str, int]:
        """Live sessions by state, every state being there."""
        counts = Counter(session.state for session in self.sessions())
        return {state.value: counts[state] for state in SessionState if state is not SessionState.ENDED}

    @property
    def resumes(self) -> Resumes:
        """The sessions that outlive their connections."""
        return self._services.resumes

    @property
    def blocks(self) -> Blocks:
        """Who is kept out."""
        return self._services.blocks

    def new_id(self) -> str:
        """A UUID4 string that was never given before."""
        return self._services.new_id()

    def tell(self, members: Iterable[Member], jsongle: Json) -> str:
        """Says something in the server's own name.

        :param members: whom to tell.
        :param jsongle: what :mod:`jsongle_server.messages` built.
        :returns: the id of the message.
        """
        outgoing = self._services.encode_own(jsongle)
        for member in members:
            member.deliver(outgoing)
        return outgoing.mid

    def count_calls(self) -> Mapping[str, int]:
        """Live calls by state, every state being there."""
        return self.calls.count()

    @property
    def detached_bytes(self) -> int:
        """Bytes that are kept for clients that have lost their connection."""
        return self.resumes.detached_bytes

    def count_rooms(self) -> Mapping[RoomKind, int]:
        """Rooms by kind, every kind being there."""
        counts = Counter(room.kind for room in self.rooms.all())
        return {kind: counts[kind] for kind in RoomKind}


def _max_members(config: Config) -> dict[RoomKind, int]:
    return {RoomKind.ROOM: config.max_members_per_room, RoomKind.MUC: config.max_members_per_multi_room}
