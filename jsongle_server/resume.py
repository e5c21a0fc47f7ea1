"""Sessions that outlive their connections (protocol section 7).

Keeps what a session needs to go on over another connection: its token, what it has sent and was sent, and how long it
waits. Who comes back with which token is decided here; the hello tells the client. Layer 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from jsongle_server.errors import BadParameter
from jsongle_server.replay import ReplayBuffer
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsongle_server.codec import Json
    from jsongle_server.config import Config
    from jsongle_server.services import Clock, Timer
    from jsongle_server.session import Session

MAX_TOKEN: Final = 256
"""Longest token that is looked at, in characters; ours are shorter."""


MAX_TOKENS: Final = 4
"""Most tokens of one session that are good at a time: the last one used, and those made since."""


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """What a client that comes back says in its hello.

    :param token: the token that it was given last.
    :param seq: the number of the last envelope that it has seen.
    """

    token: str
    seq: int


def read_resume(value: Any) -> ResumeRequest | bool:
    """Reads ``resume`` of a hello.

    :param value: any JSON value, ``None`` where it is missing.
    :returns: whether the client wants to be able to come back, or what it says as it does.
    :raises BadParameter: it is neither.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    token, seq = (value.get("token"), value.get("seq")) if isinstance(value, dict) else (None, None)
    if not isinstance(token, str) or type(seq) is not int or seq < 0:
        raise BadParameter("'resume' must be true, or have a string 'token' and a number 'seq' from 0")
    return ResumeRequest(token, seq)


class Resumption:
    """What one session that has opted in keeps for its client's return.

    :param handle: finds the session; the first part of its tokens, and no secret.
    :param buffer: what it was sent.

    :ivar received: text frames that came from the client since its first hello, hellos not counted.
    :ivar detached_at: the number of the last envelope before the connection was lost, ``None`` while there is one.
    """

    __slots__ = ("_secrets", "buffer", "detached_at", "handle", "received")

    def __init__(self, handle: str, buffer: ReplayBuffer) -> None:
        self.handle = handle
        self.buffer = buffer
        self.received = 0
        self.detached_at: int | None = None
        self._secrets: list[str] = []

    @property
    def token(self) -> str:
        """The token to come back with next time."""
        return f"{self.handle}.{self._secrets[-1]}"

    @property
    def is_outrun(self) -> bool:
        """Whether something that was sent since the connection was lost could not be kept."""
        return self.detached_at is not None and self.buffer.dropped > self.detached_at

    def renew(self, secret: str) -> None:
        """Makes a new token; those since the last that is known to have arrived stay good, in case it gets lost."""
        self._secrets.append(secret)
        if len(self._secrets) > MAX_TOKENS:
            del self._secrets[1]

    def use(self, secret: str) -> bool:
        """Uses a token: it has arrived, so that those before it are void.

        :param secret: its second part.
        :returns: whether it was good.
        """
        given = secret.encode()
        matches = [compare_digest(given, good.encode()) for good in self._secrets]
        if True not in matches:
            return False
        del self._secrets[: matches.index(True)]
        return True


def take_over(session: Session, newcomer: Session, seq: int, description: Json, ack: Json) -> None:
    """Has a session go on over the connection of its client that is back.

    :param newcomer: the session of that connection.
    :param seq: the number of the last envelope that the client has seen; the buffer holds all after it.
    :param description: what others are shown from now on.
    :param ack: what the client is told before it gets what it missed.
    """
    services, resumption = session.services, session.resumption
    assert resumption is not None
    peer, former = session.adopt(newcomer, description)
    services.resumes.attach(session)
    services.moved(peer, session)
    peer.attach(session)
    if former is not None:
        former.attach(None)
        former.close(CloseCode.SESSION_MOVED, "the session went on in a newer connection")
    session.say_unnumbered(ack)
    missed = resumption.buffer.after(seq)
    services.metrics.resumed += 1
    services.metrics.replayed += len(missed)
    peer.send_missed(missed)
    session.log.info(
        "resume {session} {remote}: {count} sent again",
        session=session.identity,
        remote=session.remote,
        count=len(missed),
    )


