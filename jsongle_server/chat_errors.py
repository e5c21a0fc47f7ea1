"""What went wrong, in plain words, and what to do about it.

Tables from error codes, close codes, answers over HTTP and failures to a sentence and an advice. Knows no connection:
what happened comes as values. Layer 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jsongle_server.doctor_findings import quoted
from jsongle_server.doctor_upgrade import judge_answer, own_words
from jsongle_server.doctor_wire import HttpAnswer
from jsongle_server.vocabulary import CloseCode, ErrorCode

MEANINGS: Final[dict[int, tuple[str, str]]] = {
    ErrorCode.BAD_PARAMETER: ("something in it is missing or wrong", ""),
    ErrorCode.NO_JSONGLE: ("it has no usable 'jsongle' object", "give it one with an 'action'"),
    ErrorCode.NOT_JSON: ("the server does not take it for a JSON object", ""),
    ErrorCode.TOKEN_REFUSED: (
        "the server does not accept the token, or wants one",
        "give another: --token, or JSONGLE_TOKEN in the environment; a signed one must be for this --uid",
    ),
    ErrorCode.ROOM_FULL: ("the room is full", "try later, or another room"),
    ErrorCode.HELLO_FIRST: ("the server does not know yet who you are", "wait for the hello"),
    ErrorCode.NOT_YOUR_IDENTITY: ("that is not your identity", "leave 'from' out: the server sets it"),
    ErrorCode.TOO_MANY_ROOMS: ("you are in as many rooms as you may be", "/leave one"),
    ErrorCode.NOT_ALLOWED: ("you may not", "ask whoever gives out the tokens, or runs the server"),
    ErrorCode.NOT_YOUR_CALL: ("you are no party of that call", ""),
    ErrorCode.UNKNOWN_QUERY: ("the server knows no such query", ""),
    ErrorCode.NO_SUCH_RECIPIENT: ("that leads nowhere", "/join the room first, or see who is there: /members"),
    ErrorCode.NOBODY_ELSE: ("nobody else is in the room", "have somebody join it"),
    ErrorCode.UNSUPPORTED_ACTION: ("clients cannot send that action there", ""),
    ErrorCode.WRONG_ROOM_KIND: ("the room is of the other kind", "/join it instead of /muc, or the other way round"),
    ErrorCode.TOO_FAST: ("that was too fast", "wait a little"),
    ErrorCode.INTERNAL: ("the server failed", "its log says why"),
    ErrorCode.UNAVAILABLE: ("the server has no room now", "try again in a while"),
}
"""What each error code means, and what to do."""

CLOSES: Final[dict[int, tuple[str, str]]] = {
    CloseCode.GOING_AWAY: ("the server stops", ""),
    CloseCode.UNSUPPORTED_DATA: ("the server does not take what was sent", ""),
    1007: ("what was sent is not UTF-8", ""),
    CloseCode.POLICY_VIOLATION: (
        "the server has had enough of this client",
        "send less, or give another token; its log says more",
    ),
    1009: ("that was larger than the server takes", "send less at a time, or raise maxMessageSize"),
    CloseCode.INTERNAL_ERROR: ("the server failed", "its log says why"),
    CloseCode.SERVICE_RESTART: ("the server restarts", ""),
    CloseCode.TRY_AGAIN_LATER: ("the server is full", "try later, or raise maxConcurrentUsers"),
    CloseCode.NO_HELLO: ("the server waited for the hello in vain", ""),
    CloseCode.SESSION_MOVED: ("the session goes on in a newer connection", "close the other one, if it is not yours"),
    CloseCode.SLOW_CONSUMER: ("the server sent faster than this side read", ""),
    CloseCode.ENDED_BY_ADMINISTRATOR: ("an administrator has ended the session", "ask them"),
    CloseCode.TOKEN_EXPIRED: ("the token has expired", "get a new one and start again"),
}
"""What each close code means, and what to do."""

COMING_BACK: Final = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 4001, 4003})
"""Close codes after which a client connects again (protocol section 1); 1005 and 1006 stand for none."""

COMING_BACK_HTTP: Final = frozenset({429, 502, 503, 504})
"""Statuses of a refused handshake after which a client that was in tries again."""

_CONNECT: Final = "is the server up, and is this its WebSocket port? See: python -m jsongle_server doctor URL"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong.

    :param seen: what happened.
    :param advice: what to do; may be empty.
    :param may_pass: whether it makes sense to connect again.
    :param retry_after: seconds that the server asks to wait, 0 where it does not.
    """

    seen: str
    advice: str = ""
    may_pass: bool = False
    retry_after: float = 0.0


