"""What the doctor says of certificates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.doctor_certificate import check_files, judge_dates, names
from jsongle_server.doctor_findings import Finding, Level, Stop
from jsongle_server.doctor_subject import Subject
from tests.certificates import Identity, make_identity

NOW: Final = 1795356548.0
"""2026-11-22."""

DATES: Final = (
    ((-1, 90), Level.OK, "for example.org, valid until 2027-02-20"),
    ((-1, 13), Level.WARNING, "expires on 2026-12-05 14:09 UTC"),
    ((-90, 0), Level.PROBLEM, "expired on 2026-11-22 14:09 UTC"),
    ((-90, -1), Level.PROBLEM, "expired on 2026-11-21 14:09 UTC"),
    ((1, 90), Level.PROBLEM, "not valid before 2026-11-23 14:09 UTC"),
)
"""From when to when in days, and what is said of it."""


class DatesTests(SynchronousTestCase):
    """Whether a certificate is valid now."""

    def test_dates(self) -> None:
        """One that is or will soon be over is found, and one that is not valid yet."""
        for (begins, ends), level, seen in DATES:
            made = make_identity("example.org", begins=timedelta(days=begins), ends=timedelta(days=ends), now=NOW)
            finding = judge_dates(made.certificate, NOW)
            self.assertEqual((finding.level, finding.seen), (level, seen))
            self.assertEqual(bool(finding.advice), level is not Level.OK)

    def test_names(self) -> None:
        """Names and addresses are listed; a certificate without any says so."""
        made = make_identity("example.org", "*.example.org", "192.0.2.1", now=NOW)
        self.assertEqual(names(made.certificate), "example.org, *.example.org, 192.0.2.1")
        self.assertEqual(names(make_identity(now=NOW).certificate), "no name that browsers look at")


class FilesTests(SynchronousTestCase):
    """The files of the settings ``key`` and ``cert``."""

    def setUp(self) -> None:
        """Makes an authority, and a server's certificate of it."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = make_identity(now=NOW)
        self.server = make_identity("example.org", issuer=self.authority, now=NOW)

    def check(self, cert: bytes, key: bytes) -> list[Finding]:
        """What is found in files with this in them."""
        paths = self.folder / "cert.pem", self.folder / "key.pem"
        for path, content in zip(paths, (cert, key), strict=True):
            path.write_bytes(content)
        return self.check_paths(*map(str, paths))

    def check_paths(self, cert: str, key: str) -> list[Finding]:
        """What is found in these files."""
        found: list[Finding] = []
        try:
            found.extend(check_files(Subject(Config(use_https=True, cert=cert, key=key)), NOW))
        except Stop as stop:
            found.append(stop.finding)
        return found

    def assertFound(self, found: list[Finding], level: Level, seen: str) -> None:
        """Something is found, and nothing else that is not fine."""
        bad = [(finding.level, finding.seen) for finding in found if finding.level is not Level.OK]
        self.assertEqual(len(bad), 1, bad)
        self.assertEqual(bad[0][0], level)
        self.assertIn(seen, bad[0][1])

    def test_all_is_well(self) -> None:
        """A key, its certificate and that of the authority behind it are fine."""
        found = self.check(self.server.cert_pem + self.authority.cert_pem, self.server.key_pem)
        self.assertEqual([finding.level for finding in found], [Level.OK] * 2)

    def test_off(self) -> None:
        """Without useHTTPS there is nothing to look at."""
        (finding,) = check_files(Subject(Config()), NOW)
        self.assertEqual(finding.level, Level.SKIPPED)

    def test_other_key(self) -> None:
        """A key that belongs to another certificate is found, as when the order in cert is wrong."""
        pair = self.server.cert_pem + self.authority.cert_pem
        self.assertFound(
            self.check(pair, make_identity("x").key_pem), Level.PROBLEM, "is not the key of the certificate"
        )
        self.assertIn(
            "is not the key", self.check(self.authority.cert_pem + self.server.cert_pem, self.server.key_pem)[0].seen
        )

    def test_chain(self) -> None:
        """What leads to no root, or does not follow one another, or is nobody's, is found."""
        stranger = make_identity(now=NOW)
        alone = make_identity("example.org", now=NOW)
        for server, more, level, seen in (
            (self.server, [], Level.WARNING, "holds no certificates that lead to a root"),
            (self.server, [stranger], Level.PROBLEM, "do not follow one another"),
            (alone, [], Level.WARNING, "self-signed"),
        ):
            chain: list[Identity] = [server, *more]
            found = self.check(b"".join(each.cert_pem for each in chain), server.key_pem)
            self.assertFound(found, level, seen)

    def test_unreadable(self) -> None:
        """Files that are not there, or hold something else, are problems that say which file and why."""
        pair = self.server.cert_pem + self.authority.cert_pem
        locked = self.server.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        self.assertFound(self.check(b"nothing", self.server.key_pem), Level.PROBLEM, "cert.pem has no certificates")
        self.assertFound(self.check(pair, b"nothing"), Level.PROBLEM, "key.pem has no private key that can be read")
        self.assertFound(self.check(pair, locked), Level.PROBLEM, "key.pem is protected by a passphrase")
        cert, key = self.server.write(self.folder, self.authority)
        self.assertFound(self.check_paths("/no/such/file", key), Level.PROBLEM, "/no/such/file cannot be read: No such")
        self.assertFound(
            self.check_paths(cert, "/no/such/file"), Level.PROBLEM, "/no/such/file cannot be read: No such"
        )
