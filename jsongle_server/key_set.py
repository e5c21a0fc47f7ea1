"""The keys that signed tokens are checked with, and key sets (JWKS, RFC 7517) as texts.

Owns which algorithms go with which key (RFC 7518 section 3, RFC 8037): a key is only ever used with those, so that a
token cannot choose another use for it. Must not know tokens, nor where keys come from. Layer 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

MIN_RSA_BITS: Final = 2048
"""Fewest bits of an RSA key (RFC 7518 section 3.3)."""

MAX_KEYS: Final = 64
"""Most keys of a set that are looked at."""

SYMMETRIC: Final = ("HS256", "HS384", "HS512")
"""The algorithms of shared secrets."""

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

_KINDS: Final = ("RSA", "EC", "OKP")

ASYMMETRIC: Final = (*_RSA, *_CURVES.values(), "EdDSA")
"""The algorithms of public keys."""

ALGORITHMS: Final = (*SYMMETRIC, *ASYMMETRIC)
"""Every algorithm that signed tokens may have; none is not among them."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a signature is checked with.

    :param material: a secret in bytes, or a public key of the package cryptography.
    :param algorithms: those that may be used with it.
    """

    material: Any
    algorithms: tuple[str, ...]


def public_key_algorithms(key: object) -> tuple[str, ...]:
    """The algorithms that go with a public key: none with one that is too weak, or of a kind that is not used."""
    if isinstance(key, RSAPublicKey):
        return _RSA if key.key_size >= MIN_RSA_BITS else ()
    if isinstance(key, EllipticCurvePublicKey):
        return tuple(name for curve, name in _CURVES.items() if curve == key.curve.name)
    return ("EdDSA",) if isinstance(key, Ed25519PublicKey) else ()


def read_key_set(content: bytes) -> dict[str | None, Key]:
    """Reads a key set.

    What cannot be used is left out: secrets and private keys, which have no business in a set, keys that are only for
    encryption, and kinds that are not known. The first counts of several with one name.

    :returns: the keys by their ``kid``; ``None`` for one that has none.
    :raises ValueError: it is no key set, or no key of it can be used.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError('a key set like {"keys": [...]} is')
    keys: dict[str | None, Key] = {}
    for entry in entries[:MAX_KEYS]:
        key = _read_key(entry)
        kid = entry.get("kid") if isinstance(entry, dict) else None
        if key is not None and (kid is None or isinstance(kid, str)):
            keys.setdefault(kid, key)
    if not keys:
        raise ValueError("a key set with at least one public key that is for signatures is")
    return keys


def _read_key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    named = entry.get("alg")
    if entry.get("kty") not in _KINDS or (named is not None and named not in ASYMMETRIC):
        return None
    try:
        material = PyJWK(entry).key
    except (PyJWTError, ValueError, TypeError):
        return None
    fitting = public_key_algorithms(material)
    algorithms = fitting if named is None else tuple(algorithm for algorithm in fitting if algorithm == named)
    return Key(material, algorithms) if algorithms else None