def refused_message(code: object, details: object) -> Trouble:
    """A message was answered by an error.

    :param code: ``errorCode``.
    :param details: ``errorDetails``.
    """
    meaning, advice = MEANINGS.get(code, ("", "")) if isinstance(code, int) else ("", "")
    said = quoted(str(details))
    shown = quoted(str(code))
    return Trouble(f"{meaning} ({shown}: {said})" if meaning else f"error {shown}: {said}", advice)


def closed(code: int | None, reason: str) -> Trouble:
    """The server has closed the connection, or it was lost.

    :param code: of the close frame; ``None`` where there was none.
    :param reason: what came with it.
    """
    if code in (None, 1005, 1006):
        return Trouble("the connection is lost", may_pass=True)
    meaning, advice = CLOSES.get(code, ("the server has closed the connection", ""))
    said = f"{code}: {quoted(reason)}" if reason else f"{code}"
    return Trouble(f"{meaning} ({said})", advice, may_pass=code in COMING_BACK)


def refused_handshake(answer: HttpAnswer) -> Trouble:
    """The opening handshake was answered by something else than a WebSocket.

    :param answer: what came.
    """
    said = own_words(answer.body)
    may_pass, wait = answer.status in COMING_BACK_HTTP, _seconds(answer.headers.get("retry-after", ""))
    if said is not None and answer.status == 403:
        seen = f"403: the server does not let pages of this origin in, and says: {quoted(said)}"
        return Trouble(seen, "give one that it allows, --origin, or add it to corsPolicyOrigin")
    if answer.status in (200, 404, 405) and (said is None or "socket" not in said.lower()):
        seen = f"{answer.status}: that is an HTTP server, and no WebSocket is there"
        advice = "is it the REST port? The WebSocket has a port of its own, 8080 if nothing else is set"
        return Trouble(seen, advice)
    finding = judge_answer(answer, is_local=False)
    return Trouble(finding.seen, finding.advice, may_pass=may_pass, retry_after=wait)


def no_connection(place: str, reason: str) -> Trouble:
    """Nothing takes connections there.

    :param place: host and port.
    :param reason: in the words of the system.
    """
    return Trouble(f"no connection to {place}: {quoted(reason)}", _CONNECT, may_pass=True)


def unknown_host(host: str) -> Trouble:
    """A name leads to no address."""
    return Trouble(f"there is no host called {quoted(host)}", "look at its spelling", may_pass=True)


def no_tls(reason: str) -> Trouble:
    """TLS did not come about.

    :param reason: in the words of the library.
    """
    if "certificate" in reason or "Mismatch" in reason:
        seen = f"the certificate of the server is not trusted: {quoted(reason)}"
        advice = "see why: python -m jsongle_server doctor URL; SSL_CERT_FILE names an authority of your own"
        return Trouble(seen, advice)
    return Trouble(f"no TLS: {quoted(reason)}", "is that port one for wss://, and not for ws://?")


def silent(reason: str) -> Trouble:
    """What is there does not shake hands as a WebSocket does."""
    advice = "is it the WebSocket port of a JSONgle server, and ws:// or wss:// as it should be?"
    return Trouble(f"whatever listens there is no WebSocket server: {quoted(reason)}", advice, may_pass=True)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0.0
