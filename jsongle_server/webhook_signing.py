"""Signing what webhooks deliver, by the convention of Standard Webhooks (https://www.standardwebhooks.com).

Owns what the secret may be, and the signature; must not know what is signed, nor how it is sent. Layer 0.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from typing import Final

from jsongle_server.config_values import ValueKind, secret, write_optional

ENCODED: Final = "whsec_"
"""What a secret begins with whose key is base64; any other secret is its own key."""

SHORTEST_KEY: Final = 16
"""Fewest bytes that such a key may have."""


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for.

    :raises ValueError: it says that it is base64, and is not, or stands for too short a key; the text says what is
        accepted, and nothing of the secret.
    """
    if not secret.startswith(ENCODED):
        return secret.encode()
    try:
        key = b64decode(secret.removeprefix(ENCODED), validate=True)
    except ValueError:
        key = b""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{ENCODED} and the base64 of at least {SHORTEST_KEY} bytes is")
    return key


def webhook_secret() -> ValueKind[str | None]:
    """Make the kind of a secret for signatures, or none."""
    texts = secret()

    def parse(text: str) -> str | None:
        found = texts.parse(text)
        if found is not None:
            signing_key(found)
        return found

    return ValueKind(texts.accepts, parse, write_optional)


def sign(key: bytes, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message: the value of ``webhook-signature``.

    :param timestamp: when it is sent, in whole seconds since the epoch: the value of ``webhook-timestamp``.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
