"""What is still to be delivered, in which order, and how much of it there may be.

What has the same session goes out one after another; sessions do not wait for each other. Bounded in number and bytes,
and in number for each session, so that no single session can take the place of all others; a client with many of them
can. Layer 2: knows no reactor and no network; times are arguments.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from itertools import count
from typing import Final

MAX_QUEUED: Final = 10_000
"""Most deliveries that may wait."""

MAX_QUEUED_BYTES: Final = 16_777_216
"""Most bytes that their bodies may take."""

MAX_QUEUED_PER_SESSION: Final = 256
"""Most deliveries that may wait for one session."""


class Dropped(StrEnum):
    """Why something is not delivered, or not tried any longer."""

    FULL = "full"
    SESSION = "session"
    OFF = "off"
    STOP = "stop"


@dataclass(slots=True, eq=False)
class Delivery:
    """Something to be delivered.

    :ivar id: the same however often it is tried.
    :ivar session: what it must keep the order of.
    :ivar body: the JSON.
    :ivar tries: how often it was tried.
    """

    id: str
    session: str
    body: bytes
    tries: int = 0


class WebhookQueue:
    """Deliveries that wait. One that was taken still counts, until it is done with."""

    def __init__(self) -> None:
        self._numbers = count()
        self._empty()

    def __len__(self) -> int:
        return self._size

    @property
    def next_due(self) -> float | None:
        """When the first of those that wait to be tried again may be, in seconds since the epoch."""
        return self._later[0][0] if self._later else None

    def put(self, delivery: Delivery) -> Dropped | None:
        """Adds one, the last of its session.

        :returns: why it was not taken; what is there already is never given up for it.
        """
        line = self._by_session.get(delivery.session)
        if line is not None and len(line) >= MAX_QUEUED_PER_SESSION:
            return Dropped.SESSION
        if self._size >= MAX_QUEUED or self._bytes + len(delivery.body) > MAX_QUEUED_BYTES:
            return Dropped.FULL
        if line is None:
            line = self._by_session[delivery.session] = deque()
            self._ready.append(delivery.session)
        line.append(delivery)
        self._size += 1
        self._bytes += len(delivery.body)
        return None

    def take(self, now: float) -> Delivery | None:
        """The next one to be tried; its session has no other until it is done, or put off, and over.

        :param now: seconds since the epoch.
        """
        while self._later and self._later[0][0] <= now:
            self._ready.append(heappop(self._later)[2])
        return self._by_session[self._ready.popleft()][0] if self._ready else None

    def holds(self, delivery: Delivery) -> bool:
        """Whether one that was taken is still waited for: not after :meth:`clear`."""
        line = self._by_session.get(delivery.session)
        return line is not None and line[0] is delivery

    def done(self, delivery: Delivery) -> None:
        """Lets the next of a session follow one that was taken, whatever has become of that."""
        assert self.holds(delivery)
        line = self._by_session[delivery.session]
        line.popleft()
        self._size -= 1
        self._bytes -= len(delivery.body)
        if line:
            self._ready.append(delivery.session)
        else:
            del self._by_session[delivery.session]

    def put_off(self, delivery: Delivery, due: float) -> None:
        """Has one that was taken be tried again later, before the others of its session.

        :param due: when, in seconds since the epoch.
        """
        assert self.holds(delivery)
        heappush(self._later, (due, next(self._numbers), delivery.session))

    def hurry(self) -> None:
        """Has all that wait for another try be due at once."""
        self._ready.extend(session for _, _, session in sorted(self._later))
        self._later.clear()

    def clear(self) -> int:
        """Forgets everything, that included which was taken; returns how much that was."""
        size = self._size
        self._empty()
        return size

    def _empty(self) -> None:
        self._by_session: dict[str, deque[Delivery]] = {}
        self._ready: deque[str] = deque()
        # The number keeps those that are due at the same time in order.
        self._later: list[tuple[float, int, str]] = []
        self._size = 0
        self._bytes = 0
