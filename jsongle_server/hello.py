"""The hello: how a client says who it is (protocol section 3).

Checks what it says of itself and answers. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jsongle_server import messages
from jsongle_server.codec import Envelope, Json, json_size
from jsongle_server.errors import BadParameter, JsongleError, NotYourIdentity, Unavailable
from jsongle_server.resume import ResumeRequest, read_resume
from jsongle_server.session import SessionState
from jsongle_server.vocabulary import MAX_DESCRIPTION, MAX_NAME, Action, CloseCode, Query, Status

if TYPE_CHECKING:
    from jsongle_server.session import Session

NEVER_SHOWN: Final = ("token", "appToken", "resume")
"""What a client may put into its hello that is nobody else's business."""


def is_hello(session: Session, envelope: Envelope) -> bool:
    """Whether a message answers the server's hello, rather than a peer's or nothing at all."""
    if envelope.action != Action.IQ_RESULT or envelope.jsongle.get("query") != Query.HELLO:
        return False
    return session.state is SessionState.AWAITING_HELLO or envelope.to in (None, session.services.config.id)


def handle_hello(session: Session, envelope: Envelope, now: float) -> None:
    """Identifies a session, or shows others something new of one that is.

    :raises JsongleError: what is wrong with it, after the ack that says so.
    """
    transaction = envelope.jsongle.get("transaction")
    if transaction is None:
        transaction = session.transaction
    try:
        envelope.check_id()
        description = check_hello(envelope, session.services.config.id)
        if session.uid not in ("", description["uid"]):
            raise NotYourIdentity("A session keeps its 'uid'")
        resume = read_resume(envelope.jsongle["description"].get("resume"))
        if session.state is SessionState.AWAITING_HELLO:
            _begin(session, description, resume, transaction, now)
            return
    except JsongleError:
        session.say(messages.hello_ack(Status.FAILED, transaction))
        raise
    session.identify(description)
    session.say(messages.hello_ack(Status.SUCCESS, transaction, {"id": session.identity}))


def _begin(session: Session, description: Json, resume: ResumeRequest | bool, transaction: Any, now: float) -> None:
    """Takes the first hello of a connection: it begins a session or goes on with one.

    :raises Unavailable: there is no room for another session.
    """
    if isinstance(resume, ResumeRequest) and _go_on(session, description, resume, transaction, now):
        return
    if session.must_resume:
        raise Unavailable("The server is full")
    session.identify(description)
    told: Json = {"id": session.identity}
    if resume:
        session.resumption = session.services.resumes.opt_in(session)
        told["resume"] = {"token": session.resumption.token, "window": session.services.resumes.window}
    if isinstance(resume, ResumeRequest):
        told["resumed"] = False
        session.services.metrics.resumes_refused += 1
    session.say_unnumbered(messages.hello_ack(Status.SUCCESS, transaction, told))


def _go_on(session: Session, description: Json, resume: ResumeRequest, transaction: Any, now: float) -> bool:
    """Goes on with the session that a client comes back to, if that can be; if not, that one ends."""
    resumes = session.services.resumes
    former = resumes.claim(resume.token)
    if former is None or former.resumption is None:
        return False
    resumption = former.resumption
    if former.uid != description["uid"] or resumption.is_outrun or not resumption.buffer.has_all_after(resume.seq):
        former.close(CloseCode.SESSION_MOVED, "the client began anew", now)
        return False
    told = {
        "id": former.identity,
        "resume": {"token": resumption.token, "window": resumes.window},
        "resumed": True,
        "received": resumption.received,
    }
    former.take_over(session, resume.seq, description, messages.hello_ack(Status.SUCCESS, transaction, told))
    return True


def check_hello(envelope: Envelope, server_id: str) -> Json:
    """Reads what a client says of itself.

    :returns: what others may be shown of it.
    :raises BadParameter: it is not acceptable.
    """
    if envelope.to is not None and not isinstance(envelope.to, str):
        raise BadParameter("'to' must be a string")
    description = envelope.jsongle.get("description")
    if not isinstance(description, dict):
        raise BadParameter("Missing 'uid' parameter")
    shown = {key: value for key, value in description.items() if key not in NEVER_SHOWN}
    _check_uid(shown.get("uid"), server_id)
    if shown.get("dn") is None:
        shown.pop("dn", None)
    check_dn(shown.get("dn"))
    check_size(shown)
    return shown


def check_dn(dn: Any) -> None:
    """Checks a display name: a string or ``None``.

    :raises BadParameter: it is neither.
    """
    if dn is not None and not isinstance(dn, str):
        raise BadParameter("'dn' must be a string")


def check_size(description: Json) -> None:
    """Checks that what others are shown of a client is not too much.

    :raises BadParameter: it is.
    """
    if json_size(description) > MAX_DESCRIPTION:
        raise BadParameter(f"The description is larger than {MAX_DESCRIPTION} bytes of JSON")


def _check_uid(uid: Any, server_id: str) -> None:
    if uid is None or uid == "":
        raise BadParameter("Missing 'uid' parameter")
    if not isinstance(uid, str) or len(uid) > MAX_NAME:
        raise BadParameter(f"'uid' must be a string of at most {MAX_NAME} characters")
    if uid == server_id:
        raise BadParameter("'uid' is the server's own")
