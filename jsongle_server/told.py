"""What one client has heard of calls that reached nobody, so that it hears it once.

Layer 2: remembers calls by fingerprints of their ``sid``, which may be any JSON value of any size.
"""

from __future__ import annotations

from typing import Final

from jsongle_server.codec import fingerprint

TOLD_MEMORY: Final = 256
"""For how many calls, the latest ones, it is remembered."""


class Told:
    """The calls of which a client was told that nobody is there any more."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, sid: object) -> bool:
        """Takes note of a call.

        :returns: whether this is new.
        """
        call = fingerprint(sid)
        if call in self._calls:
            return False
        self._calls[call] = None
        if len(self._calls) > TOLD_MEMORY:
            del self._calls[next(iter(self._calls))]
        return True
