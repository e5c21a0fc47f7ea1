"""One client's session: who it is, where it is, and what becomes of each message it sends.

A session speaks outward through its :class:`Peer` alone, and takes the time as an argument, so that it runs the same
over a socket and over a list in a test. Bytes come in by :meth:`Session.receive`; what they mean is decided by the
handlers; what is wrong with them is answered here and nowhere else. Layer 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from twisted.logger import Logger, LogLevel

from jsongle_server import __version__, messages
from jsongle_server.codec import Envelope, Json, Outgoing, address, decode, encode
from jsongle_server.errors import InternalError, JsongleError, NotJson
from jsongle_server.limits import RecentCount
from jsongle_server.metrics import OTHER_ACTION
from jsongle_server.privacy import obfuscated, printable
from jsongle_server.vocabulary import ACTIONS, IQ_REQUESTS, CloseCode, Event, RoomKind

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.metrics import Metrics
    from jsongle_server.registry import Registry
    from jsongle_server.rooms import Room, Rooms

INFO: Final = "Easy signaling using JSONgle-Server"
"""What the server says of itself in its hello."""

NOT_JSON_LIMIT: Final = 20
NOT_JSON_SPAN: Final = 60.0
"""So many frames that are not JSON within so many seconds are abuse (protocol section 2)."""

Handler = Callable[["Session", Envelope, float], None]
"""What is done with a message of some action; takes the session, the envelope and the time."""


class SessionState(StrEnum):
    """How far a session has come."""

    AWAITING_HELLO = "awaiting_hello"
    IDENTIFIED = "identified"
    ENDED = "ended"


class Peer(Protocol):
    """The connection that a session speaks through."""

    def send(self, payload: bytes) -> None:
        """Sends one text frame; does nothing once the connection is closing."""
        ...

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes the connection after what was sent before; does nothing once it is closing."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What every session of a server shares.

    :ivar new_id: makes a UUID4 string.
    :ivar admit: checks a message's envelope against its sender and finds its handler, or raises a JsongleError.
    :ivar stopwatch: seconds on a clock that only serves to measure.
    :ivar tracing: whether single messages are logged.
    """

    config: Config
    registry: Registry[Session]
    rooms: Rooms
    metrics: Metrics
    new_id: Callable[[], str]
    admit: Callable[[Session, Envelope], Handler]
    stopwatch: Callable[[], float]
    tracing: Callable[[], bool]

    def encode_own(self, jsongle: Json) -> Outgoing:
        """Encodes something that the server says in its own name."""
        return encode(self.new_id(), self.config.id, {"jsongle": jsongle})


