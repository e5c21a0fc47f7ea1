"""Tests of :mod:`jsongle_server.checks`: what can be told of the settings before the server starts."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.checks import examine
from jsongle_server.config import Config
from jsongle_server.testing_certificates import Made, make_certificate


class ExamineTests(SynchronousTestCase):
    """Problems and warnings."""

    def tls(self, made: Made) -> Config:
        """Settings with a certificate."""
        folder = Path(self.mktemp())
        folder.mkdir()
        made.write(folder)
        return Config(use_https=True, cert=str(folder / "cert.pem"), key=str(folder / "key.pem"))

    def test_nothing_to_look_at(self) -> None:
        """By default there is neither."""
        self.assertEqual(examine(Config(), 0.0), ([], []))

    def test_endpoints(self) -> None:
        """Each endpoint that is none is a problem, under the name of its setting."""
        problems, warnings = examine(Config(ws_endpoint="8080", rest_endpoint="unix"), 0.0)
        self.assertEqual([problem.partition(":")[0] for problem in problems], ["wsEndpoint", "restEndpoint"])
        self.assertEqual(warnings, [])
        self.assertEqual(examine(Config(ws_endpoint="tcp:8080", rest_endpoint="unix:s"), 0.0), ([], []))

    def test_proxies(self) -> None:
        """Trusting everybody is a warning for each network that is everybody."""
        config = Config(trusted_proxies=("10.0.0.0/8", "0.0.0.0/0", "unix", "::/0"))
        problems, warnings = examine(config, 0.0)
        self.assertEqual(problems, [])
        self.assertEqual([warning.split()[1] for warning in warnings], ["0.0.0.0/0", "::/0"])

    def test_certificate(self) -> None:
        """One whose key clients do not take is a problem, one that they do not take now a warning."""
        made = make_certificate()
        begin = made.certificate.not_valid_before_utc.timestamp()
        self.assertEqual(examine(self.tls(made), begin + 1), ([], []))
        problems, (warning,) = examine(self.tls(made), begin - 1)
        self.assertEqual(problems, [])
        self.assertIn("is not valid before", warning)
        weak = make_certificate(key=ec.generate_private_key(ec.SECP192R1()))
        (problem,), warnings = examine(self.tls(weak), begin - 1)
        self.assertIn("as clients take no others", problem)
        self.assertEqual(warnings, [])

    def test_certificate_of_no_use(self) -> None:
        """Without ``useHTTPS`` nobody looks at the files."""
        self.assertEqual(examine(Config(cert="nowhere", key="nowhere"), 0.0), ([], []))
