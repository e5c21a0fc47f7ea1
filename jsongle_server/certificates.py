"""The certificate and the private key of a server: what is wrong with them, in words that help.

Owns what the files of the settings ``cert`` and ``key`` may hold. Must not know TLS, nor who uses them. Layer 0, beside
:mod:`jsongle_server.config_values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificates

from jsongle_server.config_values import read_file

T = TypeVar("T")

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

MIN_RSA_BITS: Final = 2048
"""Shortest RSA key that clients accept."""

MAX_CHAIN: Final = 16
"""Most certificates in a chain, all of which every client is sent."""

_CURVES: Final = (SECP256R1, SECP384R1, SECP521R1)
_BEGIN: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and the certificate that belongs to it.

    :param chain: the server's own certificate, then those that lead to its root.
    """

    key: PrivateKey
    chain: tuple[Certificate, ...]

    @property
    def expiry(self) -> datetime:
        """When the server's own certificate expires."""
        return self.chain[0].not_valid_after_utc

    def warning(self, now: float) -> str | None:
        """Says that clients will not accept the certificate, if it is not valid now.

        :param now: seconds since the epoch.
        """
        moment = datetime.fromtimestamp(now, UTC)
        if moment > self.expiry:
            return f"the certificate of the setting cert expired at {self.expiry}; clients will refuse it"
        begin = self.chain[0].not_valid_before_utc
        if moment < begin:
            return f"the certificate of the setting cert is not valid before {begin}; clients will refuse it"
        return None


def read_pair(cert: str, key: str, name: Callable[[str], str] = str) -> Pair:
    """Reads a certificate and its key, and makes sure that they belong together.

    :param cert: the path of the certificates, in PEM.
    :param key: the path of the key, in PEM.
    :param name: gives what a problem calls a setting.
    :raises ValueError: they cannot be used; the text says which setting, which file, and what is accepted.
    """
    chain = _read(name("cert"), cert, _chain_in)
    private = _read(name("key"), key, _key_in)
    public = private.public_key()
    if chain[0].public_key() == public:
        return Pair(private, chain)
    if any(other.public_key() == public for other in chain[1:]):
        raise ValueError(f"{name('cert')}: {cert!r} is not accepted; the server's own certificate as the first one is")
    raise ValueError(f"{name('key')}: {key!r} is not accepted; the key that belongs to the certificate {cert!r} is")


def _read(setting: str, path: str, load: Callable[[bytes], T]) -> T:
    try:
        return load(read_file(path))
    except ValueError as error:
        raise ValueError(f"{setting}: {path!r} is not accepted; {error}") from None


def _chain_in(pem: bytes) -> tuple[Certificate, ...]:
    try:
        chain = tuple(load_pem_x509_certificates(pem))
        for certificate in chain:
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidVersion):
        held = "a private key" if b"PRIVATE KEY-----" in pem else "none that can be read"
        raise ValueError(f"a file with a certificate in PEM is (it holds {held})") from None
    _, _, after = pem.rpartition(b"-----END ")[2].partition(b"-----")
    if len(_BEGIN.findall(pem)) != len(chain) or b"-----" in after:
        raise ValueError(f"a file of whole certificates in PEM is (it begins more than the {len(chain)} that it holds)")
    if len(chain) > MAX_CHAIN:
        raise ValueError(f"a chain of at most {MAX_CHAIN} certificates is (it has {len(chain)})")
    return chain


def _key_in(pem: bytes) -> PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("a private key without a passphrase is (nobody is there to type it in)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a file with a private key in PEM is (it holds none that can be read)") from None
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key of {MIN_RSA_BITS} bits or more is (it has {key.key_size})")
    if not isinstance(key, PrivateKey) or not _is_known_curve(key):
        raise ValueError("a key of RSA, of P-256, P-384, P-521 or Ed25519 is, as clients take no others")
    return key


def _is_known_curve(key: PrivateKey) -> bool:
    return not isinstance(key, EllipticCurvePrivateKey) or isinstance(key.curve, _CURVES)
