"""SIGHUP: settings of a running server that are read again."""

from __future__ import annotations

import signal
from http.client import HTTPConnection
from typing import Final

from tests.daemons import DEADLINE, Daemon, DaemonCase, SocketClient, wait_until

OLD: Final = "an-old-token-of-enough-characters"
NEW: Final = "a-new-token-of-enough-characters"


class ReloadTests(DaemonCase):
    """A daemon with an env file in the folder in which it was started."""

    def serve(self, *lines: str, arguments: tuple[str, ...] = (), twistd: tuple[str, ...] = ()) -> None:
        """Starts a server with these lines in ``.env``."""
        self.write(*lines)
        self.server: Daemon = self.daemon(*arguments, twistd=twistd)

    def write(self, *lines: str) -> None:
        """Puts other lines into ``.env``."""
        (self.folder / ".env").write_text("\n".join(lines) + "\n")

    def reload(self, *lines: str) -> list[str]:
        """Has the server read other lines; what it logs of that."""
        self.write(*lines)
        return self.hup()

    def hup(self) -> list[str]:
        """Sends the signal; what the server logs of it."""
        before = len(self.server.log)
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in self.server.log[before:], "the reload in the log")
        self.status("/livez")  # whatever follows has been logged by the time that this is answered
        return [line for line in self.server.log[before:].splitlines() if "reload" in line or "restart" in line]

    def client(self) -> SocketClient:
        """A client that has been greeted."""
        client = SocketClient(self.server.addresses[0])
        self.addCleanup(client.disconnect)
        client.greeted()
        return client

    def status(self, path: str, **headers: str) -> int:
        """The status of a REST request."""
        connection = HTTPConnection(self.server.addresses[1].removeprefix("http://"), timeout=DEADLINE)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def test_log_level(self) -> None:
        """The log level changes at once, and the log says so."""
        self.serve("logLevel=info")
        (line,) = self.reload("logLevel=debug")
        self.assertTrue(line.endswith("reloaded; changed: logLevel"), line)
        client = self.client()
        client.hello("alice")
        wait_until(lambda: "#debug]" in self.server.log, "debug lines")

    def test_limits(self) -> None:
        """Limits hold for clients that are there already; they are not sent away."""
        self.serve()
        client = self.client()
        client.hello("alice")
        self.reload("maxRoomsPerUser=1")
        self.assertEqual(client.ask("join", rid="a")["jsongle"]["action"], "iq-result")
        self.assertEqual(client.ask("join", rid="b")["jsongle"]["description"]["errorCode"], 403004)
        self.reload("maxConcurrentUsers=1")
        with self.assertRaises(AssertionError) as raised:
            self.client()
        self.assertIn("503", str(raised.exception))
        self.assertEqual(client.ask("ping")["jsongle"]["action"], "iq-result")

    def test_rates(self) -> None:
        """Clients that come after it have the new rates."""
        self.serve()
        self.reload("rateLimit=0.001", "rateBurst=2")
        client = self.client()
        client.hello("alice")
        client.ask("ping")
        self.assertEqual(client.ask("ping")["jsongle"]["description"]["errorCode"], 429001)

    def test_tokens(self) -> None:
        """The new token opens the administration, the old one no more, and the log has neither."""
        self.serve(f"adminToken={OLD}")
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {OLD}"), 200)
        self.reload(f"adminToken={NEW}")
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {OLD}"), 401)
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {NEW}"), 200)
        for token in (OLD, NEW):
            self.assertNotIn(token, self.server.log)

    def test_origins(self) -> None:
        """Origins count for the next handshake."""
        self.serve()
        origin = {"Origin": "https://a.example"}
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }

        def status() -> int:
            connection = HTTPConnection(self.server.addresses[0].removeprefix("ws://"), timeout=DEADLINE)
            try:
                connection.request("GET", "/", headers=upgrade | origin)
                return connection.getresponse().status
            finally:
                connection.close()

        self.assertEqual(status(), 101)
        self.reload("corsPolicyOrigin=https://b.example")
        self.assertEqual(status(), 403)

    def test_what_needs_a_restart(self) -> None:
        """What only a restart takes is said, and does not change; the rest does."""
        self.serve("id=one")
        lines = self.reload("id=two", "logFormat=json", "maxRoomsPerUser=1")
        self.assertTrue(lines[0].endswith("reloaded; changed: maxRoomsPerUser"), lines)
        self.assertTrue(lines[1].endswith("only a restart takes it: id, logFormat"), lines)
        self.assertEqual(self.client().server_id, "one")

    def test_nothing_changed(self) -> None:
        """Without a change that is what the log says."""
        self.serve("id=one")
        (line,) = self.hup()
        self.assertTrue(line.endswith("reloaded; changed: nothing"), line)

    def test_bad_file(self) -> None:
        """A mistake is logged with its line, nothing changes, secrets are not shown, and the next reload works."""
        self.serve(f"adminToken={OLD}")
        lines = self.reload("maxRoomsPerUser=1", "pingInterval=soon", "adminToken=tooshort")
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("line 2", lines[0])
        self.assertIn("pingInterval", lines[0])
        self.assertIn("#error]", lines[0])
        self.assertNotIn("tooshort", self.server.log)
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {OLD}"), 200)
        (line,) = self.reload(f"adminToken={OLD}", "maxRoomsPerUser=1")
        self.assertTrue(line.endswith("changed: maxRoomsPerUser"), line)

    def test_file_that_has_gone(self) -> None:
        """A file that was there and is not any more is a mistake too: nothing falls back to its default."""
        self.serve(f"adminToken={OLD}")
        (self.folder / ".env").unlink()
        (line,) = self.hup()
        self.assertIn("not reloaded", line)
        self.assertIn(".env", line)
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {OLD}"), 200)

    def test_file_that_came_later(self) -> None:
        """A file that was not there at the start is read."""
        self.server = self.daemon()
        (line,) = self.reload("maxRoomsPerUser=1")
        self.assertTrue(line.endswith("changed: maxRoomsPerUser"), line)

    def test_file_that_came_later_and_has_gone(self) -> None:
        """Once it was read it must be there: its settings stay as they are."""
        self.server = self.daemon()
        self.reload(f"adminToken={OLD}")
        (self.folder / ".env").unlink()
        (line,) = self.hup()
        self.assertIn("not reloaded", line)
        self.assertEqual(self.status("/sessions", Authorization=f"Bearer {OLD}"), 200)

    def test_folder_that_has_gone(self) -> None:
        """A daemon whose folder was deleted says so in one line, and goes on as it is."""
        (self.folder / "run").mkdir()
        run = ("--rundir=run", f"--pidfile={self.folder}/server.pid", f"--logfile={self.folder}/server.log")
        self.serve("maxRoomsPerUser=3", twistd=run)
        (self.folder / "run").rmdir()
        (line,) = self.reload("maxRoomsPerUser=1")
        self.assertIn("not reloaded: the folder that the server works in cannot be found", line)
        self.assertNotIn("Traceback", self.server.log)
        self.assertEqual(self.status("/livez"), 200)

    def test_options_stay_stronger(self) -> None:
        """An option of the start wins over the file, now as then."""
        self.serve(arguments=("--maxRoomsPerUser=3",))
        (line,) = self.reload("maxRoomsPerUser=1")
        self.assertTrue(line.endswith("changed: nothing"), line)

    def test_another_folder(self) -> None:
        """A daemon that works in another folder finds its env file, and its own log file, all the same."""
        (self.folder / "run").mkdir()
        self.write("maxRoomsPerUser=3")
        run = ("--rundir=run", f"--pidfile={self.folder}/server.pid", f"--logfile={self.folder}/server.log")
        self.server = self.daemon("--logPath=own.log", twistd=run)
        (line,) = self.reload("maxRoomsPerUser=1")
        self.assertTrue(line.endswith("changed: maxRoomsPerUser"), line)

    def test_dev(self) -> None:
        """What ``--dev`` made for this run stays."""
        self.server = self.daemon("--dev")
        (line,) = self.hup()
        self.assertTrue(line.endswith("changed: nothing"), line)
