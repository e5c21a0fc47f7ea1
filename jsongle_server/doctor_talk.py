"""What the doctor finds out by being a client: from the TCP connection to an answered ping, step by step.

Each step needs the ones before; the first that fails says what stands in the way. Must not know how frames look
(:mod:`jsongle_server.doctor_websocket` does) nor what answers to a handshake mean
(:mod:`jsongle_server.doctor_upgrade` does). Layer 5.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.x509 import load_der_x509_certificate

from jsongle_server.doctor_address import check_address
from jsongle_server.doctor_certificate import judge_dates, names
from jsongle_server.doctor_clock import CHECK as CLOCK
from jsongle_server.doctor_clock import compare_clocks, compare_http_date, read_timestamp
from jsongle_server.doctor_findings import Finding, Findings, Stop, ok, problem, quoted, reason, skipped, warning
from jsongle_server.doctor_subject import Subject, Target
from jsongle_server.doctor_tokens import present
from jsongle_server.doctor_turn import check_given
from jsongle_server.doctor_upgrade import judge_answer
from jsongle_server.doctor_websocket import Closed, NotWebSocket, NoUpgrade, WebSocket
from jsongle_server.doctor_wire import Wire, unverified_context, web_context

LARGEST_HELLO: Final = 16_384
"""Bytes of a hello of the server, most of which the doctor repeats, after which it is none."""

_UNTRUSTED: Final = "is not for a server whose certificate browsers refuse"
_TRUST: Final = "run the doctor again with a good certificate; one of your own authority: SSL_CERT_FILE"
_PROXY: Final = "look into the log of the server, and of the proxy in front of it"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the server says when it lets the doctor in.

    :param uid: as whom it does.
    :param ice_servers: what it tells its clients to use, whatever that is.
    """

    uid: str
    ice_servers: Any


def check_connection(subject: Subject) -> Findings:
    """Connects as a client does, says hello, asks for an answer and, if that is wanted, is silent for a while."""
    target = subject.target
    if target is None:
        yield skipped("connection", "the settings name no port", "give the address that clients use")
        return
    wire = _connect(subject, target)
    if wire is None:
        yield skipped("connection", f"no server runs on {target.place}", "start it, and run the doctor again")
        return
    yield ok("connection", f"{target.place} takes connections")
    try:
        is_trusted = True
        if target.place.is_secure:
            wire, is_trusted = yield from _secure(subject, target, wire)
        yield from _talk(subject, target, wire, is_trusted=is_trusted)
    finally:
        wire.close()


def _connect(subject: Subject, target: Target) -> Wire | None:
    """A TCP connection; ``None`` where the server on this machine does not run.

    :raises Stop: there is none.
    """
    try:
        return Wire.connect(target.place, subject.seconds)
    except ConnectionRefusedError as error:
        if subject.url is None:
            return None
        advice = "start what should listen there, or name the port that clients use"
        raise Stop(problem("connection", f"{target.place}: {reason(error)}", advice)) from error
    except OSError as error:
        advice = "look at the name in DNS, the address, and the firewalls in between"
        raise Stop(problem("connection", f"{target.place}: {reason(error)}", advice)) from error


def _secure(subject: Subject, target: Target, wire: Wire) -> Generator[Finding, None, tuple[Wire, bool]]:
    """Goes on in TLS, whatever the certificate: what else is wrong should be found too.

    :returns: the connection, another one where the certificate was refused on the first; and whether it is good.
    :raises Stop: there is no TLS.
    """
    is_trusted = True
    place = target.place
    try:
        # From this machine, the server has no name that a certificate could be for.
        context = web_context() if subject.url is not None else unverified_context()
        secured = wire.secure(context, place.host)
    except ssl.SSLCertVerificationError as error:
        is_trusted = False
        advice = f"have a certificate for {place.host} from an authority that browsers know, and all that lead to it"
        yield problem("tls", f"browsers refuse the certificate: {quoted(error.verify_message)}", advice)
        wire.close()
        wire, secured = _look_again(subject, target)
    except OSError as error:
        advice = "use ws:// if there is no TLS there, or look at the TLS settings of what listens there"
        raise Stop(problem("tls", f"no TLS on {place}: {reason(error)}", advice)) from error
    certificate = load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    yield ok("tls", f"{secured.version()}, a certificate for {names(certificate)}")
    yield judge_dates(certificate, time.time())
    return wire, is_trusted


