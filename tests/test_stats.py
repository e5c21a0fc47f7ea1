"""Tests of :mod:`jsongle_server.stats`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.call_steps import Outcome
from jsongle_server.stats import snapshot
from jsongle_server.testing import Client, MemoryServer


class StatsTests(SynchronousTestCase):
    """The figures, from what really happens on a server."""

    def setUp(self) -> None:
        """Make the server."""
        self.server = MemoryServer()

    def figure(self, key: str) -> float:
        """One figure as it stands."""
        return snapshot(self.server.signaling, self.server.metrics, self.server.clock.seconds())[key]

    def test_a_new_server_has_zeros(self) -> None:
        """Every figure is there from the start."""
        figures = snapshot(self.server.signaling, self.server.metrics, self.server.clock.seconds())
        self.assertEqual((len(figures), set(figures.values())), (19, {0}))

    def test_users_are_sessions_that_said_hello(self) -> None:
        """Those of now, and all so far."""
        self.server.user("jon")
        self.server.drop(self.server.user("ann"))
        self.server.connect()
        self.assertEqual((self.figure("users_count"), self.figure("users_total")), (1, 2))

    def test_users_of_now_are_connected(self) -> None:
        """Whoever has lost the connection and may come back is none of them, and is one again after the return."""
        jon = self.server.connect()
        ack = jon.hello("jon", resume=True)
        self.server.drop(jon)
        self.assertEqual((self.figure("users_count"), self.figure("users_total")), (0, 1))
        token = ack["jsongle"]["description"]["resume"]["token"]
        self.server.connect().hello("jon", resume={"token": token, "seq": 0})
        self.assertEqual((self.figure("users_count"), self.figure("users_total")), (1, 1))

    def test_the_duration_is_in_minutes_of_all_users(self) -> None:
        """Who left counts with the time until then, who is here until now, who never said hello not at all."""
        ann = self.server.user("ann")
        self.server.user("jon")
        self.server.connect()
        self.server.clock.advance(90)
        self.server.drop(ann)
        self.server.clock.advance(30)
        self.assertEqual(self.figure("duration_total"), 3.5)

    def test_the_duration_goes_on_while_a_session_waits_for_its_client(self) -> None:
        """It counts until its end, so that the figure never falls."""
        jon = self.server.user("jon", resume=True)
        self.server.clock.advance(60)
        self.server.drop(jon)
        self.assertEqual(self.figure("duration_total"), 1)
        self.server.clock.advance(15)
        self.assertEqual(self.figure("duration_total"), 1.25)
        self.server.clock.advance(15)
        self.assertEqual((self.figure("duration_total"), self.server.signaling.sessions()), (1.5, []))
        self.server.clock.advance(15)
        self.assertEqual(self.figure("duration_total"), 1.5)

    def test_traffic_is_in_megabytes_of_messages(self) -> None:
        """A megabyte is a million bytes."""
        self.server.metrics.received_bytes = 2_500_000
        self.server.metrics.sent_bytes = 1_234
        self.assertEqual((self.figure("recv_total"), self.figure("sent_total")), (2.5, 0.001234))

    def test_conferences_are_multi_user_rooms(self) -> None:
        """Those of now, and all so far; other rooms are none."""
        jon = self.server.user("jon")
        jon.join("hall", muc=True)
        jon.join("kitchen")
        jon.join("attic", muc=True)
        jon.ask("leave", rid="attic")
        self.assertEqual((self.figure("conferences_count"), self.figure("conferences_total")), (1, 2))

    def call(self, sid: str = "s") -> tuple[Client, Client]:
        """A call that rings: who calls, and who is called."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        jon.say(ann.identity, "session-propose", sid=sid)
        return jon, ann

    def test_p2p_calls_are_those_that_were_answered(self) -> None:
        """Those of now, and all so far; one that rings is none yet."""
        jon, ann = self.call()
        self.assertEqual((self.figure("p2p_count"), self.figure("p2p_total")), (0, 0))
        ann.say(jon.identity, "session-proceed", sid="s")
        self.assertEqual((self.figure("p2p_count"), self.figure("p2p_total")), (1, 1))
        ann.say(jon.identity, "session-terminate", sid="s")
        self.assertEqual((self.figure("p2p_count"), self.figure("p2p_total")), (0, 1))

    def outcomes(self) -> dict[str, float]:
        """How many calls have ended how, those that are zero left out."""
        figures = {outcome: self.figure(f"calls_{outcome}_total") for outcome in Outcome}
        return {outcome.value: figure for outcome, figure in figures.items() if figure}

    def test_calls_are_counted_by_how_they_end(self) -> None:
        """Talked in, given up, declined, not answered in time, or one of the two gone: each under its own key."""
        jon, ann = self.call("talk")
        ann.say(jon.identity, "session-proceed", sid="talk")
        jon.say(ann.identity, "session-info", sid="talk", reason="active")
        ann.say(jon.identity, "session-terminate", sid="talk")
        self.assertEqual(self.outcomes(), {"completed": 1})
        jon.say(ann.identity, "session-propose", sid="given-up")
        jon.say(ann.identity, "session-retract", sid="given-up")
        self.assertEqual(self.outcomes(), {"completed": 1, "canceled": 1})
        jon.say(ann.identity, "session-propose", sid="declined")
        ann.say(jon.identity, "session-decline", sid="declined")
        self.assertEqual(self.outcomes(), {"completed": 1, "canceled": 1, "declined": 1})
        jon.say(ann.identity, "session-propose", sid="ringing")
        self.server.clock.advance(60)
        self.assertEqual(self.outcomes(), {"completed": 1, "canceled": 1, "declined": 1, "timeout": 1})
        jon.say(ann.identity, "session-propose", sid="lost")
        self.server.drop(ann)
        self.assertEqual(self.outcomes(), dict.fromkeys(Outcome, 1))

    def test_the_duration_of_calls_is_from_answer_to_end(self) -> None:
        """In seconds, as the server saw it, whatever clients report."""
        jon, ann = self.call()
        self.server.clock.advance(7)
        ann.say(jon.identity, "session-proceed", sid="s")
        self.server.clock.advance(12.5)
        self.assertEqual(self.figure("calls_duration_total"), 0)
        jon.say(ann.identity, "session-terminate", sid="s")
        self.assertEqual(self.figure("calls_duration_total"), 12.5)

    def test_texts_and_reactions_are_counted_when_relayed(self) -> None:
        """Each under its own key."""
        jon, ann = self.server.user("jon"), self.server.user("ann")
        jon.say(ann.identity, "session-text", description={"content": "hi"})
        jon.say(ann.identity, "session-text", description={"content": "there"})
        jon.say(ann.identity, "session-event", event="reaction", namespace="message")
        jon.say("nobody", "session-text", description={"content": "lost"})
        self.assertEqual((self.figure("messages_total"), self.figure("reactions_total")), (2, 1))

    def test_what_clients_report_of_calls_is_added_up(self) -> None:
        """Seconds of calls, and failures to connect."""
        jon = self.server.user("jon")
        jon.say(jon.server_id, "session-metrics", description={"duration": 12.5})
        jon.say(jon.server_id, "session-metrics", description={"duration": 30})
        jon.say(jon.server_id, "session-metrics", description={"error": "ice-failed"})
        self.assertEqual((self.figure("p2p_duration_total"), self.figure("p2p_failed_total")), (42.5, 1))
