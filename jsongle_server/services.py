"""What sessions share, and what they need of the world: the seams between the layers.

A session reaches everything through its :class:`Services` and its :class:`Peer`; what stands behind them is wired in
:mod:`jsongle_server.signaling` and, in a test, by the fakes. Layer 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jsongle_server.codec import Envelope, Json, Outgoing, encode

if TYPE_CHECKING:
    from jsongle_server.blocks import Blocks
    from jsongle_server.calls import Calls
    from jsongle_server.config import Config
    from jsongle_server.metrics import Metrics
    from jsongle_server.occurrences import Publish
    from jsongle_server.registry import Registry
    from jsongle_server.resume import Resumes
    from jsongle_server.rooms import Rooms
    from jsongle_server.session import Session
    from jsongle_server.tokens import Tokens
    from jsongle_server.tracing import Trace
    from jsongle_server.vocabulary import CloseCode

Handler = Callable[["Session", Envelope, float], None]
"""What is done with a message of some action; takes the session, the envelope and the time."""


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Prevents it; must not be called after it has happened."""
        ...


class Clock(Protocol):
    """What tells the time and runs timers: a reactor, or a clock in a test."""

    def seconds(self) -> float:
        """Seconds since the epoch."""
        ...

    def callLater(self, delay: float, call: Callable[..., object], /, *args: object) -> Timer:  # noqa: N802
        """Calls something after a delay in seconds."""
        ...


class LeaveCalls(Protocol):
    """Takes a session out of its calls; :func:`jsongle_server.call_relay.leave_calls`."""

    def __call__(self, session: Session, now: float, *, rid: str | None = None, tell: bool = True) -> None:
        """Does so, for all calls or for those of one room; ``tell`` whether the others hear of it."""
        ...


class Peer(Protocol):
    """The connection that a session speaks through."""

    def send(self, payload: bytes) -> None:
        """Sends one text frame; does nothing once the connection is closing."""
        ...

    def send_later(self, payload: bytes) -> None:
        """As :meth:`send`, but it may wait for the next frame to go along with."""
        ...

    def attach(self, session: Session | None) -> None:
        """Has what it receives from now on go to a session, or to nobody."""
        ...

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Sends text frames that a client has missed: however many of them must wait does not make it slow."""
        ...

    def rest(self, delay: float) -> None:
        """Takes nothing from the client for some seconds; what it sends meanwhile is not lost."""
        ...

    def wake(self) -> None:
        """Takes what the client sends again, if it was resting."""
        ...

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes the connection after what was sent before; does nothing once it is closing."""
        ...


@dataclass(slots=True)
class Services:
    """What every session of a server shares.

    :ivar config: the settings in force; another one after a reload.
    :ivar address: the server's identity as JSON.
    :ivar moved: takes note that a peer has another session now.
    :ivar resumes: the sessions that outlive their connections.
    :ivar tokens: who clients may be, and what they may do.
    :ivar blocks: who is kept out.
    :ivar clock: tells the time and runs timers.
    :ivar leave_calls: takes a session out of its calls.
    :ivar new_id: makes a UUID4 string.
    :ivar admit: checks a message's envelope against its sender and finds its handler, or raises a JsongleError.
    :ivar stopwatch: seconds on a clock that only serves to measure.
    :ivar tracing: whether lines at level debug are logged.
    :ivar trace: sees each message; ``None`` where nobody looks.
    :ivar publish: takes note of what has happened, for the world outside; ``None`` where nobody listens.
    """

    config: Config
    address: bytes
    registry: Registry[Session]
    rooms: Rooms
    calls: Calls[Session]
    metrics: Metrics
    clock: Clock
    resumes: Resumes
    tokens: Tokens
    blocks: Blocks
    moved: Callable[[Peer, Session], None]
    leave_calls: LeaveCalls
    new_id: Callable[[], str]
    admit: Callable[[Session, Envelope], Handler]
    stopwatch: Callable[[], float]
    tracing: bool = False
    trace: Trace | None = None
    publish: Publish | None = None

    def encode_own(self, jsongle: Json) -> Outgoing:
        """Encodes something that the server says in its own name."""
        return encode(self.new_id(), self.address, {"jsongle": jsongle})
