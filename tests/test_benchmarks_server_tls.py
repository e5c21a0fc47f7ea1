"""The server with TLS that the benchmarks start: a real process."""

from __future__ import annotations

import signal
import sys

from tests.daemons import DaemonCase, Foreground, SocketClient, wait_until


class ServerTlsTests(DaemonCase):
    """``python -m benchmarks.server_tls``."""

    def test_relays_over_tls(self) -> None:
        """It says when it is ready, serves more clients than the default allows to those who speak TLS, and ends."""
        command = {**self.command(), "args": (sys.executable, "-m", "benchmarks.server_tls", "0")}
        server = Foreground(command, self.folder / "console")
        self.addCleanup(server.kill)
        wait_until(lambda: server.output.startswith("ready ") and server.output.endswith("\n"), "the ready line")
        port = int(server.output.split()[1])
        alice, bob, *others = (SocketClient(f"wss://127.0.0.1:{port}") for _ in range(60))
        alice.hello("alice")
        bob.hello("bob")
        alice.say(bob.identity, "session-text", description={"text": "hello"})
        self.assertEqual(bob.take_one()["from"], alice.identity)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "ack")
        for client in (alice, bob, *others):
            client.disconnect()
        server.signal(signal.SIGTERM)
        server.wait()
        self.assertEqual(server.output, f"ready {port}\n")
