"""STUN and TURN messages as bytes: the few that it takes to ask a server whether it would help a call.

Owns their form (RFC 8489) and what proves who wrote them: MESSAGE-INTEGRITY with long-term credentials, FINGERPRINT.
Must not know sockets, nor what is asked and why. Layer 1: pure, transaction ids are arguments.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import md5
from typing import Final
from zlib import crc32

HEADER_SIZE: Final = 20
"""Bytes before the attributes (RFC 8489 section 5)."""

TRANSACTION_SIZE: Final = 12
"""Bytes of a transaction id."""

UDP: Final = b"\x11\0\0\0"
"""The value of REQUESTED-TRANSPORT for what WebRTC sends (RFC 8656 section 18.8)."""

_COOKIE: Final = 0x2112A442
_COOKIE_BYTES: Final = _COOKIE.to_bytes(4, "big")
_FINGERPRINT_MASK: Final = 0x5354554E
_INTEGRITY_SIZE: Final = 20
_FAMILIES: Final = {1: 4, 2: 16}
"""Bytes of an address by its family (RFC 8489 section 14.1)."""


class Method(IntEnum):
    """What a message is about (RFC 8489 section 18.2, RFC 8656 section 17)."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004


class Kind(IntEnum):
    """What a message is: its class (RFC 8489 section 5)."""

    REQUEST = 0b00
    INDICATION = 0b01
    SUCCESS = 0b10
    ERROR = 0b11


class Attribute(IntEnum):
    """What is in a message (RFC 8489 section 14, RFC 8656 section 18)."""

    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    LIFETIME = 0x000D
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028


class NotStun(ValueError):
    """Bytes are not a whole STUN message, or one that was damaged on its way."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read.

    :param method: as :class:`Method`, or one that is none of these.
    :param kind: request, indication, success or error.
    :param transaction: what the answer to a request repeats.
    :param attributes: type and value of each, in order.
    """

    method: int
    kind: Kind
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    def get(self, attribute: Attribute) -> bytes | None:
        """The value of an attribute; of several the first counts (RFC 8489 section 14)."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    def address(self, attribute: Attribute) -> tuple[str, int] | None:
        """The address in an attribute that hides it from address translators (RFC 8489 section 14.2).

        :returns: host and port; ``None`` where there is none that can be read.
        """
        value = self.get(attribute)
        if value is None or len(value) < 4 or len(value) != 4 + _FAMILIES.get(value[1], -1):
            return None
        mask = _COOKIE_BYTES + self.transaction
        host = bytes(one ^ other for one, other in zip(value[4:], mask, strict=False))
        return str(ipaddress.ip_address(host)), int.from_bytes(value[2:4], "big") ^ _COOKIE >> 16

    @property
    def error(self) -> int | None:
        """The code of an error answer (RFC 8489 section 14.8), if there is one that can be read."""
        value = self.get(Attribute.ERROR_CODE)
        return (value[2] & 7) * 100 + value[3] if value is not None and len(value) >= 4 else None


def encode(message: Message, *, key: bytes | None = None, fingerprint: bool = False) -> bytes:
    """Writes a message.

    :param key: proves who writes it, in MESSAGE-INTEGRITY; nothing does without one.
    :param fingerprint: whether it ends in a FINGERPRINT.
    """
    body = b"".join(_attribute(kind, value) for kind, value in message.attributes)
    if key is not None:
        body += _attribute(Attribute.MESSAGE_INTEGRITY, _integrity(message, body, key))
    if fingerprint:
        covered = _header(message, len(body) + 8) + body
        body += _attribute(Attribute.FINGERPRINT, _checksum(covered))
    return _header(message, len(body)) + body


def decode(data: bytes) -> Message:
    """Reads a message, and checks its FINGERPRINT where it has one.

    :raises NotStun: it is none, not just one, or damaged.
    """
    if message_size(data) != len(data):
        raise NotStun("there is more, or less, than one message")
    word = int.from_bytes(data[:2], "big")
    attributes: list[tuple[int, bytes]] = []
    start = HEADER_SIZE
    while start < len(data):
        kind, size = struct.unpack_from("!HH", data, start)
        value = data[start + 4 : start + 4 + size]
        if len(value) < size:
            raise NotStun("an attribute is longer than its message")
        if kind == Attribute.FINGERPRINT and value != _checksum(data[:start]):
            raise NotStun("the fingerprint is wrong")
        attributes.append((kind, value))
        start += 4 + size + -size % 4
    method = word & 0xF | word >> 1 & 0x70 | word >> 2 & 0xF80
    return Message(method, Kind(word >> 4 & 1 | word >> 7 & 2), data[8:HEADER_SIZE], tuple(attributes))


def message_size(data: bytes) -> int:
    """How long the message is that some bytes begin with: over TCP, messages follow one another.

    :param data: at least its header.
    :returns: bytes, header included.
    :raises NotStun: no message begins so.
    """
    if len(data) < HEADER_SIZE or data[0] & 0xC0 or data[4:8] != _COOKIE_BYTES or data[3] % 4:
        raise NotStun("no STUN message begins so")
    return HEADER_SIZE + int.from_bytes(data[2:4], "big")


def is_signed(data: bytes, key: bytes) -> bool:
    """Whether a message proves by MESSAGE-INTEGRITY that its writer has a key (RFC 8489 section 14.5).

    :param data: a message that can be decoded.
    """
    message = decode(data)
    start = HEADER_SIZE
    for kind, value in message.attributes:
        if kind == Attribute.MESSAGE_INTEGRITY:
            return hmac.compare_digest(value, _integrity(message, data[HEADER_SIZE:start], key))
        start += 4 + len(value) + -len(value) % 4
    return False


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """The key that long-term credentials make (RFC 8489 section 9.2.2).

    :param username: as all three, in the form that the server knows it in: SASLprep is not applied.
    """
    return md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def _header(message: Message, size: int) -> bytes:
    method, kind = message.method, message.kind
    # The two bits of the class stand between those of the method (RFC 8489 section 5).
    word = method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2 | (kind & 1) << 4 | (kind & 2) << 7
    return struct.pack("!HH4s12s", word, size, _COOKIE_BYTES, message.transaction)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _integrity(message: Message, before: bytes, key: bytes) -> bytes:
    """The MESSAGE-INTEGRITY of a message, whose length counts up to the end of it alone."""
    covered = _header(message, len(before) + 4 + _INTEGRITY_SIZE) + before
    return hmac.digest(key, covered, "sha1")


def _checksum(covered: bytes) -> bytes:
    return (crc32(covered) ^ _FINGERPRINT_MASK).to_bytes(4, "big")
