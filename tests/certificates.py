"""Certificates to test with, made when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    DNSName,
    GeneralName,
    IPAddress,
    Name,
    NameAttribute,
    NameOID,
    SubjectAlternativeName,
    random_serial_number,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    certificate: Certificate
    key: EllipticCurvePrivateKey

    @property
    def cert_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key in PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: Path, *more: Identity) -> tuple[str, str]:
        """Writes it into files, more certificates behind its own; the paths of certificate and key."""
        cert, key = folder / "cert.pem", folder / "key.pem"
        cert.write_bytes(b"".join(each.cert_pem for each in (self, *more)))
        key.write_bytes(self.key_pem)
        return str(cert), str(key)


def make_identity(
    *names: str,
    issuer: Identity | None = None,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=90),
    now: float | None = None,
) -> Identity:
    """Makes a certificate.

    :param names: whom it is for, host names and IP addresses; of one without any, an authority is made.
    :param issuer: who issues it; itself, if nobody does.
    :param begins: when it begins to be valid, from now.
    :param ends: when it ends to be, from now.
    :param now: seconds since the epoch; the time there is, if it is not given.
    """
    at = datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
    key = generate_private_key(SECP256R1())
    subject = Name([NameAttribute(NameOID.COMMON_NAME, names[0] if names else "An authority")])
    builder = CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer.certificate.subject if issuer else subject,
        public_key=key.public_key(),
        serial_number=random_serial_number(),
        not_valid_before=at + begins,
        not_valid_after=at + ends,
    ).add_extension(BasicConstraints(ca=not names, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(SubjectAlternativeName(map(_general_name, names)), critical=False)
    return Identity(builder.sign(issuer.key if issuer else key, SHA256()), key)


def _general_name(name: str) -> GeneralName:
    try:
        return IPAddress(ip_address(name))
    except ValueError:
        return DNSName(name)
