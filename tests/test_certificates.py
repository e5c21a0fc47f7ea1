"""Tests of :mod:`jsongle_server.certificates`: what is said of files that cannot be used."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.certificates import MAX_CHAIN, read_pair
from jsongle_server.testing_certificates import DAY, make_certificate


class PairTests(SynchronousTestCase):
    """Files with a certificate and a key."""

    def setUp(self) -> None:
        """Writes a good pair."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.made = make_certificate()
        self.made.write(self.folder)
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"

    def problem(self) -> str:
        """What is said of the files, the folder left out."""
        with self.assertRaises(ValueError) as raised:
            read_pair(str(self.cert), str(self.key))
        return str(raised.exception).replace(f"{self.folder}/", "")

    def test_good_pairs(self) -> None:
        """Each kind of key that clients know, in files of their own or in one."""
        for key in (
            ec.generate_private_key(ec.SECP384R1()),
            rsa.generate_private_key(65_537, 2048),
            ed25519.Ed25519PrivateKey.generate(),
            ec.generate_private_key(ec.SECP521R1()),
        ):
            made = make_certificate(key=key)
            made.write(self.folder)
            self.assertEqual(read_pair(str(self.cert), str(self.key)).chain, (made.certificate,))
        both = self.folder / "both.pem"
        both.write_bytes(self.made.key_pem + self.made.cert_pem)
        self.assertEqual(read_pair(str(both), str(both)).chain, (self.made.certificate,))

    def test_missing(self) -> None:
        """A file that is not there is named, and so is a folder in its place."""
        self.cert.unlink()
        expected = (
            "cert: 'cert.pem' is not accepted; the path of a file that can be read is (No such file or directory)"
        )
        self.assertEqual(self.problem(), expected)
        self.made.write(self.folder)
        self.key.unlink()
        self.key.mkdir()
        self.assertEqual(self.problem(), "key: 'key.pem' is not accepted; a file is (it is none)")

    def test_no_pem(self) -> None:
        """Files that are something else, DER among it, or damaged."""
        unread = "in PEM is (it holds none that can be read)"
        for content in (b"", b"hello", self.made.certificate.public_bytes(Encoding.DER), self.made.cert_pem[:99]):
            self.cert.write_bytes(content)
            self.assertEqual(self.problem(), f"cert: 'cert.pem' is not accepted; a file with a certificate {unread}")
        self.made.write(self.folder)
        for content in (b"", b"\xff\xfe", self.made.key_pem[:99], self.made.cert_pem):
            self.key.write_bytes(content)
            self.assertEqual(self.problem(), f"key: 'key.pem' is not accepted; a file with a private key {unread}")

    def test_swapped(self) -> None:
        """The key in the place of the certificate."""
        self.cert, self.key = self.key, self.cert
        expected = "cert: 'key.pem' is not accepted; a file with a certificate in PEM is (it holds a private key)"
        self.assertEqual(self.problem(), expected)

    def test_passphrase(self) -> None:
        """A key that somebody would have to open."""
        encryption = BestAvailableEncryption(b"secret")
        self.key.write_bytes(self.made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        expected = (
            "key: 'key.pem' is not accepted; a private key without a passphrase is (nobody is there to type it in)"
        )
        self.assertEqual(self.problem(), expected)

    def test_other_keys(self) -> None:
        """Keys that are too short, of a kind that cannot sign, or that clients do not take."""
        others = "a key of RSA, of P-256, P-384, P-521 or Ed25519 is, as clients take no others"
        short = rsa.generate_private_key(65_537, 1024)
        for key, problem in (
            (short, "an RSA key of 2048 bits or more is (it has 1024)"),
            (x25519.X25519PrivateKey.generate(), others),
            (ed448.Ed448PrivateKey.generate(), others),
            (ec.generate_private_key(ec.SECP256K1()), others),
        ):
            self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            self.assertEqual(self.problem(), f"key: 'key.pem' is not accepted; {problem}")

    def test_mismatch(self) -> None:
        """A key that belongs to another certificate, of the same kind or not."""
        for other in (make_certificate(), make_certificate(key=rsa.generate_private_key(65_537, 2048))):
            self.key.write_bytes(other.key_pem)
            self.assertEqual(
                self.problem(),
                "key: 'key.pem' is not accepted; the key that belongs to the certificate 'cert.pem' is",
            )

    def test_order(self) -> None:
        """The issuer's certificate before the server's own."""
        root = make_certificate(name="root")
        own = make_certificate(issuer=root)
        own.write(self.folder)
        self.cert.write_bytes(root.cert_pem + own.cert_pem)
        expected = "cert: 'cert.pem' is not accepted; the server's own certificate as the first one is"
        self.assertEqual(self.problem(), expected)

    def test_cut_off(self) -> None:
        """A certificate of the chain that begins and does not end, wherever it was cut."""
        issuer = make_certificate(name="root")
        own = make_certificate(issuer=issuer)
        own.write(self.folder)
        whole = own.cert_pem + issuer.cert_pem
        expected = (
            "cert: 'cert.pem' is not accepted; a file of whole certificates in PEM is (it begins more than the 1 "
        )
        for length in (len(own.cert_pem) + 15, len(own.cert_pem) + 200, len(whole) - 10):
            self.cert.write_bytes(whole[:length])
            self.assertTrue(self.problem().startswith(expected), length)
        self.cert.write_bytes(issuer.cert_pem[:200] + b"\n" + own.cert_pem)
        self.assertIn("is not accepted; ", self.problem())
        self.cert.write_bytes(whole + own.key_pem)
        self.assertEqual(len(read_pair(str(self.cert), str(self.key)).chain), 2)

    def test_long_chain(self) -> None:
        """As many certificates as a chain may have, and one more."""
        self.cert.write_bytes(self.made.cert_pem * MAX_CHAIN)
        self.assertEqual(len(read_pair(str(self.cert), str(self.key)).chain), MAX_CHAIN)
        self.cert.write_bytes(self.made.cert_pem * (MAX_CHAIN + 1))
        self.assertTrue(self.problem().endswith("a chain of at most 16 certificates is (it has 17)"))

    def test_names(self) -> None:
        """Settings are called as their user knows them."""
        self.cert.unlink()
        with self.assertRaises(ValueError) as raised:
            read_pair(str(self.cert), str(self.key), lambda setting: f"{setting} (from .env, line 3)")
        self.assertTrue(str(raised.exception).startswith("cert (from .env, line 3): "))

    def test_dates(self) -> None:
        """A warning while it is not valid, with the date; none while it is."""
        pair = read_pair(str(self.cert), str(self.key))
        begin = pair.chain[0].not_valid_before_utc
        self.assertEqual(pair.expiry - begin, 2 * DAY)
        self.assertIsNone(pair.warning(begin.timestamp()))
        self.assertIsNone(pair.warning(pair.expiry.timestamp()))
        self.assertIn(f"is not valid before {begin}", str(pair.warning(begin.timestamp() - 1)))
        self.assertIn(f"expired at {pair.expiry}", str(pair.warning(pair.expiry.timestamp() + 1)))
