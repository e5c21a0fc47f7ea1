"""What the terminal client keeps, so that a lost connection loses nothing (protocol section 7).

Owns the numbers of both directions, the token to come back with, and the frames that the server may not have. Knows no
connection and no message: frames are text. Layer 5.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

MOST_KEPT: Final = 1024
"""Frames that are kept; with as many unanswered no more are taken."""


class TooMuch(Exception):
    """As many frames are kept as may be."""


@dataclass(slots=True)
class Kept:
    """A frame that the server may not have.

    :ivar is_written: whether it was sent over a connection.
    """

    mid: str
    frame: str
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """How a session began.

    :param resumed: whether it is the one from before.
    :param again: frames to send now: again where it was resumed, else for the first time.
    """

    resumed: bool
    again: tuple[Kept, ...] = ()


class Link:
    """The client's side of a session that may outlive its connection.

    :param resumes: whether to opt in.

    :ivar is_live: whether the hello is done on the connection that there is.
    """

    def __init__(self, *, resumes: bool) -> None:
        self.is_live = False
        self._resumes = resumes
        self._token: str | None = None
        self._seen = 0
        self._kept: deque[Kept] = deque()
        self._confirmed = 0

    def request(self) -> Any:
        """What the hello says as ``resume``; ``None`` for nothing."""
        if not self._resumes:
            return None
        return True if self._token is None else {"token": self._token, "seq": self._seen}

    def saw(self, message: dict[str, Any]) -> None:
        """Notes the number of a message of the server."""
        number = message.get("seq")
        if type(number) is int:
            self._seen = number

    def began(self, description: dict[str, Any]) -> Begun:
        """The hello is done.

        :param description: that of its ack.
        """
        self.is_live = True
        resume, received = description.get("resume"), description.get("received")
        self._token = str(resume["token"]) if isinstance(resume, dict) and "token" in resume else None
        if description.get("resumed") is True and isinstance(received, int):
            while self._kept and self._confirmed < received:
                self._forget()
            for kept in self._kept:
                kept.is_written = True
            return Begun(resumed=True, again=tuple(self._kept))
        unsent = tuple(kept for kept in self._kept if not kept.is_written)
        self._kept.clear()
        self._seen = self._confirmed = 0
        return Begun(resumed=False, again=unsent)

    def push(self, mid: str, frame: str) -> bool:
        """Takes a frame that is to be sent.

        :returns: whether to send it now; it is sent later otherwise.
        :raises TooMuch: too many wait.
        """
        if len(self._kept) >= MOST_KEPT:
            raise TooMuch
        if self._token is not None or not self.is_live:
            self._kept.append(Kept(mid, frame, is_written=self.is_live))
        return self.is_live

    def confirm(self, mid: str) -> None:
        """A message was answered: the server has it, and all that went before."""
        if any(kept.mid == mid and kept.is_written for kept in self._kept):
            while self._forget().mid != mid:
                pass

    def lose(self) -> None:
        """The connection is lost."""
        self.is_live = False

    def _forget(self) -> Kept:
        self._confirmed += 1
        return self._kept.popleft()
