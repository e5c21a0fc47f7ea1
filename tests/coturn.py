"""A real TURN server on this machine: Debian's coturn, where it is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import ClassVar, Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from jsongle_server import stun
from jsongle_server.doctor_ice_lines import DatagramLine
from jsongle_server.doctor_wire import Place
from jsongle_server.stun import Kind, Message, Method
from tests.daemons import wait_until

SECRET: Final = "shared-with-the-turn-server"
REALM: Final = "example.org"


class CoturnCase(SynchronousTestCase):
    """Starts coturn for each test; skips where it is not installed.

    :cvar quota: how many relays it gives one user; 0 for any number.
    :ivar port: where it listens, on the loopback interface, over UDP and TCP.
    """

    quota: ClassVar = 0

    def setUp(self) -> None:
        """Starts it with a secret, and nothing that it leaves behind."""
        turnserver = shutil.which("turnserver")
        if turnserver is None:
            raise SkipTest("needs the Debian package coturn")
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.port = free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen((turnserver, *self.options(folder)), cwd=folder, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(self._answers, "coturn to answer")

    def options(self, folder: Path) -> tuple[str, ...]:
        """What it is started with.

        :param folder: for what it writes.
        """
        return (
            *("-n", "--no-cli", "--no-tls", "--no-dtls", "--no-multicast-peers", "--relay-threads=1"),
            *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={self.port}"),
            *("--use-auth-secret", f"--static-auth-secret={SECRET}", f"--realm={REALM}", f"--user-quota={self.quota}"),
            *(f"--userdb={folder / 'db'}", f"--pidfile={folder / 'pid'}", "--log-file=stdout", "--simple-log"),
        )

    def _answers(self) -> bool:
        """Whether it listens over both."""
        line = DatagramLine.open(Place("127.0.0.1", self.port), 0.2)
        try:
            answer = stun.decode(line.ask(stun.encode(Message(Method.BINDING, Kind.REQUEST, b"are you up? "))))
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        finally:
            line.close()
        return answer.kind is Kind.SUCCESS


def free_port() -> int:
    """A port that nothing listens on, over TCP."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
