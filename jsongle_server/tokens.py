"""Who a client may be: the tokens that it presents, and what they allow (protocol section 3).

PyJWT checks signatures, issuers and audiences; times are checked here, against the time that is passed in. Nothing of a
token ever gets into an error or a log. Layer 1: knows keys, not where they come from, and no sessions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

import jwt
from jwt.exceptions import (
    DecodeError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from jsongle_server.errors import TokenRefused

if TYPE_CHECKING:
    from jsongle_server.codec import Json
    from jsongle_server.config import Config
    from jsongle_server.key_set import Key
    from jsongle_server.keys import Keys

MAX_TOKEN: Final = 8192
"""Longest signed token that is looked at, in characters."""

MAX_PATTERNS: Final = 256
"""Most patterns of rooms in one token."""

LEEWAY: Final = 5.0
"""Seconds by which the clock of whoever made a token may be ahead of ours (``nbf``)."""

# Times are ours to check; who the user is, too.
_OPTIONS: Final[Any] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}

_REASONS: Final = (
    (InvalidSignatureError, "Its signature is not right"),
    (InvalidAlgorithmError, "It is signed in a way that is not accepted"),
    (InvalidAudienceError, "It is meant for another audience"),
    (InvalidIssuerError, "It was made by another issuer"),
    (MissingRequiredClaimError, "It does not say whom or by whom it is for"),
    (DecodeError, "It is no signed token"),
)
"""What the developer of a client is told, the more particular first."""


class KeyMissing(Exception):
    """A token names a key that is not there: others may have to be fetched."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do.

    :param name: its display name, where it gives none.
    :param rooms: patterns of the rooms that it may join; ``None`` for all.
    :param expires: until when, in seconds since the epoch; ``None`` for as long as it likes.
    """

    name: str | None = None
    rooms: tuple[str, ...] | None = None
    expires: float | None = None

    def allows(self, rid: str) -> bool:
        """Whether a room may be joined."""
        return self.rooms is None or any(_pattern(pattern).match(rid) for pattern in self.rooms)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    # Brackets mean something to fnmatch, and nothing here.
    return re.compile(translate(text.replace("[", "[[]")))


EVERYTHING: Final = Grant()
"""What whoever needs no token may do."""


class Tokens:
    """Checks the tokens that clients present.

    :param keys: what signed tokens are checked with.
    """

    def __init__(self, config: Config, keys: Keys) -> None:
        self._config = config
        self.keys = keys

    @property
    def are_signed(self) -> bool:
        """Whether clients must have a signed token."""
        config = self._config
        return bool(config.jwt_key or config.jwks_path or config.jwks_url)

    @property
    def are_needed(self) -> bool:
        """Whether clients must have a token of any kind."""
        return self.are_signed or self._config.app_token is not None

    def check(self, uid: str, hello: Json, presented: str | None, now: float) -> Grant:
        """Checks what a client presents.

        :param uid: who it says it is.
        :param hello: the description of its hello answer.
        :param presented: the token that came with the handshake; it stands for whichever the hello does not have.
        :param now: seconds since the epoch.
        :returns: what it may do.
        :raises TokenRefused: a token is missing or not accepted.
        :raises KeyMissing: a signed token cannot be checked with the keys that there are.
        """
        app_token = self._config.app_token
        if app_token is not None:
            _check_app_token(app_token, hello.get("appToken"), presented)
        if not self.are_signed:
            return EVERYTHING
        token = hello.get("token")
        if token is None and (app_token is None or not _is_same(presented, app_token)):
            token = presented
        return _grant(self._claims(token), uid, now)

    def _claims(self, token: Any) -> Json:
        """What a signed token says, its signature, issuer and audience being right."""
        if token is None or token == "":
            raise TokenRefused("Missing 'token'")
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise _refused(f"It must be a string of at most {MAX_TOKEN} characters")
        try:
            key, allowed = self._key_of(token), self._config.jwt_algorithms
            algorithms = [name for name in key.algorithms if not allowed or name in allowed]
            if not algorithms:
                raise InvalidAlgorithmError
            claims: Json = jwt.decode(
                token,
                key.material,
                algorithms=algorithms,
                audience=self._config.jwt_audience,
                issuer=self._config.jwt_issuer,
                options=_OPTIONS,
            )
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _refused(_reason(error)) from None
        return claims

    def _key_of(self, token: str) -> Key:
        kid = jwt.get_unverified_header(token).get("kid")
        key = self.keys.find(kid)
        if key is None:
            raise KeyMissing
        return key


def _check_app_token(app_token: str, given: Any, presented: str | None) -> None:
    if _is_same(given, app_token) or (given is None and _is_same(presented, app_token)):
        return
    raise TokenRefused("'appToken' is not accepted" if given is not None else "Missing 'appToken'")


def _is_same(given: Any, secret: str) -> bool:
    # Bytes: texts may only be compared in constant time where they are ASCII.
    return isinstance(given, str) and compare_digest(given.encode("utf-8"), secret.encode("utf-8"))


def _grant(claims: Json, uid: str, now: float) -> Grant:
    if claims.get("sub") != uid:
        raise _refused("Its 'sub' must be the 'uid'")
    expires, starts = (_time(claims, name) for name in ("exp", "nbf"))
    if expires is not None and expires <= now:
        raise _refused("It has expired")
    if starts is not None and starts > now + LEEWAY:
        raise _refused("It is not good yet")
    name = claims.get("name")
    if name is not None and not _is_text(name):
        raise _refused("Its 'name' must be a string")
    return Grant(name, _patterns(claims.get("rooms")), expires)


def _is_text(value: Any) -> bool:
    """Whether a value is a text that can be sent on: Python reads halves of surrogate pairs as well."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _time(claims: Json, name: str) -> float | None:
    """A time of a token, in seconds since the epoch (RFC 7519 section 2)."""
    value = claims.get(name)
    if value is None:
        return None
    # A bool is an int to Python, and what is read as JSON may hold NaN and numbers beyond every double.
    if type(value) not in (int, float) or not -_LATEST < value < _LATEST:
        raise _refused(f"Its '{name}' must be a time in seconds")
    return float(value)


_LATEST: Final = 2.0**40
"""A time far off, in seconds since the epoch: anything that is not before it is no time."""


def _patterns(rooms: Any) -> tuple[str, ...] | None:
    if rooms is None:
        return None
    if not isinstance(rooms, list) or len(rooms) > MAX_PATTERNS or not all(isinstance(room, str) for room in rooms):
        raise _refused(f"Its 'rooms' must be a list of at most {MAX_PATTERNS} patterns")
    return tuple(rooms)


def _reason(error: Exception) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "It cannot be checked")


def _refused(reason: str) -> TokenRefused:
    return TokenRefused(f"'token' is not accepted: {reason[0].lower()}{reason[1:]}")
