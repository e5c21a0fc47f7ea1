"""Clients that cannot go on where they were (protocol section 7)."""

from __future__ import annotations

from typing import Any

from jsongle_server.testing import Client
from tests.resuming import ResumeCase, Return, say_hello
from tests.scenarios import Message, on_both_transports


@on_both_transports
class CannotResumeTests(ResumeCase):
    """Too late, or not with this token."""

    def setUp(self) -> None:
        """A client in a room with another, and away."""
        super().setUp()
        self.bob = self.server.user("bob")
        self.bob.join("r")
        self.client, self.token = self.enter("u")
        self.client.join("r")
        self.bob.take()
        self.server.drop(self.client)

    def assertNew(self, back: Return) -> None:
        """A client began anew: with another identity, opted in, numbers from 1, nothing sent again."""
        self.assertIs(back.ack["resumed"], False)
        self.assertNotIn("received", back.ack)
        self.assertEqual([back.ack["id"], back.missed], [back.client.identity, []])
        self.assertNotEqual(back.client.identity, self.client.identity)
        self.assertEqual(back.client.ask("ping")["seq"], 1)
        self.server.drop(back.client)
        again = self.come_back("u", back.ack["resume"]["token"], 1)
        self.assertEqual([again.ack["resumed"], again.ack["id"]], [True, back.client.identity])

    def assertOldEnded(self) -> None:
        """The old session has left its room, once."""
        left = self.bob.take_one()["jsongle"]
        self.assertEqual([left["event"], left["description"]["member"]["id"]], ["left", self.client.identity])
        self.assertEnded(self.client.identity)

    def test_window_over(self) -> None:
        """Too late."""
        self.server.clock.advance(self.window())
        self.assertOldEnded()
        self.assertNew(self.come_back("u", self.token, 1))
        self.assertEqual(self.server.metrics.resumes_refused, 1)

    def test_unknown_token(self) -> None:
        """A token that the server did not give; the session that waits goes on waiting."""
        for token in ("", "x", "x.y", self.token + "x", self.token[:-1], "x" * 10_000):
            self.assertNew(self.come_back("u", token, 0))
        self.assertNothing(self.bob)
        self.assertTrue(self.come_back("u", self.token, 1).ack["resumed"])

    def test_another_uid(self) -> None:
        """A good token of somebody else's: that session ends."""
        back = self.come_back("somebody", self.token, 1)
        self.assertOldEnded()
        self.assertIs(back.ack["resumed"], False)
        self.assertFalse(self.come_back("u", self.token, 1).ack["resumed"])

    def test_more_seen_than_sent(self) -> None:
        """A number that was never given."""
        back = self.come_back("u", self.token, 2)
        self.assertOldEnded()
        self.assertNew(back)

    def test_outrun(self) -> None:
        """What it missed is not kept any more."""
        self.serve(resume_buffer_messages=3)
        self.bob = self.server.user("bob")
        self.bob.join("r")
        self.client, self.token = self.enter("u")
        self.client.join("r")
        for _ in range(4):
            self.client.ask("ping")
        self.server.drop(self.client)
        self.bob.take()
        self.assertNew(self.come_back("u", self.token, 1))
        self.assertOldEnded()

    def test_old_connection_is_still_open(self) -> None:
        """It is closed with 4002 where the session cannot go on, too."""
        old, token = self.enter("v")
        self.assertFalse(self.come_back("v", token, 99).ack["resumed"])
        old.take()
        self.assertEqual(old.closed and old.closed[0], 4002)
        self.assertEnded(old.identity)

    def test_used_token(self) -> None:
        """A token serves once: after the next one was used, it is good for nothing."""
        token = self.token
        for _ in range(2):
            back = self.come_back("u", token, 1)
            token = back.ack["resume"]["token"]
        self.assertIs(self.come_back("u", self.token, 1).ack["resumed"], False)
        self.assertEqual(back.client.ask("ping")["jsongle"]["action"], "iq-result")

    def test_nothing_left(self) -> None:
        """Nothing remains of those who tried."""
        for back in (self.come_back("u", self.token, 99), self.come_back("u", "x", 0)):
            self.server.drop(back.client)
        self.server.drop(self.bob)
        self.server.clock.advance(self.window())
        self.assertNothingLeft()


@on_both_transports
class MalformedTests(ResumeCase):
    """A ``resume`` that cannot be understood."""

    def assertRefused(self, client: Client, answer: list[Message]) -> None:
        """Ack failed, then 400001; the connection stays and the client may try again."""
        ack, error = answer
        self.assertEqual([ack["jsongle"]["action"], ack["jsongle"]["status"]], ["ack", "failed"])
        self.assertEqual(error["jsongle"]["description"]["errorCode"], 400001)
        self.assertIsNone(client.closed)

    def test_refused(self) -> None:
        """It fails the hello; a good one after it succeeds."""
        client, token = self.enter("u")
        self.server.drop(client)
        odd: list[Any] = [1, "true", [], {}, {"token": token}, {"seq": 0}]
        odd += [{"token": token, "seq": seq} for seq in (-1, 0.0, "0", None, True, 2.5)] + [{"token": 5, "seq": 0}]
        for resume in odd:
            with self.subTest(resume):
                newcomer = self.server.connect()
                self.assertRefused(newcomer, say_hello(newcomer, "u", resume))
                self.assertEqual(newcomer.hello("u")["jsongle"]["status"], "success")
        self.assertTrue(self.come_back("u", token, 0).ack["resumed"])

    def test_refused_later(self) -> None:
        """A later hello with one changes nothing."""
        client, token = self.enter("u")
        client.say("jsongle-server", "iq-result", query="session-hello", description={"uid": "u", "resume": 5})
        self.assertRefused(client, client.take())
        self.server.drop(client)
        self.assertTrue(self.come_back("u", token, 2).ack["resumed"])

    def test_uid_is_checked_first(self) -> None:
        """A return without a uid is refused, and the token is still good."""
        client, token = self.enter("u")
        self.server.drop(client)
        newcomer = self.server.connect()
        self.assertRefused(newcomer, say_hello(newcomer, "", {"token": token, "seq": 0}))
        self.assertTrue(self.come_back("u", token, 0).ack["resumed"])