class Session:
    """A client, from the moment its connection is open.

    :param identity: the session identity: what the client uses as ``from``, and others address.
    :param remote: the client's network address, for people to read.
    :param now: seconds since the epoch.
    """

    _log = Logger()

    __slots__ = (
        "_address",
        "_description",
        "_not_json",
        "_peer",
        "connected",
        "identity",
        "remote",
        "rooms",
        "services",
        "state",
        "transaction",
        "uid",
        "unreachable_sids",
    )

    def __init__(self, services: Services, peer: Peer, *, identity: str, remote: str, now: float) -> None:
        self.services = services
        self.identity = identity
        self.remote = remote
        self.connected = now
        self.state = SessionState.AWAITING_HELLO
        self.uid = ""
        self.rooms: dict[str, Room] = {}
        self.transaction = services.new_id()
        self.unreachable_sids: dict[int, None] = {}
        self._peer = peer
        self._address = address(identity)
        self._description: Json = {}
        self._not_json: RecentCount | None = None

    def greet(self, now: float) -> None:
        """Asks the client who it is (protocol section 3)."""
        self.say(
            messages.hello(
                server_id=self.services.config.id,
                version=__version__,
                info=INFO,
                transaction=self.transaction,
                connected=messages.timestamp(now),
            )
        )

    def receive(self, payload: bytes, now: float) -> None:
        """Handles one text frame from the client.

        :param payload: its bytes.
        :param now: seconds since the epoch.
        """
        if self.state is SessionState.ENDED:
            return
        envelope: Envelope | None = None
        admitted = False
        try:
            envelope = decode(payload)
            self.services.metrics.count_received(envelope.action, len(payload))
            if self.services.tracing():
                self._trace("from", envelope.action, len(payload))
            handle = self.services.admit(self, envelope)
            admitted = True
            handle(self, envelope, now)
        except JsongleError as error:
            if envelope is None:
                self.services.metrics.count_received("", len(payload))
            self._answer_error(error, envelope, admitted=admitted)
            if isinstance(error, NotJson):
                self._count_not_json(now)
        except Exception:
            self._log.failure("a message could not be handled", level=LogLevel.error, session=self.identity)
            self._answer_error(InternalError("Internal error"), envelope, admitted=admitted)
            self.close(CloseCode.INTERNAL_ERROR, "internal error", now)

    def say(self, jsongle: Json) -> None:
        """Sends the client something in the server's own name.

        :param jsongle: what :mod:`jsongle_server.messages` built.
        """
        self.deliver(self.services.encode_own(jsongle))

    def deliver(self, outgoing: Outgoing) -> None:
        """Sends the client a message. Never raises: a connection that fails is this session's trouble alone."""
        if self.state is SessionState.ENDED:
            return
        payload = outgoing.addressed(self._address)
        metrics = self.services.metrics
        metrics.sent[outgoing.action] += 1
        metrics.sent_bytes += len(payload)
        if self.services.tracing():
            self._trace("to", outgoing.action, len(payload))
        try:
            self._peer.send(payload)
        except Exception:
            self._log.failure("a message could not be sent", level=LogLevel.error, session=self.identity)

    def describe(self, dn: str | None = None) -> Json:
        """What others are shown of this client (protocol section 4).

        :param dn: the display name to show instead of its own.
        """
        shown = dict(self._description)
        if dn is not None:
            shown["dn"] = dn
        shown["id"] = self.identity
        return shown

    def identify(self, description: Json) -> None:
        """Takes a checked hello: from now on the session can be found and can speak.

        :param description: what others are shown of it; holds ``uid``, which must be that of any hello before.
        """
        self._description = description
        if self.state is SessionState.AWAITING_HELLO:
            self.uid = description["uid"]
            self.state = SessionState.IDENTIFIED
            self.services.registry.add(self)
            self.services.metrics.sessions += 1
            self._log.info("hello {session} uid {uid}", session=self.identity, uid=obfuscated(self.uid))

    def join(self, rid: str, kind: RoomKind, *, dn: str | None, now: float) -> Room:
        """Enters a room and lets its members know; being in it already is fine and tells nobody.

        :raises JsongleError: as :meth:`jsongle_server.rooms.Rooms.join` does.
        """
        room, is_new = self.services.rooms.join(self, rid, kind, dn=dn, now=now)
        if is_new:
            if len(room) == 1:
                self.services.metrics.rooms_created[kind] += 1
            self._announce(room, Event.JOINED, room.describe(self), now)
            self._log.info("join {session} {kind} {rid}", session=self.identity, kind=kind.value, rid=printable(rid))
        return room

    def leave(self, rid: str, now: float) -> None:
        """Leaves a room and lets those who remain know.

        :raises NoSuchRecipient: it is not in such a room.
        """
        room = self.rooms.get(rid)
        shown = room.describe(self) if room is not None else {}
        room = self.services.rooms.leave(self, rid)
        self._announce(room, Event.LEFT, shown, now)
        self._log.info("leave {session} {kind} {rid}", session=self.identity, kind=room.kind.value, rid=printable(rid))

    def close(self, code: CloseCode, reason: str, now: float) -> None:
        """Ends the session and closes its connection; does nothing if it has ended."""
        if self.state is not SessionState.ENDED:
            self.end(now, cause=reason)
            self._peer.close(code, reason)

    def end(self, now: float, *, cause: str) -> None:
        """Ends the session, its connection being lost or about to be closed: it leaves its rooms and is forgotten.

        :param cause: why, for the log.
        """
        if self.state is SessionState.ENDED:
            return
        if self.state is SessionState.IDENTIFIED:
            self.services.registry.remove(self)
            self.services.metrics.session_seconds += max(0.0, now - self.connected)
        self.state = SessionState.ENDED
        for rid in list(self.rooms):
            self.leave(rid, now)
        self._log.info("disconnect {session} {remote}: {cause}", session=self.identity, remote=self.remote, cause=cause)

    def _announce(self, room: Room, event: Event, member: Json, now: float) -> None:
        at = messages.timestamp(now)
        told = messages.room_event(room.kind, event, rid=room.rid, member=member, at=at)
        room.tell_others(self, self.services.encode_own(told))

    def _answer_error(self, error: JsongleError, envelope: Envelope | None, *, admitted: bool) -> None:
        """Tells the client what was wrong; past the guards an iq gets it as the answer that it waits for."""
        self.services.metrics.errors[error.code] += 1
        if envelope is None:
            self.say(messages.session_error(error.code, error.details, error.mid))
        elif admitted and envelope.action in IQ_REQUESTS:
            mid = envelope.mid or self.services.new_id()
            self.say(messages.iq_error(envelope.jsongle, error.code, error.details, mid=mid))
        else:
            self.say(messages.session_error(error.code, error.details, envelope.mid))

    def _count_not_json(self, now: float) -> None:
        if self._not_json is None:
            self._not_json = RecentCount(NOT_JSON_LIMIT, NOT_JSON_SPAN)
        if self._not_json.too_many(now):
            self.close(CloseCode.POLICY_VIOLATION, "too many frames that are not JSON", now)

    def _trace(self, direction: str, action: str, size: int) -> None:
        self._log.debug(
            "{direction} {session}: {action}, {size} bytes",
            direction=direction,
            session=self.identity,
            action=action if action in ACTIONS else OTHER_ACTION,  # any other is the client's own text
            size=size,
        )
