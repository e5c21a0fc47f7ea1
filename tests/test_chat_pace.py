"""What the terminal client does when the server finds it too fast: all is sent again, in order, once."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.chat_again import SLOWEST
from jsongle_server.chat_link import MOST_KEPT
from jsongle_server.chat_pace import Pace, Pending
from jsongle_server.testing import MemoryServer
from tests.chat_support import KITCHEN, ChatCase, Talker


class PaceTests(ChatCase):
    """Against a server that takes a hello, a join and a text at once, and one a second after that."""

    def setUp(self) -> None:
        """Starts it, with two in a room."""
        self.server = MemoryServer(rate_limit=1.0, rate_burst=3)
        self.alice, self.bob = self.two(KITCHEN)

    def rest(self, talker: Talker) -> None:
        """Lets it be quiet for as long as it wants."""
        waiting, talker.waiting = talker.waiting, []
        for delay, call in waiting:
            self.server.clock.advance(delay)
            call()
        talker.hear()

    def blurt(self, talker: Talker, *lines: str) -> None:
        """Types lines faster than anything can be heard."""
        for line in lines:
            talker.chat.typed(line, self.server.clock.seconds())

    def settle(self, talker: Talker) -> None:
        """Waits until nothing is to be sent any more."""
        for _ in range(50):
            if not talker.waiting:
                return
            self.rest(talker)
        self.fail("it never ends")

    def arrived(self) -> list[str]:
        """The texts that alice has got."""
        self.alice.hear()
        return [line.removeprefix("[kitchen] bob: ") for line in self.alice.shown().splitlines()]

    def test_all(self) -> None:
        """Of many that were too fast, of which the server has told one only, all arrive, in order, once."""
        texts = [f"text {number}" for number in range(10)]
        self.blurt(self.bob, *texts)
        self.bob.hear()
        self.assertEqual(self.bob.shown().count("that was too fast"), 1)
        self.assertFalse(self.bob.chat.is_idle)
        self.settle(self.bob)
        self.assertEqual(self.arrived(), texts)
        self.assertTrue(self.bob.chat.is_idle)

    def test_queue(self) -> None:
        """What is typed while others wait goes after them; commands do, too."""
        self.blurt(self.bob, "one", "two", "three", "four")
        self.bob.hear()
        self.bob.type("five")
        self.bob.type("/leave")
        self.bob.type("/join kitchen")
        self.bob.type("six")
        self.settle(self.bob)
        came = self.arrived()
        self.assertEqual(came[:5], ["one", "two", "three", "four", "five"])
        self.assertEqual(came[5:], ["[kitchen] - bob left", "[kitchen] + bob joined", "six"])

    def test_after_an_envelope(self) -> None:
        """Where an envelope of the user's own was told instead, texts that were ignored are found out."""
        envelope = '/raw {"id": "mine", "to": "alice", "jsongle": {"action": "session-text"}}'
        self.blurt(self.bob, "one", envelope, "two", "three")
        self.bob.hear()
        shown = self.bob.shown()
        self.assertIn("that was too fast (429001", shown)
        self.assertNotIn("sent again", shown)
        self.settle(self.bob)
        self.assertEqual(self.arrived(), ["one", "two", "three"])
        sent = [frame for frame in self.bob.frames if frame["id"] == "mine"]
        self.assertEqual(len(sent), 1)

    def test_questions(self) -> None:
        """Each question that was too fast is answered, once."""
        self.blurt(self.bob, *["/ping"] * 6)
        self.bob.hear()
        self.settle(self.bob)
        self.assertEqual(self.bob.shown().count("the server has answered after"), 6)

    def test_resumed(self) -> None:
        """A connection that is lost and resumed meanwhile loses and doubles nothing."""
        texts = [f"text {number}" for number in range(6)]
        self.blurt(self.bob, *texts)
        self.bob.hear()
        self.bob.lose()
        self.bob.type("late")
        self.rest(self.bob)
        self.bob.connect()
        self.settle(self.bob)
        self.assertEqual(self.arrived(), [*texts, "late"])

    def test_new_session(self) -> None:
        """With a new session rooms are joined first; of what may have arrived it is said so, the rest is sent."""
        self.blurt(self.bob, "one", "two", "three", "four")
        self.bob.hear()
        self.bob.type("five")
        self.bob.shown()
        self.bob.lose()
        self.server.clock.advance(60)
        self.bob.connect()
        self.settle(self.bob)
        shown = self.bob.shown()
        for text in ("three", "four"):
            self.assertIn(f"“{text}” to kitchen: nobody knows whether it arrived", shown)
        came = [each for each in self.arrived() if not each.startswith("[kitchen]")]
        self.assertEqual(came, ["one", "two", "five"])
        self.assertTrue(self.bob.chat.is_idle)

    def test_end_of_input(self) -> None:
        """At the end of the input it waits for all that is to be sent again."""
        self.blurt(self.bob, "one", "two", "three", "four")
        self.bob.chat.input_over()
        self.bob.hear()
        self.assertIsNone(self.bob.chat.ended)
        self.settle(self.bob)
        self.assertEqual(self.bob.chat.ended, 0)

    def test_envelope_alone(self) -> None:
        """A refused envelope is shown and not sent again; when the rest is over, so is the waiting."""
        self.blurt(self.bob, "one", '/raw {"to": "alice", "jsongle": {"action": "session-text"}}')
        self.bob.hear()
        self.assertTrue(self.bob.waiting)
        self.bob.chat.input_over()
        self.assertIsNone(self.bob.chat.ended)
        self.settle(self.bob)
        self.assertEqual(self.bob.chat.ended, 1)

    def test_bound(self) -> None:
        """No more than so many wait for their turn."""
        self.blurt(self.bob, "one", "two", "three")
        self.bob.hear()
        self.blurt(self.bob, *["more"] * (MOST_KEPT - 1))
        self.assertNotIn("too much waits", self.bob.shown())
        self.bob.type("more")
        self.assertIn("too much waits to be sent", self.bob.shown())

    def test_rest(self) -> None:
        """It is quiet for at least the second in which the server does not complain again."""
        self.blurt(self.bob, "one", "two", "three")
        self.bob.hear()
        self.assertEqual([delay for delay, _ in self.bob.waiting], [SLOWEST])

    def test_patience(self) -> None:
        """While it is quiet no answer is due, however long the server wants it to be quiet."""
        self.blurt(self.bob, "one", "two")
        self.assertTrue(self.bob.chat.is_answer_due)
        self.bob.hear()
        self.assertFalse(self.bob.chat.is_answer_due)
        self.assertFalse(self.bob.chat.is_idle)


class OrderTests(SynchronousTestCase):
    """The two lists by themselves."""

    def test_overtaken(self) -> None:
        """What was sent before an answered text waits in its place; questions are answered anyway."""
        sent: dict[str, Pending] = {}
        pace = Pace(sent)
        kinds: list[dict[str, Any]] = [{}, {"query": "ping"}, {"is_raw": True}, {}, {}]
        for number, kind in enumerate(kinds, 1):
            sent[f"m-{number}"] = Pending("it", 0, number=number, **kind)
        pace.overtaken("m-4")
        self.assertEqual(len(sent), 5)
        pace.is_slow = True
        pace.hold(Pending("it", 0, number=9))
        pace.overtaken("m-4")
        self.assertEqual(list(sent), ["m-2", "m-3", "m-4", "m-5"])
        self.assertEqual([each.number for each in pace.waiting], [1, 9])
        pace.overtaken("unknown")
        self.assertEqual(len(sent), 4)
