"""What the server itself says: pure builders of ``jsongle`` objects.

Each returns a fresh object for one message; who gets it, and its envelope, are others' concern. Layer 1: takes every
id and time as an argument.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jsongle_server.codec import Json
from jsongle_server.vocabulary import Action, ErrorCode, Event, Namespace, Query, Reason, RoomKind, Status

_ECHOED_IN_CALLS = ("sid", "initiator", "responder")


def timestamp(now: float) -> str:
    """A time as the wire has it: ISO 8601, UTC, milliseconds, ``Z``.

    :param now: seconds since the epoch.
    """
    seconds = int(now)
    milliseconds = round((now - seconds) * 1_000_000) // 1000
    if milliseconds == 1000:  # a fraction that is all but a second
        seconds, milliseconds = seconds + 1, 0
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def hello(*, server_id: str, version: str, info: str, transaction: str, connected: str) -> Json:
    """The question that opens every session (protocol section 3)."""
    return {
        "action": Action.IQ_GET,
        "query": Query.HELLO,
        "transaction": transaction,
        "description": {"version": version, "sn": server_id, "info": info, "connected": connected},
    }


def hello_ack(status: Status, transaction: Any, description: Json | None = None) -> Json:
    """The answer to a hello answer (protocol section 3).

    :param transaction: the client's transaction, any JSON value, echoed.
    """
    ack: Json = {"action": Action.ACK, "status": status, "transaction": transaction}
    if description is not None:
        ack["description"] = description
    return ack


def session_error(code: ErrorCode, details: str, mid: str | None, **more: Any) -> Json:
    """What was wrong with a message (protocol section 8).

    :param mid: the ``id`` of that message, left out where it is not known.
    :param more: what else the description says.
    """
    description: Json = {"errorCode": code, "errorDetails": details, **more}
    if mid is not None:
        description["mid"] = mid
    return {"action": Action.SESSION_ERROR, "description": description}


def iq_result(request: Json, description: Json, *, mid: str) -> Json:
    """The answer to an iq that went well (protocol section 4).

    :param request: the ``jsongle`` object of the request.
    :param mid: the request's ``id``, which stands in for a missing transaction.
    """
    return {"action": Action.IQ_RESULT, **_iq_echo(request, mid), "description": description}


def iq_error(request: Json, code: ErrorCode, details: str, *, mid: str, **more: Any) -> Json:
    """The answer to an iq that failed (protocol section 4); parameters as in :func:`iq_result`."""
    return {
        "action": Action.IQ_ERROR,
        **_iq_echo(request, mid),
        "description": {"errorCode": code, "errorDetails": details, **more},
    }


def room_event(kind: RoomKind, event: Event, *, rid: str, member: Json, at: str) -> Json:
    """Tells the members of a room that somebody came or went (protocol section 4).

    :param event: ``joined`` or ``left``; the time stands under that name.
    """
    return {
        "action": Action.SESSION_EVENT,
        "namespace": kind,
        "event": event,
        "description": {"member": member, "rid": rid, event.value: at},
    }


def token_expiring(*, expires: str) -> Json:
    """Tells a client that its token will not be good for long (protocol section 3)."""
    return _session_event(Event.TOKEN_EXPIRING, {"expires": expires})


def server_message(description: Json) -> Json:
    """Tells a client what an administrator, or the server on his behalf, has to say (protocol section 3)."""
    return _session_event(Event.SERVER_MESSAGE, description)


def new_ice_servers(servers: list[Json], *, ttl: int) -> Json:
    """Tells a client which ICE servers to use from now on (protocol section 4).

    :param ttl: for how many seconds the credentials are good.
    """
    return _session_event(Event.ICE_SERVERS, {"iceServers": servers, "ttl": ttl})


def received(message: Json, *, mid: str, at: str) -> Json:
    """Tells a sender that the server has its message (protocol section 5).

    :param message: the ``jsongle`` object of that message; its namespace is the answer's.
    """
    event: Json = {"action": Action.SESSION_EVENT}
    if "namespace" in message:
        event["namespace"] = message["namespace"]
    event["event"] = Event.ACK
    event["description"] = {"acknowledged": at, "mid": mid, "type": "server-received"}
    return event


def trying(message: Json, *, at: str) -> Json:
    """Tells a caller that its propose was passed on (protocol section 5)."""
    return _call_info(message, Reason.TRYING, {"tried": at})


def unreachable(message: Json, *, at: str) -> Json:
    """Tells a sender that its call message reached nobody (protocol section 5)."""
    return _call_info(message, Reason.UNREACHABLE, {"ended": at})


def retract(message: Json, reason: Reason, *, at: str) -> Json:
    """Tells a session that was rung that the call is not for it any more (protocol section 6).

    :param message: holds what is echoed: ``sid``, ``initiator``, ``responder``.
    """
    return {**call_echo(message), "action": Action.SESSION_RETRACT, "reason": reason, "description": {"ended": at}}


def call_echo(message: Json) -> Json:
    """What the server's own messages about a call repeat of those of its parties."""
    return {key: message[key] for key in _ECHOED_IN_CALLS if key in message}


def _session_event(event: Event, description: Json) -> Json:
    return {
        "action": Action.SESSION_EVENT,
        "namespace": Namespace.SESSION,
        "event": event,
        "description": description,
    }


def _call_info(message: Json, reason: Reason, description: Json) -> Json:
    return {**call_echo(message), "action": Action.SESSION_INFO, "reason": reason, "description": description}


def _iq_echo(request: Json, mid: str) -> Json:
    echo: Json = {"query": request["query"]} if "query" in request else {}
    transaction = request.get("transaction")
    echo["transaction"] = mid if transaction is None else transaction
    return echo
