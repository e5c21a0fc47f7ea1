"""The hello: how a client says who it is (protocol section 3).

Checks what it says of itself and answers. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jsongle_server import messages
from jsongle_server.codec import Envelope, Json, json_size
from jsongle_server.errors import BadParameter, JsongleError, NotYourIdentity, TokenRefused, Unavailable
from jsongle_server.ice import has_ice
from jsongle_server.reminders import Reminders
from jsongle_server.resume import ResumeRequest, read_resume, take_over
from jsongle_server.session import SessionState
from jsongle_server.tokens import Grant, KeyMissing
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
    _handle(session, envelope, now, may_wait=True)


def _handle_after_wait(session: Session, envelope: Envelope, now: float) -> None:
    _handle(session, envelope, now, may_wait=False)


def _handle(session: Session, envelope: Envelope, now: float, *, may_wait: bool) -> None:
    transaction = envelope.jsongle.get("transaction")
    if transaction is None:
        transaction = session.transaction
    try:
        hello = _read(session, envelope, now, may_wait=may_wait)
        if hello is None:
            return
        if session.state is SessionState.AWAITING_HELLO:
            _begin(session, hello, transaction, now)
            return
    except JsongleError:
        session.say(messages.hello_ack(Status.FAILED, transaction))
        raise
    session.identify(hello.shown)
    told = {"id": session.identity, **_settle(session, hello.grant, now)}
    session.say(messages.hello_ack(Status.SUCCESS, transaction, told))


class Hello(NamedTuple):
    """A hello that has been checked.

    :ivar shown: what others may be shown of the client.
    :ivar resume: whether the client wants to be able to come back, or what it says as it does.
    :ivar grant: what it may do.
    """

    shown: Json
    resume: ResumeRequest | bool
    grant: Grant


def _read(session: Session, envelope: Envelope, now: float, *, may_wait: bool) -> Hello | None:
    """Checks a hello.

    :param may_wait: whether keys may be fetched for it.
    :returns: ``None`` where it has to wait for keys; it is handled again then.
    :raises JsongleError: what is wrong with it.
    """
    envelope.check_id()
    shown = check_hello(envelope, session.services.config.id)
    uid = shown["uid"]
    if session.uid not in ("", uid):
        raise NotYourIdentity("A session keeps its 'uid'")
    said = envelope.jsongle["description"]
    resume = read_resume(said.get("resume"))
    tokens = session.services.tokens
    try:
        grant = tokens.check(uid, said, session.presented, now)
    except KeyMissing:
        if may_wait and tokens.keys.fetch is not None:
            tokens.keys.await_others(session.pause(envelope, _handle_after_wait))
            return None
        if tokens.keys.have_failed or not tokens.keys:
            # That is nobody's mistake but ours.
            raise Unavailable("The keys to check tokens with cannot be had") from None
        raise TokenRefused("'token' is not accepted: it names a key that is not known") from None
    session.services.blocks.check_uid(uid, now)
    if grant.name is not None and "dn" not in shown:
        shown["dn"] = grant.name
        check_size(shown)
    return Hello(shown, resume, grant)


def _settle(session: Session, grant: Grant, now: float) -> Json:
    """Has a session go by its token from now on; gives what its ack says besides."""
    session.grant = grant
    if session.reminders is None:
        if grant.expires is None and not has_ice(session.services.config):
            return {}
        session.reminders = Reminders(session)
    session.reminders.expire(grant.expires)
    servers = session.reminders.offer_ice(now)
    return {} if servers is None else {"iceServers": servers}


def _begin(session: Session, hello: Hello, transaction: Any, now: float) -> None:
    """Takes the first hello of a connection: it begins a session or goes on with one.

    :raises Unavailable: there is no room for another session.
    """
    resume = hello.resume
    if isinstance(resume, ResumeRequest) and _go_on(session, hello, resume, transaction, now):
        return
    if session.must_resume:
        raise Unavailable("The server is full")
    session.identify(hello.shown)
    told: Json = {"id": session.identity, **_settle(session, hello.grant, now)}
    if resume:
        session.resumption = session.services.resumes.opt_in(session)
        told["resume"] = {"token": session.resumption.token, "window": session.services.resumes.window}
    if isinstance(resume, ResumeRequest):
        told["resumed"] = False
        session.services.metrics.resumes_refused += 1
    session.say_unnumbered(messages.hello_ack(Status.SUCCESS, transaction, told))


def _go_on(session: Session, hello: Hello, resume: ResumeRequest, transaction: Any, now: float) -> bool:
    """Goes on with the session that a client comes back to, if that can be; if not, that one ends."""
    resumes = session.services.resumes
    former = resumes.claim(resume.token)
    if former is None or former.resumption is None:
        return False
    resumption = former.resumption
    if former.uid != hello.shown["uid"] or resumption.is_outrun or not resumption.buffer.has_all_after(resume.seq):
        former.close(CloseCode.SESSION_MOVED, "the client began anew", now)
        return False
    former.presented = session.presented
    told = {
        "id": former.identity,
        "resume": {"token": resumption.token, "window": resumes.window},
        "resumed": True,
        "received": resumption.received,
        **_settle(former, hello.grant, now),
    }
    take_over(former, session, resume.seq, hello.shown, messages.hello_ack(Status.SUCCESS, transaction, told))
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
