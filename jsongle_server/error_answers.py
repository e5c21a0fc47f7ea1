"""What a client is told when a message of its own could not be handled (protocol sections 2 and 8). Layer 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsongle_server import messages
from jsongle_server.errors import JsongleError, TooFast
from jsongle_server.vocabulary import IQ_REQUESTS

if TYPE_CHECKING:
    from jsongle_server.codec import Envelope
    from jsongle_server.session import Session


def answer_error(session: Session, error: JsongleError, envelope: Envelope | None, *, admitted: bool) -> None:
    """Tells a client what was wrong; past the guards an iq gets it as the answer that it waits for.

    :param envelope: the message, ``None`` if it could not be read.
    :param admitted: whether it had passed the guards.
    """
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
