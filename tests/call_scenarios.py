"""Common ground of the scenarios of calls: who is called, what each hears, and that nothing is left (section 6)."""

from __future__ import annotations

from typing import Any, Final

from jsongle_server.call_steps import Outcome
from jsongle_server.testing import Client, MemoryServer
from tests.scenarios import NOW, Message, ScenarioCase

CALL: Final = {"sid": "s-1", "initiator": "alice", "responder": "bob"}
"""What the propose of every call says of it, and what the server repeats."""

SID: Final = {"sid": "s-1"}

TRYING: Final = ("session-info", "trying")
RINGING: Final = ("session-info", "ringing")
UNREACHABLE: Final = ("session-info", "unreachable")
ELSEWHERE: Final = ("session-retract", "answered-elsewhere")
PROCEED: Final = ("session-proceed", None)
DECLINE: Final = ("session-decline", None)

Heard = tuple[str, str | None]
"""Action and reason of a message."""


class CallCase(ScenarioCase):
    """A scenario of a call."""

    def propose(self, *uids: str, caller: str = "alice", to: str = "bob") -> list[Client]:
        """A call that was proposed, and of which nobody has said anything yet: the caller, then the others."""
        caller_client, *others = self.users(caller, *uids)
        self.propose_from(caller_client, to)
        self.assertEqual([self.heard(other) for other in others], [[("session-propose", None)]] * len(others))
        return [caller_client, *others]

    def propose_from(self, caller: Client, to: str) -> None:
        """The caller proposes the call and is told ``trying``."""
        caller.say(to, "session-propose", **CALL)
        self.assertEqual(self.heard(caller), [TRYING])

    def ringing(self, *uids: str, to: str = "bob") -> list[Client]:
        """As :meth:`propose`, and all who were called ring."""
        caller, *others = self.propose(*uids, to=to)
        for other in others:
            self.say(other, caller, "session-info", reason="ringing")
        self.assertEqual(self.heard(caller), [RINGING] * len(others))
        return [caller, *others]

    def bound(self, *uids: str) -> list[Client]:
        """As :meth:`ringing`, and the first one has answered; everybody has read what came of it."""
        clients = self.ringing(*uids)
        self.say(clients[1], clients[0], "session-proceed")
        for client in clients:
            client.take()
        return clients

    def active(self, *uids: str) -> list[Client]:
        """As :meth:`bound`, and the two talk."""
        clients = self.bound(*uids)
        self.say(clients[0], clients[1], "session-info", reason="active")
        self.assertEqual(self.heard(clients[1]), [("session-info", "active")])
        return clients

    def say(self, sender: Client, recipient: Client, action: str, **jsongle: Any) -> str:
        """One client addresses another with a message of the call; returns its id."""
        return sender.say(recipient.identity, action, **SID, **jsongle)

    def heard(self, client: Client) -> list[Heard]:
        """What came to a client, as action and reason, in order."""
        taken = [message["jsongle"] for message in client.take()]
        return [(jsongle["action"], jsongle.get("reason")) for jsongle in taken]

    def assertHeard(self, client: Client, *expected: Heard) -> None:
        """Exactly this came to a client."""
        self.assertEqual(self.heard(client), list(expected))

    def assertRetracted(self, client: Client, reason: str) -> None:
        """The one message that came is the server's own retract, in full."""
        self.assertOwn(client, {**CALL, "action": "session-retract", "reason": reason, "description": {"ended": NOW}})

    def assertLive(self) -> None:
        """There is a call."""
        self.assertEqual(len(self.server.signaling.calls), 1)

    def assertNothingLeft(self, *outcomes: Outcome, owing: bool = False) -> None:
        """No call, no timer and nothing to be told is left, and these calls were counted, each once.

        :param owing: there are sessions that have not reacted yet, so that something is kept for them.
        """
        by_sid, by_member, owed = vars(self.server.signaling.calls).values()
        self.assertEqual((by_sid, by_member, bool(owed)), ({}, {}, owing))
        self.assertEqual(ring_timers(self.server), [])
        self.assertEqual(self.server.signaling.calls.count_answered(), 0)
        counted = {outcome: count for outcome, count in self.server.metrics.calls_ended.items() if count}
        self.assertEqual(counted, {outcome: outcomes.count(outcome) for outcome in outcomes})


def ring_timers(server: MemoryServer) -> list[str]:
    """What is under way to end calls that nobody answers."""
    return [str(timer) for timer in server.clock.getDelayedCalls() if "_ring_out" in str(timer)]


def unreachable(**echo: Any) -> Message:
    """What a party is told when nobody is there any more."""
    return {"action": "session-info", "reason": "unreachable", "description": {"ended": NOW}, **echo}
