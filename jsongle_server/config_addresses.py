"""What the text of a host, a network, an address on the web may be, and the one form in which each is kept.

Owns their grammar, and when two listening addresses meet. Must not know the settings, and never resolves a name.
Layer 0, beside :mod:`jsongle_server.config_values`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import idna

from jsongle_server.config_values import ValueKind, quoted, refusal, split_list, write_optional

# Underscores are no part of RFC 1123, but container networks use them in names.
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(\[(?P<ip6>[0-9a-f:.]+)\]|(?P<host>[^\[\]:/?#@\s]+))(:(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)
_WEB_ADDRESS: Final = re.compile(
    r"https?://(\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(:(?P<port>[0-9]{1,5}))?([/?][!\"$-~]*)?", re.ASCII
)
_ICE_ADDRESS: Final = re.compile(
    r"(?P<scheme>stuns?|turns?):(\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(:(?P<port>[0-9]{1,5}))?"
    r"(\?transport=(?P<transport>udp|tcp))?",
    re.ASCII,
)
_WEBSOCKET_ADDRESS: Final = re.compile(
    r"wss?://(\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(:(?P<port>[0-9]{1,5}))?([/?][!\"$-~]*)?", re.ASCII
)
_AUTHORITY: Final = re.compile(r"(\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(:(?P<port>[0-9]{1,5})?)?", re.ASCII)
OFF: Final = "off"
ON: Final = "on"

UNIX: Final = "unix"
"""What stands for Unix sockets among networks."""

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ANY_ADDRESS: Final = frozenset({"", "::"})


def interface() -> ValueKind[str]:
    """Make the kind of a host to listen on: an IP address or a name, in lower case, or empty for all."""
    accepts = "nothing (all interfaces) or an IP address or host name without scheme and port"

    def parse(text: str) -> str:
        host = "" if not text else _normal_address(text) or _normal_name(text)
        if host is None:
            raise refusal(accepts)
        return host

    return ValueKind(accepts, parse, str)


def origins() -> ValueKind[tuple[str, ...]]:
    """Make the kind of a list of web origins (RFC 6454 section 6.2), each in the form in which browsers send it."""
    accepts = "nothing (any origin) or a list of origins like https://example.com, parted by commas or spaces"

    def parse(text: str) -> tuple[str, ...]:
        if not text:
            return ()
        return tuple(dict.fromkeys(_normal_origin(item) for item in split_list(text)))

    return ValueKind(accepts, parse, ",".join)


def networks() -> ValueKind[tuple[str, ...]]:
    """Make the kind of a list of IP networks or addresses, each in its shortest form; ``unix`` is Unix sockets."""
    accepts = "nothing or a list of networks or addresses like 10.0.0.0/8 or ::1, or unix, parted by commas or spaces"

    def parse(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_normal_network(item) for item in split_list(text)))

    return ValueKind(accepts, parse, ",".join)


def http_url() -> ValueKind[str | None]:
    """Make the kind of an address on the web (RFC 9110 section 4.2) without a name and password in it, or none."""
    accepts = "nothing or an address like https://example.com/path, without a user, a password and a fragment"

    def parse(text: str) -> str | None:
        if not text:
            return None
        match = _WEB_ADDRESS.fullmatch(text)
        if match is None or not _can_be_reached(match):
            raise refusal(accepts)
        if match["host"] and not _is_idna(match["host"]):
            raise refusal(accepts)
        return text

    return ValueKind(accepts, parse, write_optional)


def off_on_or_websocket() -> ValueKind[str]:
    """Make the kind of what is off or on, or on with the address of a WebSocket server (RFC 6455 section 3)."""
    accepts = "off, on or an address like wss://example.com"

    def parse(text: str) -> str:
        if text.lower() in (OFF, ON):
            return text.lower()
        match = _WEBSOCKET_ADDRESS.fullmatch(text)
        if match is None or not _can_be_reached(match):
            raise refusal(accepts)
        return text

    return ValueKind(accepts, parse, str)


def ice_urls(*schemes: str) -> ValueKind[tuple[str, ...]]:
    """Make the kind of a list of STUN or TURN servers (RFC 7064, RFC 7065)."""
    accepts = f"nothing or a list of addresses like {schemes[0]}:example.org:3478, parted by commas or spaces"
    has_transport = "turn" in schemes

    def parse(text: str) -> tuple[str, ...]:
        items = split_list(text)
        for item in items:
            match = _ICE_ADDRESS.fullmatch(item)
            if match is None or match["scheme"] not in schemes or not _can_be_reached(match):
                raise ValueError(f"{accepts} is (not {quoted(item)})")
            if match["transport"] and not has_transport:
                raise ValueError(f"{accepts} is (not {quoted(item)})")
        return tuple(dict.fromkeys(items))

    return ValueKind(accepts, parse, ",".join)


def host_in(authority: str) -> str | None:
    """Give the host of a ``Host`` header (RFC 9110 section 7.2), as it stands in an address: IPv6 in brackets.

    :returns: ``None`` where that is no host with or without a port, which may be empty.
    """
    match = _AUTHORITY.fullmatch(authority)
    return _origin_host(match) if match is not None and _can_be_reached(match) else None


def hosts_overlap(one: str, other: str) -> bool:
    """Whether listening on one port of both hosts would meet; names are compared as they are written."""
    if one == other or one in _ANY_ADDRESS or other in _ANY_ADDRESS:
        return True
    return "0.0.0.0" in (one, other) and ":" not in one + other


def _can_be_reached(match: re.Match[str]) -> bool:
    """Whether an address has a host that may be one, IPv6 in brackets, and a port that may be one, if it has any."""
    if not 0 < int(match["port"] or 1) <= 65_535:
        return False
    if match["ip6"]:
        return ":" in (_normal_address(match["ip6"]) or "")
    return bool(_normal_address(match["host"]) or _normal_name(match["host"]))


def _is_idna(host: str) -> bool:
    """Whether a host name is one that Twisted looks up (RFC 5891), which is less than those of :func:`_normal_name`."""
    try:
        idna.encode(host)
    except UnicodeError:
        return False
    return True


def _normal_network(text: str) -> str:
    """Give an IP network in its shortest form; one that is mapped into IPv6 (RFC 4291 section 2.5.5.2) is of IPv4."""
    if text.lower() == UNIX:
        return UNIX
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"a network like 10.0.0.0/8, an address, or {UNIX} is ({error})") from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        first = network.network_address.ipv4_mapped
        network = ipaddress.ip_network((int(first or 0), network.prefixlen - _MAPPED.prefixlen))
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _normal_origin(text: str) -> str:
    """Give an origin in lower case and without the port that its scheme implies."""
    if text == "*":
        raise ValueError("to allow any WebSocket origin, leave the setting empty")
    match = _ORIGIN.fullmatch(text.lower())
    scheme, host = (match["scheme"], _origin_host(match)) if match else ("", None)
    port = int(match["port"]) if match and match["port"] else None
    if host is None or port == 0 or (port or 0) > 65_535:
        raise ValueError(
            f"an origin like https://example.com or http://localhost:8000, without a path, is (not {quoted(text)})"
        )
    if scheme in {"ws", "wss"}:
        raise ValueError(f"the origin of the page, which starts with http or https, is (not {quoted(text)})")
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def _origin_host(match: re.Match[str]) -> str | None:
    """Give the host of an origin, an IPv6 address in brackets, or nothing where it is none."""
    if match["host"]:
        return _normal_address(match["host"]) or _normal_name(match["host"])
    address = _normal_address(match["ip6"])
    return f"[{address}]" if address and ":" in address else None


def _normal_address(text: str) -> str | None:
    """Give an IP address in its shortest form, or nothing where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _normal_name(text: str) -> str | None:
    """Give a host name in lower case, or nothing where it is none."""
    name = text.lower()
    # A name whose last label is a number would be read as an IPv4 address, and it is no good one.
    if len(name) > 253 or not _HOST_NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        return None
    return name
