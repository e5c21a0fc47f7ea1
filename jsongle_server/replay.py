"""The last envelopes that were sent to a session, so that it can have them again (protocol section 7).

Numbers them, keeps as many as it may, and says which ones a client has missed. Layer 1.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsongle_server.codec import Outgoing


class ReplayBuffer:
    """Keeps the latest envelopes of one session.

    :param max_messages: most envelopes that are kept.
    :param max_bytes: most bytes that they may have together.

    :ivar last: the number of the latest envelope, 0 before the first.
    :ivar size: bytes of all that are kept.
    """

    __slots__ = ("_kept", "_max_bytes", "_max_messages", "last", "size")

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._kept: deque[tuple[Outgoing, int]] = deque()
        self.last = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def dropped(self) -> int:
        """The number of the latest envelope that is not kept any more, 0 while all are."""
        return self.last - len(self._kept)

    def number(self, outgoing: Outgoing, recipient: bytes) -> bytes:
        """Gives an envelope the next number and keeps it.

        :param recipient: the recipient's address, see :func:`jsongle_server.codec.address`.
        :returns: its bytes with that number as ``seq``.
        """
        self.last += 1
        payload = _numbered(outgoing, recipient, self.last)
        self._kept.append((outgoing, len(payload)))
        self.size += len(payload)
        while self._kept and (len(self._kept) > self._max_messages or self.size > self._max_bytes):
            _, size = self._kept.popleft()
            self.size -= size
        return payload

    def has_all_after(self, seq: int) -> bool:
        """Whether a client that has seen this number, and none above, can have all that it missed."""
        return self.dropped <= seq <= self.last

    def after(self, seq: int, recipient: bytes) -> list[bytes]:
        """The envelopes after a number, in order, with their numbers.

        :param seq: a number for which :meth:`has_all_after` holds.
        """
        first = self.dropped + 1
        return [
            _numbered(outgoing, recipient, number)
            for number, (outgoing, _) in enumerate(self._kept, first)
            if number > seq
        ]


def _numbered(outgoing: Outgoing, recipient: bytes, seq: int) -> bytes:
    return outgoing.addressed(recipient + b',"seq":%d' % seq)
