"""Real processes on endpoints: Unix sockets of a daemon, sockets of systemd, PROXY headers."""

from __future__ import annotations

import os
import signal
import socket
import sys
from http.client import HTTPConnection
from typing import Any, Final

import orjson

from jsongle_server.testing_websocket import HANDSHAKE
from tests.daemons import DEADLINE, DaemonCase, Foreground, SocketClient, wait_until

TOKEN: Final = "a-token-of-enough-characters"
LAUNCH: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="ws", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does before it runs a server: the socket is descriptor 3, and the environment says so."""


class UnixTests(DaemonCase):
    """A daemon behind Unix sockets."""

    def setUp(self) -> None:
        """Goes to the folder, as its path is too long for a socket."""
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def test_start_and_stop(self) -> None:
        """It serves on a socket that it bound before it went to the background and elsewhere, and removes it."""
        (self.folder / "run").mkdir()
        run = ("--rundir=run", f"--pidfile={self.folder}/server.pid", f"--logfile={self.folder}/server.log")
        server = self.daemon("--wsEndpoint=unix:ws.sock:mode=600", "--drainTimeout=0", twistd=run)
        self.assertEqual(server.addresses[0], "unix:ws.sock:mode=600")
        self.assertEqual((self.folder / "ws.sock").stat().st_mode & 0o777, 0o600)
        client = SocketClient("unix:ws.sock")
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close()[0], 1012)
        server.wait()
        self.assertFalse((self.folder / "ws.sock").exists())
        self.assertNotIn("Traceback", server.log)

    def test_second_start(self) -> None:
        """A second server is refused the socket in one line; after a kill the next one has it."""
        first = self.daemon("--wsEndpoint=unix:ws.sock")
        (self.folder / "server.pid").unlink()
        said = self.failed("--wsEndpoint=unix:ws.sock")
        self.assertEqual(said, "wsEndpoint: cannot listen on unix:ws.sock: Address already in use\n")
        first.signal(signal.SIGKILL)
        first.wait()
        self.assertTrue((self.folder / "ws.sock").exists())
        self.daemon("--wsEndpoint=unix:ws.sock")
        SocketClient("unix:ws.sock").disconnect()

    def test_mistakes(self) -> None:
        """A text that is no endpoint stops the start in one line, and ``--check-config``, too."""
        for arguments in (("--restEndpoint=8081",), ("--restEndpoint=8081", "--check-config")):
            said = self.failed(*arguments).splitlines()
            self.assertEqual(said[0], "The configuration cannot be used:")
            self.assertEqual(len(said), 2)
            self.assertTrue(said[1].startswith("  restEndpoint: '8081' is not accepted"), said)


class SystemdTests(DaemonCase):
    """Socket activation."""

    def test_socket_of_systemd(self) -> None:
        """The server serves on a socket that was there before it, and whose clients may be waiting already."""
        with socket.create_server(("127.0.0.1", 0)) as given:
            port = given.getsockname()[1]
            command = self.command(
                "--wsEndpoint=systemd:domain=INET:name=ws", "--drainTimeout=0", twistd=("--nodaemon", "--pidfile=")
            )
            command["args"] = (sys.executable, "-c", LAUNCH, str(given.fileno()), *command["args"])
            server = Foreground({**command, "pass_fds": (given.fileno(),)}, self.folder / "console")
            self.addCleanup(server.kill)
            client = SocketClient(f"ws://127.0.0.1:{port}")
            self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close()[0], 1012)
        server.wait()
        self.assertIn("WebSocket on systemd:domain=INET:name=ws", server.output)
        self.assertNotIn("Traceback", server.output)


class ProxyHeaderTests(DaemonCase):
    """The PROXY protocol."""

    def test_address_in_sessions(self) -> None:
        """``GET /sessions`` shows the client that the header names, in either version of the protocol."""
        server = self.foreground(
            "--wsEndpoint=haproxy:tcp:0:interface=127.0.0.1", f"--adminToken={TOKEN}", "--drainTimeout=0"
        )
        port = self.ask(server, "/about")["ports"]["ws"]
        first = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"
        addresses = socket.inet_aton("192.0.2.8") + socket.inet_aton("192.0.2.1")
        second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + addresses + b"\x12\x68\x01\xbb"
        for header in (first, second):
            client = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
            self.addCleanup(client.close)
            client.sendall(header + "\r\n".join((*HANDSHAKE, "", "")).encode())
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 101 "))

        def shown() -> set[str]:
            return {session["address"] for session in self.ask(server, "/sessions")["sessions"]}

        wait_until(lambda: shown() == {"192.0.2.7:4711", "192.0.2.8:4712"}, "both clients")

    def ask(self, server: Foreground, path: str) -> Any:
        """The JSON of a REST request."""
        connection = HTTPConnection(server.addresses[1].removeprefix("http://"), timeout=DEADLINE)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            return orjson.loads(connection.getresponse().read())
        finally:
            connection.close()
