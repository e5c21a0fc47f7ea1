"""The doctor on real servers: healthy ones, and ones behind what goes wrong around them."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from datetime import timedelta
from threading import Thread
from typing import Any, Final

import jwt

from jsongle_server import doctor_wire
from jsongle_server.doctor import examine
from jsongle_server.doctor_findings import Finding, Level
from jsongle_server.doctor_subject import read_url
from jsongle_server.testing_certificates import DAY, make_certificate
from tests.coturn import free_port
from tests.daemons import DEADLINE, DaemonCase
from tests.wrong_proxy import Change, WrongProxy, anonymous, as_it_should, without_upgrade

ADMIN_TOKEN: Final = "an-administrators-token"
APP_TOKEN: Final = "token-of-the-application"
JWT_KEY: Final = "a-secret-of-more-than-thirty-two-characters"
SECRETS: Final = (ADMIN_TOKEN, APP_TOKEN, JWT_KEY)

BAD_GATEWAY: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
WELCOME: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SLOW_CLOCK: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

Settings = dict[str, str | int]


class ServerCase(DaemonCase):
    """Starts servers on ports that the settings name, as operators do."""

    def setUp(self) -> None:
        """Finds ports."""
        super().setUp()
        self.ws_port, self.rest_port = free_port(), free_port()
        self.env_file = self.folder / "env"

    def settings(self, **settings: str | int) -> None:
        """Writes the env file that server and doctor share."""
        hosts: Settings = {"wsHost": "127.0.0.1", "restHost": "127.0.0.1"}
        ports: Settings = {"wsPort": self.ws_port, "restPort": self.rest_port}
        tokens: Settings = {"adminToken": ADMIN_TOKEN, "appToken": APP_TOKEN}
        lines = [f"{name}={text}\n" for name, text in (hosts | ports | tokens | settings).items()]
        self.env_file.write_text("".join(lines), encoding="utf-8")

    def serve(self, **settings: str | int) -> None:
        """Starts a server with settings."""
        self.settings(**settings)
        # Options are stronger than the env file, and those of these tests ask for free ports.
        self.foreground(f"--wsPort={self.ws_port}", f"--restPort={self.rest_port}", f"--env-file={self.env_file}")

    def proxy(self, *, change: Change = as_it_should, answer: bytes | None = None, idle: float | None = None) -> str:
        """The address of a proxy in front of the server."""
        proxy = WrongProxy(self.ws_port, change=change, answer=answer, idle=idle)
        self.addCleanup(proxy.stop)
        return f"ws://127.0.0.1:{proxy.port}/signaling"

    def examine(self, url: str | None = None, **options: Any) -> list[Finding]:
        """What the doctor finds; whatever it is, it holds no secret."""
        target = read_url(url) if url else None
        found = list(examine(url=target, env_file=str(self.env_file), **{"seconds": 1.0, **options}))
        for secret in SECRETS:
            self.assertNotIn(secret, str(found))
        return found

    def assertFound(self, found: list[Finding], check: str, level: Level, seen: str, advice: str = "") -> None:
        """One finding is this, and no other is worse than skipped."""
        bad = [finding for finding in found if finding.level in (Level.WARNING, Level.PROBLEM)]
        self.assertEqual([(finding.check, finding.level) for finding in bad], [(check, level)], found)
        self.assertIn(seen, bad[0].seen)
        self.assertIn(advice, bad[0].advice)

    def assertHealthy(self, found: list[Finding], *checks: str) -> None:
        """Nothing is wrong, and all of this was looked at."""
        self.assertEqual([each for each in found if each.level in (Level.WARNING, Level.PROBLEM)], [])
        fine = {finding.check for finding in found if finding.level is Level.OK}
        self.assertLessEqual(set(checks), fine)


class HealthyTests(ServerCase):
    """Servers that nothing is wrong with."""

    def test_here(self) -> None:
        """On its machine, a server is found healthy in all respects, its ports being taken by itself."""
        self.serve(pingInterval="0.2")
        found = self.examine(idle=0.5)
        talk = ("connection", "websocket", "hello", "login", "ping", "address", "idle")
        self.assertHealthy(found, "settings", "ports", "limits", *talk, "clock")
        self.assertIn(f"wsPort {self.ws_port}: JSONgle-Server", str(found))
        self.assertIn("the running server may open", str(found))

    def test_signed_tokens(self) -> None:
        """Where signed tokens are asked for, the doctor makes one, or takes the operator's."""
        self.serve(appToken="", jwtKey=JWT_KEY, jwtAudience="calls")
        self.assertHealthy(self.examine(), "login", "ping")
        given = jwt.encode({"sub": "user_7000", "aud": "calls"}, JWT_KEY, algorithm="HS256")
        found = self.examine(token=given)
        self.assertHealthy(found, "login", "ping")
        self.assertIn("let in as user_7000", str(found))

    def test_not_started(self) -> None:
        """Before the start there is nothing wrong, and nothing to talk to: so says the command, in its own process."""
        self.settings()
        arguments = (sys.executable, "-m", "jsongle_server", "doctor", "-e", str(self.env_file), "--json")
        command = {**self.command(), "args": arguments}
        done = subprocess.run(**command, capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report = json.loads(done.stdout)
        self.assertEqual(report["ok"], True)
        self.assertIn(f"no server runs on 127.0.0.1:{self.ws_port}", str(report["findings"]))


class ProxyTests(ServerCase):
    """What goes wrong in front of a server."""

    def test_proxies(self) -> None:
        """Each way in which a proxy is wrong is found, as the one thing that is."""
        self.serve()
        for check, seen, advice, proxy in (
            (
                "websocket",
                "426: the server gets a request without 'Upgrade'",
                "$http_upgrade",
                {"change": without_upgrade},
            ),
            ("websocket", "502: the proxy does not reach the server", "start the server", {"answer": BAD_GATEWAY}),
            ("websocket", "200: a page of somebody else", "path", {"answer": WELCOME}),
            ("websocket", "101: whatever answers has not read", "caches", {"answer": SLOW_CLOCK}),
            ("websocket", "does not speak HTTP", "wss://", {"answer": b"220 mail.example.org ESMTP\r\n\r\n"}),
            ("websocket", "no answer to the handshake", "log", {"answer": b""}),
            ("idle", "closed the silent connection after", "proxy_read_timeout", {"idle": 0.3, "change": as_it_should}),
        ):
            found = self.examine(self.proxy(**proxy), idle=2)
            notable = [each for each in found if each.check != "address"]
            self.assertFound(notable, check, Level.PROBLEM, seen, advice)
        # Where no proxy is trusted, the doctor says which one to trust.
        found = self.examine(self.proxy())
        self.assertFound(found, "address", Level.WARNING, "come from 127.0.0.9", "set trustedProxies=127.0.0.9")

    def test_address(self) -> None:
        """A trusted proxy that says whom a connection is from is fine, and one that does not is found."""
        self.serve(trustedProxies="127.0.0.9")
        self.assertHealthy(self.examine(self.proxy()), "address")
        found = self.examine(self.proxy(change=anonymous))
        self.assertFound(
            found, "address", Level.PROBLEM, "127.0.0.9, not from 127.0.0.1: that is the proxy", "X-Forwarded-For"
        )


class WrongTests(ServerCase):
    """What operators get wrong when they call the doctor, or their clients when they connect."""

    def test_wrong_addresses_and_tokens(self) -> None:
        """Another path, another port, TLS where there is none, another token: each is found, and no token is shown."""
        self.serve()
        ws, rest = f"127.0.0.1:{self.ws_port}", f"127.0.0.1:{self.rest_port}"
        token = "an-old-token-of-ours"
        for url, check, seen, advice in (
            (f"ws://{ws}/socket.io/?EIO=4", "websocket", "404: the server takes no WebSockets there", "/socket.io/"),
            (f"http://{rest}", "websocket", "200: a page of the server is there", "name its WebSocket port"),
            (f"wss://{ws}", "tls", f"no TLS on {ws}", "use ws://"),
            (f"ws://{ws}", "login", "the hello was refused", "--token"),
        ):
            found = self.examine(url, token=token)
            self.assertFound(found, check, Level.PROBLEM, seen, advice)
            self.assertNotIn(token, str(found))

    def test_turn_server_that_is_not_there(self) -> None:
        """TURN servers that do not answer are one problem each, whatever else is fine."""
        self.settings(turnUrls=f"turn:127.0.0.1:{free_port()}?transport=tcp", turnSecret="shared-secret")
        self.assertFound(self.examine(), "turn", Level.PROBLEM, "Connection refused", "firewalls")


class PortTests(ServerCase):
    """Ports that others have."""

    def test_taken(self) -> None:
        """A port that another program has is found before the start fails of it."""
        with socket.create_server(("127.0.0.1", self.ws_port)) as other:
            Thread(target=_answer_once, args=(other,), daemon=True).start()
            self.settings()
            found = self.examine()
        problems = [finding for finding in found if finding.level is Level.PROBLEM]
        self.assertEqual([finding.check for finding in problems], ["ports", "websocket"])
        self.assertIn("Address already in use", problems[0].seen)
        self.assertIn("something else listens on the port", problems[1].seen)


class TlsTests(ServerCase):
    """TLS, of the server itself and in front of it, and certificates of all kinds."""

    def setUp(self) -> None:
        """Has this machine trust an authority, whose certificate stands in a file."""
        super().setUp()
        self.authority = make_certificate(name="authority")
        trusted = self.folder / "authorities.pem"
        trusted.write_bytes(self.authority.cert_pem)
        os.environ["SSL_CERT_FILE"] = str(trusted)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE", None)

    def make(self, *, begins_in: timedelta = -DAY, expires_in: timedelta = 90 * DAY) -> tuple[str, str]:
        """The paths of a certificate for this machine, that of the authority behind it, and of its key."""
        made = make_certificate(issuer=self.authority, begins_in=begins_in, expires_in=expires_in)
        made.write(self.folder)
        with (self.folder / "cert.pem").open("ab") as file:
            file.write(self.authority.cert_pem)
        return str(self.folder / "cert.pem"), str(self.folder / "key.pem")

    def terminate(self, **when: timedelta) -> int:
        """The port of something that speaks TLS and answers 502."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.make(**when))
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        Thread(target=_serve_tls, args=(listening, context), daemon=True).start()
        port: int = listening.getsockname()[1]
        return port

    def check(self, port: int, host: str = "127.0.0.1") -> list[tuple[Level, str]]:
        """What is found of TLS and the certificate."""
        self.settings()
        found = self.examine(f"wss://{host}:{port}")
        self.assertIn("502", str(found))  # it went on after that
        return [(finding.level, finding.seen) for finding in found if finding.check in ("tls", "certificate")]

    def test_server(self) -> None:
        """A server that speaks TLS itself is healthy, also from outside."""
        cert, key = self.make()
        self.serve(useHTTPS="on", cert=cert, key=key)
        self.assertHealthy(self.examine(), "certificate", "tls", "websocket", "ping", "address", "ports")
        self.assertHealthy(self.examine(f"wss://127.0.0.1:{self.ws_port}"), "certificate", "tls", "ping", "address")

    def test_certificates(self) -> None:
        """What browsers would refuse is found, with the reason; what they take is fine."""
        self.assertEqual([level for level, _ in self.check(self.terminate())], [Level.OK] * 2)
        for port, host, seen in (
            (self.terminate(begins_in=DAY), "127.0.0.1", "certificate is not yet valid"),
            (self.terminate(), "ip4-loopback.localhost", "not valid for 'ip4-loopback.localhost'"),
        ):
            self.patch(doctor_wire, "resolve", _resolve_to_this_machine)
            (level, refused), *_ = self.check(port, host)
            self.assertEqual(level, Level.PROBLEM)
            self.assertIn(seen, refused)

    def test_secrets(self) -> None:
        """What browsers refuse hears nothing that is secret; that it was refused is said whatever comes after."""
        self.settings(appToken="the-app-token-of-ours", jwtKey=JWT_KEY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority = make_certificate(name="nobody")
        context.load_cert_chain(*self.make())
        for connections in (2, 1):
            heard: list[bytes] = []
            listening = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(listening.close)
            serving = Thread(target=_listen_to, args=(listening, context, connections, heard), daemon=True)
            serving.start()
            url = f"wss://127.0.0.1:{listening.getsockname()[1]}/?token=the-secret-of-the-url"
            found = self.examine(url, token="the-token-of-the-operator")
            serving.join(DEADLINE)
            self.assertEqual(b"".join(heard), b"")
            bad = [each.check for each in found if each.level is Level.PROBLEM]
            skipped = any(each.check == "websocket" and each.level is Level.SKIPPED for each in found)
            self.assertEqual((bad, skipped), (["tls"], True), found)

    def test_expired(self) -> None:
        """When a certificate expired is said as well."""
        found = self.check(self.terminate(begins_in=-9 * DAY, expires_in=-DAY))
        self.assertEqual([level for level, _ in found], [Level.PROBLEM, Level.OK, Level.PROBLEM])
        self.assertIn("certificate has expired", found[0][1])
        self.assertIn("expired on ", found[2][1])


def _resolve_to_this_machine(host: str, port: int, *arguments: object) -> list[object]:
    """What leads to this machine, whatever the name."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def _answer_once(listening: socket.socket) -> None:
    """Answers whoever connects with a page."""
    while True:
        try:
            client, _ = listening.accept()
            with client:
                client.recv(65_536)
                client.sendall(WELCOME)
        except OSError:
            return


def _listen_to(listening: socket.socket, context: ssl.SSLContext, connections: int, heard: list[bytes]) -> None:
    """Takes so many connections, and collects what is said on them inside of TLS."""
    for _ in range(connections):
        client, _ = listening.accept()
        try:
            with context.wrap_socket(client, server_side=True) as secured:
                heard.append(secured.recv(65_536))
        except OSError:
            client.close()
    listening.close()


def _serve_tls(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Answers whoever speaks TLS as a proxy without a server does; a client that goes is none of its business."""
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(client, server_side=True) as secured:
                secured.recv(65_536)
                secured.sendall(BAD_GATEWAY)
        except OSError:
            client.close()
