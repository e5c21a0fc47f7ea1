"""What the doctor says of certificates."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import CertificateBuilder, DNSName, Name, SubjectAlternativeName
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.doctor_certificate import check_files, judge_dates, names
from jsongle_server.doctor_findings import Finding, Level, Stop
from jsongle_server.doctor_subject import Subject
from jsongle_server.testing_certificates import DAY, Made, make_certificate

EXPIRES: Final = timedelta(days=90)

DATES: Final = (
    (timedelta(0), Level.OK, "for example.org, 127.0.0.1, valid until "),
    (EXPIRES - 15 * DAY, Level.OK, "for example.org, 127.0.0.1, valid until "),
    (EXPIRES - 13 * DAY, Level.WARNING, "expires on "),
    (EXPIRES, Level.PROBLEM, "expired on "),
    (EXPIRES + DAY, Level.PROBLEM, "expired on "),
    (-2 * DAY, Level.PROBLEM, "not valid before "),
)
"""When somebody looks at a certificate of ninety days, and what is said of it."""


class DatesTests(SynchronousTestCase):
    """Whether a certificate is valid now."""

    def test_dates(self) -> None:
        """One that is or will soon be over is found, and one that is not valid yet."""
        certificate = make_certificate(name="example.org", expires_in=EXPIRES).certificate
        made_at = certificate.not_valid_after_utc - EXPIRES
        for later, level, seen in DATES:
            finding = judge_dates(certificate, (made_at + later).timestamp())
            self.assertEqual((later, finding.level), (later, level))
            self.assertTrue(finding.seen.startswith(seen), finding)
            self.assertEqual(bool(finding.advice), level is not Level.OK)

    def test_names(self) -> None:
        """Names and addresses are listed; a certificate without any says so."""
        self.assertEqual(names(make_certificate(name="*.example.org").certificate), "*.example.org, 127.0.0.1")
        key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
        builder = CertificateBuilder(Name([]), Name([]), key.public_key(), 1, now, now + DAY)
        for each in (builder, builder.add_extension(SubjectAlternativeName([]), critical=False)):
            self.assertEqual(names(each.sign(key, SHA256())), "no name that browsers look at")
        odd = builder.add_extension(SubjectAlternativeName([DNSName("a\x1b[31m")]), critical=False)
        self.assertEqual(names(odd.sign(key, SHA256())), "a\\x1b[31m")


class FilesTests(SynchronousTestCase):
    """The files of the settings ``key`` and ``cert``."""

    def setUp(self) -> None:
        """Makes an authority, and a server's certificate of it."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = make_certificate(name="authority", expires_in=EXPIRES)
        self.server = make_certificate(name="example.org", issuer=self.authority, expires_in=EXPIRES)

    def check(self, *chain: Made, key: bytes | None = None) -> list[Finding]:
        """What is found with these certificates, the first being the server's."""
        cert_path, key_path = self.folder / "cert.pem", self.folder / "key.pem"
        cert_path.write_bytes(b"".join(made.cert_pem for made in chain))
        key_path.write_bytes(chain[0].key_pem if key is None else key)
        found: list[Finding] = []
        config = Config(use_https=True, cert=str(cert_path), key=str(key_path))
        try:
            found.extend(check_files(Subject(config), time.time()))
        except Stop as stop:
            found.append(stop.finding)
        return found

    def test_all_is_well(self) -> None:
        """A key, its certificate and that of the authority behind it are fine."""
        found = self.check(self.server, self.authority)
        self.assertEqual([finding.level for finding in found], [Level.OK] * 2)
        self.assertIn("can be read as this user", found[0].seen)

    def test_off(self) -> None:
        """Without useHTTPS there is nothing to look at."""
        (finding,) = check_files(Subject(Config()), time.time())
        self.assertEqual(finding.level, Level.SKIPPED)

    def test_unusable(self) -> None:
        """A pair that no server would start with is a problem that says which file, and why."""
        for key, seen in ((b"nothing", "key.pem"), (self.authority.key_pem, "belongs to the certificate")):
            (finding,) = self.check(self.server, key=key)
            self.assertEqual(finding.level, Level.PROBLEM)
            self.assertIn(seen, finding.seen)

    def test_chain(self) -> None:
        """What leads to no root, or does not follow one another, or is nobody's, is found."""
        stranger = make_certificate(name="stranger")
        alone = make_certificate(name="example.org", expires_in=EXPIRES)
        for chain, level, seen in (
            ((self.server,), Level.WARNING, "holds no certificates that lead to a root"),
            ((self.server, stranger), Level.PROBLEM, "do not follow one another"),
            ((alone,), Level.WARNING, "self-signed"),
        ):
            bad = [finding for finding in self.check(*chain) if finding.level is not Level.OK]
            self.assertEqual([finding.level for finding in bad], [level])
            self.assertIn(seen, bad[0].seen)
