"""The last envelopes that were sent to a session, so that it can have them again (protocol section 7).

Numbers them, keeps as many as it may, and says which ones a client has missed. Layer 1.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsongle_server.codec import Outgoing


class ReplayBuffer:
    """Keeps the latest envelopes of one session, one after the other in a single block of memory.

    A block goes back to the system as a whole. Thousands of small objects would not: CPython gives back no arena in
    which a single one is still in use.

    :param max_messages: most envelopes that are kept.
    :param max_bytes: most bytes that they may have together.

    :ivar last: the number of the latest envelope, 0 before the first.
    """

    __slots__ = ("_kept", "_max_bytes", "_max_messages", "_sizes", "last")

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._sizes = array("I")
        self.last = 0

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Bytes of all that are kept."""
        return len(self._kept)

    @property
    def dropped(self) -> int:
        """The number of the latest envelope that is not kept any more, 0 while all are."""
        return self.last - len(self._sizes)

    def number(self, outgoing: Outgoing, recipient: bytes) -> bytes:
        """Gives an envelope the next number and keeps it.

        :param recipient: the recipient's address, see :func:`jsongle_server.codec.address`.
        :returns: its bytes with that number as ``seq``.
        """
        self.last += 1
        payload = outgoing.addressed(recipient + b',"seq":%d' % self.last)
        self._kept += payload
        self._sizes.append(len(payload))
        while self._sizes and (len(self._sizes) > self._max_messages or len(self._kept) > self._max_bytes):
            del self._kept[: self._sizes.pop(0)]
        return payload

    def has_all_after(self, seq: int) -> bool:
        """Whether a client that has seen this number, and none above, can have all that it missed."""
        return self.dropped <= seq <= self.last

    def after(self, seq: int) -> list[bytes]:
        """The envelopes after a number, in order, with their numbers.

        :param seq: a number for which :meth:`has_all_after` holds.
        """
        seen = seq - self.dropped
        start = sum(self._sizes[:seen])
        missed = []
        for size in self._sizes[seen:]:
            missed.append(bytes(self._kept[start : start + size]))
            start += size
        return missed