class Resumes:
    """Every session that has opted in, and those of them that wait for their client.

    :param clock: runs the timers.
    :param new_secret: makes unguessable strings of at least 128 bits.
    """

    def __init__(self, config: Callable[[], Config], clock: Clock, *, new_secret: Callable[[], str]) -> None:
        self._config = config
        self._clock = clock
        self._new_secret = new_secret
        self._by_handle: dict[str, Session] = {}
        self._detached: dict[Session, Timer] = {}
        self._trim: Timer | None = None
        self._stopping = False
        self.detached_bytes = 0

    def __len__(self) -> int:
        return len(self._by_handle)

    @property
    def attached_count(self) -> int:
        """How many sessions have opted in and a connection: each may be a client that is coming back."""
        return len(self._by_handle) - len(self._detached)

    @property
    def window(self) -> float:
        """How long a session waits for its client, in seconds."""
        return self._config().resume_window

    def detached(self) -> list[Session]:
        """A snapshot of the sessions that wait, the oldest first."""
        return list(self._detached)

    def opt_in(self, session: Session) -> Resumption:
        """Makes a session one that outlives its connection."""
        config = self._config()
        buffer = ReplayBuffer(max_messages=config.resume_buffer_messages, max_bytes=config.resume_buffer_bytes)
        resumption = Resumption(self._new_secret(), buffer)
        resumption.renew(self._new_secret())
        self._by_handle[resumption.handle] = session
        return resumption

    def claim(self, token: str) -> Session | None:
        """The session that a token is good for; the token is used up, and the session has a fresh one."""
        if len(token) > MAX_TOKEN:
            return None
        handle, _, secret = token.partition(".")
        session = self._by_handle.get(handle)
        if session is None or session.resumption is None or not session.resumption.use(secret):
            return None
        session.resumption.renew(self._new_secret())
        return session

    def begin_to_stop(self) -> None:
        """Has calls go on without those that do not come back from now on: the server stops."""
        self._stopping = True

    def detach(self, session: Session) -> None:
        """Begins to wait for a session's client."""
        resumption = session.resumption
        assert resumption is not None
        resumption.detached_at = resumption.buffer.last
        self.detached_bytes += resumption.buffer.size
        self._detached[session] = self._clock.callLater(self.window, self._window_over, session)
        self._look_after(session)

    def attach(self, session: Session) -> None:
        """Ends the wait, if there is one: the client is back."""
        timer = self._detached.pop(session, None)
        if timer is None:
            return
        timer.cancel()
        resumption = session.resumption
        assert resumption is not None
        resumption.detached_at = None
        self.detached_bytes -= resumption.buffer.size

    def forget(self, session: Session) -> None:
        """Lets go of a session that has ended."""
        self.attach(session)
        if session.resumption is not None:
            self._by_handle.pop(session.resumption.handle, None)

    def grew(self, session: Session, growth: int) -> None:
        """Takes note that more, or less, is kept for a session that waits.

        :param growth: by how many bytes.
        """
        self.detached_bytes += growth
        self._look_after(session)

    def _look_after(self, session: Session) -> None:
        # Not at once: the end of a session is told to its rooms, and so may be the end of the next, and so on.
        resumption = session.resumption
        assert resumption is not None
        if self._trim is None and (self._is_too_much or resumption.is_outrun):
            self._trim = self._clock.callLater(0, self._trim_now)

    @property
    def _is_too_much(self) -> bool:
        config = self._config()
        return self.detached_bytes > config.max_detached_bytes or len(self._detached) > config.max_concurrent_users

    def _trim_now(self) -> None:
        self._trim = None
        for session in self.detached():
            if session.resumption is not None and session.resumption.is_outrun:
                self._give_up(session, "more was sent to it than may be kept")
        for session in self.detached():
            if not self._is_too_much:
                return
            self._give_up(session, "more is kept for those who are away than may be")

    def _give_up(self, session: Session, cause: str) -> None:
        session.end(self._clock.seconds(), cause=cause, tell_calls=not self._stopping)

    def _window_over(self, session: Session) -> None:
        # The timer is spent: a cancel would fail.
        del self._detached[session]
        resumption = session.resumption
        assert resumption is not None
        self.detached_bytes -= resumption.buffer.size
        self._give_up(session, "did not come back in time")
