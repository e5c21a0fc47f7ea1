"""WebSocket frames as bytes (RFC 6455 section 5.2). Layer 4: pure functions."""

from __future__ import annotations

from typing import Final

_FIN_TEXT: Final = 0x81
_MASKED: Final = 0x80
_RSV1: Final = 0x40
_ONE_BYTE_LENGTH: Final = 125
_TWO_BYTE_MARK: Final = 126
_TWO_BYTE_LENGTH: Final = 0xFFFF
_SHORTEST: Final = 6
"""Bytes of a masked frame without a payload."""

_KEY_SIZE: Final = 4


def _ones(words: int) -> int:
    """The number that repeats a key of one word so many times when it is multiplied with it."""
    return int.from_bytes(b"\1\0\0\0" * words, "little")


_ONES: Final = tuple(map(_ones, range(1025)))
"""For all payloads of up to 4 KiB."""


def take_text(data: bytes, start: int, limit: int) -> tuple[bytes, int] | None:
    """Reads a text message that is one whole, masked frame, as clients send nearly all of theirs.

    :param data: what was read.
    :param start: where in it the frame begins, in bytes.
    :param limit: longest payload that is taken, in bytes.
    :returns: the payload, which is UTF-8, and where the next frame begins; ``None`` if this is anything else, or not
        all of it is there.
    """
    available = len(data) - start
    if available < _SHORTEST or data[start] != _FIN_TEXT:
        return None
    size = data[start + 1] - _MASKED
    key = start + 2
    if size == _TWO_BYTE_MARK:
        size = data[key] << 8 | data[key + 1]
        if size < _TWO_BYTE_MARK:  # RFC 6455 wants the shortest form
            return None
        key += 2
    elif not 0 <= size <= _ONE_BYTE_LENGTH:
        return None
    body = key + _KEY_SIZE
    end = body + size
    if size > limit or end > len(data):
        return None
    payload = unmask(data[body:end], data[key:body])
    return (payload, end) if payload.isascii() or is_utf8(payload) else None


def unmask(payload: bytes, key: bytes) -> bytes:
    """Applies a masking key to a payload, as one operation on two large numbers (RFC 6455 section 5.3).

    :param key: its four bytes.
    """
    size = len(payload)
    words = (size + 3) >> 2
    ones = _ONES[words] if words < len(_ONES) else _ones(words)
    masked = int.from_bytes(payload, "little") ^ ones * int.from_bytes(key, "little")
    return masked.to_bytes(words << 2, "little")[:size]


def is_utf8(payload: bytes) -> bool:
    """Whether a payload is valid UTF-8."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """A text message as one unmasked frame, as servers send it.

    :param payload: the message in UTF-8, of any length.
    :param compressed: whether it has been compressed (RFC 7692 section 6).
    """
    first = _FIN_TEXT | _RSV1 if compressed else _FIN_TEXT
    size = len(payload)
    if size <= _ONE_BYTE_LENGTH:
        return bytes((first, size)) + payload
    if size <= _TWO_BYTE_LENGTH:
        return bytes((first, _TWO_BYTE_MARK, size >> 8, size & 0xFF)) + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload
