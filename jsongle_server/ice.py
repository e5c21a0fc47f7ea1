"""The ICE servers that clients are told of, and the credentials that they use TURN servers with (RFC 8155).

Credentials follow the convention of the TURN REST interface, which coturn knows as ``static-auth-secret``: the server
and its TURN servers share a secret, and need not talk to each other. Layer 1: pure functions.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jsongle_server.codec import Json
    from jsongle_server.config import Config

MAX_NAME: Final = 480
"""Most bytes of a user id in a TURN username, which may have 508 (RFC 8489 section 14.3)."""

RENEWAL: Final = 0.25
LATEST_RENEWAL: Final = 300.0
"""Credentials are renewed when this part of their time is left, or so many seconds, whichever is less."""


_FIELDS: Final = ("stun_urls", "turn_urls", "turn_secret", "turn_ttl")


def has_ice(config: Config) -> bool:
    """Whether there is anything to tell clients."""
    return bool(config.stun_urls or config.turn_urls)


def is_same_ice(one: Config, other: Config) -> bool:
    """Whether clients are told the same under both settings."""
    return all(getattr(one, name) == getattr(other, name) for name in _FIELDS)


def ice_servers(config: Config, uid: str, now: float) -> tuple[list[Json], int]:
    """The ICE servers for one user, as browsers take them (``RTCConfiguration.iceServers``).

    :param now: seconds since the epoch.
    :returns: the servers, and the seconds for which their credentials are good; 0 where there are none.
    """
    servers: list[dict[str, Any]] = []
    if config.stun_urls:
        servers.append({"urls": list(config.stun_urls)})
    if not config.turn_urls or config.turn_secret is None:
        return servers, 0
    username, credential = turn_credentials(config.turn_secret, uid, expires=int(now) + config.turn_ttl)
    servers.append({"urls": list(config.turn_urls), "username": username, "credential": credential})
    return servers, config.turn_ttl


def turn_credentials(secret: str, uid: str, *, expires: int) -> tuple[str, str]:
    """The name and password of a user at the TURN servers that share a secret.

    :param uid: the user; a long one is in the name as its hash.
    :param expires: until when they are good, in seconds since the epoch.
    """
    name = uid if len(uid.encode("utf-8")) <= MAX_NAME else sha256(uid.encode("utf-8")).hexdigest()
    username = f"{expires}:{name}"
    return username, b64encode(digest(secret.encode("utf-8"), username.encode("utf-8"), "sha1")).decode("ascii")


def renewal_delay(ttl: int) -> float:
    """How long after credentials were given out a client gets new ones, in seconds.

    :param ttl: how long they are good.
    """
    return ttl - min(ttl * RENEWAL, LATEST_RENEWAL)
