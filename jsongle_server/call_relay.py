"""Call messages on their way between the parties of a call (protocol section 6).

Does what :mod:`jsongle_server.calls` decides: passes messages on to those they are meant for, tells devices that
another was quicker, and tells a party when the other is gone. Layer 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jsongle_server import call_news, messages
from jsongle_server.call_steps import CallState, Outcome, Role, Step, signal_of
from jsongle_server.calls import Call, is_followed
from jsongle_server.codec import Envelope, Json, Outgoing, json_size
from jsongle_server.errors import NotYourCall
from jsongle_server.relay import check_description, encode_relayed, relay, route_of, tell_unreachable
from jsongle_server.routing import Place, Route
from jsongle_server.vocabulary import Action, Reason

if TYPE_CHECKING:
    from jsongle_server.session import Session


MAX_ECHOED: Final = 2048
"""Largest ``initiator`` or ``responder`` that is kept with a call, in bytes of JSON."""


def handle_call(session: Session, envelope: Envelope, now: float) -> None:
    """Passes a call message on.

    :raises JsongleError: why it could not be.
    """
    envelope.check_id()
    route = route_of(session, envelope)
    if route.place is Place.SERVER:
        tell_unreachable(session, envelope, now)
        return
    calls = session.services.calls
    sid = envelope.jsongle.get("sid")
    owed = calls.settle(session, sid)
    call = calls.find(sid)
    if owed is not None and envelope.action != Action.SESSION_PROPOSE:
        if call is not None and session in call.rung:
            call.rung[session].told = True
        session.deliver(owed)
        return
    if call is not None:
        _take_step(session, envelope, call, route, now)
        return
    if envelope.action != Action.SESSION_PROPOSE:
        # Of a call that is over for them, and of which they do not know yet, they hear nothing but that.
        others = [each for each in _sessions(route) if not calls.is_owed(each, sid)]
        if route.recipients and not others:
            return
        route = route._replace(recipients=others)
    if not route.recipients:
        if tell_unreachable(session, envelope, now):
            call_news.tell_missed(session, envelope, route, now, rid=_room_of(session, envelope, route))
    elif envelope.action == Action.SESSION_PROPOSE and is_followed(sid):
        _propose(session, envelope, route, now)
    else:
        relay(session, envelope, route, now)


def leave_calls(session: Session, now: float, *, rid: str | None = None, tell: bool = True) -> None:
    """Takes a session out of its calls and lets the others know, where they would not notice by themselves.

    :param rid: only out of the calls of this room, which it has left; ``None`` for all, as it has ended.
    :param tell: whether the others hear of it; not when the server stops, as media flow without it.
    """
    for call in session.services.calls.of(session):
        if rid is None or call.rid == rid:
            _leave(session, call, now, tell=tell)
    if rid is None:
        session.services.calls.forget(session)


def _propose(session: Session, envelope: Envelope, route: Route, now: float) -> None:
    services = session.services
    rung = [member for member in _sessions(route) if member is not session]
    if not rung:
        # Its own identity is the one address that leads a message back to its sender: nobody is called.
        relay(session, envelope, route, now)
        return
    check_description(envelope)
    jsongle = envelope.jsongle
    rid = _room_of(session, envelope, route)
    call = Call(jsongle["sid"], _kept_echo(jsongle), caller=session, rung=rung, rid=rid, started=now)
    services.calls.begin(call)
    call.news = call_news.news_of(session, envelope, route, rid=rid)
    if services.config.ring_timeout:
        timer = services.clock.callLater(services.config.ring_timeout, _ring_out, call)
        call.stop_ringing = timer.cancel
    relay(session, envelope, route, now)
    call_news.tell_started(call, now)


def _kept_echo(jsongle: Json) -> Json:
    """What the server repeats of a propose for as long as the call lasts: no more than names take."""
    echo = messages.call_echo(jsongle)
    return {key: value for key, value in echo.items() if json_size(value) <= MAX_ECHOED}


def _sessions(route: Route) -> list[Session]:
    """The recipients of a route, of whom layer 2 knows no more than that they are members."""
    return list(route.recipients)  # type: ignore[arg-type]  # every member of this server is a session


def _room_of(session: Session, envelope: Envelope, route: Route) -> str | None:
    """The room through which a call is proposed; in a muc, also where it is to one member."""
    to: str = envelope.to
    if route.place in (Place.ROOM, Place.MUC):
        return to
    return to.partition("/")[0] if route.sender != session.identity else None


def _take_step(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    role = call.role_of(session)
    if role is None:
        raise NotYourCall("This call is not yours")
    # What is refused must not have changed the call.
    check_description(envelope)
    signal = signal_of(envelope.jsongle)
    step = call.step(role, signal)
    if role is Role.RUNG and step is not Step.FOREIGN:
        reaction = call.rung[session]
        reaction.heard = True
        reaction.ringing = reaction.ringing or envelope.jsongle.get("reason") == Reason.RINGING
    _STEPS[step](session, envelope, call, _narrowed(session, call, role, route), now)


def _narrowed(session: Session, call: Call[Session], role: Role, route: Route) -> Route:
    """The route to those parties that a message is meant for, whomever else ``to`` may lead to."""
    recipients = call.recipients_from(role)
    # A room may be called like somebody: only those whom it really leads to hear its name.
    is_theirs = route.sender == session.identity or set(_sessions(route)).issuperset(recipients)
    return Route(Place.DIRECT, recipients, route.sender if is_theirs else session.identity)


def _repeat(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    session.say(messages.trying(envelope.jsongle, at=messages.timestamp(now)))


def _pass_on(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    relay(session, envelope, route, now)


def _bind(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    _quiet(call)
    call.state = CallState.BOUND
    call.winner = session
    call.answered = now
    call.held = None
    session.services.metrics.calls_answered += 1
    relay(session, envelope, route, now)
    call_news.tell_answered(call, now)
    others = [member for member, reaction in call.rung.items() if member is not session and not reaction.declined]
    _retract(call, others, Reason.ANSWERED_ELSEWHERE, now)


def _decline(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    call.rung[session].declined = True
    call.held = encode_relayed(session, envelope, route, messages.timestamp(now))
    _settle_declines(call, now)


def _cancel(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    """The caller gives up before anybody answered."""
    if not call.is_to_many:
        relay(session, envelope, route, now)
    else:
        _hand_out(call, route.recipients, encode_relayed(session, envelope, route, messages.timestamp(now)))  # type: ignore[arg-type]
    _end(call, Outcome.CANCELED, now)


def _activate(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    call.state = CallState.ACTIVE
    relay(session, envelope, route, now)


def _finish(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    _end(call, Outcome.COMPLETED if call.state is CallState.ACTIVE else Outcome.CANCELED, now)
    relay(session, envelope, route, now)


def _too_late(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    call.rung[session].told = True
    retract = messages.retract(call.echo, Reason.ANSWERED_ELSEWHERE, at=messages.timestamp(now))
    session.say(retract)


def _ignore(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    """A device that lost has nothing more to say, unless what was kept for it had to make room for others."""
    reaction = call.rung[session]
    if not reaction.told and not reaction.declined:
        _too_late(session, envelope, call, route, now)


def _refuse(session: Session, envelope: Envelope, call: Call[Session], route: Route, now: float) -> None:
    raise NotYourCall("Only its caller may propose a call again")


_STEPS: Final = MappingProxyType[Step, Callable[..., None]](
    {
        Step.REPEAT: _repeat,
        Step.RELAY: _pass_on,
        Step.BIND: _bind,
        Step.DECLINE: _decline,
        Step.CANCEL: _cancel,
        Step.ACTIVATE: _activate,
        Step.FINISH: _finish,
        Step.LATE: _too_late,
        Step.IGNORE: _ignore,
        Step.FOREIGN: _refuse,
    }
)


def _ring_out(call: Call[Session]) -> None:
    """Nobody has answered for too long."""
    call.stop_ringing = None
    now = call.caller.services.clock.seconds()
    _retract(call, call.recipients_from(Role.CALLER), Reason.TIMEOUT, now)
    _end(call, Outcome.TIMEOUT, now)
    _tell_gone(call.caller, call, now)


def _leave(session: Session, call: Call[Session], now: float, *, tell: bool) -> None:
    role = call.role_of(session)
    if role is Role.RUNG:
        session.services.calls.withdraw(call, session)
        if call.held is not None:
            _settle_declines(call, now)
        elif not call.rung:
            _end(call, Outcome.LOST, now)
            if tell:
                _tell_gone(call.caller, call, now)
            else:
                call.caller.told.add(call.sid)
        return
    if role is Role.LOSER:
        session.services.calls.withdraw(call, session)
        return
    _end(call, Outcome.COMPLETED if call.state is CallState.ACTIVE else Outcome.LOST, now)
    if not tell or (call.state is CallState.ACTIVE and not session.is_lost_resumable):
        # The call goes on without the server: to what the other still says of it there is no answer.
        for party in call.parties:
            party.told.add(call.sid)
        return
    if session is not call.caller:
        _tell_gone(call.caller, call, now)
    elif call.winner is not None:
        _tell_gone(call.winner, call, now)
    else:
        _tell_rung_gone(call, now)


def _settle_declines(call: Call[Session], now: float) -> None:
    if call.held is None or not call.is_declined():
        return
    held = call.held
    _retract(call, call.recipients_from(Role.CALLER), Reason.DECLINED, now)
    _end(call, Outcome.DECLINED, now)
    call.caller.deliver(held)


def _retract(call: Call[Session], members: Iterable[Session], reason: Reason, now: float) -> None:
    said = messages.retract(call.echo, reason, at=messages.timestamp(now))
    _hand_out(call, members, call.caller.services.encode_own(said))


def _hand_out(call: Call[Session], members: Iterable[Session], news: Outgoing) -> None:
    """Gives the news that a call is over to those who know of the call, and keeps it for the others until they do."""
    for member in members:
        if call.rung[member].heard:
            call.rung[member].told = True
            member.deliver(news)
        else:
            call.caller.services.calls.owe(member, call, news)


def _tell_gone(session: Session, call: Call[Session], now: float) -> None:
    """Tells a party that nobody is there any more; what it still sends for this call is met with silence."""
    session.told.add(call.sid)
    session.say(messages.unreachable(call.echo, at=messages.timestamp(now)))


def _tell_rung_gone(call: Call[Session], now: float) -> None:
    """Tells those whom the call still rings that its caller is gone: like a retract, once they know of it."""
    rung = call.recipients_from(Role.CALLER)
    for member in rung:
        member.told.add(call.sid)
    gone = messages.unreachable(call.echo, at=messages.timestamp(now))
    _hand_out(call, rung, call.caller.services.encode_own(gone))


def _quiet(call: Call[Session]) -> None:
    if call.stop_ringing is not None:
        call.stop_ringing()
        call.stop_ringing = None


def _end(call: Call[Session], outcome: Outcome, now: float) -> None:
    _quiet(call)
    services = call.caller.services
    services.calls.end(call)
    services.metrics.calls_ended[outcome] += 1
    if call.answered is not None:
        services.metrics.talk_seconds.observe(max(0.0, now - call.answered))
    call_news.tell_ended(call, outcome, now)
