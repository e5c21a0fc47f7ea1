"""WebSocket frames as a client sends and receives them (RFC 6455 section 5).

What is measured in the tightest loop is walked by headers alone: a frame counts as a relayed message by its size. All
else is read frame by frame.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import Final

TEXT: Final = 1
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

RELAYED_SIZE: Final = 350
"""Bytes of a frame from which on it is a relayed message; a smaller one is an ack."""

Bytes = bytes | bytearray

_FINAL_TEXT: Final = 0x80 | TEXT


class WrongFrame(Exception):
    """A frame that no server may send, or that is larger than what is measured here."""


def masked_frame(payload: bytes, *, opcode: int = TEXT) -> bytes:
    """A whole frame as a client has to send it, under a random mask.

    :param payload: at most 65,535 bytes.
    """
    size = len(payload)
    head = (
        struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 254, size)
    )
    key = random.randbytes(4)
    mask = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + key + masked.to_bytes(size, "big")


def walk(buffer: Bytes, end: int) -> tuple[int, int, int, bool]:
    """Counts the whole frames at the beginning of what was received.

    :param end: where what was received ends.
    :returns: where the first frame begins that is not whole, the number of relayed messages, the number of acks, and
        whether there were frames that are neither: :func:`frames_in` gives these.
    :raises WrongFrame: see there.
    """
    position = relayed = acks = 0
    others = False
    while position + 2 <= end:
        length = buffer[position + 1]
        if length == 126:
            if position + 4 > end:
                break
            following = position + 4 + (buffer[position + 2] << 8 | buffer[position + 3])
            if following > end:
                break
            if buffer[position] != _FINAL_TEXT:
                others = True
            elif following - position >= RELAYED_SIZE:
                relayed += 1
            else:
                acks += 1
        else:
            # Neither a message nor an ack is as short as that, or needs a length of 64 bits.
            bounds = frame_bounds(buffer, position, end)
            if bounds is None:
                break
            following = bounds[1]
            others = True
        position = following
    return position, relayed, acks, others


def frames_in(buffer: Bytes, end: int) -> Iterator[tuple[int, int, int]]:
    """The whole frames at the beginning of what was received: opcode, and where the payload begins and ends.

    :raises WrongFrame: see there.
    """
    position = 0
    while bounds := frame_bounds(buffer, position, end):
        yield buffer[position] & 15, *bounds
        position = bounds[1]


def frame_bounds(buffer: Bytes, position: int, end: int) -> tuple[int, int] | None:
    """Where the payload of a frame begins and ends; ``None`` where the frame is not whole yet.

    :param position: where the frame begins.
    :param end: where what was received ends.
    :raises WrongFrame: it is masked, or one of several fragments.
    """
    if position + 2 > end:
        return None
    if buffer[position] & 0xF0 != 0x80 or buffer[position + 1] & 0x80:
        raise WrongFrame(f"a frame begins with {bytes(buffer[position : position + 2]).hex()}")
    length = buffer[position + 1]
    start = position + {126: 4, 127: 10}.get(length, 2)
    if start > end:
        return None
    if length >= 126:
        length = int.from_bytes(buffer[position + 2 : start], "big")
    return (start, start + length) if start + length <= end else None
