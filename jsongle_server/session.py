"""One client's session: who it is, where it is, and what becomes of each message it sends.

A session speaks outward through its :class:`Peer` alone, and takes the time as an argument, so that it runs the same
over a socket and over a list in a test. Bytes come in by :meth:`Session.receive`; what they mean is decided by the
handlers; what is wrong with them is answered here and nowhere else. Layer 3.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger, LogLevel

from jsongle_server import __version__, messages
from jsongle_server.codec import Envelope, Json, Outgoing, address, decode
from jsongle_server.error_answers import fail, take_error
from jsongle_server.errors import JsongleError
from jsongle_server.membership import leave
from jsongle_server.privacy import obfuscated
from jsongle_server.throttle import Throttle
from jsongle_server.tokens import EVERYTHING, Grant
from jsongle_server.told import Told
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsongle_server.reminders import Reminders
    from jsongle_server.resume import Resumption
    from jsongle_server.rooms import Room
    from jsongle_server.services import Handler, Peer, Services

INFO: Final = "Easy signaling using JSONgle-Server"
"""What the server says of itself in its hello."""

STOPPING: Final = frozenset({CloseCode.GOING_AWAY, CloseCode.SERVICE_RESTART})
"""Closes with which the server goes, not the client: calls go on without it."""

LONGEST_REST: Final = 60.0
"""Seconds for which nothing is read from a client while a message of it waits; whatever it waits for ends sooner."""


class SessionState(StrEnum):
    """How far a session has come."""

    AWAITING_HELLO = "awaiting_hello"
    IDENTIFIED = "identified"
    DETACHED = "detached"
    ENDED = "ended"


class Session:
    """A client, from the moment its connection is open.

    :param identity: the session identity: what the client uses as ``from``, and others address.
    :param remote: the client's network address, for people to read.
    :param now: seconds since the epoch.
    :param must_resume: whether there is no room for it unless it goes on with a session that there is.
    :param presented: the token that came with the handshake; it stands for those that a hello does not have.

    :cvar log: where its coming and going is told.
    :ivar grant: what its token allows.
    :ivar throttle: how fast it may send, and what of it was refused.
    :ivar reminders: what happens to it by itself, if anything will.
    :ivar address: its identity as JSON.
    :ivar aliases: the identities that the client was greeted with on later connections, the latest ones: frames that it
        wrote under them may still come. Others never see them. Kept by the registry.
    :ivar told: of which calls it has heard that nobody is there.
    :ivar resumption: what it keeps for the client's return, if it has opted in.
    """

    log = Logger()

    __slots__ = (
        "_description",
        "_peer",
        "address",
        "aliases",
        "connected",
        "grant",
        "identity",
        "must_resume",
        "presented",
        "reminders",
        "remote",
        "resumption",
        "rooms",
        "services",
        "state",
        "throttle",
        "told",
        "transaction",
        "uid",
    )

    def __init__(
        self,
        services: Services,
        peer: Peer,
        *,
        identity: str,
        remote: str,
        now: float,
        must_resume: bool = False,
        presented: str | None = None,
    ) -> None:
        self.services = services
        self.identity = identity
        self.remote = remote
        self.connected = now
        self.state = SessionState.AWAITING_HELLO
        self.uid = ""
        self.rooms: dict[str, Room] = {}
        self.transaction = services.new_id()
        self.told = Told()
        self.aliases: dict[str, None] = {}
        self.must_resume = must_resume
        self.presented = presented
        self.grant: Grant = EVERYTHING
        self.reminders: Reminders | None = None
        self.resumption: Resumption | None = None
        self._peer: Peer | None = peer
        self.address = address(identity)
        self._description: Json = {}
        self.throttle = Throttle(services.config, now)

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
        if self.resumption is not None:
            self.resumption.received += 1
        services = self.services
        envelope: Envelope | None = None
        admitted = False
        try:
            envelope = decode(payload)
            services.metrics.count_received(envelope.action, len(payload))
            if services.trace is not None:
                services.trace(self, "from", envelope.action, payload)
            handle = services.admit(self, envelope)
            admitted = True
            delay = self.throttle.admit(self, envelope, now)
            if delay:
                self.rest(delay)
            handle(self, envelope, now)
        except JsongleError as error:
            if envelope is None:
                self.services.metrics.count_received("", len(payload))
            take_error(self, error, envelope, now, admitted=admitted)
        except Exception:
            fail(self, envelope, now, admitted=admitted)

    def pause(self, envelope: Envelope, handle: Handler) -> Callable[[], None]:
        """Lets a message wait, and all that the client sends after it.

        :param handle: what is done with it in the end.
        :returns: what has it handled, unless the session has another connection by then, or none.
        """
        peer = self._peer
        self.rest(LONGEST_REST)

        def go_on() -> None:
            if peer is not None and self._peer is peer:
                self._take_up(envelope, handle, self.services.clock.seconds())
                peer.wake()

        return go_on

    def _take_up(self, envelope: Envelope, handle: Handler, now: float) -> None:
        """Handles a message that has waited."""
        try:
            handle(self, envelope, now)
        except JsongleError as error:
            take_error(self, error, envelope, now, admitted=True)
        except Exception:
            fail(self, envelope, now, admitted=True)

    def rest(self, delay: float) -> None:
        """Has the client read from more slowly, where it is too fast, or not until something else has happened."""
        if delay and self._peer is not None:
            self._peer.rest(delay)

    def say(self, jsongle: Json) -> None:
        """Sends the client something in the server's own name.

        :param jsongle: what :mod:`jsongle_server.messages` built.
        """
        self.deliver(self.services.encode_own(jsongle), can_wait=True)

    def deliver(self, outgoing: Outgoing, *, can_wait: bool = False) -> None:
        """Sends the client a message. Never raises: a connection that fails is this session's trouble alone.

        :param can_wait: whether it may go along with the next message that is sent.
        """
        payload = self._numbered(outgoing) if self.resumption is not None else outgoing.addressed(self.address)
        if payload is not None:
            self._send(outgoing.action, payload, can_wait=can_wait)

    def describe(self, dn: str | None = None) -> Json:
        """What others are shown of this client (protocol section 4).

        :param dn: the display name to show instead of its own.
        """
        shown = dict(self._description)
        if dn is not None:
            shown["dn"] = dn
        shown["id"] = self.identity
        return shown

    @property
    def is_lost_resumable(self) -> bool:
        """Whether it has ended although it had opted into resume: nobody else would notice in an active call."""
        return self.state is SessionState.ENDED and self.resumption is not None

    def speaks_as(self, sender: object) -> bool:
        """Whether ``from`` of a message, any JSON value, is this client."""
        if sender == self.identity:
            return True
        return not sender or sender in self.aliases if type(sender) is str else sender is None

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
            self.log.info("hello {session} uid {uid}", session=self.identity, uid=obfuscated(self.uid))

    def say_unnumbered(self, jsongle: Json) -> None:
        """Sends the client something that is never sent again: the ack of a connection's first hello."""
        outgoing = self.services.encode_own(jsongle)
        self._send(outgoing.action, outgoing.addressed(self.address))

    def uncount(self) -> None:
        """Takes back that a frame was counted: hello answers are not among those that a client sends again."""
        if self.resumption is not None:
            self.resumption.received -= 1

    def is_heard_through(self, peer: Peer) -> bool:
        """Whether this is the connection that the session has now."""
        return self._peer is peer

    def detach(self, now: float, *, cause: str) -> None:
        """Loses its connection: a session that has opted in waits for its client, any other ends.

        :param cause: why, for the log.
        """
        if self.resumption is None or self.state is not SessionState.IDENTIFIED:
            self.end(now, cause=cause)
            return
        self.state = SessionState.DETACHED
        self._peer = None
        self.services.resumes.detach(self)
        self.log.info("detach {session} {remote}: {cause}", session=self.identity, remote=self.remote, cause=cause)

    def adopt(self, other: Session, description: Json) -> tuple[Peer, Peer | None]:
        """Goes on over the connection of another session, which is none yet and ends with this.

        :param other: the session of that connection; its identity leads here from now on.
        :param description: what others are shown from now on.
        :returns: the connection that it has now, and the one that it had.
        """
        peer = other._peer
        assert peer is not None
        former, self._peer = self._peer, peer
        other.state, other._peer = SessionState.ENDED, None
        self.state = SessionState.IDENTIFIED
        self.remote = other.remote
        self._description = description
        self.services.registry.add_alias(self, other.identity)
        return peer, former

    def close(self, code: CloseCode, reason: str, now: float) -> None:
        """Ends the session and closes its connection; does nothing if it has ended."""
        if self.state is not SessionState.ENDED:
            peer = self._peer
            self.end(now, cause=reason, tell_calls=code not in STOPPING)
            if peer is not None:
                peer.close(code, reason)

    def end(self, now: float, *, cause: str, tell_calls: bool = True) -> None:
        """Ends the session, its connection being lost or about to be closed: it leaves its rooms and is forgotten.

        :param cause: why, for the log.
        :param tell_calls: whether those it was calling with hear of it.
        """
        if self.state is SessionState.ENDED:
            return
        if self.state is not SessionState.AWAITING_HELLO:
            self.services.registry.remove(self)
            self.services.metrics.session_seconds += max(0.0, now - self.connected)
        self.state = SessionState.ENDED
        self._peer = None
        if self.reminders is not None:
            self.reminders.cancel()
        self.services.resumes.forget(self)
        self.services.leave_calls(self, now, tell=tell_calls)
        for rid in list(self.rooms):
            leave(self, rid, now)
        self.log.info("disconnect {session} {remote}: {cause}", session=self.identity, remote=self.remote, cause=cause)

    def _numbered(self, outgoing: Outgoing) -> bytes | None:
        """A message with its number, kept for the client's return; ``None`` while it is away."""
        resumption = self.resumption
        assert resumption is not None
        if self.state is SessionState.ENDED:
            return None
        size = resumption.buffer.size
        payload = resumption.buffer.number(outgoing, self.address)
        if self._peer is not None:
            return payload
        self.services.resumes.grew(self, resumption.buffer.size - size)
        return None

    def _send(self, action: str, payload: bytes, *, can_wait: bool = False) -> None:
        peer = self._peer
        if peer is None:
            return
        services = self.services
        metrics = services.metrics
        metrics.sent[action] += 1
        metrics.sent_bytes += len(payload)
        if services.trace is not None:
            services.trace(self, "to", action, payload)
        try:
            (peer.send_later if can_wait else peer.send)(payload)
        except Exception:
            self.log.failure("a message could not be sent", level=LogLevel.error, session=self.identity)