def _look_again(subject: Subject, target: Target) -> tuple[Wire, ssl.SSLSocket]:
    """A connection on which any certificate will do.

    :raises Stop: there is none.
    """
    wire: Wire | None = None
    try:
        wire = Wire.connect(target.place, subject.seconds)
        return wire, wire.secure(unverified_context(), target.place.host)
    except OSError as error:
        if wire is not None:
            wire.close()
        raise Stop(skipped("websocket", f"{target.place} takes no second connection: {reason(error)}")) from error


def _talk(subject: Subject, target: Target, wire: Wire, *, is_trusted: bool) -> Findings:
    """The conversation, from the handshake on.

    :param is_trusted: whether the certificate is good; if not, nothing is said that may be secret.
    """
    if not is_trusted and "?" in target.path:
        raise Stop(skipped("websocket", f"what follows the ? of the address {_UNTRUSTED}", _TRUST))
    before = time.time()
    socket = _open(subject, target, wire)
    yield ok("websocket", f"{target} speaks WebSocket")
    if subject.url is not None and "date" in socket.headers:
        yield compare_http_date(target.place.host, socket.headers["date"], before=before, after=time.time())
    try:
        hello = _hear(socket, "hello", "the server's hello")
        yield from _judge_hello(hello, before)
        if not is_trusted:
            raise Stop(skipped("login", f"a token {_UNTRUSTED}", _TRUST))
        ack = _say_hello(subject, socket, hello)
        yield ok("login", f"let in as {quoted(ack.uid)}")
        yield _ping(socket, hello)
        yield from check_address(subject, hello["to"], socket.own_host)
        yield from check_given(subject, ack.ice_servers)
        if subject.idle:
            yield _stay(subject, socket)
    finally:
        socket.close()


def _open(subject: Subject, target: Target, wire: Wire) -> WebSocket:
    try:
        return WebSocket.open(wire, host=_host_header(target), path=target.path)
    except NoUpgrade as error:
        raise Stop(judge_answer(error.answer, is_local=subject.url is None)) from error
    except ValueError as error:
        advice = "use wss:// if it speaks TLS, or the port of the WebSocket side if this is another one"
        raise Stop(problem("websocket", f"{target.place} does not speak HTTP", advice)) from error
    except OSError as error:
        raise Stop(problem("websocket", f"no answer to the handshake: {reason(error)}", _PROXY)) from error


def _host_header(target: Target) -> str:
    place = target.place
    name = f"[{place.host}]" if ":" in place.host else place.host
    return name if place.port == (443 if place.is_secure else 80) else str(place)


def _hear(socket: WebSocket, check: str, what: str) -> dict[str, Any]:
    """The next message.

    :raises Stop: none comes, or the connection ends.
    """
    try:
        return socket.hear()
    except Closed as error:
        why = f"{error.code} {error.text}" if error.code is not None else "without a word"
        raise Stop(problem(check, f"closed ({quoted(why)}) instead of {what}", _PROXY)) from error
    except NotWebSocket as error:
        advice = "give the address of the WebSocket side of a JSONgle server"
        raise Stop(problem(check, quoted(str(error)), advice)) from error
    except OSError as error:
        advice = "if there is a proxy, have it pass on what comes without waiting for more (nginx: proxy_buffering off)"
        raise Stop(problem(check, f"{what} does not come: {reason(error)}", advice)) from error


