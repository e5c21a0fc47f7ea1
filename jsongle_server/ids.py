"""Identities and message ids: UUID4 strings, made many at a time.

Layer 0.
"""

from __future__ import annotations

from os import urandom
from typing import Final

_BATCH: Final = 128
_SIZE: Final = 32
_VARIANTS: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class Ids:
    """Makes UUID4 strings (RFC 9562 section 5.4) of random bytes that the system gives a batch at a time."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: list[str] = []

    def __call__(self) -> str:
        """One that nobody has had before."""
        if not self._ready:
            self._ready = _batch()
        return self._ready.pop()


def _batch() -> list[str]:
    text = urandom(_BATCH * _SIZE // 2).hex()
    return [_uuid4(text[start : start + _SIZE]) for start in range(0, len(text), _SIZE)]


def _uuid4(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:]}"
