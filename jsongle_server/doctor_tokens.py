"""Who the doctor says it is, and with which tokens.

What the operator gives is used before what the settings have: ``appToken``, or a signed token where ``jwtKey`` is a
secret, with which the doctor can make one. Layer 5.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import jwt

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.doctor_subject import Subject

LIFETIME: Final = 3600
"""Seconds for which a token of the doctor's own is good: longer than any of its visits."""


def present(subject: Subject, now: float) -> dict[str, Any]:
    """What the doctor answers to the server's hello.

    :param now: seconds since the epoch.
    """
    uid = f"doctor-{secrets.token_hex(4)}"
    config = subject.config
    description: dict[str, Any] = {"uid": uid, "dn": "Doctor"}
    claimed = None
    if subject.token is not None:
        claimed = subject_of(subject.token)
        description.update(in_hello(subject.token))
    if config.app_token is not None:
        description.setdefault("appToken", config.app_token)
    if claimed is not None:
        description["uid"] = claimed
    elif made := _make(config, uid, now):
        description["token"] = made
    return description


def in_hello(token: str) -> dict[str, str]:
    """How a hello has a token that somebody gives, of whichever kind.

    One that names nobody may be of either kind: as a signed one that was cut short it is refused for that, not missed.
    """
    return {"appToken": token, "token": token} if subject_of(token) is None else {"token": token}


def subject_of(token: str) -> str | None:
    """Whom a signed token is for; it is for the server to say whether it is good."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else None


def _make(config: Config, uid: str, now: float) -> str | None:
    """A signed token of the doctor's own, if the settings have a secret to sign it with."""
    key = config.jwt_key
    if key is None or not key.is_secret:
        return None
    algorithm = (config.jwt_algorithms or key.algorithms)[0]
    claims: dict[str, Any] = {"sub": uid, "iat": int(now), "exp": int(now) + LIFETIME}
    if config.jwt_issuer is not None:
        claims["iss"] = config.jwt_issuer
    if config.jwt_audience is not None:
        claims["aud"] = config.jwt_audience
    return jwt.encode(claims, key.material, algorithm=algorithm)
