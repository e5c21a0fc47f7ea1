"""Opening handshakes of the plain kind, which nearly all of them are (RFC 6455 section 4.2).

Reads what Autobahn would accept as well, and understand in the same way; whatever is odd, wrong or not all there is
left to Autobahn, which knows what to say to it; but first what is malformed is found. Layer 4: pure functions.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

MALFORMED: Final = "The head of the request is malformed"
"""What is said of a request that readers could take for different ones."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_REQUEST: Final = re.compile(r"GET (/(?!/)[\w.~%/-]*)(?:\?([!\"$-~]*))? HTTP/1\.1", re.ASCII)
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?", re.ASCII)
_ORIGIN: Final = re.compile(r"null|[a-z][a-z\d]*://[\w.-]+(?::[1-5]?\d{1,4})?", re.ASCII)
_TOKEN: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")

_EXTENSIONS: Final = frozenset({"", "permessage-deflate", "permessage-deflate; client_max_window_bits"})
"""What browsers offer."""


@dataclass(slots=True)
class Upgrade:
    """A request to open a WebSocket.

    :ivar path: the path asked for, without its query.
    :ivar query: that query, as it stands there.
    :ivar authorization: whom the client wants to be let in as, as it stands there.
    :ivar origin: the page that asks, empty where no browser does.
    :ivar protocols: the subprotocols offered.
    :ivar extensions: the extensions offered, as they stand there.
    :ivar key: what the answer proves to have read.
    :ivar headers: all of them, by name in small letters.
    :ivar rest: what came after the request.
    """

    path: str
    query: str
    authorization: str
    origin: str
    protocols: list[str]
    extensions: str
    key: str
    headers: dict[str, str]
    rest: bytes


def read_upgrade(data: bytes) -> Upgrade | None:
    """Reads an opening handshake.

    :param data: all that came from the client.
    :returns: ``None`` where it is not whole, or not plain: that is not to say that it is wrong.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    request, *lines = head.decode("iso-8859-1").split("\r\n")
    asked = _REQUEST.fullmatch(request)
    headers = _read_headers(lines)
    if asked is None or headers is None or not _is_plain(headers):
        return None
    offered = headers.get("sec-websocket-protocol")
    protocols = [] if offered is None else [name.strip() for name in offered.split(",")]
    if len(set(protocols)) < len(protocols):
        return None
    return Upgrade(
        path=asked[1],
        query=asked[2] or "",
        authorization=headers.get("authorization", ""),
        origin=headers.get("origin", ""),
        protocols=protocols,
        extensions=headers.get("sec-websocket-extensions", ""),
        key=headers["sec-websocket-key"],
        headers=headers,
        rest=rest,
    )


def is_malformed(data: bytes) -> bool:
    """Whether the head of a request is none that every reader would part into the same lines and headers.

    Autobahn ends a line at whatever Python takes for the end of one, and strips whatever Python takes for a blank, both
    of which are more than in HTTP (RFC 9110 section 5.5, RFC 9112 sections 2.2 and 5.1 to 5.2): a header that a proxy
    has passed on as part of another one, or under another name, would come to be one that the proxy itself sets.

    :param data: all that came from the client; nothing is said of a head that is not whole.
    """
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return False
    request, *lines = head.decode("iso-8859-1").split("\r\n")
    return _CONTROL.search(request) is not None or not all(map(_is_well_formed, lines))


def accept_upgrade(upgrade: Upgrade, subprotocol: str | None, *, server: str) -> bytes:
    """The answer that opens a WebSocket.

    :param subprotocol: the one that is spoken from now on, of those offered.
    :param server: the ``Server`` header.
    """
    chosen = "" if subprotocol is None else f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nServer: {server}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        f"{chosen}Sec-WebSocket-Accept: {proof_of(upgrade.key)}\r\n\r\n"
    ).encode()


def proof_of(key: str) -> str:
    """What shows that whoever answers has read a key: ``Sec-WebSocket-Accept``."""
    return b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def _is_well_formed(line: str) -> bool:
    name, colon, value = line.partition(":")
    return (
        bool(colon)
        and _TOKEN.fullmatch(name) is not None
        and _CONTROL.search(value) is None
        and value.strip() == value.strip(" \t")
    )


def _read_headers(lines: list[str]) -> dict[str, str] | None:
    """Header values by name in small letters; ``None`` if there are two of a name, or anything odd."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or name in headers or _TOKEN.fullmatch(name) is None or not line.isprintable():
            return None
        headers[name] = value.strip()
    return headers


def _is_plain(headers: dict[str, str]) -> bool:
    """Whether a request asks for a WebSocket, in the words that everybody uses."""
    origin = headers.get("origin")
    return (
        headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in (word.strip() for word in headers.get("connection", "").lower().split(","))
        and headers.get("sec-websocket-version") == "13"
        and _KEY.fullmatch(headers.get("sec-websocket-key", "")) is not None
        and _HOST.fullmatch(headers.get("host", "")) is not None
        and (origin is None or _ORIGIN.fullmatch(origin) is not None)
        and headers.get("sec-websocket-extensions", "") in _EXTENSIONS
    )
