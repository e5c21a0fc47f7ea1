"""``contrib/docker/compose.yaml``: what it says, and that it does not start half configured."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.config_sources import load
from jsongle_server.doctor_findings import Level
from jsongle_server.doctor_subject import Subject
from jsongle_server.doctor_turn import check_ice
from tests.contrib_support import CONTRIB, read_yaml, replaced, run, tool
from tests.coturn import CoturnCase

FOLDER: Final = CONTRIB / "docker"
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
FILLED: Final = {
    "ADMIN_TOKEN": "a-token-of-enough-characters",
    "JWT_KEY": "a-key-for-tokens-of-more-than-32-characters",
    "TURN_SECRET": "shared-with-coturn",
    "TURN_HOST": "turn.example.org",
    "TURN_EXTERNAL_IP": "192.0.2.1",
    "GRAFANA_PASSWORD": "not-admin",
}
"""An ``.env`` that is filled in."""


def filled(text: str) -> str:
    """A value of the file, as Docker fills it in."""
    return VARIABLE.sub(lambda match: FILLED.get(match[1], match[3] if match[2] == "-" else ""), text)


class ComposeTests(SynchronousTestCase):
    """What is in the file."""

    def setUp(self) -> None:
        """Reads it."""
        self.text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
        self.compose: dict[str, Any] = read_yaml("docker", "compose.yaml")
        self.services: dict[str, Any] = self.compose["services"]

    def test_services(self) -> None:
        """The server comes with TURN, monitoring and a dashboard; images of others are pinned to a release."""
        self.assertEqual(set(self.services), {"jsongle", "coturn", "prometheus", "grafana"})
        for name, service in self.services.items():
            if name != "jsongle":
                self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$")

    def test_locked(self) -> None:
        """Each service is without rights, may not write to its own files, has limits, and starts again."""
        for name, service in self.services.items():
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertIs(service["read_only"], True, name)
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"], name)
            self.assertEqual(set(service["deploy"]["resources"]["limits"]), {"cpus", "memory"}, name)
            self.assertEqual(service["restart"], "unless-stopped", name)
            self.assertIn("max-size", service["logging"]["options"], name)

    def test_health(self) -> None:
        """Each service is looked after; the image of the server brings its check along."""
        for name, service in self.services.items():
            self.assertEqual("healthcheck" in service, name != "jsongle", name)

    def test_ports(self) -> None:
        """The REST port and Prometheus are published nowhere, and what has no TLS of its own on this machine alone."""
        self.assertNotIn("ports", self.services["prometheus"])
        self.assertEqual([filled(port) for port in self.services["jsongle"]["ports"]], ["127.0.0.1:8080:8080"])
        self.assertEqual([filled(port) for port in self.services["grafana"]["ports"]], ["127.0.0.1:3000:3000"])
        self.assertTrue(self.compose["networks"]["monitoring"]["internal"])
        self.assertEqual(self.services["prometheus"]["networks"], ["monitoring"])

    def test_relay_ports(self) -> None:
        """The ports that coturn gives relays on are the ones that are published."""
        options = dict(option.lstrip("-").partition("=")[::2] for option in self.services["coturn"]["command"])
        span = f"{options['min-port']}-{options['max-port']}"
        self.assertIn(f"{span}:{span}/udp", self.services["coturn"]["ports"])

    def test_host_files(self) -> None:
        """What is mounted from the repository is there; what is written to has a volume."""
        for service in self.services.values():
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((FOLDER / source).exists(), source)
                    self.assertTrue(volume.endswith(":ro"), volume)
                else:
                    self.assertIn(source, self.compose["volumes"])
        build = self.services["jsongle"]["build"]
        self.assertTrue((FOLDER / build["context"] / build["dockerfile"]).exists())

    def test_variables(self) -> None:
        """Every variable is explained in .env.example: what has no default is empty there, and nothing else is."""
        example = (FOLDER / ".env.example").read_text(encoding="utf-8")
        needed = {name for name, kind, _ in VARIABLE.findall(self.text) if kind == "?"}
        optional = {(name, default) for name, kind, default in VARIABLE.findall(self.text) if kind == "-"}
        self.assertEqual(set(re.findall(r"^(\w+)=$", example, re.MULTILINE)), needed)
        self.assertEqual(needed, set(FILLED))
        self.assertEqual(set(re.findall(r"^#(\w+)=(.*)$", example, re.MULTILINE)), optional)
        used = {name for name, _, _ in VARIABLE.findall(self.text)}
        self.assertEqual(used, needed | {name for name, _ in optional})
        self.assertEqual(re.findall(r"^\w+=.+$", example, re.MULTILINE), [])

    def test_settings(self) -> None:
        """The server accepts the environment that it is given, which closes what a server on the internet should."""
        environment = {name: filled(str(text)) for name, text in self.services["jsongle"]["environment"].items()}
        loaded = load(options={}, environ=environment, env_file=None)
        self.assertEqual(loaded.warnings, ())
        config = loaded.config
        self.assertEqual(config.turn_secret, FILLED["TURN_SECRET"])
        self.assertIn(f"--static-auth-secret={FILLED['TURN_SECRET']}", map(filled, self.services["coturn"]["command"]))
        self.assertTrue(config.admin_token)
        self.assertTrue(config.jwt_key)
        self.assertEqual(config.trusted_proxies, (self.gateway(),))

    def gateway(self) -> str:
        """The address of this machine in the network that the server's port is published from."""
        (pool,) = self.compose["networks"]["front"]["ipam"]["config"]
        address: str = pool["gateway"]
        return address

    def test_patience(self) -> None:
        """Docker waits longer than the server takes to stop, and lets it have the files for its clients."""
        server = self.services["jsongle"]
        self.assertGreater(int(server["stop_grace_period"].removesuffix("s")), Config().drain_timeout + 3 + 2)
        most = int(filled(str(server["environment"]["maxConcurrentUsers"])))
        self.assertGreaterEqual(server["ulimits"]["nofile"], 2 * most + 600)