def _judge_hello(hello: dict[str, Any], before: float) -> Findings:
    """Whether a JSONgle server speaks, which one, and what time it has.

    :raises Stop: another server speaks.
    """
    jsongle = hello["jsongle"]
    description = jsongle.get("description")
    if (
        jsongle.get("query") != "session-hello"
        or not isinstance(description, dict)
        or not isinstance(hello.get("to"), str)
        or len(orjson.dumps(hello)) > LARGEST_HELLO
    ):
        advice = "give the address of the WebSocket side of a JSONgle server"
        raise Stop(problem("hello", "the first message is not the hello of a JSONgle server", advice))
    yield ok("hello", f"{quoted(str(hello.get('from')))}, version {quoted(str(description.get('version')))}")
    try:
        theirs = read_timestamp(str(description.get("connected")))
    except ValueError:
        yield skipped(CLOCK, "the server does not say what time it is")
    else:
        yield compare_clocks("the server", theirs, before=before, after=time.time())


def _say_hello(subject: Subject, socket: WebSocket, hello: dict[str, Any]) -> Admission:
    """Has the server let the doctor in.

    :raises Stop: it does not.
    """
    asked = hello["jsongle"]
    description = present(subject, time.time())
    answer = {"query": asked["query"], "transaction": asked.get("transaction"), "description": description}
    _say(socket, hello, {"action": "iq-result", **answer})
    ack = _hear(socket, "login", "the ack of the hello")["jsongle"]
    if ack.get("action") == "ack" and ack.get("status") == "success":
        told = ack.get("description")
        return Admission(str(description["uid"]), told.get("iceServers") if isinstance(told, dict) else None)
    error = _hear(socket, "login", "why the hello was refused")["jsongle"].get("description")
    details = error.get("errorDetails") if isinstance(error, dict) else None
    code = error.get("errorCode") if isinstance(error, dict) else None
    advice = "give a token that the server accepts: --token" if code == 401001 else _PROXY
    raise Stop(problem("login", f"the hello was refused: {quoted(str(details))}", advice))


def _ping(socket: WebSocket, hello: dict[str, Any]) -> Finding:
    """Whether messages go back and forth, and how long that takes."""
    began = time.monotonic()
    _say(socket, hello, {"action": "iq-get", "query": "ping", "transaction": "doctor", "description": {}})
    answer = _hear(socket, "ping", "the answer to a ping")["jsongle"]
    taken = (time.monotonic() - began) * 1000
    if answer.get("action") != "iq-result" or answer.get("transaction") != "doctor":
        raise Stop(problem("ping", f"the ping was answered by {quoted(str(answer.get('action')))}", _PROXY))
    return ok("ping", f"answered after {taken:.0f} ms")


def _say(socket: WebSocket, hello: dict[str, Any], jsongle: dict[str, Any]) -> None:
    try:
        socket.say({"from": hello["to"], "to": hello.get("from"), "jsongle": jsongle})
    except OSError as error:
        raise Stop(
            problem("connection", f"what the doctor says does not get through: {reason(error)}", _PROXY)
        ) from error


def _stay(subject: Subject, socket: WebSocket) -> Finding:
    """Whether a connection on which nobody says anything stays open."""
    began = time.monotonic()
    try:
        socket.stay(subject.idle)
    except Closed as error:
        after = f"{time.monotonic() - began:.0f} s"
        if error.code is None:
            seen = f"something in between closed the silent connection after {after}"
            advice = "raise its limit above pingInterval (nginx: proxy_read_timeout), or lower pingInterval"
            return problem("idle", seen, advice)
        return problem("idle", f"closed by the server after {after}: {error.code} {quoted(error.text)}", _PROXY)
    except NotWebSocket as error:
        return problem("idle", quoted(str(error)), _PROXY)
    if not socket.pings:
        advice = "stay longer than pingInterval (--idle), or set it: without pings, dead connections are not noticed"
        return warning("idle", f"open after {subject.idle:g} s, in which no ping came", advice)
    return ok("idle", f"open after {subject.idle:g} s, with {socket.pings} pings answered")
