"""What follows when a message of a client could not be handled: what it is told, and whether that was the last straw.

Protocol sections 1, 2 and 8. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.logger import Logger, LogLevel

from jsongle_server import messages
from jsongle_server.errors import Blocked, InternalError, JsongleError, NotJson, TokenRefused, TooFast, Unavailable
from jsongle_server.vocabulary import IQ_REQUESTS, CloseCode

if TYPE_CHECKING:
    from jsongle_server.codec import Envelope
    from jsongle_server.session import Session


_log: Final = Logger()


def take_error(session: Session, error: JsongleError, envelope: Envelope | None, now: float, *, admitted: bool) -> None:
    """Answers what was wrong, and closes the connection where that is what follows.

    :param envelope: the message, ``None`` if it could not be read.
    :param now: seconds since the epoch.
    :param admitted: whether it had passed the guards.
    """
    throttle = session.throttle
    is_iq = envelope is not None and envelope.action in IQ_REQUESTS
    if not isinstance(error, TooFast) or is_iq or throttle.may_complain(now):
        _answer(session, error, envelope, admitted=admitted)
    if not admitted:
        session.rest(throttle.count_other(now))
    if isinstance(error, NotJson):
        if throttle.is_noise(now):
            session.close(CloseCode.POLICY_VIOLATION, "too many frames that are not JSON", now)
    elif isinstance(error, Unavailable):
        session.close(CloseCode.TRY_AGAIN_LATER, error.details, now)
    elif isinstance(error, Blocked):
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "blocked by an administrator", now)
    elif isinstance(error, TooFast):
        if throttle.is_abuse(now):
            session.close(CloseCode.POLICY_VIOLATION, "too many messages", now)
    elif isinstance(error, TokenRefused) and throttle.is_guessing():
        session.close(CloseCode.POLICY_VIOLATION, "too many refused tokens", now)


def fail(session: Session, envelope: Envelope | None, now: float, *, admitted: bool) -> None:
    """Ends a session for the exception that is being handled; the client is not told what it is."""
    _log.failure("a message could not be handled", level=LogLevel.error, session=session.identity)
    _answer(session, InternalError("Internal error"), envelope, admitted=admitted)
    session.close(CloseCode.INTERNAL_ERROR, "internal error", now)


def _answer(session: Session, error: JsongleError, envelope: Envelope | None, *, admitted: bool) -> None:
    """Tells a client what was wrong; past the guards an iq gets it as the answer that it waits for."""
    services = session.services
    services.metrics.errors[error.code] += 1
    more = {"retryAfter": error.retry_after} if isinstance(error, TooFast) else {}
    if envelope is None:
        session.say(messages.session_error(error.code, error.details, error.mid, **more))
    elif admitted and envelope.action in IQ_REQUESTS:
        mid = envelope.mid or services.new_id()
        session.say(messages.iq_error(envelope.jsongle, error.code, error.details, mid=mid, **more))
    else:
        session.say(messages.session_error(error.code, error.details, envelope.mid, **more))
