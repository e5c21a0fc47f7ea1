"""Whether the STUN and TURN servers that clients are told of would help them.

Does what a browser does before a call: asks for its address (RFC 8489), and for a relay with credentials made from the
shared secret (RFC 8656), which it gives back at once. Layer 5: the ways there are in
:mod:`jsongle_server.doctor_ice_lines`, the bytes in :mod:`jsongle_server.stun`.
"""

from __future__ import annotations

import secrets
import ssl
import time
from contextlib import closing
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from jsongle_server import stun
from jsongle_server.config_addresses import ice_urls
from jsongle_server.doctor_findings import Finding, Findings, ok, problem, quoted, reason, skipped, warning
from jsongle_server.doctor_ice_lines import IceUrl, Line, open_line, read_ice_url
from jsongle_server.ice import turn_credentials
from jsongle_server.stun import Attribute, Kind, Message, Method, NotStun

if TYPE_CHECKING:
    from jsongle_server.doctor_subject import Subject

UID: Final = "doctor"
"""For whom the credentials are that are tried."""

MOST_GIVEN: Final = 8
"""Servers, and addresses of each, that are tried where a server names them: what it says is not to be trusted."""

GIVEN_SECONDS: Final = 30.0
"""After how many seconds no further one of them is tried."""

_WITHOUT: Final = "clients behind strict firewalls cannot reach each other"
_ANY_URLS: Final = ice_urls("stun", "stuns", "turn", "turns")
_UNAUTHORIZED, _STALE_NONCE = 401, 438
_NO_ANSWER: Final = "look at its name and port, whether it runs, and the firewalls in between"


def check_ice(subject: Subject) -> Findings:
    """Tries every server of ``stunUrls`` and ``turnUrls``, as this machine's settings have them."""
    config = subject.config
    if not config.turn_urls and subject.url is None:
        yield skipped("turn", f"turnUrls is empty: {_WITHOUT}")
    for text in config.stun_urls:
        yield _attempt(text, subject.seconds, ("", ""))
    for text in config.turn_urls:
        credentials = turn_credentials(config.turn_secret or "", UID, expires=int(time.time()) + config.turn_ttl)
        yield _attempt(text, subject.seconds, credentials)


def check_given(subject: Subject, given: Any) -> Findings:
    """Tries the servers that a server tells its clients of, unless this machine's settings have some to try.

    :param given: ``iceServers`` of the answer to a hello: whatever stands there.
    """
    if subject.config.turn_urls or subject.config.stun_urls:
        return
    if not isinstance(given, list) or not any(map(_names_turn, given)):
        if subject.url is not None:
            yield skipped("turn", f"the server tells clients of no TURN server: {_WITHOUT}")
        if not isinstance(given, list):
            return
    end = time.monotonic() + GIVEN_SECONDS
    for server in given[:MOST_GIVEN]:
        try:
            urls = _ANY_URLS.parse(" ".join(server["urls"]))
            credentials = str(server.get("username", "")), str(server.get("credential", ""))
        except (AttributeError, KeyError, TypeError, ValueError):
            yield problem("turn", "the server tells clients of an ICE server that is none", "look at turnUrls there")
            continue
        for text in urls[:MOST_GIVEN]:
            left = end - time.monotonic()
            if left <= 0:
                yield skipped("turn", f"the rest of the ICE servers: those before took {GIVEN_SECONDS:g} s")
                return
            yield _attempt(text, min(subject.seconds, left), credentials)


def _names_turn(server: Any) -> bool:
    """Whether an entry of ``iceServers``, any JSON value, is of a TURN server."""
    urls = server.get("urls") if isinstance(server, dict) else None
    return isinstance(urls, list) and any(isinstance(url, str) and url.startswith("turn") for url in urls)


def _attempt(text: str, seconds: float, credentials: tuple[str, str]) -> Finding:
    """Tries one server; whatever goes wrong is a finding.

    :param text: its address.
    :param credentials: name and password, which a TURN server wants.
    """
    url = read_ice_url(text)
    check = text[:4]
    if url.is_udp and url.place.is_secure:
        return skipped(check, f"{text}: the doctor does not speak DTLS")
    try:
        with closing(open_line(url, seconds)) as line:
            return _bind(line, url) if check == "stun" else _allocate(line, url, credentials)
    except ssl.SSLCertVerificationError as error:
        advice = "have a certificate for that name from an authority that browsers know"
        return problem(check, f"{text}: browsers refuse its certificate: {quoted(error.verify_message)}", advice)
    except NotStun as error:
        return problem(check, f"{text}: what answers is no STUN or TURN server: {error}", _NO_ANSWER)
    except OSError as error:
        return problem(check, f"{text}: {reason(error)}", _NO_ANSWER)


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
