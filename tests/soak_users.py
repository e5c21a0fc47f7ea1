"""Those who take part in the soak, and the book that is kept of what they say."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred

from tests.resuming_client import ResumingClient

ROOM_SIZE: Final = 5
LONGEST_AWAY: Final = 5.0
"""Most seconds until a client is back."""

CALL: Final = ("session-propose", "session-initiate", "transport-info", "transport-info", "session-custom")
"""What a caller says, one message a second, before it terminates; the other answers the propose."""


@dataclass
class Ledger:
    """Who said how many numbered messages, and which of them came.

    :ivar sent: the number of the latest message of each user, by uid.
    :ivar seen: the number of the latest one that came, by sender and recipient.
    """

    sent: Counter[str] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    delivered: int = 0
    lost: int = 0
    doubled: int = 0

    def number(self, sender: str) -> int:
        """The number of the next message."""
        self.sent[sender] += 1
        return self.sent[sender]

    def note(self, sender: str, recipient: str, number: int) -> None:
        """Takes note that a message came."""
        key = (sender, recipient)
        if number <= self.seen[key]:
            self.doubled += 1
            return
        self.lost += number - self.seen[key] - 1
        self.seen[key] = number
        self.delivered += 1

    def missing(self, user: User) -> int:
        """How many of the latest messages of a user have not come."""
        return sum(self.sent[user.uid] - self.seen[user.uid, other] for other in user.audience)


class User:
    """A client with something to say: in a room, or calling or called in a pair.

    :param index: its number; those next to each other are in the same room or pair.
    """

    def __init__(self, reactor: Any, port: int, ledger: Ledger, index: int, *, in_room: bool) -> None:
        self.uid = f"user-{index}"
        size = ROOM_SIZE if in_room else 2
        first = index - index % size
        self.audience = [f"user-{other}" for other in range(first, first + size) if other != index]
        self.to = f"room-{first}" if in_room else self.audience[0]
        self.troubles: Counter[str] = Counter()
        self._in_room = in_room
        self._is_caller = not in_room and index == first
        self._ledger = ledger
        self._calls = 0
        self._step = 0
        self.joined: Deferred[None] = Deferred()
        self.client = ResumingClient(
            reactor, port, self.uid, heard=self._hear, back_after=lambda: random.uniform(0, LONGEST_AWAY)
        )

    async def arrive(self) -> None:
        """Connects, and enters its room."""
        await self.client.connect()
        if self._in_room:
            self.client.say("jsongle-server", "iq-set", query="join", transaction="t", description={"rid": self.to})
            await self.joined

    def speak(self) -> None:
        """Says what is next."""
        if not self._is_caller:
            if self._in_room:
                self._say("session-custom")
            return
        if self._step == len(CALL):
            self._say("session-terminate", sid=f"{self.uid}-{self._calls}", reason="success")
            self._step = 0
            return
        self._calls += self._step == 0
        self._say(CALL[self._step], sid=f"{self.uid}-{self._calls}")
        self._step += 1

    def _say(self, action: str, **jsongle: Any) -> None:
        description = {"of": self.uid, "n": self._ledger.number(self.uid), "pad": "x" * 100}
        self.client.say(self.to, action, **jsongle, description=description)

    def _hear(self, message: dict[str, Any]) -> None:
        jsongle = message["jsongle"]
        action, description = jsongle["action"], jsongle.get("description", {})
        if "n" in description:
            self._ledger.note(description["of"], self.uid, description["n"])
            if action == "session-propose":
                self._say("session-info", sid=jsongle["sid"], reason="ringing")
                self._say("session-proceed", sid=jsongle["sid"])
            elif action == "session-initiate":
                self._say("session-accept", sid=jsongle["sid"])
        elif action == "iq-result" and not self.joined.called:
            self.joined.callback(None)
        elif action in ("session-error", "iq-error"):
            self.troubles[f"error {description['errorCode']}"] += 1
        elif jsongle.get("reason") == "unreachable" or action == "session-retract":
            self.troubles[jsongle["reason"]] += 1


class Flooder:
    """Says far more than it may, to somebody who only listens."""

    def __init__(self, reactor: Any, port: int) -> None:
        self.sent = self.accepted = self.told = 0
        self.client = ResumingClient(
            reactor, port, "flooder", heard=self._hear, back_after=lambda: 0.5, resumable=False
        )
        self._sink = ResumingClient(
            reactor, port, "sink", heard=lambda message: None, back_after=lambda: 0.5, resumable=False
        )

    async def arrive(self) -> None:
        """Connects both."""
        await self._sink.connect()
        await self.client.connect()

    def flood(self, count: int) -> None:
        """Says so many things at once."""
        if self.client.is_live:
            for _ in range(count):
                self.client.say("sink", "session-text", description={"content": "x"})
                self.sent += 1

    def leave(self) -> None:
        """Has both go."""
        self.client.leave()
        self._sink.leave()

    def _hear(self, message: dict[str, Any]) -> None:
        self.accepted += message["jsongle"]["action"] == "session-event"
        self.told += message["jsongle"]["action"] == "session-error"
