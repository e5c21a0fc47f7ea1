"""Whether the server knows where its clients come from, when a proxy stands in front of it.

The doctor asks the REST side of the server for its own session, and compares the address there with where it really
comes from. Layer 5.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import orjson

from jsongle_server.doctor_findings import Finding, Findings, ok, problem, quoted, reason, skipped, warning
from jsongle_server.doctor_wire import HttpAnswer, http_get
from jsongle_server.forwarded import Proxies, address_in, normal

if TYPE_CHECKING:
    from jsongle_server.doctor_subject import Subject

CHECK: Final = "address"

_HEADER: Final = (
    "have the proxy say whom a request is from; nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for"
)


def check_address(subject: Subject, identity: str, own: str) -> Findings:
    """Whether the server has the right address for this connection.

    :param identity: the session identity that the server gave it.
    :param own: the IP address from which this machine has connected.
    """
    config = subject.config
    if config.admin_token is None or subject.rest is None:
        missing = {"adminToken": config.admin_token, "restPort": subject.rest}
        named = " and ".join(name for name, value in missing.items() if value is None)
        yield skipped(CHECK, f"without {named} nobody can ask how the server sees this connection")
        return
    if not _is_here(subject.rest.host):
        yield skipped(CHECK, f"adminToken is not for {subject.rest}, which is not an address of this machine")
        return
    path = f"/sessions/{quote(identity, safe='')}"
    try:
        answer = http_get(subject.rest, path, token=config.admin_token, seconds=subject.seconds)
        seen = _host_in(answer)
    except OSError as error:
        yield skipped(CHECK, f"{subject.rest}, where REST should be, does not answer: {reason(error)}")
        return
    except ValueError:
        yield skipped(CHECK, f"{subject.rest} does not know this session: it is that of another server, or token")
        return
    yield judge(seen, own, config.trusted_proxies)


def judge(seen: str, own: str, trusted: tuple[str, ...]) -> Finding:
    """Compares two addresses.

    :param seen: the one that the server sees, without a port.
    :param own: that of this machine.
    :param trusted: the setting ``trustedProxies``.
    """
    if seen == normal(own):
        return ok(CHECK, f"the server sees this connection come from {quoted(seen)}, where it does come from")
    shown = f"the server sees this connection come from {quoted(seen)}, not from {own}"
    if seen in Proxies(trusted):
        return problem(CHECK, f"{shown}: that is the proxy", _HEADER)
    if _is_inside(seen):
        advice = f"if that is the proxy, set trustedProxies={quoted(seen)}, and {_HEADER}"
        return warning(CHECK, shown, advice)
    return ok(CHECK, f"{shown}: as it should be if this machine is behind a router with that address")


def _host_in(answer: HttpAnswer) -> str:
    """The host in the address of a session.

    :raises ValueError: there is no session.
    """
    session = orjson.loads(answer.body) if answer.status == 200 else None
    address = session.get("address") if isinstance(session, dict) else None
    if not isinstance(address, str):
        raise ValueError("there is no such session")
    return address_in(address) or address


def _is_here(host: str) -> bool:
    """Whether a host is this machine: nothing else hears what is sent there, whatever the certificate."""
    if host == "localhost":
        return True
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except (OSError, ValueError):
        return False
    return True


def _is_inside(host: str) -> bool:
    """Whether an address is of this machine or of a private network, where proxies are."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return True
