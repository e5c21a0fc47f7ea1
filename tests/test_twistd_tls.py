"""Real processes that speak TLS: clients, certificates that are renewed under them, and starts that are refused."""

from __future__ import annotations

import signal
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path

from jsongle_server.testing_certificates import DAY, Made, make_certificate
from tests.daemons import DEADLINE, Daemon, DaemonCase, SocketClient, wait_until

TLS = ("--useHTTPS=on", "--cert=cert.pem", "--key=key.pem")


class TlsCase(DaemonCase):
    """A folder with a certificate in it."""

    def setUp(self) -> None:
        """Makes the certificate."""
        super().setUp()
        self.made = make_certificate()
        self.made.write(self.folder)

    def client(self, server: Daemon, uid: str) -> SocketClient:
        """A client that has said hello."""
        client = SocketClient(server.addresses[0])
        self.addCleanup(client.disconnect)
        self.assertEqual(client.hello(uid)["jsongle"]["status"], "success")
        return client

    def served(self, address: str) -> str:
        """The certificate that a new connection gets, in PEM."""
        host, _, port = address.partition("://")[2].rpartition(":")
        return ssl.get_server_certificate((host, int(port)), timeout=DEADLINE)


class ServingTests(TlsCase):
    """Servers that run."""

    def test_conversation_and_renewal(self) -> None:
        """Two clients talk over ``wss:`` while the certificate is renewed, by itself and at SIGHUP, on both ports."""
        server = self.daemon(*TLS, "--drainTimeout=0")
        ws, rest = server.addresses
        self.assertTrue(ws.startswith("wss://"), ws)
        self.assertTrue(rest.startswith("https://"), rest)
        self.assertIn(f"WebSocket on {ws}", server.log)
        alice, bob = self.client(server, "alice"), self.client(server, "bob")
        self.assert_connected(alice, bob)
        renewed = make_certificate(expires_in=2 * DAY)
        renewed.write(self.folder)
        wait_until(lambda: self.is_served(ws, renewed) and self.is_served(rest, renewed), "the new certificate")
        self.assert_connected(alice, bob)
        self.assert_connected(self.client(server, "carol"), bob)
        self.made.write(self.folder)
        server.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in server.log, "the reload")
        self.assertTrue(self.is_served(ws, self.made))
        self.assert_connected(bob, alice)
        (self.folder / "key.pem").write_bytes(renewed.key_pem)
        server.signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded: key (option --key): " in server.log, "the refusal")
        self.assertEqual(self.livez(rest), 200)
        server.signal(signal.SIGTERM)
        self.assertEqual(alice.read_close()[0], 1012)
        server.wait()
        self.assertNotIn("Traceback", server.log)

    def is_served(self, address: str, made: Made) -> bool:
        """Whether a new connection gets a certificate."""
        return self.served(address).strip() == made.cert_pem.decode().strip()

    def livez(self, address: str) -> int:
        """The status of a REST request, by a client that checks the certificate."""
        context = ssl.create_default_context(cadata=self.made.cert_pem.decode())
        connection = HTTPSConnection(address.removeprefix("https://"), timeout=DEADLINE, context=context)
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status
        finally:
            connection.close()

    def assert_connected(self, sender: SocketClient, receiver: SocketClient) -> None:
        """A message gets through, and is acknowledged."""
        mid = sender.say(receiver.identity, "session-text", description={"content": "hello"})
        self.assertEqual(receiver.take_one()["id"], mid)
        self.assertEqual(sender.take_one()["jsongle"]["description"]["mid"], mid)

    def test_expired(self) -> None:
        """With a certificate that has expired the server starts, and warns on the terminal and in the log."""
        make_certificate(begins_in=-2 * DAY, expires_in=-DAY).write(self.folder)
        server = self.foreground(*TLS)
        self.assertIn("warning: the certificate of the setting cert expired at ", server.output)
        wait_until(lambda: "#warn] the certificate of the setting cert expired at " in server.output, "the log")


class StartTests(TlsCase):
    """Pairs that cannot be used."""

    def test_mismatch(self) -> None:
        """The key of another certificate stops the start with one line, and nothing is left behind."""
        (self.folder / "key.pem").write_bytes(make_certificate().key_pem)
        said = self.failed(*TLS).splitlines()
        self.assertEqual(said[0], "The configuration cannot be used:")
        (line,) = said[1:]
        self.assertRegex(
            line, r"^  key \(option --key\): '/.*key\.pem' is not accepted; the key that belongs to .*cert\.pem' is$"
        )

    def test_missing(self) -> None:
        """So does a file that is not there, or cannot be read as what it should be."""
        (self.folder / "key.pem").write_text("hello")
        (self.folder / "cert.pem").unlink()
        said = self.failed(*TLS)
        self.assertIn("cert (option --cert): 'cert.pem' is not accepted; the path of a file that can be read is", said)
        self.made.write(self.folder)
        (self.folder / "key.pem").write_text("hello")
        self.assertIn("a file with a private key in PEM is", self.failed(*TLS))

    def test_check(self) -> None:
        """``--check-config`` says the same, and does not end well."""
        (self.folder / "key.pem").write_bytes(make_certificate().key_pem)
        said = self.failed(*TLS, "--check-config")
        self.assertIn("is not accepted; the key that belongs to", said)
        self.assertNotIn("Traceback", said)

    def test_check_of_a_good_one(self) -> None:
        """Of a good pair it shows the paths; it warns where clients will not accept it."""
        make_certificate(begins_in=-2 * DAY, expires_in=-DAY).write(self.folder)
        done = subprocess.run(**self.command(*TLS, "--check-config"), capture_output=True, check=True, timeout=DEADLINE)
        self.assertIn(f"cert = {Path(self.folder / 'cert.pem')}".encode(), done.stdout)
        self.assertTrue(
            done.stderr.startswith(b"warning: the certificate of the setting cert expired at "), done.stderr
        )
