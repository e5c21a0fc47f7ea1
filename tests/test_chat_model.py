"""The terminal client without its terminal, against a server in memory: rooms, texts, errors."""

from __future__ import annotations

from jsongle_server.chat_lines import Kind
from jsongle_server.testing import MemoryServer
from tests.chat_support import KITCHEN, STAGE, ChatCase, Talker


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
        bob.type("/msg alice\none\ntwo")
        alice.hear()
        self.assertEqual(alice.shown().split(), ["bob", "→", "you:", "one", "│", "two"])

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
        bob = self.talker("bob", connected=False, tokens={"appToken": "wrong but secret"}, raw=True)
        bob.connect()
        shown = bob.shown()
        self.assertIn("the server does not accept the token, or wants one (401001:", shown)
        self.assertNotIn(") [", shown)
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
        for pasted in ("/join kit\nchen", "/members kit\nchen", "/msg alice\n"):
            bob.type(pasted)
            self.assertIn("type it so: ", bob.shown())
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
