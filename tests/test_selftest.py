"""The server's talk with itself."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import selftest_client
from jsongle_server.config import Config
from jsongle_server.resume import Resumes
from jsongle_server.selftest import RESULT_SECONDS, Result, SelfTest, _Play, talk
from jsongle_server.selftest_client import PacedClock, SelfTestClient, Unexpected
from jsongle_server.services import Peer, Services
from jsongle_server.session import Session
from jsongle_server.testing import START, MemoryServer
from jsongle_server.vocabulary import Action

TIGHT: Final[dict[str, Any]] = {
    "rate_limit": 0.01,
    "rate_burst": 1,
    "candidate_rate": 0.02,
    "candidate_burst": 1,
    "max_message_size": 1024,
    "max_rooms_per_user": 1,
    "max_members_per_room": 2,
    "max_concurrent_users": 1,
    "max_connections_per_address": 1,
    "resume_buffer_messages": 1,
    "resume_buffer_bytes": 1024,
    "max_detached_bytes": 1024,
    "resume_window": 0.001,
    "ring_timeout": 0.001,
    "hello_timeout": 0.001,
    "app_token": "a-token-that-nobody-knows",
    "id": "barracuda",
}
"""Settings that are as tight as they can be and still allow a call."""

LOST: Final[tuple[tuple[Action, tuple[str, ...]], ...]] = (
    (Action.SESSION_PROPOSE, ("propose",)),
    (Action.SESSION_PROCEED, ("proceed",)),
    (Action.SESSION_INITIATE, ("initiate",)),
    (Action.SESSION_ACCEPT, ("accept",)),
    (Action.TRANSPORT_INFO, ("candidates",)),
    (Action.SESSION_INFO, ("ringing", "active")),
    (Action.SESSION_TEXT, ("text",)),
    (Action.SESSION_CUSTOM, ("resume", "terminate", "leave")),
    (Action.SESSION_TERMINATE, ("terminate",)),
    (Action.IQ_SET, ("join", "leave")),
)
"""What is lost between client and server, and the steps that fail of it."""


class TalkTests(SynchronousTestCase):
    """One run."""

    def talk(self, **settings: Any) -> Result:
        """The result of a run that took four and a half milliseconds."""
        return talk(Config(**settings), now=START, stopwatch=count(7.0, 0.0045).__next__)

    def test_all_is_well(self) -> None:
        """Every step does what it should, by default and with settings as tight as a call allows."""
        for settings in ({}, TIGHT):
            self.assertEqual(self.talk(**settings), Result(100, 4.5))

    def test_names_and_rates_do_not_matter(self) -> None:
        """Servers may have any name and any rates that are accepted."""
        names: list[dict[str, Any]] = [{"id": name} for name in ("self-test", "self-test-alice", "self-test-server")]
        for settings in (*names, {"rate_limit": 1e-11, "candidate_rate": 1e-11}, {"rate_limit": 0.0}):
            self.assertEqual((settings, self.talk(**settings).failed), (settings, ()))

    def test_whatever_goes_wrong_is_a_failed_step(self) -> None:
        """A fault that nobody has thought of is logged, and the others go on."""

        def fail(*arguments: object) -> None:
            raise ValueError("year 11533 is out of range")

        self.patch(_Play, "_write", fail)
        self.assertEqual(self.talk(), Result(92, 4.5, ("text",)))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_what_fails_is_named(self) -> None:
        """What does not arrive fails the steps that need it, by name and in the score."""
        say = SelfTestClient.say
        for lost, failed in LOST:

            def lose(client: SelfTestClient, to: str, action: Action, lost: Action = lost, **jsongle: Any) -> str:
                return "lost" if action is lost else say(client, to, action, **jsongle)

            self.patch(SelfTestClient, "say", lose)
            result = self.talk()
            self.assertEqual(result.failed, failed)
            self.assertEqual(result.score, 100 * (14 - len(failed)) // 14)

    def test_all_is_lost(self) -> None:
        """A server to which nothing gets fails every step, and the run ends all the same."""
        self.patch(SelfTestClient, "say", lambda client, to, action, **jsongle: "lost")
        result = self.talk()
        self.assertEqual((result.score, result.failed[0], result.failed[-1]), (7, "hello", "leave"))

    def test_whatever_else_is_said_counts(self) -> None:
        """A step is not done right if somebody is told something that is nobody's business."""
        encode = Services.encode_own

        def encode_twice(services: Services, jsongle: dict[str, Any]) -> Any:
            if jsongle["action"] == Action.ACK:
                for session in services.registry.all():
                    session.say({"action": Action.SESSION_EVENT})
            return encode(services, jsongle)

        self.patch(Services, "encode_own", encode_twice)
        self.assertIn("hello", self.talk().failed)

    def test_limits_count(self) -> None:
        """Settings under which two cannot meet show in the score."""
        result = self.talk(max_members_per_room=1)
        self.assertEqual((result.failed, result.score), (("join", "leave"), 85))

    def test_says_nothing_to_the_log(self) -> None:
        """Clients that are none leave no lines in the log."""
        with capturedLogs() as logged:
            self.talk()
        self.assertEqual(logged, [])

    def test_what_is_answered_otherwise(self) -> None:
        """A step fails of an answer that comes, and is another than it should be."""
        self.patch(Resumes, "claim", lambda resumes, token: None)
        self.assertIn("resume", self.talk().failed)

    def test_client_that_cannot_be_sent_to(self) -> None:
        """A fault in sending is one of the server's as well."""

        def fail(*arguments: object) -> None:
            raise RuntimeError("a fault")

        self.patch(selftest_client._Connection, "send", fail)
        self.assertEqual(self.talk().score, 7)
        self.assertTrue(self.flushLoggedErrors(RuntimeError))

    def test_faults_are_logged(self) -> None:
        """A fault of the server is logged with its traceback, as ever, and fails its step."""

        def fail(*arguments: object) -> None:
            raise RuntimeError("a fault")

        self.patch(Session, "say_unnumbered", fail)
        with capturedLogs() as logged:
            self.assertIn("hello", self.talk().failed)
        self.assertEqual({event["log_level"] for event in logged}, {LogLevel.error})
        self.assertTrue(self.flushLoggedErrors(RuntimeError))

    def test_touches_no_server(self) -> None:
        """A server that runs beside it counts nothing of it, and has no session and no room of it."""
        server = MemoryServer()
        before = [str(metric) for metric in server.metrics.collect()]
        self.talk()
        self.assertEqual([str(metric) for metric in server.metrics.collect()], before)
        self.assertEqual((server.signaling.sessions(), list(server.signaling.rooms.all())), ([], []))
        self.assertEqual(server.clock.getDelayedCalls(), [])


