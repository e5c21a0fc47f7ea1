"""Unix sockets: binding one, its file, and handing it to the reactor.

Twisted's own ports set the mode of the file when they begin and remove it when they end, which only its owner may; here
the process may have become a daemon of another user in between. Layer 4.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure


class SocketFile:
    """The file of a Unix socket that this process has bound.

    :param path: absolute, as the process may come to work in another folder.
    """

    _log = Logger()

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity = _identity(path)

    def remove(self) -> None:
        """Removes it, unless it is somebody else's by now."""
        try:
            if _identity(self._path) == self._identity:
                os.unlink(self._path)
        except FileNotFoundError:
            self._log.info("{path} was gone already", path=self._path)
        except OSError as error:
            self._log.warn("{path} cannot be removed: {reason}", path=self._path, reason=error.strerror)


def bind_unix(path: str, *, mode: int, backlog: int) -> socket.socket:
    """Binds a Unix socket and listens; the file that a killed server has left behind is replaced.

    :param mode: the permissions of its file; whoever may write to it may connect.
    :param backlog: connections that the system may hold until they are accepted.
    :raises OSError: it cannot be had.
    """
    bound = socket.socket(socket.AF_UNIX)
    try:
        try:
            bound.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_left_behind(path):
                raise
            os.unlink(path)
            bound.bind(path)
        # Nobody can connect before it listens, so that a wider mode before this one does no harm.
        os.chmod(path, mode)
        bound.listen(backlog)
    except OSError:
        bound.close()
        raise
    return bound


class UnixPort(unix.Port):
    """Accepts the connections of a Unix socket that listens already, and leaves its file alone.

    :param bound: the socket, which is this port's from now on.
    """

    def __init__(self, bound: socket.socket, factory: ServerFactory[Any], reactor: Any) -> None:
        super().__init__(bound.getsockname() or b"\0", factory, reactor=reactor)
        self._bound = bound
        self._served = factory

    def startListening(self) -> None:  # noqa: N802  (Twisted's name)
        """Begins to accept connections."""
        # Twisted keeps a descriptor back, to accept and close connections with when there are none left.
        tcp._reservedFD.reserve()
        self._served.doStart()
        self.socket = self._bound
        self.fileno = self.socket.fileno  # type: ignore[method-assign]  # Twisted's way
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """Closes the socket."""
        tcp.Port.connectionLost(self, reason)


def _is_left_behind(path: str) -> bool:
    """Whether nobody listens on a socket any more."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
