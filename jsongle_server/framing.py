"""WebSocket frames as bytes (RFC 6455 section 5.2). Layer 4: pure functions."""

from __future__ import annotations

from typing import Final

_FIN_TEXT: Final = 0x81
_ONE_BYTE_LENGTH: Final = 125
_TWO_BYTE_LENGTH: Final = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """A text message as one unmasked frame, as servers send it.

    :param payload: the message in UTF-8, of any length.
    """
    size = len(payload)
    if size <= _ONE_BYTE_LENGTH:
        return bytes((_FIN_TEXT, size)) + payload
    if size <= _TWO_BYTE_LENGTH:
        return bytes((_FIN_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FIN_TEXT, 127)) + size.to_bytes(8, "big") + payload
