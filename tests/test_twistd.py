"""Real processes: how ``twistd jsongle`` starts, runs and stops."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SkipTest

from tests.daemons import DEADLINE, DaemonCase, SocketClient, wait_until

NOBODY: Final = 65_534
"""A user and group without rights, whatever they are called here."""


def ready(address: str) -> int:
    """The status of ``GET /readyz``."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=DEADLINE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


class ForegroundTests(DaemonCase):
    """``twistd --nodaemon jsongle``."""

    def test_start_and_stop(self) -> None:
        """It prints where it listens, serves, and stops at SIGTERM as others expect: of that signal."""
        server = self.foreground("--drainTimeout=0")
        client = SocketClient(server.addresses[0])
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close(), (1012, "the server is shutting down"))
        self.assertEqual(server.wait(), -signal.SIGTERM)
        self.assertIn("stopped", server.output)

    def test_interrupt(self) -> None:
        """Ctrl-C stops it as cleanly, and with ``--dev`` at once."""
        # A shell has its background jobs ignore Ctrl-C, and so would all that these tests start.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        server = self.foreground("--dev")
        client = SocketClient(server.addresses[0])
        client.greeted()
        server.signal(signal.SIGINT)
        self.assertEqual(client.read_close()[0], 1012)
        server.wait()
        self.assertIn("stopped", server.output)
        self.assertNotIn("Traceback", server.output)

    def test_settings_from_the_folder(self) -> None:
        """``.env`` in the current folder counts."""
        (self.folder / ".env").write_text("id=barracuda\n")
        client = SocketClient(self.foreground().addresses[0])
        self.assertEqual(client.greeted()["from"], "barracuda")
        client.disconnect()


class ReactorTests(DaemonCase):
    """``twistd --reactor``."""

    def check(self, reactor: str) -> None:
        """A reactor serves a hello and stops cleanly."""
        if reactor == "epoll" and not hasattr(select, "epoll"):
            self.skipTest("there is no epoll here")
        server = self.foreground("--drainTimeout=0", twistd=(f"--reactor={reactor}",))
        client = SocketClient(server.addresses[0])
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close()[0], 1012)
        server.wait()
        self.assertRegex(server.output, rf"(?i)reactor class: .*{reactor}")
        self.assertIn("stopped", server.output)
        self.assertNotIn("Traceback", server.output)

    def test_asyncio(self) -> None:
        """The asyncio reactor."""
        self.check("asyncio")

    def test_poll(self) -> None:
        """The poll reactor."""
        self.check("poll")

    def test_epoll(self) -> None:
        """The epoll reactor."""
        self.check("epoll")

    def test_select(self) -> None:
        """The select reactor."""
        self.check("select")


class CheckTests(DaemonCase):
    """``--check-config`` at the head of a pipe."""

    def test_nobody_reads_to_the_end(self) -> None:
        """Whoever reads only some of it, or nothing, makes no traceback."""
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as output:
            done = subprocess.run(
                **self.command("--check-config"), stdout=output, stderr=subprocess.PIPE, check=False, timeout=DEADLINE
            )
        self.assertEqual((done.returncode, done.stderr), (0, b""))


class ImpatienceTests(DaemonCase):
    """Two signals that the server sees at once."""

    def check(self, reactor: str) -> None:
        """The second ends a long drain as it would later, and nothing else is different."""
        if reactor == "epoll" and not hasattr(select, "epoll"):
            self.skipTest("there is no epoll here")
        # A shell has its background jobs ignore Ctrl-C, and so would all that these tests start.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        server = self.foreground("--drainTimeout=3600", twistd=(f"--reactor={reactor}", "--pidfile=server.pid"))
        client = SocketClient(server.addresses[0])
        client.greeted()
        self.assertTrue((self.folder / "server.pid").exists())
        # Signals wait for a process that is halted. Two of the same kind would be one.
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            server.signal(number)
        self.assertEqual(client.read_close(answer=False), (1012, "the server is shutting down"))
        self.assertIn(server.wait(), (-signal.SIGINT, -signal.SIGTERM))
        client.disconnect()
        self.assertFalse((self.folder / "server.pid").exists())
        self.assertIn("sending 1 clients away over 3600 seconds", server.output)
        self.assertIn("stopped", server.output)
        self.assertNotIn("Traceback", server.output)
        self.assertNotIn("ReactorNotRunning", server.output)

    def test_asyncio(self) -> None:
        """The asyncio reactor."""
        self.check("asyncio")

    def test_poll(self) -> None:
        """The poll reactor."""
        self.check("poll")

    def test_epoll(self) -> None:
        """The epoll reactor."""
        self.check("epoll")

    def test_select(self) -> None:
        """The select reactor."""
        self.check("select")


