"""Signed tokens: only those are accepted that are signed, and for whoever presents them."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final

import orjson

from fuzz.watch import Watch, demand
from jsongle_server.errors import TokenRefused
from jsongle_server.keys import Keys
from jsongle_server.testing import START
from jsongle_server.tokens import KeyMissing, Tokens
from tests.token_makers import OTHER_KEY, SECRET, from_set, jwk, shared

_SHARED: Final = shared()
_SET: Final = from_set(jwk("a"), jwk("b", OTHER_KEY))
_CHECKS: Final = (Tokens(_SHARED, Keys(_SHARED)), Tokens(_SET, Keys(_SET)))


def check_token(data: bytes) -> None:
    """A token of any text; or any claims, under any header, signed with the shared secret.

    :param data: which of these, then the text, or header and claims parted by a line end.
    :raises Broken: something is wrong.
    """
    kind, rest = (data[:1] or b"\0")[0], data[1:]
    token = _signed(rest) if kind & 1 else rest.decode("utf-8", "replace")
    with Watch():
        for tokens in _CHECKS:
            _check(tokens, token)


def _check(tokens: Tokens, token: str) -> None:
    presented = {"handshake": (token, {}), "hello": (None, {"token": token})}
    outcomes: list[object] = []
    for came, hello in presented.values():
        try:
            grant = tokens.check("alice", hello, came, START)
        except TokenRefused as refused:
            demand(len(token) < 8 or token not in refused.details, "a token is not repeated", refused.details)
            outcomes.append(refused.details)
        except KeyMissing:
            outcomes.append("key missing")
        else:
            demand(tokens is _CHECKS[0] and _is_good(token), "what is accepted is signed, and for this user", token)
            demand(grant.expires is None or grant.expires > START, "what is accepted has not expired")
            outcomes.append(grant)
    demand(outcomes[0] == outcomes[1], "it does not matter how it is presented", *outcomes)


def _signed(data: bytes) -> str:
    header, _, claims = data.partition(b"\n")
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = hmac.new(SECRET.encode(), signed, sha256).digest()
    return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _is_good(token: str) -> bool:
    """Whether a token is signed with the shared secret for Alice: a second, simple reader."""
    signed, _, signature = token.rpartition(".")
    right = hmac.new(SECRET.encode(), signed.encode(), sha256).digest()
    claims: Any = orjson.loads(_decoded(signed.partition(".")[2]))
    return hmac.compare_digest(_decoded(signature), right) and claims["sub"] == "alice"


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
