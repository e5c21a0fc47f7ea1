"""Scenarios of call messages: trying, and unreachable (protocol section 5)."""

from __future__ import annotations

from typing import Any

from jsongle_server.testing import Client
from tests.scenarios import NOW, SERVER, Message, ScenarioCase, on_both_transports

ASKING = ("session-propose", "session-info", "session-proceed", "session-initiate", "session-accept", "transport-info")
ENDING = ("session-terminate", "session-retract", "session-decline")
CALL = {"sid": "s-1", "initiator": "alice", "responder": "bob"}


def unreachable(**echo: Any) -> Message:
    """What the sender of a call message is told that reached nobody."""
    return {"action": "session-info", "reason": "unreachable", "description": {"ended": NOW}, **echo}


def trying(**echo: Any) -> Message:
    """What a caller is told whose propose was passed on."""
    return {"action": "session-info", "reason": "trying", "description": {"tried": NOW}, **echo}


@on_both_transports
class TryingTests(ScenarioCase):
    """A propose that was passed on."""

    def test_trying(self) -> None:
        """The caller is told, with ``sid``, ``initiator`` and ``responder`` as in its propose."""
        alice, bob = self.users("alice", "bob")
        mid = alice.say("bob", "session-propose", **CALL)
        self.assertEqual(bob.take_one()["id"], mid)
        self.assertOwn(alice, trying(**CALL))

    def test_echo_of_what_is_there(self) -> None:
        """What the propose had not is left out, what it had is echoed as it was, and nothing else is."""
        alice, _ = self.users("alice", "bob")
        for echo in ({}, {"sid": "s"}, {"initiator": None}, {"responder": {"x": [1]}, "sid": 0}):
            alice.say("bob", "session-propose", media="audio", reason="x", **echo)
            self.assertOwn(alice, trying(**echo))

    def test_once_for_many(self) -> None:
        """A propose to a room or to many devices is answered once."""
        alice, bob, _ = self.members("r", "alice", "bob", "bob")
        for to in ("r", "bob"):
            call = {**CALL, "sid": f"s-{to}"}
            alice.say(to, "session-propose", **call)
            self.assertOwn(alice, trying(**call))
        self.assertEqual(len(bob.take()), 2)

    def test_no_other_action(self) -> None:
        """Only a propose is answered so."""
        alice, _ = self.users("alice", "bob")
        for action in (*ASKING[1:], *ENDING):
            alice.say("bob", action, **CALL)
        self.assertNothing(alice)


@on_both_transports
class UnreachableTests(ScenarioCase):
    """Call messages that reach nobody."""

    def nowhere(self) -> tuple[Client, tuple[str, ...]]:
        """A client, and every kind of address that reaches nobody from it."""
        alice, bob = self.users("alice", "bob")
        alice.join("r")
        alice.join("m", muc=True)
        self.server.drop(bob)
        return alice, ("nowhere", bob.identity, "bob", "r", "m", "m/bob", "alice", SERVER)

    def test_every_address(self) -> None:
        """Whatever address reaches nobody, the server's own included, the sender of a call message is told."""
        alice, addresses = self.nowhere()
        for number, to in enumerate(addresses):
            alice.say(to, "session-propose", sid=f"s-{number}", initiator="alice", responder=to)
            self.assertOwn(alice, unreachable(sid=f"s-{number}", initiator="alice", responder=to))

    def test_every_action(self) -> None:
        """So it is with every call action that waits for something."""
        alice = self.server.user("alice")
        for action in ASKING:
            alice.say("nowhere", action, sid=action)
            self.assertOwn(alice, unreachable(sid=action))

    def test_nothing_for_what_ends(self) -> None:
        """What ends a call and reaches nobody is answered with nothing: it has ended."""
        alice, addresses = self.nowhere()
        for to in addresses:
            for action in ENDING:
                alice.say(to, action, **CALL)
        self.assertNothing(alice)

    def test_what_ends_does_not_silence(self) -> None:
        """Who was answered with nothing is still told of the next message."""
        alice = self.server.user("alice")
        alice.say("nowhere", "session-terminate", **CALL)
        alice.say("nowhere", "session-propose", **CALL)
        self.assertOwn(alice, unreachable(**CALL))

    def test_once_for_a_sid(self) -> None:
        """A sender is told once of a sid, then never again, whatever it sends and where to."""
        alice = self.server.user("alice")
        alice.say("nowhere", "session-propose", **CALL)
        alice.take_one()
        for action in ASKING:
            alice.say("elsewhere", action, **CALL)
        self.assertNothing(alice)

    def test_each_sender_once(self) -> None:
        """What one sender was told of a sid does not silence what another is told."""
        for client in self.users("alice", "bob"):
            client.say("nowhere", "session-propose", **CALL)
            self.assertOwn(client, unreachable(**CALL))

    def test_without_sid(self) -> None:
        """A message without a sid belongs to no call, so each one is answered, without a sid."""
        alice = self.server.user("alice")
        for _ in range(3):
            alice.say("nowhere", "session-propose", initiator="alice")
            self.assertOwn(alice, unreachable(initiator="alice"))

    def test_odd_sids(self) -> None:
        """A sid that is not a string is a sid too: echoed as it is, and answered once, whatever resembles it."""
        alice = self.server.user("alice")
        sids: tuple[Any, ...] = ("", "0", "1", 0, 1, 1.5, -1, True, False, [], ["s"], {}, {"s": {}}, {"s": []})
        for sid in sids:
            alice.say("nowhere", "session-propose", sid=sid)
            self.assertOwn(alice, unreachable(sid=sid))
        for sid in sids:
            alice.say("nowhere", "session-propose", sid=sid)
        self.assertNothing(alice)

    def test_null_sid(self) -> None:
        """A sid that is null is none: each message is answered, and it is echoed."""
        alice = self.server.user("alice")
        for _ in range(3):
            alice.say("nowhere", "session-propose", sid=None)
            self.assertOwn(alice, unreachable(sid=None))

    def test_the_last_256_sids(self) -> None:
        """The server remembers the last 256 sids of a sender, so that its memory has a bound."""
        self.serve(rate_limit=0)
        alice = self.server.user("alice")
        for number in range(257):
            alice.say("nowhere", "session-propose", sid=f"s-{number}")
        self.assertEqual(len(alice.take()), 257)
        for number in range(256, 0, -1):
            alice.say("nowhere", "session-propose", sid=f"s-{number}")
        self.assertNothing(alice)
        alice.say("nowhere", "session-propose", sid="s-0")
        self.assertOwn(alice, unreachable(sid="s-0"))

    def test_reached_again(self) -> None:
        """A sid of which the sender was told is no obstacle to its messages once somebody is there."""
        alice = self.server.user("alice")
        alice.say("bob", "session-propose", **CALL)
        alice.take_one()
        bob = self.server.user("bob")
        mid = alice.say("bob", "session-propose", **CALL)
        self.assertEqual(bob.take_one()["id"], mid)
        self.assertOwn(alice, trying(**CALL))
