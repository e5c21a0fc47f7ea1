"""What is told of calls to whoever listens (:mod:`jsongle_server.occurrences`).

Called where something has become of a call, by :mod:`jsongle_server.call_relay`; costs next to nothing while nobody
listens. Layer 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server.call_steps import Outcome
from jsongle_server.calls import Call, is_followed
from jsongle_server.occurrences import Kind, Occurrence, media_of, person
from jsongle_server.routing import Place
from jsongle_server.vocabulary import MAX_NAME, Action

if TYPE_CHECKING:
    from jsongle_server.codec import Envelope, Json
    from jsongle_server.routing import Route
    from jsongle_server.session import Session

LONGEST_ADDRESS: Final = 2 * MAX_NAME + 1
"""Most characters of a ``to`` that can be somebody's: a room's, a slash, a user's."""


def news_of(session: Session, envelope: Envelope, route: Route, *, rid: str | None) -> Json | None:
    """What all that is told of a call has in common; ``None`` while nobody listens.

    :param session: its caller.
    :param envelope: the propose.
    :param rid: the room through which it is proposed, if there is one.
    """
    if session.services.publish is None:
        return None
    sid = envelope.jsongle.get("sid")
    shown = session.describe() if rid is None else session.rooms[rid].describe(session)
    return {
        "sid": sid if is_followed(sid) else None,
        "caller": person(shown),
        "called": {"to": envelope.to, "uid": _called_uid(session, envelope.to, route, rid), "rid": rid},
        "media": media_of(envelope.jsongle),
    }


def tell_started(call: Call[Session], now: float) -> None:
    """Tells that a call rings somebody."""
    _publish(call, Kind.CALL_STARTED, now)


def tell_answered(call: Call[Session], now: float) -> None:
    """Tells that somebody has answered a call."""
    if call.news is not None:
        _publish(call, Kind.CALL_ANSWERED, now, answeredBy=_winner(call))


def tell_ended(call: Call[Session], outcome: Outcome, now: float) -> None:
    """Tells that a call is over, and that it was missed where nobody has answered or declined it."""
    if call.news is None:
        return
    talked = 0.0 if call.answered is None else round(max(0.0, now - call.answered), 3)
    _publish(call, Kind.CALL_ENDED, now, answeredBy=_winner(call), outcome=outcome.value, seconds=talked)
    if call.answered is None and outcome is not Outcome.DECLINED:
        _publish(call, Kind.CALL_MISSED, now, reason=outcome.value)


def tell_missed(session: Session, envelope: Envelope, route: Route, now: float, *, rid: str | None) -> None:
    """Tells that a propose has reached nobody; other call messages are nobody's missed call."""
    publish = session.services.publish
    if publish is None or envelope.action != Action.SESSION_PROPOSE or len(envelope.to) > LONGEST_ADDRESS:
        return
    news = news_of(session, envelope, route, rid=rid)
    publish(Occurrence(Kind.CALL_MISSED, session.identity, now, {**(news or {}), "reason": "unreachable"}))


def _publish(call: Call[Session], kind: Kind, now: float, **more: object) -> None:
    # A call that began before somebody listened is not told: what it has in common was not kept.
    publish = call.caller.services.publish
    if publish is not None and call.news is not None:
        publish(Occurrence(kind, call.caller.identity, now, {**call.news, **more}))


def _winner(call: Call[Session]) -> Json | None:
    return None if call.winner is None else person(call.winner.describe())


def _called_uid(session: Session, to: str, route: Route, rid: str | None) -> str | None:
    """Whose user id was called, as far as it was somebody's: of those in a room it is nobody's."""
    if route.place in (Place.ROOM, Place.MUC):
        return None
    if route.recipients:
        return route.recipients[0].uid
    if rid is not None:
        return to.partition("/")[2]
    # Whoever is not there cannot be told from a name that was never anybody's.
    return None if session.services.registry.is_former(to) else to