class ResultTests(SynchronousTestCase):
    """How results are given."""

    def setUp(self) -> None:
        """A clock to measure with that stands still."""
        self.time = 100.0
        self.test = SelfTest(Config(), now=lambda: START, stopwatch=lambda: self.time)

    def test_result_is_kept_for_a_moment(self) -> None:
        """Whoever asks within a second gets the last result; then there is another run."""
        first = self.test.result()
        self.time += RESULT_SECONDS - 0.001
        self.assertIs(self.test.result(), first)
        self.time += 0.001
        self.assertIsNot(self.test.result(), first)

    def test_json(self) -> None:
        """The answer has score and time, and the failed steps where there are any."""
        self.assertEqual(Result(100, 1.5).as_json(), {"score": 100, "executionTime": 1.5})
        expected = {"score": 92, "executionTime": 1.5, "failed": ["text"]}
        self.assertEqual(Result(92, 1.5, ("text",)).as_json(), expected)


class ClientTests(SynchronousTestCase):
    """What the self-test talks with."""

    def test_client_says_what_it_waited_for(self) -> None:
        """A client that gets nothing, or something else, says so."""
        server = MemoryServer()
        client = SelfTestClient(server.signaling, PacedClock(START, 1), "alice")
        client.connect()
        self.assertRaises(Unexpected, client.take, Action.ACK)
        client.say("nobody", Action.SESSION_TEXT)
        self.assertRaises(Unexpected, client.take, Action.ACK)

    def test_client_without_connection(self) -> None:
        """What is said without a connection, or over one that the server has closed, gets nowhere."""
        server = MemoryServer()
        client = SelfTestClient(server.signaling, PacedClock(START, 1), "alice")
        client.say("nobody", Action.SESSION_TEXT)
        client.cut()
        client.hello(client.connect())
        (session,) = server.signaling.sessions()
        session.close(4004, "an administrator", START)  # type: ignore[arg-type]  # any code will do
        client.say("nobody", Action.SESSION_TEXT)
        self.assertEqual(client.inbox, [])

    def test_connection_is_a_peer(self) -> None:
        """The connection has all that a session needs of one."""
        peer: Peer = selftest_client._Connection([])
        peer.rest(1.0)
        peer.wake()

    def test_timers_never_run(self) -> None:
        """A timer of the paced clock can be cancelled, which changes nothing."""
        clock = PacedClock(START, 2)
        clock.callLater(1, self.fail).cancel()
        self.assertEqual((clock.tick(), clock.seconds()), (START + 2, START + 2))
