"""Clients that are too fast: what is refused, what only comes later, what ends the connection."""

from __future__ import annotations

from typing import Any

from jsongle_server.testing import MemoryServer, RecordingPeer
from tests.scenarios import SERVER, Message, ScenarioCase, on_both_transports

BURST = 5
SETTINGS: dict[str, Any] = {"rate_limit": 10, "rate_burst": BURST, "candidate_rate": 10, "candidate_burst": BURST}


class ThrottleCase(ScenarioCase):
    """Alice may send five messages and five candidates at once, and ten a second."""

    def setUp(self) -> None:
        """Both have said hello, and nothing of that counts any more."""
        self.serve_both(**SETTINGS)

    def serve_both(self, **settings: Any) -> None:
        """Starts a server with some settings, and lets Alice and Bob say hello."""
        self.serve(**settings)
        self.alice, self.bob = self.users("alice", "bob")
        self.server.clock.advance(1)

    def spend(self) -> None:
        """Alice sends as many texts as she may at once; everybody takes what comes of it."""
        for _ in range(BURST):
            self.alice.say("bob", "session-text")
        self.assertEqual([len(client.take()) for client in (self.alice, self.bob)], [BURST, BURST])

    def propose(self, sid: str = "c-1") -> None:
        """Alice calls Bob."""
        self.alice.say("bob", "session-propose", sid=sid)
        self.alice.take()
        self.bob.take()

    def later(self) -> None:
        """Lets ten seconds pass, moment by moment."""
        self.server.clock.pump([0.1] * 100)

    def assert_refused(self, message: Message, *, mid: str) -> None:
        """A message is a ``session-error`` that says when to try again."""
        description = dict(self.own(message)["jsongle"]["description"])
        self.assertTrue(description.pop("errorDetails"))
        self.assertEqual(description, {"errorCode": 429001, "mid": mid, "retryAfter": 100})

    def assert_all_arrive(self, mids: list[str]) -> None:
        """Everything arrives sooner or later, in order, and the sender hears of no error."""
        self.later()
        self.assertEqual([message["id"] for message in self.bob.take()], mids)
        actions = {message["jsongle"]["action"] for message in self.alice.take()}
        self.assertLessEqual(actions, {"session-info"})


@on_both_transports
class RefusedTests(ThrottleCase):
    """What may wait is refused."""

    def test_every_class(self) -> None:
        """Texts, customs, events, reports and iqs to others get 429001 with ``retryAfter``, and reach nobody."""
        for action in ("session-text", "session-custom", "session-event", "session-metrics", "iq-result"):
            self.spend()
            mid = self.alice.say("bob", action, query="x")
            self.assert_refused(self.alice.take_one(), mid=mid)
            self.assertNothing(self.bob)
            self.server.clock.advance(1)

    def test_up_to_the_burst(self) -> None:
        """Exactly the burst passes, and after ``retryAfter`` another one."""
        self.spend()
        self.alice.say("bob", "session-text")
        wait = self.alice.take_one()["jsongle"]["description"]["retryAfter"]
        self.server.clock.advance(wait / 1000)
        mid = self.alice.say("bob", "session-text")
        self.assertEqual(self.bob.take_one()["id"], mid)

    def test_one_error_a_second(self) -> None:
        """However many are refused, the sender hears of it once a second."""
        for _ in range(3):
            self.spend()
            mids = [self.alice.say("bob", "session-text") for _ in range(20)]
            self.assert_refused(self.alice.take_one(), mid=mids[0])
            self.server.clock.advance(1)

    def test_every_iq_is_answered(self) -> None:
        """An iq gets an error each, whomever it was for: clients wait for it."""
        self.spend()
        for to in (SERVER, "bob", SERVER):
            self.alice.say(to, "iq-set", query="ping", transaction=to)
            answer = self.alice.take_one()
            self.assertIqError(answer, 429001)
            self.assertEqual(answer["jsongle"]["transaction"], to)
            self.assertEqual(answer["jsongle"]["description"]["retryAfter"], 100)
        self.assertNothing(self.bob)

    def test_no_live_call(self) -> None:
        """Call actions that are of no live call, or of somebody else's, are refused as any other message."""
        (carol,) = self.users("carol")
        carol.say("bob", "session-propose", sid="c-2")
        self.bob.take()
        for sid in ({}, {"sid": "c-1"}, {"sid": "c-2"}, {"sid": ["c-2"]}):
            self.spend()
            mid = self.alice.say("bob", "session-info", reason="mute", **sid)
            self.assert_refused(self.alice.take_one(), mid=mid)
            self.assertNothing(self.bob)
            self.server.clock.advance(1)

    def test_candidates_of_no_live_call(self) -> None:
        """Candidates of no live call are refused once their own bucket is empty."""
        mids = [self.alice.say("bob", "transport-info", sid="c-1") for _ in range(BURST + 1)]
        self.assertEqual([message["id"] for message in self.bob.take()], mids[:-1])
        self.assert_refused(self.alice.take_one(), mid=mids[-1])

    def test_others_are_not_concerned(self) -> None:
        """Everybody has a bucket of his own."""
        self.spend()
        mid = self.bob.say("alice", "session-text")
        self.assertEqual(self.alice.take_one()["id"], mid)

    def test_order_of_checks(self) -> None:
        """What an earlier check refuses is told of that check, too fast or not."""
        self.spend()
        self.alice.say("bob", "session-juggle")
        self.assertEqual(self.alice.take_one()["jsongle"]["description"]["errorCode"], 405001)


