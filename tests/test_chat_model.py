"""The terminal client without its terminal, against a server in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.chat_errors import Trouble, closed
from jsongle_server.chat_lines import Kind, Line, rendered
from jsongle_server.chat_link import MOST_KEPT
from jsongle_server.chat_model import LONGEST_WAIT, Chat
from jsongle_server.chat_state import Wishes
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.vocabulary import RoomKind

KITCHEN = ("kitchen", RoomKind.ROOM)
FOR_GOOD = {
    1008: "has had enough",
    1009: "larger than the server takes",
    4002: "newer connection",
    4004: "an administrator",
    4005: "token has expired",
}
STAGE = ("stage", RoomKind.MUC)


class Talker:
    """A user of the terminal client, in memory.

    :ivar lines: what was shown.
    :ivar frames: what was sent.
    """

    def __init__(self, server: MemoryServer, uid: str, **wishes: Any) -> None:
        self.lines: list[Line] = []
        self.frames: list[dict[str, Any]] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self._server = server
        self.wire: Client | None = None
        self.chat = Chat(
            Wishes(uid, **wishes),
            show=self.lines.append,
            send=self._send,
            later=lambda delay, call: self.waiting.append((delay, call)),
            jitter=lambda: 1.0,
        )

    def connect(self) -> None:
        """Opens a connection, and hears what comes until nothing does."""
        self.wire = self._server.connect()
        self.hear()

    def hear(self) -> None:
        """Takes what has come."""
        while self.wire is not None and (messages := self.wire.take()):
            for message in messages:
                self.chat.heard(orjson.dumps(message).decode(), self._server.clock.seconds())

    def type(self, line: str) -> None:
        """Types a line, and hears what comes of it."""
        self.chat.typed(line, self._server.clock.seconds())
        self.hear()

    def lose(self, trouble: Trouble | None = None) -> float | None:
        """Loses the connection; how long it waits to connect again."""
        if self.wire is not None:
            self._server.drop(self.wire)
        self.wire = None
        return self.chat.lost(trouble or closed(None, ""), self._server.clock.seconds())

    def shown(self) -> str:
        """What was shown since the last time, a line each, without times."""
        taken, self.lines[:] = list(self.lines), []
        return "\n".join(line.text for line in taken if line.kind is not Kind.ACK)

    def _send(self, frame: str) -> None:
        self.frames.append(json.loads(frame))
        assert self.wire is not None
        self.wire.send_bytes(frame.encode())


class ChatCase(SynchronousTestCase):
    """A server, and talkers."""

    def setUp(self) -> None:
        """Starts it."""
        self.server = MemoryServer()

    def talker(self, uid: str, *, connected: bool = True, **wishes: Any) -> Talker:
        """Somebody who is in, and whose lines so far are forgotten."""
        talker = Talker(self.server, uid, is_script=True, **wishes)
        if connected:
            talker.connect()
            talker.shown()
        return talker

    def two(self, room: tuple[str, RoomKind]) -> tuple[Talker, Talker]:
        """Two in a room."""
        alice = self.talker("alice", dn="Alice", rooms=(room,))
        bob = self.talker("bob", rooms=(room,))
        alice.hear()
        alice.shown()
        return alice, bob


class TalkTests(ChatCase):
    """Rooms and texts."""

    def test_beginning(self) -> None:
        """The beginning tells where one is, as whom, and in which room."""
        alice = Talker(self.server, "alice", dn="Alice", rooms=(KITCHEN,))
        alice.connect()
        self.assertEqual(
            alice.shown(), "connected to jsongle-server 0.1.0 as Alice\nyou are in kitchen, with nobody else"
        )
        self.assertEqual(alice.chat.prompt, "kitchen> ")

    def test_room(self) -> None:
        """In a room of two a text comes from the other one, and coming and going shows."""
        alice, bob = self.two(KITCHEN)
        bob.type("Tea?")
        self.assertEqual(bob.shown(), "[kitchen] you: Tea?")
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] bob: Tea?")
        bob.type("/leave")
        self.assertEqual((bob.shown(), bob.chat.prompt), ("you have left kitchen", "nobody> "))
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] - bob left")

    def test_room_of_three(self) -> None:
        """In a room of three nobody can tell who it was, and no name is claimed."""
        alice, bob = self.two(KITCHEN)
        self.talker("carol", rooms=(KITCHEN,))
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] + carol joined")
        bob.type("Tea?")
        alice.hear()
        self.assertEqual(alice.shown(), "[kitchen] somebody: Tea?")

    def test_muc(self) -> None:
        """In a multi-user room everybody is named; a member can be written to alone."""
        alice, bob = self.two(STAGE)
        alice.type("Tea?")
        bob.hear()
        self.assertEqual(bob.shown(), "[stage] Alice: Tea?")
        bob.type("/msg stage/alice psst")
        alice.hear()
        self.assertIn("bob", alice.shown())

    def test_direct(self) -> None:
        """A uid can be written to, once or from now on."""
        alice, bob = self.two(KITCHEN)
        bob.type("/to alice")
        bob.type("Hi")
        self.assertEqual((bob.shown(), bob.chat.prompt), ("texts go to alice now\nyou → alice: Hi", "alice> "))
        alice.hear()
        self.assertEqual(alice.shown(), "bob → you: Hi")

    def test_members(self) -> None:
        """Members are listed with uid and identity."""
        alice, bob = self.two(KITCHEN)
        bob.type("/members")
        self.assertEqual(
            bob.shown(), f"in kitchen, with Alice\n  Alice  uid alice, identity {alice.chat.state.me.identity}"
        )

    def test_acks(self) -> None:
        """That the server has a text shows beside the prompt and as a line of its own kind."""
        _, bob = self.two(KITCHEN)
        bob.type("Tea?")
        self.assertEqual(bob.lines[-1].kind, Kind.ACK)
        self.assertEqual(bob.lines[-1].text, "✓ the server has your text “Tea?” to kitchen (0 ms)")
        self.assertEqual(bob.chat.state.status, "✓ 0 ms")

    def test_ping_ice_me(self) -> None:
        """The small questions are answered."""
        bob = self.talker("bob", rooms=(STAGE,))
        for line, answer in (
            ("/ping", "the server has answered after 0.0 ms"),
            ("/ice", "the server gives no ICE servers"),
            ("/me", f"you are bob: uid bob, identity {bob.chat.state.me.identity}"),
            ("/help", "/msg ROOM|UID|IDENTITY TEXT  one text"),
        ):
            bob.type(line)
            self.assertIn(answer, bob.shown())

    def test_ice_credentials(self) -> None:
        """ICE servers are shown without their credentials."""
        self.server = MemoryServer(turn_urls=("turn:192.0.2.1",), turn_secret="a secret of more than 16")
        bob = self.talker("bob")
        bob.type("/ice")
        shown = bob.shown()
        self.assertIn('"turn:192.0.2.1"', shown)
        self.assertIn('"credential": "…"', shown)

    def test_call(self) -> None:
        """A call is shown, and can be declined; the caller hears it."""
        bob = self.talker("bob")
        caller = self.server.user("carol")
        caller.say("bob", "session-propose", sid="call-1")
        bob.hear()
        self.assertIn("calls (call-1): /decline", bob.shown())
        bob.type("/decline")
        actions = [(each["jsongle"]["action"], each["jsongle"].get("sid")) for each in caller.take()]
        self.assertIn(("session-decline", "call-1"), actions)
        bob.type("/decline")
        self.assertIn("no call rings", bob.shown())


class ErrorTests(ChatCase):
    """What goes wrong."""

    def test_which_text(self) -> None:
        """An error names the text that it is about, says why in words and by code, and what to do."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        bob.type("Tea?")
        shown = bob.shown()
        self.assertIn("✗ your text “Tea?” to kitchen: nobody else is in the room (404003:", shown)
        self.assertIn("have somebody join it", shown)

    def test_full_room(self) -> None:
        """A full room is refused in words, and one is not in it."""
        self.server = MemoryServer(max_members_per_room=2)
        self.two(KITCHEN)
        carol = self.talker("carol", connected=False, rooms=(KITCHEN,))
        carol.connect()
        self.assertIn("✗ joining kitchen: the room is full (403001:", carol.shown())
        self.assertEqual(carol.chat.state.people.rooms, {})

    def test_refused_token(self) -> None:
        """A refused token ends it with 1, and the token is not shown, whatever is."""
        self.server = MemoryServer(app_token="an-app-token-of-30-characters")
        bob = self.talker("bob", connected=False, token=("appToken", "wrong but secret"), raw=True)
        bob.connect()
        shown = bob.shown()
        self.assertIn("the server does not accept the token, or wants one (401001:", shown)
        self.assertEqual(bob.chat.ended, 1)
        self.assertNotIn("secret", shown)

    def test_unknown_command(self) -> None:
        """A mistyped command is not sent: the right one is suggested."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        sent = len(bob.frames)
        bob.type("/memebrs")
        self.assertIn("there is no /memebrs: did you mean /members [ROOM]?", bob.shown())
        bob.type("/xyzzy")
        self.assertIn("/help lists what there is", bob.shown())
        bob.type("/join")
        self.assertIn("type it so: /join ROOM", bob.shown())
        self.assertEqual(len(bob.frames), sent)

    def test_nobody(self) -> None:
        """Without a target nothing is sent, and it is said how to get one."""
        bob = self.talker("bob")
        bob.type("Hi")
        self.assertIn("there is nobody to send this to", bob.shown())
        bob.type("/members")
        self.assertIn("which room?", bob.shown())

    def test_slash(self) -> None:
        """Two slashes stand for a text that begins with one."""
        _, bob = self.two(KITCHEN)
        bob.type("//join the army")
        self.assertEqual(bob.shown(), "[kitchen] you: /join the army")

    def test_too_fast(self) -> None:
        """A text that was too fast is sent again after a while, and arrives."""
        self.server = MemoryServer(rate_limit=1.0, rate_burst=3)
        alice, bob = self.two(KITCHEN)
        for number in range(2):
            bob.type(f"text {number}")
        self.assertIn("that was too fast, it is sent again in", bob.shown())
        (delay, again), *_ = bob.waiting
        self.server.clock.advance(delay + 5)
        again()
        bob.hear()
        alice.hear()
        self.assertIn("bob: text 1", alice.shown())
        self.assertTrue(bob.chat.is_idle)


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


class CompletionTests(ChatCase):
    """What a tab does."""

    def test_completions(self) -> None:
        """Commands are completed, then the rooms and people that they are about."""
        _, bob = self.two(KITCHEN)
        for before, words in (
            ("/me", ["/members", "/me"]),
            ("/leave k", ["kitchen"]),
            ("/msg ", ["kitchen", "alice"]),
            ("/to a", ["alice"]),
            ("/msg alice a", []),
            ("/join k", []),
            ("/nope k", []),
            ("k", []),
        ):
            self.assertEqual([word for word, _ in bob.chat.completions(before)], words, before)
