"""Calls by ``sid``: who is a party, who is rung, who won (protocol section 6).

Keeps the state of every live call, and what is still to be said of some that are over; sends nothing and knows no
time. What a message means for its call is in :mod:`jsongle_server.call_steps`. Layer 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from jsongle_server.call_steps import CallState, Role, Signal, Step, step_for
from jsongle_server.errors import TooManyCalls
from jsongle_server.member import Member
from jsongle_server.vocabulary import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsongle_server.codec import Json, Outgoing

M = TypeVar("M", bound=Member)

MAX_CALLS: Final = 32
"""Most live calls that one session may have proposed (protocol section 6)."""

MAX_OWED: Final = 16
"""Most calls whose end a session is told at its first message of them; of the caller with the most of these, the oldest
is forgotten."""


def is_followed(sid: object) -> bool:
    """Whether a call with this ``sid`` can be followed at all."""
    return type(sid) is str and 0 < len(sid) <= MAX_NAME


class Rung:
    """How a session that was rung has reacted.

    :ivar heard: it has sent something for the call, so that it knows of it.
    :ivar ringing: it has said that it rings.
    :ivar declined: it does not want the call.
    :ivar told: it knows that the call was answered elsewhere.
    """

    __slots__ = ("declined", "heard", "ringing", "told")

    def __init__(self) -> None:
        self.heard = False
        self.ringing = False
        self.declined = False
        self.told = False


class Call(Generic[M]):
    """A live call.

    :param echo: ``sid``, ``initiator`` and ``responder`` as the propose had them.
    :param caller: who proposed it.
    :param rung: whom the propose reached, the caller not among them.
    :param rid: the room through which it was proposed, ``None`` where there was none.
    :param started: when it was proposed, in seconds since the epoch.

    :ivar is_to_many: whether the propose reached several, however many of them are left.
    :ivar answered: when it was, in seconds since the epoch.
    :ivar held: the latest decline, held back until all who rang have declined.
    :ivar stop_ringing: ends the wait for an answer.
    :ivar news: what is told of it to whoever listens, whatever becomes of it; ``None`` where nobody did as it began.
    """

    __slots__ = (
        "answered",
        "caller",
        "echo",
        "held",
        "is_to_many",
        "news",
        "rid",
        "rung",
        "sid",
        "started",
        "state",
        "stop_ringing",
        "winner",
    )

    def __init__(self, sid: str, echo: Json, *, caller: M, rung: Iterable[M], rid: str | None, started: float) -> None:
        self.sid = sid
        self.echo = echo
        self.caller = caller
        self.rung = {member: Rung() for member in rung}
        self.rid = rid
        self.started = started
        self.is_to_many = len(self.rung) > 1
        self.answered: float | None = None
        self.state = CallState.RINGING
        self.winner: M | None = None
        self.held: Outgoing | None = None
        self.stop_ringing: Callable[[], None] | None = None
        self.news: Json | None = None

    @property
    def parties(self) -> list[M]:
        """The caller, and everybody who was rung and is still here."""
        return [self.caller, *self.rung]

    def role_of(self, member: M) -> Role | None:
        """What a session is to this call; ``None`` if it is no party."""
        if member is self.caller:
            return Role.CALLER
        if member not in self.rung:
            return None
        if self.winner is None:
            return Role.RUNG
        return Role.WINNER if member is self.winner else Role.LOSER

    def step(self, role: Role, signal: Signal) -> Step:
        """What follows from a message."""
        return step_for(self.state, role, signal)

    def recipients_from(self, role: Role) -> list[M]:
        """Who gets what a party says: the caller, or whoever may still answer, or has."""
        if role is not Role.CALLER:
            return [self.caller]
        if self.winner is not None:
            return [self.winner]
        return [member for member, reaction in self.rung.items() if not reaction.declined]

    def is_declined(self) -> bool:
        """Whether nobody is left to wait for: one has declined, and so have all who rang."""
        reactions = self.rung.values()
        return self.held is not None and all(reaction.declined for reaction in reactions if reaction.ringing)


class Calls(Generic[M]):
    """Every live call, and what is still to be said of some that are over."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Call[M]] = {}
        self._by_member: dict[M, dict[str, Call[M]]] = {}
        self._owed: dict[M, dict[str, tuple[M, Outgoing]]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def find(self, sid: object) -> Call[M] | None:
        """The live call of that ``sid``, any JSON value."""
        return self._by_sid.get(sid) if type(sid) is str else None

    def all(self) -> list[Call[M]]:
        """A snapshot of the live calls, the oldest first."""
        return list(self._by_sid.values())

    def of(self, member: M) -> list[Call[M]]:
        """A snapshot of the live calls that a session is a party of."""
        return list(self._by_member.get(member, {}).values())

    def count_answered(self) -> int:
        """How many calls are being talked in."""
        return len(self) - self.count()[CallState.RINGING]

    def count(self) -> dict[str, int]:
        """How many calls there are in each state."""
        counts = dict.fromkeys((state.value for state in CallState), 0)
        for call in self._by_sid.values():
            counts[call.state.value] += 1
        return counts

    def begin(self, call: Call[M]) -> None:
        """Follows a new call.

        :raises TooManyCalls: its caller has as many as a session may have.
        """
        if sum(1 for other in self.of(call.caller) if other.caller is call.caller) >= MAX_CALLS:
            raise TooManyCalls(f"At most {MAX_CALLS} calls at a time")
        self._by_sid[call.sid] = call
        for party in call.parties:
            self._by_member.setdefault(party, {})[call.sid] = call
            # What was kept of an earlier call of this sid would end the new one.
            self.settle(party, call.sid)

    def end(self, call: Call[M]) -> None:
        """Forgets a call."""
        del self._by_sid[call.sid]
        for party in call.parties:
            self._drop(party, call)

    def withdraw(self, call: Call[M], member: M) -> None:
        """Takes a session that was rung out of a call that goes on."""
        del call.rung[member]
        self._drop(member, call)

    def owe(self, member: M, call: Call[M], news: Outgoing) -> None:
        """Keeps the news that a call is over for a session until it sends its first message of that call.

        A device that is in another call never answers the propose, and the news would end that other call.
        """
        owed = self._owed.setdefault(member, {})
        owed[call.sid] = call.caller, news
        if len(owed) > MAX_OWED:
            # Not simply the oldest: nobody's calls can make a session forget those of others.
            callers = Counter(caller for caller, _ in owed.values())
            most = max(callers.values())
            del owed[next(sid for sid, (caller, _) in owed.items() if callers[caller] == most)]

    def is_owed(self, member: M, sid: object) -> bool:
        """Whether a retract of that ``sid``, any JSON value, is kept for a session: it must hear nothing else of it."""
        return type(sid) is str and sid in self._owed.get(member, ())

    def settle(self, member: M, sid: object) -> Outgoing | None:
        """Takes the news that was kept for a session, if there is any for that ``sid``."""
        owed = self._owed.get(member)
        if not owed or type(sid) is not str:
            return None
        _, news = owed.pop(sid, (None, None))
        if not owed:
            del self._owed[member]
        return news

    def forget(self, member: M) -> None:
        """Forgets what was kept for a session that has ended."""
        self._owed.pop(member, None)

    def _drop(self, member: M, call: Call[M]) -> None:
        calls = self._by_member[member]
        del calls[call.sid]
        if not calls:
            del self._by_member[member]