class DaemonTests(DaemonCase):
    """``twistd --pidfile=… --logfile=… jsongle``."""

    def test_start_and_stop(self) -> None:
        """It prints where it listens and returns; SIGTERM stops it cleanly and removes the pid file."""
        server = self.daemon("--drainTimeout=0")
        client = SocketClient(server.addresses[0])
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close(), (1012, "the server is shutting down"))
        server.wait()
        self.assertFalse(server.pid_file.exists())
        self.assertIn("stopped", server.log)
        self.assertNotIn("Traceback", server.log)

    def test_impatient_operator(self) -> None:
        """A second SIGTERM ends a long drain, and it still stops cleanly: clients are told."""
        server = self.daemon("--drainTimeout=3600")
        client = SocketClient(server.addresses[0])
        client.greeted()
        server.signal(signal.SIGTERM)
        wait_until(lambda: ready(server.addresses[1]) == 503, "the drain")
        server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close(answer=False)[0], 1012)
        server.wait()
        client.disconnect()
        self.assertFalse(server.pid_file.exists())
        self.assertIn("stopped", server.log)
        self.assertNotIn("Traceback", server.log)
        self.assertNotIn("ReactorNotRunning", server.log)

    def test_log(self) -> None:
        """At level debug, the log has a line for each thing that a client does, and no text of it."""
        server = self.daemon("--logLevel=debug")
        client = SocketClient(server.addresses[0])
        client.hello("alice-in-wonderland", dn="Alice")
        client.ask("join", rid="room")
        client.say("room", "session-text", description={"content": "a very private text"})
        client.take_one()
        client.send_frame(8, b"")
        wait_until(lambda: "disconnect" in server.log, "the disconnect in the log")
        for word in ("connect", "hello", "join", "leave", "disconnect"):
            lines = [line for line in server.log.splitlines() if f"] {word} " in line]
            self.assertEqual(len(lines), 1, word)
        self.assertNotIn("alice-in-wonderland", server.log)
        self.assertNotIn("private", server.log)
        client.disconnect()


class RefusalTests(DaemonCase):
    """Starts that end in front of the operator."""

    def test_port_in_use(self) -> None:
        """A port in use is exactly one clear line."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            text = self.failed(f"--wsPort={port}")
        self.assertEqual(text, f"wsPort: cannot listen on 127.0.0.1 port {port}: Address already in use\n")

    def test_bad_configuration(self) -> None:
        """Every bad value is listed at once, before it becomes a daemon."""
        text = self.failed("--wsPort=http", "--logLevel=loud", "--pingInterval=-1")
        for name in ("wsPort", "logLevel", "pingInterval"):
            self.assertEqual(len([line for line in text.splitlines() if line.lstrip().startswith(name)]), 1, name)
        self.assertNotIn("Traceback", text)
        self.assertFalse((self.folder / "server.log").exists())

    def test_unknown_option(self) -> None:
        """An option that does not exist is named."""
        done = subprocess.run(**self.command("--wsPrt=1"), capture_output=True, check=False, timeout=DEADLINE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"--wsPrt", done.stdout + done.stderr)


class LogTests(DaemonCase):
    """The server's own log file, and the level of everything."""

    def put_level(self, address: str, level: str) -> Any:
        """Changes the level over REST, as somebody on the same machine."""
        connection = HTTPConnection(address.removeprefix("http://"), timeout=20)
        self.addCleanup(connection.close)
        connection.request("PUT", "/logs/levels", json.dumps({"level": level}))
        return json.loads(connection.getresponse().read())

    def test_own_log_file(self) -> None:
        """``logPath`` gets the server's lines from start to stop, with ``logFormat=json`` one JSON object each."""
        server = self.daemon("--logPath=own.log", "--logFormat=json")
        server.signal(signal.SIGTERM)
        server.wait()
        events = [json.loads(line) for line in Path(self.folder / "own.log").read_text().splitlines()]
        messages = [event["message"] for event in events]
        self.assertIn(f"WebSocket on {server.addresses[0]}", messages)
        self.assertEqual(messages[-1], "stopped")

    def test_other_user(self) -> None:
        """With ``--uid`` and ``--gid`` the file is that user's, so that the server can go on writing it."""
        if os.getuid() != 0:
            raise SkipTest("only root can become somebody else")
        os.chown(self.folder, NOBODY, NOBODY)
        server = self.daemon("--logPath=own.log", twistd=(f"--uid={NOBODY}", f"--gid={NOBODY}"))
        own = self.folder / "own.log"
        self.assertEqual((own.stat().st_uid, own.stat().st_gid), (NOBODY, NOBODY))
        client = SocketClient(server.addresses[0])
        client.hello("alice")
        wait_until(lambda: "hello" in own.read_text(), "a line in the file that was given away")
        client.disconnect()

    def test_level_changes_at_once(self) -> None:
        """``PUT /logs/levels`` shows single messages in twistd's log and in the server's own from then on."""
        server = self.daemon("--logPath=own.log")
        client = SocketClient(server.addresses[0])
        client.hello("alice")
        self.assertEqual(self.put_level(server.addresses[1], "debug"), {"level": "debug", "was": "info"})
        client.ask("ping")
        own = self.folder / "own.log"
        wait_until(lambda: "#debug]" in server.log and "#debug]" in own.read_text(), "debug lines in both logs")
        self.assertEqual(self.put_level(server.addresses[1], "info"), {"level": "info", "was": "debug"})
        count = own.read_text().count("#debug]")
        client.ask("ping")
        self.assertEqual(own.read_text().count("#debug]"), count)
        client.disconnect()

    def test_level_of_the_console(self) -> None:
        """In the foreground it is the console that follows."""
        server = self.foreground("--drainTimeout=0")
        client = SocketClient(server.addresses[0])
        client.hello("alice")
        client.ask("ping")
        self.put_level(server.addresses[1], "debug")
        client.ask("ping")
        server.signal(signal.SIGTERM)
        client.read_close()
        server.wait()
        lines = [line for line in server.output.splitlines() if "iq-set" in line]
        self.assertEqual(len(lines), 1)