@on_both_transports
class NeverRefusedTests(ThrottleCase):
    """What must not be lost only comes later."""

    def test_own_call(self) -> None:
        """Messages of one's own live call, of the caller as of the callee, all arrive in order."""
        self.propose()
        self.server.clock.advance(1)
        self.spend()
        self.assert_all_arrive([self.alice.say("bob", "session-info", sid="c-1", reason="x") for _ in range(20)])
        self.bob.say("alice", "session-proceed", sid="c-1")
        mids = [self.bob.say("alice", "session-info", sid="c-1", reason="x") for _ in range(20)]
        self.later()
        self.assertEqual([message["id"] for message in self.alice.take()][1:], mids)
        self.assertNothing(self.bob)

    def test_proposes(self) -> None:
        """Proposes all arrive."""
        self.spend()
        self.assert_all_arrive([self.alice.say("bob", "session-propose", sid=f"c-{number}") for number in range(20)])

    def test_candidates_have_their_own_bucket(self) -> None:
        """Whoever has spent his messages has his candidates still, and the other way round."""
        self.propose()
        self.server.clock.advance(1)
        self.spend()
        mids = [self.alice.say("bob", "transport-info", sid="c-1") for _ in range(BURST)]
        self.assertEqual([message["id"] for message in self.bob.take()], mids)
        self.server.clock.advance(1)
        for _ in range(BURST):
            self.alice.say("bob", "transport-info", sid="c-1")
        self.bob.take()
        self.spend()

    def test_candidates_over_their_rate(self) -> None:
        """More candidates of a live call than their bucket holds arrive later, all of them."""
        self.propose()
        self.assert_all_arrive([self.alice.say("bob", "transport-info", sid="c-1") for _ in range(4 * BURST)])

    def test_a_real_call(self) -> None:
        """With the default settings, the 70 candidates that a call brings at once pass at once."""
        self.serve_both()
        self.propose()
        mids = [self.alice.say("bob", "transport-info", sid="c-1") for _ in range(70)]
        self.assertEqual([message["id"] for message in self.bob.take()], mids)

    def test_off(self) -> None:
        """With rates of 0 nothing is refused and nothing waits."""
        self.serve_both(rate_limit=0, candidate_rate=0)
        mids = [
            self.alice.say("bob", action, sid="c-1")
            for _ in range(300)
            for action in ("transport-info", "session-text")
        ]
        self.assertEqual([message["id"] for message in self.bob.take()], mids)


@on_both_transports
class AbuseTests(ThrottleCase):
    """What ends the connection."""

    def setUp(self) -> None:
        """Alice has said all that she may in a long time."""
        self.serve_both(rate_limit=0.001, rate_burst=BURST + 1)
        self.spend()

    def text(self, count: int) -> None:
        """Alice sends more texts, which are all refused."""
        for _ in range(count):
            self.alice.say("bob", "session-text")
        self.alice.take()

    def test_a_thousand_refused(self) -> None:
        """The thousandth refused message within ten seconds is the last: 1008."""
        self.text(500)
        self.server.clock.advance(9.9)
        self.text(499)
        self.assertIsNone(self.alice.closed)
        self.text(1)
        assert self.alice.closed is not None
        self.assertEqual(self.alice.closed[0], 1008)
        self.assertNothing(self.bob)

    def test_a_thousand_in_a_longer_time(self) -> None:
        """As many in a longer time are borne."""
        for _ in range(4):
            self.text(500)
            self.server.clock.advance(10.1)
        self.assertIsNone(self.alice.closed)

    def test_candidates_count(self) -> None:
        """Refused candidates and iqs count as well."""
        self.serve_both(rate_limit=0.001, rate_burst=1 + BURST, candidate_rate=0.001, candidate_burst=1)
        self.spend()
        for number in range(1002):
            self.alice.say("bob", ("transport-info", "iq-get")[number % 2], query="x")
        self.alice.take()
        assert self.alice.closed is not None
        self.assertEqual(self.alice.closed[0], 1008)


class PauseTests(ThrottleCase):
    """For how long the server would not read."""

    def pause(self) -> float:
        """For how many seconds Alice's connection was not read from."""
        assert type(self.server) is MemoryServer
        peer: RecordingPeer = self.server._peers[self.alice]
        pause, peer.rested = peer.rested, 0.0
        return pause

    def test_own_call(self) -> None:
        """A message of one's own call costs the time until there is room again."""
        self.propose()
        self.server.clock.advance(1)
        self.spend()
        self.assertEqual(self.pause(), 0.0)
        self.alice.say("bob", "session-info", sid="c-1", reason="x")
        self.assertAlmostEqual(self.pause(), 0.1)

    def test_refused_messages(self) -> None:
        """What is refused costs no pause: the sender is told, and may speak of other things."""
        self.spend()
        self.alice.say("bob", "session-text")
        self.assertEqual(self.pause(), 0.0)

    def test_garbage(self) -> None:
        """Frames that are no JSON, or fail the guards, slow the reading down."""
        self.spend()
        for payload in (b"nonsense", b"{}", b'{"from":"x","to":"bob","jsongle":{"action":"session-text"}}'):
            self.alice.send_bytes(payload)
            self.assertGreater(self.pause(), 0.0)
            self.server.clock.advance(0.1)

    def test_garbage_before_hello(self) -> None:
        """So does whatever comes before the hello."""
        self.alice = self.server.connect()
        for _ in range(BURST + 1):
            self.alice.send_bytes(b'{"jsongle":{"action":"session-text"}}')
        self.assertAlmostEqual(self.pause(), 0.1)
