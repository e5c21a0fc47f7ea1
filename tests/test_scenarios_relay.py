"""Scenarios of the relay: stamps, acks, and what is refused (protocol section 5)."""

from __future__ import annotations

from typing import Any

from tests.scenarios import NOW, SERVER, ScenarioCase, on_both_transports

LATER = NOW.replace("08.451", "10.451")


@on_both_transports
class StampTests(ScenarioCase):
    """What the server writes into a message."""

    def description(self, action: str, **jsongle: Any) -> Any:
        """The description that arrives, two seconds into the life of the server; ``None`` if there is none."""
        self.serve()
        alice, bob = self.users("alice", "bob")
        self.server.clock.advance(2)
        alice.say("bob", action, **jsongle)
        return bob.take_one()["jsongle"].get("description")

    def test_relayed_and_sent(self) -> None:
        """A message gets the time it was relayed, and as the time it was sent the same where its sender gave none."""
        for action in ("session-text", "session-initiate", "transport-info", "session-terminate", "iq-get"):
            got = self.description(action, description={"content": "x"})
            self.assertEqual(got, {"content": "x", "sent": LATER, "relayed": LATER})

    def test_sent_is_kept(self) -> None:
        """The time that the sender gave stays, whatever it is; the relayed one is the server's to say."""
        for sent in (NOW, "yesterday", 0, None):
            got = self.description("session-info", description={"sent": sent, "relayed": "never"})
            self.assertEqual(got, {"sent": sent, "relayed": LATER})

    def test_missing_description(self) -> None:
        """A missing description is made."""
        self.assertEqual(self.description("session-info"), {"sent": LATER, "relayed": LATER})

    def test_propose_is_not_stamped(self) -> None:
        """A propose arrives as it was sent, with its description or without."""
        self.assertEqual(self.description("session-propose", description={"media": ["audio"]}), {"media": ["audio"]})
        self.assertIsNone(self.description("session-propose"))

    def test_description_is_an_object(self) -> None:
        """A description that is not an object is refused, of a propose too; an iq gets it as its answer."""
        alice, bob = self.users("alice", "bob")
        for description in ("x", 5, ["x"], True, None):
            for action in ("session-text", "session-propose", "transport-info", "iq-result"):
                mid = alice.say("bob", action, description=description)
                self.assertError(alice, 400001, mid=mid)
            alice.say("bob", "iq-set", description=description)
            self.assertIqError(alice.take_one(), 400001)
        self.assertNothing(bob)


@on_both_transports
class AckTests(ScenarioCase):
    """What the sender is told of a message that was relayed."""

    def test_text_and_custom(self) -> None:
        """A text or custom message is acknowledged to its sender in the same namespace."""
        alice, bob = self.users("alice", "bob")
        for action in ("session-text", "session-custom"):
            mid = alice.say("bob", action, namespace="message", description={"content": "x"})
            self.assertEqual(bob.take_one()["id"], mid)
            self.assertOwn(
                alice,
                {
                    "action": "session-event",
                    "namespace": "message",
                    "event": "ack",
                    "description": {"acknowledged": NOW, "mid": mid, "type": "server-received"},
                },
            )

    def test_no_namespace(self) -> None:
        """A message without a namespace gets its ack without one."""
        alice, _ = self.users("alice", "bob")
        mid = alice.say("bob", "session-text")
        description = {"acknowledged": NOW, "mid": mid, "type": "server-received"}
        self.assertOwn(alice, {"action": "session-event", "event": "ack", "description": description})

    def test_once_for_a_room(self) -> None:
        """A message to many is acknowledged once."""
        alice, bob, carol = self.members("m", "alice", "bob", "carol", muc=True)
        mid = alice.say("m", "session-text", namespace="muc")
        self.assertEqual([client.take_one()["id"] for client in (bob, carol)], [mid, mid])
        self.assertEqual(alice.take_one()["jsongle"]["description"]["mid"], mid)

    def test_nothing_else(self) -> None:
        """Of other messages that were relayed the sender hears nothing."""
        alice, bob = self.users("alice", "bob")
        for action in ("session-event", "session-info", "session-initiate", "iq-set", "iq-result"):
            alice.say("bob", action)
            bob.take_one()
        self.assertNothing(alice)

    def test_alone_in_a_muc(self) -> None:
        """In a muc with nobody else a message simply reaches nobody: a text is acknowledged, the rest are silent."""
        (alice,) = self.members("m", "alice", muc=True)
        mid = alice.say("m", "session-text", namespace="muc")
        self.assertEqual(alice.take_one()["jsongle"]["description"]["mid"], mid)
        alice.say("m", "session-event", namespace="muc", event="active")
        self.assertNothing(alice)

    def test_alone_in_a_room(self) -> None:
        """In a room with nobody else a message gets 404003, an iq in its own form."""
        (alice,) = self.members("r", "alice")
        for action in ("session-text", "session-custom", "session-event", "iq-result"):
            self.assertError(alice, 404003, mid=alice.say("r", action))
        alice.say("r", "iq-set", query="q")
        self.assertIqError(alice.take_one(), 404003)

    def test_receipt_to_nobody(self) -> None:
        """A receipt that reaches nobody is answered with nothing: its sender waits for none."""
        (alice,) = self.members("r", "alice")
        for to in ("nowhere", "r", SERVER):
            alice.say(to, "session-event", namespace="message", event="ack", description={"mid": "m"})
        self.assertNothing(alice)


