"""What the key for signed tokens may be: a shared secret, or a public key in a file.

Owns which algorithms go with which key (RFC 7518 section 3, RFC 8037): a key is only ever used with those, so that a
token cannot choose another use for it. Must not know tokens. Layer 0, beside :mod:`jsongle_server.config_values`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from jsongle_server.config_values import ValueKind, read_file, refusal

SYMMETRIC: Final = ("HS256", "HS384", "HS512")
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
ASYMMETRIC: Final = (*_RSA, *_CURVES.values(), "EdDSA")
"""The algorithms of public keys."""

ALGORITHMS: Final = (*SYMMETRIC, *ASYMMETRIC)
"""Every algorithm that signed tokens may have; none is not among them."""

MIN_RSA_BITS: Final = 2048

# RFC 7518 section 3.2: a secret has at least as many bytes as the hash.
_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
_SECRET: Final = re.compile(r"[!-~]{32,}")
# What may be a path is never taken for a secret: the name of a file is easy to guess.
_PATH: Final = re.compile(r"(/|\.{1,2}/).*|.*\.(pem|pub|key|crt|cer)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What the signatures of tokens are checked with.

    :param text: the setting as the user wrote it.
    :param material: the secret, or the public key in PEM.
    :param algorithms: those that may be used with it.
    """

    text: str
    material: bytes
    algorithms: tuple[str, ...]


def signing_key() -> ValueKind[SigningKey | None]:
    """Make the kind of a key for signed tokens, or none."""
    accepts = "nothing (no signed tokens), a secret of at least 32 characters or the path of a public key in PEM"

    def parse(text: str) -> SigningKey | None:
        if not text:
            return None
        if _PATH.fullmatch(text):
            return _read_public_key(text)
        if not _SECRET.fullmatch(text):
            raise refusal(accepts)
        fitting = tuple(name for name in SYMMETRIC if len(text) >= _SECRET_BYTES[name])
        return SigningKey(text, text.encode("ascii"), fitting)

    return ValueKind(accepts, parse, lambda key: key.text if key else "")


def _read_public_key(path: str) -> SigningKey:
    pem = read_file(path)
    if b"PRIVATE KEY" in pem:
        raise ValueError("the public key is, which only checks signatures; the file holds a private one")
    try:
        key = load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a file with a public key or a certificate in PEM is") from None
    algorithms = _algorithms_of(key)
    if not algorithms:
        raise ValueError(f"a key of RSA with {MIN_RSA_BITS} bits or more, of P-256, P-384, P-521 or Ed25519 is")
    return SigningKey(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), algorithms)


def _algorithms_of(key: object) -> tuple[str, ...]:
    if isinstance(key, RSAPublicKey):
        return _RSA if key.key_size >= MIN_RSA_BITS else ()
    if isinstance(key, EllipticCurvePublicKey):
        return tuple(name for curve, name in _CURVES.items() if curve == key.curve.name)
    return ("EdDSA",) if isinstance(key, Ed25519PublicKey) else ()
