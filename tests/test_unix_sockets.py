"""Tests of :mod:`jsongle_server.unix_sockets`: the socket, its file, and who may connect."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.unix_sockets import SocketFile, bind_unix


class UnixCase(SynchronousTestCase):
    """A folder for sockets, whose paths are short enough for the system."""

    def setUp(self) -> None:
        """Goes to the folder."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)

    def bound(self, path: str = "s", *, mode: int = 0o666) -> socket.socket:
        """A socket that listens, to the end of the test."""
        bound = bind_unix(path, mode=mode, backlog=5)
        self.addCleanup(bound.close)
        return bound

    def reached(self, path: str = "s") -> bool:
        """Whether a client gets through."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            return client.connect_ex(path) == 0


class BindTests(UnixCase):
    """Binding."""

    def test_clients_get_through(self) -> None:
        """It listens, under a file of the mode that was asked for, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0o077))
        for mode in (0o666, 0o660, 0o600):
            self.bound(f"s{mode}", mode=mode)
            self.assertEqual(stat.S_IMODE(os.stat(f"s{mode}").st_mode), mode)
            self.assertTrue(self.reached(f"s{mode}"))

    def test_in_use(self) -> None:
        """A socket that somebody listens on is not taken away."""
        self.bound()
        with self.assertRaises(OSError) as raised:
            self.bound()
        self.assertEqual(raised.exception.errno, errno.EADDRINUSE)
        self.assertTrue(self.reached())

    def test_in_use_by_somebody_busy(self) -> None:
        """Nor one on which more clients wait than fit."""
        with socket.socket(socket.AF_UNIX) as busy:
            busy.bind("s")
            busy.listen(0)
            waiting = []
            for _ in range(5):
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                client.setblocking(False)
                waiting.append(client.connect_ex("s"))
            self.assertEqual(waiting[-1], errno.EAGAIN)
            self.assertRaises(OSError, self.bound)
            self.assertTrue(os.path.exists("s"))

    def test_left_behind(self) -> None:
        """The file of a server that was killed is replaced."""
        self.bound().close()
        self.assertTrue(os.path.exists("s"))
        self.bound()
        self.assertTrue(self.reached())

    def test_other_files(self) -> None:
        """A file that is no socket stays."""
        Path("s").write_text("precious")
        self.assertRaises(OSError, self.bound)
        self.assertEqual(Path("s").read_text(), "precious")

    def test_mode_that_cannot_be_set(self) -> None:
        """Where the file cannot get its mode nobody listens on it."""

        def refuse(path: str, mode: int) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.patch(os, "chmod", refuse)
        self.assertRaises(PermissionError, self.bound)
        self.assertFalse(self.reached())


class FileTests(UnixCase):
    """The file in the end."""

    def remove(self, file: SocketFile) -> list[str]:
        """Removes it; what is logged of that."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        self.addCleanup(globalLogPublisher.removeObserver, seen)
        file.remove()
        return [formatEvent(event) for event in seen]

    def test_removed(self) -> None:
        """It goes."""
        self.bound()
        self.assertEqual(self.remove(SocketFile("s")), [])
        self.assertFalse(os.path.exists("s"))

    def test_somebody_elses(self) -> None:
        """What another server has put in its place stays."""
        first = self.bound()
        file = SocketFile("s")
        os.rename("s", "old")
        self.bound()
        self.assertEqual(self.remove(file), [])
        self.assertTrue(self.reached())
        first.close()

    def test_gone(self) -> None:
        """One that is gone already is no error."""
        self.bound()
        file = SocketFile("s")
        os.unlink("s")
        self.assertEqual(self.remove(file), ["s was gone already"])

    def test_not_to_be_removed(self) -> None:
        """Where the process may not remove it, the log says so."""
        self.bound()

        def refuse(path: str) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        file = SocketFile("s")
        self.patch(os, "unlink", refuse)
        self.assertEqual(self.remove(file), ["s cannot be removed: Permission denied"])
