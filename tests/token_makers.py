"""Makes signed tokens and key sets, for whatever test needs some."""

from __future__ import annotations

import json
from typing import Any, Final

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from jsongle_server.config import Config
from jsongle_server.config_keys import KeySetFile, SigningKey
from jsongle_server.testing import START

SECRET: Final = "a-secret-of-thirty-two-character"
APP_TOKEN: Final = "a-token-for-the-app"
KEY: Final = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY: Final = ec.generate_private_key(ec.SECP256R1())
SHARED: Final = SigningKey(SECRET, SECRET.encode(), ("HS256",))


def token(
    uid: str = "alice", *, secret: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any
) -> str:
    """A token, signed with the shared secret unless something else is asked for."""
    return jwt.encode({"sub": uid, **claims}, secret, algorithm=algorithm, headers={"kid": kid} if kid else None)


def pem(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """The public key that belongs to a key, in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(kid: str | None, key: ec.EllipticCurvePrivateKey = KEY, **more: Any) -> dict[str, Any]:
    """A public key as an entry of a key set."""
    entry: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    return {**entry, **({"kid": kid} if kid is not None else {}), **more}


def key_set(*entries: dict[str, Any]) -> bytes:
    """A key set."""
    return orjson.dumps({"keys": list(entries)})


def shared(**settings: Any) -> Config:
    """Settings with which tokens are checked with the shared secret."""
    return Config(jwt_key=SHARED, **settings)


def from_set(*entries: dict[str, Any], **settings: Any) -> Config:
    """Settings with which tokens are checked with a key set."""
    return Config(jwks_path=KeySetFile("/keys.json", key_set(*entries)), **settings)


LATER: Final = int(START) + 3600
"""An hour after the clocks of all tests begin."""
