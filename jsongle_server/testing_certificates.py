"""Certificates to test with: keys that nobody knows and certificates that nobody vouches for, made in a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    AuthorityKeyIdentifier,
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    DNSName,
    IPAddress,
    KeyUsage,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    SubjectKeyIdentifier,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate with its key."""

    certificate: Certificate
    key: Any  # a private key; cryptography has no type for those that can sign a certificate

    @property
    def cert_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key in PEM, without a passphrase."""
        pem: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    def write(self, folder: Path) -> None:
        """Writes both into a folder, as ``cert.pem`` and ``key.pem``."""
        (folder / "cert.pem").write_bytes(self.cert_pem)
        (folder / "key.pem").write_bytes(self.key_pem)


# Strict clients, such as Python's from 3.13 on, take no authority that does not say what it is for (RFC 5280).
_USAGE: Final = KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def make_certificate(
    *,
    name: str = "localhost",
    is_named: bool = True,
    key: Any = None,
    issuer: Made | None = None,
    begins_in: timedelta = -DAY,
    expires_in: timedelta = DAY,
) -> Made:
    """Makes a certificate for a name, and for this machine's loopback address.

    :param is_named: whether it says whom it is for, beyond its subject.
    :param key: its private key; a new one on P-256 unless a test wants another.
    :param issuer: who vouches for it; nobody but itself otherwise.
    :param begins_in: time from now to the moment from which on it is valid.
    :param expires_in: time from now to the moment up to which it is.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signer = key if issuer is None else issuer.key
    unsigned = (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now + begins_in)
        .not_valid_after(now + expires_in)
        .add_extension(BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_named:
        names = SubjectAlternativeName([DNSName(name), IPAddress(ip_address("127.0.0.1"))])
        unsigned = unsigned.add_extension(names, critical=False)
    algorithm = None if isinstance(signer, Ed25519PrivateKey | Ed448PrivateKey) else SHA256()
    return Made(unsigned.sign(signer, algorithm), key)