class TurnTests(CoturnCase):
    """Debian's coturn, started with the options of the file."""

    def options(self, folder: Path) -> tuple[str, ...]:
        """Those of the file, on a port and in a folder of the test."""
        command = [filled(option) for option in read_yaml("docker", "compose.yaml")["services"]["coturn"]["command"]]
        text = replaced("\n".join(command), ("-port=3478", f"-port={self.port}"), ("=/tmp/", f"={folder}/"))
        return (*text.split("\n"), "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1")

    def test_relay(self) -> None:
        """It takes the options, and gives relays at its public address for what clients get from the server."""
        url = f"turn:127.0.0.1:{self.port}?transport=udp"
        (finding,) = check_ice(Subject(Config(turn_urls=(url,), turn_secret=FILLED["TURN_SECRET"])))
        self.assertEqual(finding.level, Level.OK, finding)
        self.assertIn(f"relays at {FILLED['TURN_EXTERNAL_IP']}", finding.seen)


class DockerComposeTests(SynchronousTestCase):
    """What docker-compose itself says."""

    def ask(self, variables: dict[str, str]) -> tuple[int, str]:
        """Has it read the file, with what an ``.env`` would have."""
        program = tool("docker-compose", package="docker-compose")
        environment = {"PATH": os.defpath, "HOME": self.mktemp(), **variables}
        return run(program, "--file", str(FOLDER / "compose.yaml"), "config", "--quiet", environment=environment)

    def test_filled_in(self) -> None:
        """It takes the file when everything is filled in."""
        self.assertEqual(self.ask(FILLED), (0, ""))

    def test_not_filled_in(self) -> None:
        """It refuses when any one secret is missing or empty, and says which."""
        for name in FILLED:
            status, said = self.ask(FILLED | {name: ""})
            self.assertNotEqual(status, 0)
            self.assertIn(f"fill in {name} in .env", said)
