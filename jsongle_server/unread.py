"""What the system knows of a connection: how much has not reached the other side yet, and when that was last heard.

Its buffers hold megabytes in either direction, so that neither what was written nor what is read says how the client
is now. Layer 4.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, Final

from twisted.internet.abstract import FileDescriptor

_LAST_HEARD: Final = 52
"""Where ``tcpi_last_data_recv`` is in Linux's ``struct tcp_info``: eight bytes and eleven numbers are before it."""

_LAST_ACKNOWLEDGED: Final = _LAST_HEARD + 4
"""Where ``tcpi_last_ack_recv`` is: right behind it."""


def kept_by_transport(transport: Any) -> int:
    """Bytes that a transport has not handed to the system."""
    descriptor = _descriptor(transport)
    if descriptor is None:
        return 0
    return int(descriptor._tempDataLen) + len(descriptor.dataBuffer) - int(descriptor.offset)


def kept_by_system(transport: Any) -> int:
    """Bytes that the system has not been told the other side has; 0 where it does not say."""
    descriptor = _descriptor(transport)
    if descriptor is not None:
        with suppress(OSError, ValueError):  # another system, or a socket that is closed
            (size,) = struct.unpack("i", ioctl(descriptor.fileno(), TIOCOUTQ, bytes(struct.calcsize("i"))))
            return int(size)
    return 0


def silent_for(transport: Any) -> float | None:
    """Seconds since the last bytes came from the other side, read or not; ``None`` where the system does not say."""
    return _since(transport, _LAST_HEARD)


def is_dead(transport: Any, limit: float) -> bool:
    """Whether the other side owes an answer to what was sent, and has not even said that it is still there.

    A machine that is off, or off the net, says nothing to what it is sent; for a quarter of an hour the system goes on
    trying. Never where the system does not say.

    :param limit: for how many seconds it may say nothing.
    """
    silence = _since(transport, _LAST_ACKNOWLEDGED)
    return silence is not None and silence > limit and kept_by_system(transport) > 0


def _since(transport: Any, offset: int) -> float | None:
    """A time in the system's notes on a TCP connection, in seconds."""
    descriptor = _descriptor(transport)
    if descriptor is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        info = descriptor.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, offset + 4)
        (milliseconds,) = struct.unpack_from("I", info, offset)
    except (OSError, AttributeError, struct.error):  # not TCP, closed, or a system that says less
        return None
    return float(milliseconds) / 1000


def _descriptor(transport: Any) -> Any:
    """What has the socket: the transport itself, or what it is wrapped around, as for TLS."""
    while transport is not None and not isinstance(transport, FileDescriptor):
        transport = getattr(transport, "transport", None)
    return transport
