"""``contrib/nginx`` and ``contrib/caddy`` in front of real servers, with other names, ports and certificates."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final

import orjson

from jsongle_server.testing_certificates import make_certificate
from jsongle_server.testing_websocket import HANDSHAKE
from tests.contrib_support import CONTRIB, replaced, run, tool
from tests.coturn import free_port
from tests.daemons import DEADLINE, DaemonCase, SocketClient, wait_until

TOKEN: Final = "a-token-of-enough-characters"
OPTIONS: Final = """{
	admin off
	auto_https disable_redirects
	default_bind 127.0.0.1
	servers {
		protocols h1
	}
}
"""
"""Has Caddy keep to this machine, and leave it as it is."""

STRANGER: Final = "127.0.0.9"
"""An address of this machine that no operator comes from, and no proxy."""


class ProxyCase(DaemonCase):
    """A proxy in front of a server; subclasses say which.

    :ivar public: the port for everybody.
    :ivar admin: the port for operators.
    """

    def setUp(self) -> None:
        """Starts the server, then the proxy."""
        super().setUp()
        made = make_certificate()
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.cert.write_bytes(made.cert_pem)
        self.key.write_bytes(made.key_pem)
        self.server = self.foreground("--trustedProxies=127.0.0.1", f"--adminToken={TOKEN}", "--drainTimeout=0")
        self.ws, self.rest = (address.rpartition(":")[2] for address in self.server.addresses)
        self.public, self.admin = free_port(), free_port()
        self.start_proxy()
        wait_until(lambda: self.answers(self.admin), "the proxy")

    def start_proxy(self) -> None:
        """Starts the proxy."""
        raise NotImplementedError

    def answers(self, port: int) -> bool:
        """Whether something speaks TLS on a port."""
        with contextlib.suppress(OSError, HTTPException):
            self.get(port, "/ping")
            return True
        return False

    def keep(self, *command: str, environment: dict[str, str] | None = None) -> None:
        """Runs a program until the test ends."""
        with (self.folder / "proxy.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

    def get(self, port: int, path: str, *, source: str = "127.0.0.1", **headers: str) -> HTTPResponse:
        """Asks for something through the proxy.

        :param source: the address to ask from.
        """
        connection = HTTPSConnection(
            "127.0.0.1", port, timeout=DEADLINE, source_address=(source, 0), context=ssl._create_unverified_context()
        )
        self.addCleanup(connection.close)
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}", **headers})
        answer = connection.getresponse()
        self.addCleanup(answer.close)  # a proxy that is to stop waits for it
        return answer


class ProxyTests:
    """What holds behind either proxy."""

    def test_websocket(self: Any) -> None:
        """A client says hello through the proxy and is answered."""
        client = SocketClient(f"wss://127.0.0.1:{self.public}")
        self.addCleanup(client.disconnect)
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")

    def test_address(self: Any) -> None:
        """The server learns the address of the client, whatever that says of itself in either header."""
        names = dict(line.split(": ", 1) for line in HANDSHAKE[1:] if not line.startswith("Host"))
        lies = {"X-Forwarded-For": "192.0.2.66", "Forwarded": "for=192.0.2.67"}
        self.assertEqual(self.get(self.public, "/", source=STRANGER, **names, **lies).status, 101)

        def shown() -> list[str]:
            sessions = orjson.loads(self.get(self.admin, "/sessions").read())["sessions"]
            return [session["address"] for session in sessions]

        wait_until(lambda: shown() == [STRANGER], f"{STRANGER} in /sessions")

    def test_rest_is_private(self: Any) -> None:
        """Operators reach REST, others do not; the port for everybody does not lead there."""
        self.assertEqual(self.get(self.admin, "/readyz").status, 200)
        self.assertEqual(self.get(self.admin, "/readyz", source=STRANGER).status, 403)
        self.assertNotEqual(self.get(self.public, "/metrics").status, 200)

    def test_events_are_not_held_back(self: Any) -> None:
        """The first events of the stream arrive while it goes on."""
        stream = self.get(self.admin, "/events")
        self.assertEqual((stream.status, stream.headers["Content-Type"].split(";")[0]), (200, "text/event-stream"))
        self.assertEqual(stream.readline(), b"event: server\n")


class NginxTests(ProxyTests, ProxyCase):
    """Debian's nginx."""

    def start_proxy(self) -> None:
        """Starts nginx with the snippet in an otherwise empty configuration."""
        nginx = tool("nginx", package="nginx-light")
        text = (CONTRIB / "nginx/jsongle.conf").read_text()
        public, admin = text.split("# For operators")
        changes = (("/etc/ssl/example.org.pem", str(self.cert)), ("/etc/ssl/example.org.key", str(self.key)))
        public = replaced(
            public,
            *changes,
            ("listen 443 ssl", f"listen 127.0.0.1:{self.public} ssl"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.ws}"),
            ("127.0.0.1:8081", f"127.0.0.1:{self.rest}"),
        )
        admin = replaced(admin, *changes, ("listen 443 ssl", f"listen 127.0.0.1:{self.admin} ssl"))
        config = self.folder / "nginx.conf"
        temporary = "".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(
            f"daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; {temporary}\n{public}# For operators{admin}}}\n"
        )
        checked = run(nginx, "-t", "-p", str(self.folder), "-e", "stderr", "-c", str(config))
        self.assertEqual(checked[0], 0, checked[1])
        self.assertNotIn("warn", checked[1])
        self.keep(nginx, "-p", str(self.folder), "-e", "stderr", "-c", str(config))


class CaddyTests(ProxyTests, ProxyCase):
    """Debian's Caddy."""

    def start_proxy(self) -> None:
        """Starts Caddy with the file, and a certificate of ours instead of one from the internet."""
        caddy = tool("caddy", package="caddy")
        text = (CONTRIB / "caddy/Caddyfile").read_text()
        certificate = f"\ttls {self.cert} {self.key}\n"
        text = replaced(
            text,
            ("signaling.example.org {\n", f"{self.hosts(self.public)} {{\n{certificate}"),
            ("signaling-admin.example.org {\n", f"{self.hosts(self.admin)} {{\n{certificate}"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.ws}"),
            ("127.0.0.1:8081", f"127.0.0.1:{self.rest}"),
        )
        config = self.folder / "Caddyfile"
        config.write_text(OPTIONS + text)
        environment = {"PATH": os.defpath, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data")}
        options = ("--config", str(config), "--adapter", "caddyfile")
        status, said = run(caddy, "validate", *options, environment=environment)
        self.assertEqual(status, 0, said)
        self.keep(caddy, "run", *options, environment=environment)

    def hosts(self, port: int) -> str:
        """The addresses of a site, by either name that the tests ask for."""
        return f"https://127.0.0.1:{port}, https://localhost:{port}"
