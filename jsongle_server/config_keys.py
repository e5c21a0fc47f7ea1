"""What the keys for signed tokens may be, as settings: a shared secret, a public key or a key set in a file.

Must not know tokens. Layer 0, beside :mod:`jsongle_server.config_values`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from jsongle_server.config_values import ValueKind, read_file, refusal
from jsongle_server.key_set import MIN_RSA_BITS, SYMMETRIC, public_key_algorithms, read_key_set

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

    @property
    def is_secret(self) -> bool:
        """Whether it is a secret, and not a public key."""
        return self.algorithms[0] in SYMMETRIC


@dataclass(frozen=True, slots=True)
class KeySetFile:
    """A key set in a file.

    :param path: where it is, absolute.
    :param content: what it holds; :func:`jsongle_server.key_set.read_key_set` reads it.
    """

    path: str
    content: bytes


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


def key_set_file() -> ValueKind[KeySetFile | None]:
    """Make the kind of a file with a key set, or none."""
    accepts = "nothing or the path of a file with a key set (JWKS)"

    def parse(text: str) -> KeySetFile | None:
        if not text:
            return None
        content = read_file(text)
        read_key_set(content)
        return KeySetFile(os.path.abspath(text), content)

    return ValueKind(accepts, parse, lambda file: file.path if file else "")


def _read_public_key(path: str) -> SigningKey:
    pem = read_file(path)
    if b"PRIVATE KEY" in pem:
        raise ValueError("the public key is, which only checks signatures; the file holds a private one")
    try:
        key = load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a file with a public key or a certificate in PEM is") from None
    algorithms = public_key_algorithms(key)
    if not algorithms:
        raise ValueError(f"a key of RSA with {MIN_RSA_BITS} bits or more, of P-256, P-384, P-521 or Ed25519 is")
    return SigningKey(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), algorithms)
