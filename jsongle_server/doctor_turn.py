"""Whether the STUN and TURN servers that clients are told of would help them.

Does what a browser does before a call: asks for its address (RFC 8489), and for a relay with credentials made from the
shared secret (RFC 8656), which it gives back at once. Layer 5: sockets here, bytes in :mod:`jsongle_server.stun`.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol

from jsongle_server import stun
from jsongle_server.doctor_findings import Finding, Findings, ok, problem, quoted, reason, skipped, warning
from jsongle_server.doctor_wire import STEP_SECONDS, Place, Wire, resolve
from jsongle_server.ice import turn_credentials
from jsongle_server.stun import Attribute, Kind, Message, Method, NotStun

if TYPE_CHECKING:
    from jsongle_server.doctor_subject import Subject

UID: Final = "doctor"
"""For whom the credentials are that are tried."""

FIRST_WAIT: Final = 0.5
"""Seconds until a request over UDP is sent again, doubled each time (RFC 8489 section 6.2.1)."""

_PORTS: Final = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
_UNAUTHORIZED, _STALE_NONCE = 401, 438
_LARGEST: Final = 65_536

_NO_ANSWER: Final = "look at its name and port, whether it runs, and the firewalls in between"


@dataclass(frozen=True, slots=True)
class IceUrl:
    """The address of a STUN or TURN server (RFC 7064, RFC 7065).

    :param text: as it is configured.
    :param is_udp: whether it is spoken to over UDP, or DTLS.
    """

    text: str
    place: Place
    is_udp: bool


class Line(Protocol):
    """A way to a server: sends a request, gives the answer."""

    def ask(self, request: bytes) -> bytes:
        """The answer to a request, in time.

        :raises OSError: there is none.
        :raises NotStun: it is no STUN message.
        """
        ...

    def close(self) -> None:
        """Is done."""
        ...


def read_ice_url(text: str) -> IceUrl:
    """Reads an address that the settings accept."""
    scheme, _, rest = text.partition(":")
    host_port, _, query = rest.partition("?transport=")
    host, _, port = host_port.rpartition(":") if host_port[-1] != "]" and ":" in host_port else (host_port, "", "")
    is_secure = scheme.endswith("s")
    place = Place(host.strip("[]"), int(port or _PORTS[scheme]), is_secure=is_secure)
    return IceUrl(text, place, is_udp=query == "udp" or (not query and not is_secure))


def check_ice(subject: Subject) -> Findings:
    """Tries every server of ``stunUrls`` and ``turnUrls``."""
    config = subject.config
    if not config.turn_urls:
        yield skipped("turn", "turnUrls is empty: clients behind strict firewalls cannot reach each other")
    for text in config.stun_urls:
        yield _attempt("stun", read_ice_url(text), subject.seconds, _bind)
    for text in config.turn_urls:
        credentials = turn_credentials(config.turn_secret or "", UID, expires=int(time.time()) + config.turn_ttl)

        def allocate(line: Line, url: IceUrl, credentials: tuple[str, str] = credentials) -> Finding:
            return _allocate(line, url, credentials)

        yield _attempt("turn", read_ice_url(text), subject.seconds, allocate)


def _attempt(check: str, url: IceUrl, seconds: float, trial: Trial) -> Finding:
    """Tries one server; whatever goes wrong is a finding."""
    if url.is_udp and url.place.is_secure:
        return skipped(check, f"{url.text}: the doctor does not speak DTLS")
    try:
        with closing(_open(url, seconds)) as line:
            return trial(line, url)
    except ssl.SSLCertVerificationError as error:
        advice = "have a certificate for that name from an authority that browsers know"
        return problem(check, f"{url.text}: browsers refuse its certificate: {quoted(error.verify_message)}", advice)
    except NotStun as error:
        return problem(check, f"{url.text}: what answers is no STUN or TURN server: {error}", _NO_ANSWER)
    except OSError as error:
        return problem(check, f"{url.text}: {reason(error)}", _NO_ANSWER)


class Trial(Protocol):
    """What is done with a server."""

    def __call__(self, line: Line, url: IceUrl, /) -> Finding:
        """Does it, and judges what comes of it."""
        ...


def _bind(line: Line, url: IceUrl) -> Finding:
    """Asks a server from where it is asked."""
    answer = _exchange(line, Message(Method.BINDING, Kind.REQUEST, _transaction()))
    address = answer.address(Attribute.XOR_MAPPED_ADDRESS)
    if answer.kind is not Kind.SUCCESS or address is None:
        return problem("stun", f"{url.text}: refused, {_code(answer)}", "allow requests without credentials there")
    return ok("stun", f"{url.text}: sees this machine at {address[0]}")


def _allocate(line: Line, url: IceUrl, credentials: tuple[str, str]) -> Finding:
    """Asks a server for a relay with credentials, and gives it back."""
    transport = (Attribute.REQUESTED_TRANSPORT, stun.UDP)
    answer = _exchange(line, Message(Method.ALLOCATE, Kind.REQUEST, _transaction(), (transport,)))
    if answer.kind is Kind.SUCCESS:
        return problem("turn", f"{url.text}: relays for anybody", "have it ask for credentials: use-auth-secret")
    key = b""
    for _ in range(2):  # the second time with a fresh nonce, should the first be stale
        if answer.error not in (_UNAUTHORIZED, _STALE_NONCE):
            break
        realm, nonce = answer.get(Attribute.REALM) or b"", answer.get(Attribute.NONCE) or b""
        username, password = credentials
        key = stun.long_term_key(username, realm.decode("utf-8", "replace"), password)
        proof = ((Attribute.USERNAME, username.encode()), (Attribute.REALM, realm), (Attribute.NONCE, nonce))
        answer = _exchange(line, Message(Method.ALLOCATE, Kind.REQUEST, _transaction(), (transport, *proof)), key)
        if answer.error == _UNAUTHORIZED:
            break
    if answer.kind is not Kind.SUCCESS:
        return _judge_refusal(url, answer)
    release = (Attribute.LIFETIME, bytes(4)), *proof
    _exchange(line, Message(Method.REFRESH, Kind.REQUEST, _transaction(), release), key)
    return _judge_relay(url, answer.address(Attribute.XOR_RELAYED_ADDRESS))


def _judge_refusal(url: IceUrl, answer: Message) -> Finding:
    if answer.error == _UNAUTHORIZED:
        advice = (
            "make turnSecret what the server has (coturn: use-auth-secret, static-auth-secret), and its clock right"
        )
        return problem("turn", f"{url.text}: refuses credentials made from turnSecret (401)", advice)
    return problem("turn", f"{url.text}: gives no relay, {_code(answer)}", "look into its log, and at its quotas")


def _judge_relay(url: IceUrl, relay: tuple[str, int] | None) -> Finding:
    if relay is None:
        return problem("turn", f"{url.text}: gives a relay without an address", _NO_ANSWER)
    seen = f"{url.text}: takes the credentials, relays at {relay[0]}"
    if _is_private(relay[0]) and not _is_private(url.place.host):
        advice = "have it tell its public address (coturn: external-ip), or nobody outside reaches the relay"
        return warning("turn", seen, advice)
    return ok("turn", seen)


def _is_private(host: str) -> bool:
    """Whether a host is an address of a private network; what a name leads to is not looked at."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def _code(answer: Message) -> str:
    return f"with error {answer.error}" if answer.error is not None else "without a reason"


