"""Tests of :mod:`jsongle_server.tracer` and :mod:`jsongle_server.tracing`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import MemoryServer
from jsongle_server.tracer import MAX_RATE, Tracer
from jsongle_server.tracing import all_of
from tests.scenarios import SERVER


class TracerTests(SynchronousTestCase):
    """What is told of messages."""

    def setUp(self) -> None:
        """A server whose messages are traced."""
        self.server = MemoryServer(rate_limit=0)
        self.traces: list[dict[str, Any]] = []
        self.tracer = Tracer(self.server.clock.seconds, self.traces.append)
        self.server.signaling.trace_to(self.tracer.see)

    def take(self) -> list[dict[str, Any]]:
        """What was told since the last time."""
        taken, self.traces[:] = list(self.traces), []
        return taken

    def seen(self) -> list[tuple[str, str, str]]:
        """Of each message since the last time: its direction, the user, its action."""
        return [(each["direction"], each["uid"], each["envelope"]["jsongle"]["action"]) for each in self.take()]

    def test_both_directions(self) -> None:
        """A message as it comes, as it goes on, and its ack."""
        alice, bob = (self.server.user(uid) for uid in ("alice", "bob"))
        self.take()
        mid = alice.say(bob.identity, "session-text", namespace="message", description={"content": "SECRET"})
        traces = self.take()
        self.assertEqual(
            traces[0],
            {
                "at": "2026-11-22T14:09:08.451Z",
                "direction": "from",
                "session": alice.identity,
                "uid": "alice",
                "size": traces[0]["size"],
                "envelope": {
                    "id": mid,
                    "from": alice.identity,
                    "to": bob.identity,
                    "jsongle": {"action": "session-text", "namespace": "message"},
                    "elided": ["jsongle.description"],
                },
            },
        )
        self.assertEqual(
            [(each["direction"], each["uid"], each["envelope"]["jsongle"].get("event")) for each in traces[1:]],
            [("to", "bob", None), ("to", "alice", "ack")],
        )
        self.assertGreater(traces[1]["size"], traces[0]["size"])

    def test_hellos(self) -> None:
        """Before one it is not known who it is; no token is shown, neither what came nor what was given."""
        client = self.server.connect()
        ack = client.hello("alice", dn="SECRET name", token="SECRET", resume=True)
        given = ack["jsongle"]["description"]["resume"]["token"]
        traces = self.take()
        self.assertEqual(
            [(each["direction"], each["uid"]) for each in traces], [("to", None), ("from", None), ("to", "alice")]
        )
        self.assertEqual(traces[2]["envelope"]["jsongle"]["status"], "success")
        for secret in ("SECRET", given):
            self.assertNotIn(secret, str(traces))

    def test_errors(self) -> None:
        """What was wrong is shown by its code."""
        self.server.user("alice").say("nobody", "session-text")
        self.assertEqual(self.take()[-1]["error"], 404002)

    def test_what_is_no_message(self) -> None:
        """There is no envelope to show; the answer is one."""
        alice = self.server.user("alice")
        self.take()
        alice.send_bytes(b"SECRET")
        self.assertEqual(self.seen(), [("to", "alice", "session-error")])

    def test_nothing_that_people_say(self) -> None:
        """Wherever in a message there is room for it, beside the addresses and kinds that are shown."""
        alice, bob = (self.server.user(uid, dn="SECRET", token="SECRET") for uid in ("alice", "bob"))
        for client in (alice, bob):
            client.join("room", dn="SECRET")
        secret = {"content": "SECRET", "sdp": "SECRET", "candidate": {"candidate": "SECRET"}, "token": "SECRET"}
        for to in ("room", bob.identity, SERVER):
            for action in ("session-text", "session-propose", "session-initiate", "transport-info", "session-custom"):
                alice.say(to, action, sid="s", SECRET_value="SECRET", description=secret)
        alice.send({"to": "room", "content": "SECRET", "jsongle": {"action": "session-text", "text": "SECRET"}})
        self.assertNotIn("SECRET", str(self.take()).replace("jsongle.SECRET_value", ""))

    def test_most_in_a_second(self) -> None:
        """Others are counted and not read; the next second has its own, also where the clock is set back."""
        alice = self.server.user("alice")
        self.server.clock.advance(1)
        for step in (0, 1, -3600):
            self.server.clock.rightNow += step
            self.take()
            self.tracer.unread = 0
            for _ in range(MAX_RATE // 2 + 10):
                alice.ask("ping")
            self.assertEqual((len(self.take()), self.tracer.unread), (MAX_RATE, 20))

    def test_it_harms_no_client(self) -> None:
        """A mistake in telling is in the log, and the message is relayed."""
        alice, bob = (self.server.user(uid) for uid in ("alice", "bob"))
        bob.take()

        def fail(trace: object) -> None:
            raise ValueError("broken")

        self.server.signaling.trace_to(Tracer(self.server.clock.seconds, fail).see)
        alice.say(bob.identity, "session-text")
        self.assertEqual(len(bob.take()), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 3)

    def test_until_nobody_looks(self) -> None:
        """Then nothing is read any more."""
        self.server.signaling.trace_to(None)
        self.server.user("alice")
        self.assertEqual(self.take(), [])

    def test_the_log_is_another_matter(self) -> None:
        """Whether messages are logged changes nothing, and tracing logs nothing."""
        self.server.signaling.trace(enabled=True)
        self.server.signaling.trace(enabled=False)
        alice = self.server.user("alice")
        self.take()
        alice.ask("ping")
        self.assertEqual(self.seen(), [("from", "alice", "iq-set"), ("to", "alice", "iq-result")])


class AllTests(SynchronousTestCase):
    """Several who look."""

    def test_nobody(self) -> None:
        """None of none is none, which is what a message looks for."""
        self.assertIsNone(all_of())
        self.assertIsNone(all_of(None, None))

    def test_some(self) -> None:
        """One is itself; several all see the same."""
        seen: list[tuple[object, ...]] = []
        one, other = (lambda *args: seen.append((1, *args))), (lambda *args: seen.append((2, *args)))
        self.assertIs(all_of(None, one), one)
        both: Any = all_of(one, other)
        both("session", "from", "ack", b"{}")
        self.assertEqual(seen, [(1, "session", "from", "ack", b"{}"), (2, "session", "from", "ack", b"{}")])
