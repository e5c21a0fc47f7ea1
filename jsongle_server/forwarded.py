"""Whom a connection comes from, where proxies in front of the server say so.

A proxy that is trusted adds the address of whoever connected to it, in ``X-Forwarded-For`` or in ``Forwarded`` (RFC
7239), behind what it was told itself. So the last entry is true, the one before it as far as the proxy that it came
from can be trusted too, and all the rest is whatever a client likes to claim. Layer 1: pure functions of headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from jsongle_server.config_addresses import UNIX

FORWARDED: Final = "forwarded"
FORWARDED_FOR: Final = "x-forwarded-for"
HEADERS: Final = (FORWARDED_FOR, FORWARDED)
"""The headers that are looked at, in small letters."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")

# RFC 7239 section 4, with the blanks that lists may have (RFC 9110 section 5.6.1).
_TOKEN: Final = r"[\w!#$%&'*+.^`|~-]+"
_PAIR: Final = re.compile(
    rf"[ \t]*(?:(?P<name>{_TOKEN})=(?:(?P<token>{_TOKEN})|\"(?P<quoted>(?:[^\"\\]|\\.)*)\")[ \t]*)?", re.ASCII
)
_ESCAPE: Final = re.compile(r"\\(.)")
# An address may have a port behind it, also a hidden one (RFC 7239 section 6.3); with one, IPv6 stands in brackets.
_NODE: Final = re.compile(
    r"(?:(?P<v4>[\d.]+)|\[(?P<v6>[\da-fA-F]*:[\da-fA-F:.]*)\])(?::(?:\d{1,5}|_[\w.-]+))?"
    r"|(?P<bare>[\da-fA-F]*:[\da-fA-F:.]*)",
    re.ASCII,
)


class Ambiguous(ValueError):
    """The headers of a proxy do not say who the client is: they contradict each other, or cannot be read; the text says
    which."""


class Proxies:
    """The proxies that are believed.

    :param networks: the setting ``trustedProxies``.
    """

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._unix = UNIX in networks
        self._networks = tuple(ip_network(network) for network in networks if network != UNIX)

    def __contains__(self, host: str) -> bool:
        """Whether one of them has this address, in the form that :func:`normal` gives."""
        if host == UNIX:
            return self._unix
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def proxies_of(networks: tuple[str, ...]) -> Proxies | None:
    """Those of the setting ``trustedProxies``, ``None`` where it is empty."""
    return Proxies(networks) if networks else None


def client_address(peer: str, headers: Mapping[str, str], trusted: Proxies) -> str:
    """The address of the client: the nearest one that is no trusted proxy's.

    An entry that is no address, or hides it, ends the search at the proxy that it came from: nothing before it can be
    checked. If every address is a trusted proxy's, the first of them is the client.

    :param peer: where the connection comes from, an address or ``unix``.
    :param headers: by name in small letters, those that came several times joined by commas.
    :param trusted: the only ones whose headers are looked at.
    :raises Ambiguous: both headers are there and lead to different addresses, or ``Forwarded`` cannot be read. A proxy
        that sets one of them and passes the other on would let its clients choose who they are; one that adds to what
        cannot be read would have them count as itself, and get around blocks.
    """
    peer = normal(peer)
    if peer not in trusted:
        return peer
    found = {
        name: _walk(peer, list(read(headers[name])), trusted)
        for name, read in ((FORWARDED_FOR, _listed), (FORWARDED, _elements))
        if name in headers
    }
    if len(set(found.values())) > 1:
        raise Ambiguous("X-Forwarded-For and Forwarded name different clients; the proxy must overwrite or drop both")
    return next(iter(found.values()), peer)


def how_asked(headers: Mapping[str, str], what: str) -> str | None:
    """How a trusted proxy was asked itself, as far as it says so: in its entry, the last of each header.

    :param headers: as of :func:`client_address`; of a trusted proxy alone.
    :param what: ``proto``, the scheme, or ``host``, the host (RFC 7239 sections 5.3 and 5.4).
    :raises Ambiguous: ``Forwarded`` cannot be read.
    """
    if (listed := headers.get(f"x-forwarded-{what}")) is not None:
        return listed.rpartition(",")[2].strip(" \t")
    if FORWARDED not in headers:
        return None
    *_, last = _parameters(headers[FORWARDED])
    values = [value for name, value in last if name == what]
    return values[0] if len(values) == 1 else None


def normal(host: str) -> str:
    """An address in the form in which it is compared: IPv4 as such, also where it shows as mapped into IPv6."""
    return _normal_address(host) or host


def is_address(host: str) -> bool:
    """Whether a host is an IP address, and nothing but that: no name, and no zone, which may be any text."""
    return "%" not in host and _normal_address(host) is not None


def address_in(text: str) -> str | None:
    """The address in a text that has nothing in it but that, and possibly a port; ``None`` where there is none."""
    match = _NODE.fullmatch(text)
    return _normal_address(match["v4"] or match["v6"] or match["bare"]) if match else None


def shown(host: str, port: int | None) -> str:
    """An address for people to read, and for :func:`address_in`.

    :param port: ``None`` where it is not known.
    """
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _walk(peer: str, hops: list[str | None], trusted: Proxies) -> str:
    for hop in reversed(hops):
        if hop is None:
            break
        peer = hop
        if peer not in trusted:
            break
    return peer


def _listed(header: str) -> Iterator[str | None]:
    """The addresses of ``X-Forwarded-For``; ``None`` for what is none, an empty entry among it."""
    return (address_in(entry.strip(" \t")) for entry in header.split(","))


def _elements(header: str) -> Iterator[str | None]:
    """The addresses of ``Forwarded``; ``None`` for an element without one, an empty element among them.

    :raises Ambiguous: it cannot be read.
    """
    for parameters in _parameters(header):
        nodes = [address_in(value) for name, value in parameters if name == "for"]
        # Each parameter may occur once (section 4).
        yield nodes[0] if len(nodes) == 1 else None


def _parameters(header: str) -> Iterator[list[tuple[str, str]]]:
    """The parameters of each element of ``Forwarded``, their names in small letters.

    :raises Ambiguous: it cannot be read.
    """
    parameters: list[tuple[str, str]] = []
    at, end = 0, ","
    while end:
        match = _PAIR.match(header, at)
        assert match is not None  # as it may be empty
        if match["name"]:
            parameters.append((match["name"].lower(), match["token"] or _ESCAPE.sub(r"\1", match["quoted"] or "")))
        end = header[match.end() : match.end() + 1]
        if end not in ("", ",", ";"):
            raise Ambiguous("The header Forwarded cannot be read; the proxy must overwrite or drop what clients send")
        if end != ";":
            yield parameters
            parameters = []
        at = match.end() + 1


def _normal_address(text: str) -> str | None:
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address in _MAPPED:
        return str(address.ipv4_mapped)
    return str(address)
