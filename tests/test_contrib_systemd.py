"""``contrib/systemd``: the units are sound and shut, and their command line starts a server on systemd's sockets."""

from __future__ import annotations

import re
import signal
import socket
import sys
from configparser import RawConfigParser
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.contrib_support import CONTRIB, replaced, run, tool
from tests.daemons import DEADLINE, DaemonCase, Foreground, SocketClient, wait_until

FOLDER: Final = CONTRIB / "systemd"
TWISTD: Final = "/opt/jsongle/bin/twistd"
LAUNCH: Final = """
import os, sys
for target, given in enumerate(sys.argv[1:3], start=3):
    os.dup2(int(given), target)
os.environ.update(LISTEN_FDS="2", LISTEN_FDNAMES="jsongle.socket:jsongle.socket", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""
"""What systemd does before it runs the service: the sockets are descriptors 3 and 4, and the environment says so."""


class Unit:
    """A unit file, whose options may be given more than once."""

    def __init__(self, name: str) -> None:
        self.text = (FOLDER / name).read_text(encoding="utf-8")

    def all(self, option: str) -> list[str]:
        """All values of an option."""
        return re.findall(rf"^{option}=(.*)$", self.text, re.MULTILINE)

    def one(self, option: str) -> str:
        """The one value of an option."""
        (value,) = self.all(option)
        return value


class CommandTests(DaemonCase):
    """The service's own command line, started as systemd starts it."""

    def setUp(self) -> None:
        """Opens the sockets, as jsongle.socket does."""
        super().setUp()
        self.sockets = [
            socket.create_server(("127.0.0.1", 0), backlog=16) for _ in Unit("jsongle.socket").all("ListenStream")
        ]
        for opened in self.sockets:
            self.addCleanup(opened.close)
        self.ports = [opened.getsockname()[1] for opened in self.sockets]
        (self.folder / ".env").write_text("drainTimeout=0\n")

    def start(self) -> Foreground:
        """Starts the service."""
        command = self.command()
        python, twistd = command["args"][:2]
        program, *arguments = Unit("jsongle.service").one("ExecStart").split()
        self.assertEqual(program, TWISTD)
        descriptors = [opened.fileno() for opened in self.sockets]
        command["args"] = (sys.executable, "-c", LAUNCH, *map(str, descriptors), python, twistd, *arguments)
        server = Foreground({**command, "pass_fds": descriptors}, self.folder / "console")
        self.addCleanup(server.kill)
        return server

    def client(self) -> SocketClient:
        """A client of the first socket."""
        client = SocketClient(f"ws://127.0.0.1:{self.ports[0]}")
        self.addCleanup(client.disconnect)
        return client

    def test_serves_on_both_sockets(self) -> None:
        """The first socket is for WebSocket, the second for REST."""
        self.start()
        self.assertEqual(self.client().hello("alice")["jsongle"]["status"], "success")
        connection = HTTPConnection("127.0.0.1", self.ports[1], timeout=DEADLINE)
        self.addCleanup(connection.close)
        connection.request("GET", "/readyz")
        self.assertEqual(connection.getresponse().status, 200)

    def test_reload(self) -> None:
        """ExecReload's signal has it read the env file of its working folder."""
        self.assertEqual(Unit("jsongle.service").one("ExecReload"), "/bin/kill -HUP $MAINPID")
        server = self.start()
        self.client().hello("alice")
        (self.folder / ".env").write_text("drainTimeout=0\nmaxRoomsPerUser=7\n")
        server.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded; changed: maxRoomsPerUser" in server.output, "the reload in the log")

    def test_clients_wait_while_it_restarts(self) -> None:
        """Who connects while no server runs is not refused, and gets the next one's hello."""
        first = self.start()
        self.client().hello("alice")
        first.signal(signal.SIGTERM)
        first.wait()
        waiting = socket.create_connection(("127.0.0.1", self.ports[0]), timeout=DEADLINE)
        self.addCleanup(waiting.close)
        waiting.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.start()
        self.assertTrue(waiting.recv(4096).startswith(b"HTTP/1.1 "))


class UnitTests(SynchronousTestCase):
    """What the units say."""

    def setUp(self) -> None:
        """Copies them, the command being one that is there."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        service = replaced(Unit("jsongle.service").text, (TWISTD, str(Path(sys.executable).with_name("twistd"))))
        (self.folder / "jsongle.service").write_text(service)
        (self.folder / "jsongle.socket").write_text(Unit("jsongle.socket").text)

    def test_verify(self) -> None:
        """systemd finds nothing to complain of."""
        analyze = tool("systemd-analyze", package="systemd")
        units = [str(self.folder / name) for name in ("jsongle.service", "jsongle.socket")]
        self.assertEqual(run(analyze, "verify", "--man=no", *units), (0, ""))

    def test_exposure(self) -> None:
        """The service is as shut as a server on a network can be: 1.2 or less, of 10."""
        analyze = tool("systemd-analyze", package="systemd")
        status, said = run(
            analyze, "security", "--no-pager", "--offline=true", "--threshold=12", str(self.folder / "jsongle.service")
        )
        self.assertEqual(status, 0, said)

    def test_user(self) -> None:
        """systemd-sysusers makes the user that the service runs as, and its group."""
        sysusers = tool("systemd-sysusers", package="systemd")
        snippet = self.folder / "etc/sysusers.d/jsongle.conf"
        snippet.parent.mkdir(parents=True)
        snippet.write_text((FOLDER / "jsongle.sysusers").read_text())
        status, said = run(sysusers, f"--root={self.folder}")
        self.assertEqual(status, 0, said)
        unit = Unit("jsongle.service")
        for name, option in (("passwd", "User"), ("group", "Group")):
            made = (self.folder / "etc" / name).read_text()
            self.assertRegex(made, rf"(?m)^{unit.one(option)}:")

    def test_patience(self) -> None:
        """systemd waits longer than the server takes to stop by default, and starts it again when it fails."""
        unit = Unit("jsongle.service")
        self.assertGreater(int(unit.one("TimeoutStopSec").removesuffix("s")), 10 + 3 + 2)
        self.assertEqual(unit.one("Restart"), "on-failure")

    def test_options_are_given_once(self) -> None:
        """No option of the service overrides another by accident; the filter of system calls is in two lines."""
        parser = RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(Unit("jsongle.service").text)
        self.assertEqual(parser.sections(), ["Unit", "Service", "Install"])
        options = re.findall(r"^(\w+)=", Unit("jsongle.service").text, re.MULTILINE)
        self.assertEqual({name for name in options if options.count(name) > 1}, {"SystemCallFilter"})
