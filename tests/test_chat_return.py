"""How the terminal client comes back, and how it ends."""

from __future__ import annotations

from jsongle_server.chat_errors import Trouble, closed
from jsongle_server.chat_link import MOST_KEPT
from jsongle_server.chat_model import LONGEST_WAIT
from tests.chat_support import KITCHEN, STAGE, ChatCase

FOR_GOOD = {
    1008: "has had enough",
    1009: "larger than the server takes",
    4002: "newer connection",
    4004: "an administrator",
    4005: "token has expired",
}


class ReturnTests(ChatCase):
    """Lost connections."""

    def test_resume(self) -> None:
        """After a loss the session goes on: what was typed meanwhile and what was missed arrive, once each."""
        alice, bob = self.two(KITCHEN)
        self.assertEqual(bob.lose(), 0.5)
        self.assertEqual(bob.chat.prompt, "(offline) kitchen> ")
        alice.type("one")
        bob.type("two")
        bob.connect()
        self.assertEqual(
            bob.shown().splitlines()[-2:],
            ["back: the session goes on, nothing is lost", "[kitchen] Alice: one"],
        )
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] you: one\n[kitchen] bob: two")

    def test_new_session(self) -> None:
        """Where the session is over, rooms are joined again, and what was never sent is sent."""
        alice, bob = self.two(KITCHEN)
        bob.lose()
        bob.type("two")
        self.server.clock.advance(60)
        alice.hear()
        alice.shown()
        bob.connect()
        self.assertIn("back, with a new session: rooms are joined again", bob.shown())
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] + bob joined\n[kitchen] bob: two")

    def test_without_resume(self) -> None:
        """One who does not want to resume comes back with a new session, of which all others hear."""
        alice = self.talker("alice", rooms=(KITCHEN,))
        bob = self.talker("bob", rooms=(KITCHEN,), resumes=False)
        alice.hear()
        alice.shown()
        bob.lose()
        bob.connect()
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] - bob left\n[kitchen] + bob joined")

    def test_waits(self) -> None:
        """Each try that fails doubles the wait, up to a bound; the server may ask for more, within bounds."""
        bob = self.talker("bob")
        waits = [bob.lose() for _ in range(8)]
        self.assertEqual(waits[:4], [0.5, 1.0, 2.0, 4.0])
        self.assertEqual(waits[-1], LONGEST_WAIT)
        self.assertEqual(bob.lose(Trouble("full", may_pass=True, retry_after=30.0)), 30.0)
        self.assertEqual(bob.lose(Trouble("full", may_pass=True, retry_after=9999.0)), 120.0)

    def test_for_good(self) -> None:
        """Codes that mean stay away end it with 1, in words; so does a first connection that fails."""
        for code, words in FOR_GOOD.items():
            bob = self.talker("bob")
            self.assertIsNone(bob.lose(closed(code, "")))
            self.assertEqual(bob.chat.ended, 1)
            self.assertIn(words, bob.shown())
        carol = self.talker("carol", connected=False)
        self.assertIsNone(carol.lose())
        self.assertEqual(carol.chat.ended, 1)

    def test_bound(self) -> None:
        """No more than so many frames wait for a connection."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        bob.lose()
        for _ in range(MOST_KEPT):
            bob.type("/ping")
        self.assertNotIn("too much waits", bob.shown())
        bob.type("/ping")
        self.assertIn("too much waits to be sent", bob.shown())


class EndTests(ChatCase):
    """How it ends."""

    def test_quit(self) -> None:
        """/quit ends it with 0, whatever was refused before."""
        bob = self.talker("bob")
        bob.type("Hi")
        bob.type("/quit")
        self.assertEqual(bob.chat.ended, 0)

    def test_end_of_input(self) -> None:
        """At the end of the input it ends with 0 as soon as all is answered, with 1 where something was refused."""
        _, bob = self.two(KITCHEN)
        bob.chat.typed("Tea?", self.server.clock.seconds())
        bob.chat.input_over()
        self.assertIsNone(bob.chat.ended)
        bob.hear()
        self.assertEqual(bob.chat.ended, 0)
        alone = self.talker("carol", rooms=(STAGE,))
        alone.type("/nonsense")
        alone.chat.input_over()
        self.assertEqual(alone.chat.ended, 1)

    def test_silent_server(self) -> None:
        """Where answers do not come it ends with 1 and says how many are missing."""
        _, bob = self.two(KITCHEN)
        bob.chat.typed("Tea?", self.server.clock.seconds())
        bob.chat.gave_up(self.server.clock.seconds())
        self.assertIn("1 answer is missing: the server is silent", bob.shown())
        self.assertEqual(bob.chat.ended, 1)
