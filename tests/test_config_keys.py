"""Tests of :mod:`jsongle_server.config_keys`: what a key for signed tokens may be, and what it may be used for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from jsongle_server.config import Config
from jsongle_server.config_keys import KeySetFile, SigningKey
from tests.test_config import SettingCase
from tests.token_makers import jwk, key_set


class SecretTests(SettingCase):
    """Shared secrets."""

    def test_length_decides_what_it_is_good_for(self) -> None:
        """A secret is as long as the hash at least."""
        for length, algorithms in {
            32: ("HS256",),
            47: ("HS256",),
            48: ("HS256", "HS384"),
            64: ("HS256", "HS384", "HS512"),
        }.items():
            self.assertEqual(self.read("jwtKey", "s" * length), SigningKey("s" * length, b"s" * length, algorithms))

    def test_what_is_no_secret(self) -> None:
        """Short ones, and what does not travel well, are refused without being shown."""
        for text in ("s" * 31, "s" * 31 + " s", "ü" * 32):
            (problem,) = self.problems(jwtKey=text)
            self.assertNotIn(text, problem)

    def test_nothing_is_no_key(self) -> None:
        """Empty is none."""
        self.assertIsNone(self.read("jwtKey", ""))

    def test_path_of_no_file_is_no_secret(self) -> None:
        """Whoever mistypes a path does not get the path as a secret, which could be guessed."""
        self.assertRefuses("jwtKey", ["/nowhere/at/all/is/a/long/path/of/a/key", "keys-of-my-application-for-2026.pem"])


class PublicKeyTests(SettingCase):
    """Public keys in files."""

    def write(self, content: bytes) -> str:
        """Write a file; give its path."""
        path = Path(self.mktemp()).with_suffix(".pem").absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def algorithms(self, content: bytes) -> tuple[str, ...]:
        """What a file of that content is good for."""
        key: SigningKey = self.read("jwtKey", self.write(content))
        return key.algorithms

    def test_kinds(self) -> None:
        """Each kind of key has its own algorithms, and no kind those of secrets."""
        rsa_algorithms = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
        for key, algorithms in [
            (rsa.generate_private_key(65_537, 2048), rsa_algorithms),
            (ec.generate_private_key(ec.SECP256R1()), ("ES256",)),
            (ec.generate_private_key(ec.SECP384R1()), ("ES384",)),
            (ec.generate_private_key(ec.SECP521R1()), ("ES512",)),
            (ed25519.Ed25519PrivateKey.generate(), ("EdDSA",)),
        ]:
            pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
            self.assertEqual(self.algorithms(pem), algorithms)

    def test_certificate(self) -> None:
        """A certificate stands for the key in it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
        now = datetime(2026, 11, 22, tzinfo=UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        path = self.write(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
        read: SigningKey = self.read("jwtKey", path)
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.assertEqual(read, SigningKey(path, pem, ("ES256",)))

    def test_what_is_no_key(self) -> None:
        """Private keys, weak and strange ones, and files with something else in them are refused, each saying why."""
        private = ec.generate_private_key(ec.SECP256R1())
        weak = rsa.generate_private_key(65_537, 1024).public_key()
        strange = dsa.generate_private_key(2048).public_key()
        spki = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        for content, reason in [
            (private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "holds a private one"),
            (weak.public_bytes(*spki), "2048 bits or more"),
            (strange.public_bytes(*spki), "2048 bits or more"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a file with a public key"),
            (b"", "a file with a public key"),
            (b"x" * 2_000_000, "at most 1048576 bytes"),
        ]:
            (problem,) = self.problems(jwtKey=self.write(content))
            self.assertIn(reason, problem)

    def test_folder_is_no_key(self) -> None:
        """What is no file is refused."""
        (problem,) = self.problems(jwtKey="/")
        self.assertIn("a file is", problem)

    def test_changed_file_is_another_key(self) -> None:
        """A reload notices that the file behind the path was replaced."""
        keys = [ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2)]
        pems = [key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys]
        path = self.write(pems[0])
        before = Config.from_mapping({"jwtKey": path})
        Path(path).write_bytes(pems[1])
        self.assertEqual(before.reloaded(Config.from_mapping({"jwtKey": path}))[1], ["jwtKey"])


class KeySetFileTests(SettingCase):
    """Key sets in files."""

    def test_content_is_read_at_once(self) -> None:
        """A reload notices a set that was replaced, and a bad one is refused before anything changes."""
        path = Path(self.mktemp()).absolute()
        path.write_bytes(key_set(jwk("a")))
        before = Config.from_mapping({"jwksPath": str(path)})
        self.assertEqual(before.jwks_path, KeySetFile(str(path), key_set(jwk("a"))))
        path.write_bytes(key_set(jwk("b")))
        self.assertEqual(before.reloaded(Config.from_mapping({"jwksPath": str(path)}))[1], ["jwksPath"])
        path.write_bytes(b'{"keys": []}')
        (problem,) = self.problems(jwksPath=str(path))
        self.assertIn("a key set with at least one public key that is for signatures is", problem)
