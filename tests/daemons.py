"""Real servers in processes of their own, and clients that reach them over a real network.

Everything waits for what should happen, with a deadline, and for nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server
from jsongle_server.testing import Client
from jsongle_server.testing_websocket import HANDSHAKE, masked_frame, parse_frame

DEADLINE: Final = 60.0
"""Seconds after which something that should have happened is given up; machines that are busy take their time."""

_TEXT, _CLOSE = 1, 8
_TWISTD: Final = (sys.executable, str(Path(sys.executable).with_name("twistd")))
_FREE_PORTS: Final = ("--wsPort=0", "--restPort=0", "--wsHost=127.0.0.1", "--restHost=127.0.0.1")


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Waits for something to become true.

    :raises AssertionError: it did not.
    """
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def port_of(address: str) -> int:
    """The port in an address that a server prints."""
    return int(address.rpartition(":")[2])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()


class SocketClient(Client):
    """A client of a real server, which waits for what it takes.

    :param address: where the server is, as it prints it; with ``wss:``, whatever its certificate, and with ``unix:``,
        where its socket is.
    :param path: the path that is asked for.
    """

    def __init__(self, address: str, *, path: str = "/ws") -> None:
        super().__init__(lambda payload: self.send_frame(_TEXT, payload))
        self._socket = _connect(address)
        self._unread = b""
        request = "\r\n".join((f"GET {path} HTTP/1.1", *HANDSHAKE[1:], "Sec-WebSocket-Protocol: jsongle", "", ""))
        self._socket.sendall(request.encode())
        while b"\r\n\r\n" not in self._unread:
            self._receive()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise AssertionError(f"not let in: {head.decode()}")

    def take_text(self) -> bytes:
        """The next text frame, however long it takes.

        :raises AssertionError: the connection was closed instead.
        """
        opcode, payload = self._read_frame()
        if opcode != _TEXT:
            raise AssertionError(f"expected a message, got {opcode} {payload!r}")
        return payload

    def take_one(self) -> dict[str, Any]:
        """The next message, however long it takes.

        :raises AssertionError: the connection was closed instead.
        """
        self.receive(self.take_text())
        return super().take_one()

    def ask(self, query: str, *, action: str = "iq-set", **description: Any) -> dict[str, Any]:
        """Sends an iq to the server and takes the next message."""
        self.say(self.server_id, action, query=query, transaction=f"t-{query}", description=description)
        return self.take_one()

    def read_close(self, *, answer: bool = True) -> tuple[int, str]:
        """Waits for the server's close frame: its code and reason.

        :param answer: whether to answer it, and wait for the connection to end.
        """
        opcode, payload = self._read_frame()
        if opcode != _CLOSE:
            raise AssertionError(f"expected a close frame, got {opcode} {payload!r}")
        if answer:
            self.send_frame(_CLOSE, payload[:2])
            self._wait_for_the_end()
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def send_frame(self, opcode: int, payload: bytes) -> None:
        """Sends one frame."""
        self._socket.sendall(masked_frame(opcode, payload))

    def disconnect(self) -> None:
        """Ends the connection without a word."""
        self._socket.close()

    def _wait_for_the_end(self) -> None:
        try:
            while self._socket.recv(4096):
                pass
        except ConnectionResetError:
            pass  # the server is done with a client that has answered, and need not be polite
        self._socket.close()

    def _read_frame(self) -> tuple[int, bytes]:
        while (parsed := parse_frame(self._unread)) is None:
            self._receive()
        opcode, payload, self._unread = parsed
        return opcode, payload

    def _receive(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise AssertionError(f"the server hung up after {self._unread!r}")
        self._unread += data


class DaemonCase(SynchronousTestCase):
    """Runs twistd in an empty folder with an environment that says nothing."""

    def setUp(self) -> None:
        """Makes the folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def command(self, *arguments: str, twistd: tuple[str, ...] = ()) -> dict[str, Any]:
        """What to start, for ``subprocess``.

        :param arguments: options of ``jsongle``, after those that take free ports.
        :param twistd: options of twistd.
        """
        kept = {name: text for name, text in os.environ.items() if name.startswith("COVERAGE")}
        root = str(Path(jsongle_server.__file__).parent.parent)
        return {
            "args": (*_TWISTD, *twistd, "jsongle", *_FREE_PORTS, *arguments),
            "cwd": self.folder,
            "env": {**kept, "PYTHONPATH": root, "PATH": os.defpath, "HOME": str(self.folder)},
            "stdin": subprocess.DEVNULL,
        }

    def foreground(self, *arguments: str, twistd: tuple[str, ...] = ()) -> Foreground:
        """A server that runs in the foreground."""
        command = self.command(*arguments, twistd=("--nodaemon", "--pidfile=", *twistd))
        server = Foreground(command, self.folder / "console")
        self.addCleanup(server.kill)
        wait_until(lambda: "REST: " in server.output, "both addresses on the console")
        return server

    def daemon(self, *arguments: str, twistd: tuple[str, ...] = ()) -> Daemon:
        """A server that has gone to the background, with ``server.pid`` and ``server.log`` in the folder."""
        command = self.command(*arguments, twistd=("--pidfile=server.pid", "--logfile=server.log", *twistd))
        done = subprocess.run(**command, capture_output=True, check=False, timeout=DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        server = Daemon(self.folder, done.stdout.decode())
        self.addCleanup(server.kill)
        return server

    def failed(self, *arguments: str) -> str:
        """What a server that refuses to start says on stderr; it says nothing else and leaves nothing behind."""
        command = self.command(*arguments, twistd=("--pidfile=server.pid", "--logfile=server.log"))
        done = subprocess.run(**command, capture_output=True, check=False, timeout=DEADLINE)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")
        self.assertFalse((self.folder / "server.pid").exists())
        return str(done.stderr, "utf-8")


class Foreground:
    """A server in the foreground.

    :param command: what to start.
    :param console: the file that stands in for its console.
    """

    def __init__(self, command: dict[str, Any], console: Path) -> None:
        self._console = console
        with console.open("wb") as output:
            self._process = subprocess.Popen(**command, stdout=output, stderr=subprocess.STDOUT)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it wrote so far."""
        return self._console.read_text()

    @property
    def addresses(self) -> tuple[str, str]:
        """The addresses that it printed: WebSocket, REST."""
        return _addresses(self.output)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Waits for its end; its exit status, negative for a signal."""
        return self._process.wait(timeout=DEADLINE)

    def kill(self) -> None:
        """Makes sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Daemon:
    """A server in the background.

    :ivar addresses: the addresses that it printed: WebSocket, REST.
    """

    def __init__(self, folder: Path, output: str) -> None:
        self.addresses = _addresses(output)
        self.pid_file = folder / "server.pid"
        self._log_file = folder / "server.log"
        self.pid = int(self.pid_file.read_text())

    @property
    def log(self) -> str:
        """Its log so far."""
        return self._log_file.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> None:
        """Waits for its end."""
        wait_until(lambda: not is_alive(self.pid), f"the end of process {self.pid}")

    def kill(self) -> None:
        """Makes sure that it is gone."""
        if is_alive(self.pid):
            self.signal(signal.SIGKILL)


def _connect(address: str) -> socket.socket:
    if address.startswith("unix:"):
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(DEADLINE)
        connected.connect(address.removeprefix("unix:"))
        return connected
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    connected = socket.create_connection((host, int(port)), timeout=DEADLINE)
    if scheme != "wss":
        return connected
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["http/1.1"])  # as browsers do
    return context.wrap_socket(connected)


def _addresses(output: str) -> tuple[str, str]:
    """The two addresses in what a server printed."""
    found = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    return found["WebSocket"], found["REST"]
