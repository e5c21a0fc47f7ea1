"""What the terminal client shows of what others say, and of frames."""

from __future__ import annotations

import json

from jsongle_server.chat_lines import rendered
from jsongle_server.vocabulary import RoomKind
from tests.chat_support import KITCHEN, ChatCase


class HarmlessTests(ChatCase):
    """What others say cannot act on the terminal."""

    def test_names_and_texts(self) -> None:
        """No control or format character of a name, a room, a text or a frame is written."""
        evil = "a\x1b[31m\r\x07\x9b\u202e\u2066\x00\x7fz"
        alice = self.talker("alice", rooms=((evil, RoomKind.MUC),))
        bob = self.talker("bob", dn=evil, rooms=((evil, RoomKind.MUC),))
        bob.type(f"/to {evil}")
        bob.type(evil)
        bob.type('/raw {"jsongle": {"action": "session-custom", "description": {"x": "\\u001b\\u202e"}}}')
        alice.hear()
        alice.type("/members")
        for line in (*alice.lines, *bob.lines):
            shown = rendered(line, coloured=False)
            self.assertTrue(shown.replace("\n", "").isprintable(), ascii(shown))
        self.assertIn(r"\x1b[31m", alice.shown())

    def test_forged_line(self) -> None:
        """The lines of a text can be told from those of others."""
        alice, bob = self.two(KITCHEN)
        bob.type(
            '/raw {"jsongle": {"action": "session-text", "description": {"content": "x\\n12:00:00 [kitchen] eve: y"}}}'
        )
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] bob: x\n         │ 12:00:00 [kitchen] eve: y")

    def test_long(self) -> None:
        """A very long text is shortened, and so are very many lines."""
        alice, bob = self.two(KITCHEN)
        bob.type("x" * 30_000)
        alice.hear()
        shown = alice.shown()
        self.assertLess(len(shown), 2200)
        self.assertIn("(30,000 characters in all)", shown)

    def test_garbage(self) -> None:
        """What is no JSONgle is said to be none."""
        bob = self.talker("bob")
        for frame in ("x\x1b", "[]", '{"jsongle": 3}', "[" * 2000):
            bob.chat.heard(frame, 0.0)
            self.assertIn("the server sends what is not JSONgle", bob.shown())
        for frame in (
            '{"from": "jsongle-server", "jsongle": {"action": "session-event", "event": "joined", "description": 4}}',
            '{"jsongle": {}}',
        ):
            bob.chat.heard(frame, 0.0)


class RawTests(ChatCase):
    """Frames as they are."""

    def test_frames(self) -> None:
        """In raw mode every frame of both directions is shown, on one line in a script."""
        bob = self.talker("bob", rooms=(KITCHEN,), raw=True)
        bob.type("/ping")
        sent, answer, _ = bob.shown().splitlines()
        self.assertEqual(json.loads(sent.removeprefix("→ "))["jsongle"]["query"], "ping")
        self.assertEqual(json.loads(answer.removeprefix("← "))["jsongle"]["action"], "iq-result")
        bob.type("/raw")
        bob.shown()
        bob.type("/ping")
        self.assertEqual(len(bob.shown().splitlines()), 1)

    def test_envelope(self) -> None:
        """An envelope is sent as it is, to the target if it names nobody, and its answer is shown as JSON."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        bob.type('/raw {"jsongle": {"action": "session-custom", "description": {"a": 1}}}')
        envelope = next(each for each in bob.frames if each["jsongle"]["action"] == "session-custom")
        self.assertEqual(
            (envelope["to"], envelope["jsongle"]["description"], "from" in envelope), ("kitchen", {"a": 1}, False)
        )
        shown = bob.shown().splitlines()
        self.assertEqual(json.loads(shown[1].removeprefix("← "))["jsongle"]["description"]["errorCode"], 404003)
        self.assertTrue(bob.chat.is_idle)

    def test_no_envelope(self) -> None:
        """What is no envelope is not sent."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        sent = len(bob.frames)
        for text, said in (("{", "that is no JSON"), ("[1]", "an envelope is a JSON object")):
            bob.type(f"/raw {text}")
            self.assertIn(said, bob.shown())
        self.assertEqual(len(bob.frames), sent)