def _exchange(line: Line, request: Message, key: bytes | None = None) -> Message:
    """The answer to a request.

    :param key: signs it; what comes back must then be signed with it too, unless it is a refusal.
    :raises OSError: there is none in time.
    :raises NotStun: it is none.
    """
    data = line.ask(stun.encode(request, key=key, fingerprint=True))
    answer = stun.decode(data)
    if key is not None and answer.kind is Kind.SUCCESS and not stun.is_signed(data, key):
        raise NotStun("its answers are not signed")
    return answer


def _transaction() -> bytes:
    return secrets.token_bytes(stun.TRANSACTION_SIZE)


def _open(url: IceUrl, seconds: float) -> Line:
    if url.is_udp:
        return DatagramLine.open(url.place, seconds)
    wire = Wire.connect(url.place, seconds)
    if url.place.is_secure:
        try:
            wire.secure(ssl.create_default_context(), url.place.host)
        except OSError:
            wire.close()
            raise
    return StreamLine(wire, seconds)


class DatagramLine:
    """Over UDP, where what gets lost is sent again.

    :param connected: a socket that knows where the server is.
    :param seconds: how long to ask.
    """

    def __init__(self, connected: socket.socket, seconds: float = STEP_SECONDS) -> None:
        self._socket = connected
        self._seconds = seconds

    @classmethod
    def open(cls, place: Place, seconds: float) -> DatagramLine:
        """A line to the first address of a host that there is a way to.

        :raises OSError: there is none.
        """
        failure = OSError("there is no such host")
        for family, kind, protocol, _, address in resolve(place.host, place.port, socket.SOCK_DGRAM, seconds):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
            else:
                return cls(opened, seconds)
        raise failure

    def ask(self, request: bytes) -> bytes:
        """Asks until there is an answer to this request; others are none of its business."""
        end = time.monotonic() + self._seconds
        wait = FIRST_WAIT
        while (left := end - time.monotonic()) > 0:
            self._socket.send(request)
            answer = self._receive(request, min(wait, left))
            if answer is not None:
                return answer
            wait *= 2
        raise TimeoutError(f"no answer within {self._seconds:g} s")

    def _receive(self, request: bytes, seconds: float) -> bytes | None:
        """The answer to a request, if it comes in time; whatever else comes is left out."""
        end = time.monotonic() + seconds
        data = b""
        while data[4 : stun.HEADER_SIZE] != request[4 : stun.HEADER_SIZE]:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self._socket.recv(_LARGEST)
            except TimeoutError:
                return None
        return data

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()


class StreamLine:
    """Over TCP or TLS, where each message says how long it is."""

    def __init__(self, wire: Wire, seconds: float = STEP_SECONDS) -> None:
        self._wire = wire
        self._seconds = seconds
        self._unread = b""

    def ask(self, request: bytes) -> bytes:
        """Asks once, and reads one message."""
        self._wire.begin_step(self._seconds)
        self._wire.send(request)
        size = stun.message_size(self._read(stun.HEADER_SIZE))
        data = self._read(size)
        self._unread = self._unread[size:]
        return data

    def _read(self, size: int) -> bytes:
        """The first bytes of what comes, which stay there."""
        while len(self._unread) < size:
            chunk = self._wire.receive()
            if not chunk:
                raise ConnectionResetError("the connection was closed")
            self._unread += chunk
        return self._unread[:size]

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()