@on_both_transports
class RefusedTests(ScenarioCase):
    """What clients may not say, or not there."""

    def test_unknown_actions(self) -> None:
        """An action that does not exist is refused."""
        alice, bob = self.users("alice", "bob")
        for action in ("", "session-dance", "Session-Text", "__class__", "session-text "):
            self.assertError(alice, 405001, mid=alice.say("bob", action))
        self.assertNothing(bob)

    def test_the_servers_own_words(self) -> None:
        """What is the server's to say cannot be said by a client, to a peer, to a room or to the server."""
        alice, bob = self.members("r", "alice", "bob")
        own: list[tuple[str, dict[str, Any]]] = [
            ("ack", {"status": "success"}),
            ("session-error", {}),
            ("session-event", {"event": "joined", "namespace": "room"}),
            ("session-event", {"event": "left", "namespace": "muc"}),
            ("session-event", {"event": "active", "namespace": "session"}),
        ]
        for to in ("bob", bob.identity, "r", SERVER):
            for action, jsongle in own:
                self.assertError(alice, 405001, mid=alice.say(to, action, **jsongle))
        self.assertNothing(bob)

    def test_a_hello_to_a_peer(self) -> None:
        """Nobody can ask a peer to say hello, or answer as if asked."""
        alice, bob = self.members("r", "alice", "bob")
        for action in ("iq-get", "iq-set", "iq-result", "iq-error"):
            for to in ("bob", "r", "nowhere"):
                self.assertError(alice, 405001, mid=alice.say(to, action, query="session-hello"))
        self.assertNothing(bob)

    def test_to_the_server(self) -> None:
        """Of what clients send one another, the server itself takes no texts and no events."""
        alice = self.server.user("alice")
        for action in ("session-text", "session-custom", "session-event"):
            self.assertError(alice, 405001, mid=alice.say(SERVER, action))

    def test_answers_to_the_server(self) -> None:
        """An ``iq-result`` or ``iq-error`` that answers nothing is ignored."""
        alice = self.server.user("alice")
        for action in ("iq-result", "iq-error"):
            alice.say(SERVER, action, query="ping", transaction="t")
        self.assertNothing(alice)


@on_both_transports
class ReportTests(ScenarioCase):
    """What clients report of their calls."""

    def test_goes_to_the_server(self) -> None:
        """A report is the server's, whatever its ``to``; nothing is answered and nobody hears it."""
        alice, bob = self.members("r", "alice", "bob")
        for to in (SERVER, "bob", "r", "nowhere"):
            alice.say(to, "session-metrics", description={"error": "ice-failed"})
        self.assertNothing(alice, bob)
        self.assertEqual(self.server.metrics.ice_failures, 4)

    def test_duration(self) -> None:
        """The duration of a call is counted in seconds."""
        alice = self.server.user("alice")
        for duration in (12, 0.5, 0):
            alice.say(SERVER, "session-metrics", description={"duration": duration})
        self.assertNothing(alice)
        self.assertEqual(self.server.metrics.reported_seconds.total, 12.5)

    def test_nonsense(self) -> None:
        """A report that makes no sense is refused, and nothing of it is counted."""
        alice = self.server.user("alice")
        descriptions: list[Any] = ["x", 5, [1], None]
        descriptions += [{"error": "ice-failed", "duration": bad} for bad in (-1, "12", True, 1e300, [1])]
        for description in descriptions:
            mid = alice.say(SERVER, "session-metrics", description=description)
            self.assertError(alice, 400001, mid=mid)
        metrics = self.server.metrics
        self.assertEqual([metrics.ice_failures, metrics.reported_seconds.total], [0, 0.0])
