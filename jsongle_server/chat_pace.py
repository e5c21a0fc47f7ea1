"""What the terminal client has sent and waits for, and what waits to be sent because the server is too slow for it.

Of several texts that are too fast the server refuses the first aloud, and the others without a word (protocol section
2). It answers in the order in which it is written to, which gives them away: whoever is answered later has overtaken
them. Owns the two lists; sending is for ``chat_again.py``. Layer 5.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that an answer is waited for.

    :param what: it, in words that errors begin with.
    :param since: when it was sent, in seconds since the epoch.
    :param frame: it; sent again where the server found it too fast.
    :param query: what was asked; empty for what is no iq to the server.
    :param rid: the room that it is about, if it is about one.
    :param is_raw: whether the answer is shown as it is; there may be none, and it is sent once only.
    :param is_quiet: whether nothing is shown of the answer.
    :param number: its place among all that was said; 0 before it was.
    """

    what: str
    since: float
    frame: str = ""
    query: str = ""
    rid: str = ""
    is_raw: bool = False
    is_quiet: bool = False
    number: int = 0

    @property
    def may_be_ignored(self) -> bool:
        """Whether the server may refuse it without a word; it answers every iq."""
        return not self.query and not self.is_raw


class Pace:
    """What one may not send yet.

    :param sent: what waits for an answer, by message id, in the order in which it was sent.

    :ivar waiting: what is to be sent, in the order in which it was said.
    :ivar is_slow: whether one message is sent at a time, the next when it is answered.
    :ivar rest: stands for the time in which nothing is sent, while it lasts.
    :ivar probe: the id of the message that was sent last while slow.
    """

    def __init__(self, sent: dict[str, Pending]) -> None:
        self.waiting: list[Pending] = []
        self.is_slow = False
        self.rest: object = None
        self.probe = ""
        self._sent = sent

    @property
    def is_doubtful(self) -> bool:
        """Whether something may have been refused without a word."""
        return any(pending.may_be_ignored for pending in self._sent.values())

    def hold(self, pending: Pending) -> None:
        """Has a message wait for its turn."""
        insort(self.waiting, pending, key=lambda each: each.number)

    def overtaken(self, mid: str) -> None:
        """A message is answered. While slow, that means that what went before it was ignored: it is sent again."""
        if not self.is_slow or mid not in self._sent:
            return
        for other, pending in list(self._sent.items()):
            if other == mid:
                return
            if pending.may_be_ignored:
                self.hold(self._sent.pop(other))

    def forget(self) -> None:
        """The server has a new session for us, which has been sent nothing yet; what waits still does."""
        self.is_slow = False
        self.rest = None
        self.probe = ""
