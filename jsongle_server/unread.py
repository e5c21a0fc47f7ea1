"""How many of the bytes that were given to a transport have not reached the other side yet.

Twisted knows what is still in this process, the system what is in its own buffers: megabytes, where a client reads
slowly. Layer 4.
"""

from __future__ import annotations

from contextlib import suppress
from fcntl import ioctl
from struct import calcsize, unpack
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.abstract import FileDescriptor


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
            (size,) = unpack("i", ioctl(descriptor.fileno(), TIOCOUTQ, bytes(calcsize("i"))))
            return int(size)
    return 0


def _descriptor(transport: Any) -> Any:
    """What has the socket: the transport itself, or what it is wrapped around, as for TLS."""
    while transport is not None and not isinstance(transport, FileDescriptor):
        transport = getattr(transport, "transport", None)
    return transport
