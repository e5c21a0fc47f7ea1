"""Tests of :mod:`jsongle_server.testing`: fakes that can be trusted."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import MemoryServer
from jsongle_server.testing_websocket import WebSocketMemoryServer, masked_frame, parse_frame


class ClientTests(SynchronousTestCase):
    """Clients of a server in memory."""

    def setUp(self) -> None:
        """Nobody is there."""
        self.server = MemoryServer()

    def test_taking_empties_the_inbox(self) -> None:
        """What was taken once is not taken again."""
        client = self.server.connect()
        self.assertEqual([message["jsongle"]["query"] for message in client.take()], ["session-hello"])
        self.assertEqual(client.take(), [])

    def test_taking_one_insists_on_one(self) -> None:
        """A test that expects one message fails on none and on two."""
        client = self.server.user("ann")
        self.assertRaises(AssertionError, client.take_one)
        client.send({})
        client.send({})
        self.assertRaises(AssertionError, client.take_one)

    def test_asking_keeps_what_came_before(self) -> None:
        """An answer is told from what was there already."""
        ann, bob = self.server.user("ann"), self.server.user("bob")
        ann.join("r")
        bob.join("r")
        self.assertEqual(ann.ask("ping")["jsongle"]["query"], "ping")
        self.assertEqual(ann.take_one()["jsongle"]["event"], "joined")

    def test_asking_insists_on_an_answer(self) -> None:
        """A test does not go on with a message that answers nothing."""
        gone = self.server.user("ann")
        self.server.drop(gone)
        self.assertRaises(AssertionError, gone.ask, "ping")

    def test_join_that_is_refused_fails_the_test(self) -> None:
        """A test does not go on as if it were in a room that it is not in."""
        self.assertRaises(AssertionError, self.server.user("ann").join, "")

    def test_close_is_noted_once_and_ends_the_inbox(self) -> None:
        """After a close, a client hears no more."""
        client = self.server.connect()
        client.take()
        for _ in range(30):
            client.send_bytes(b"{")
        self.assertEqual(client.closed, (1008, "too many frames that are not JSON"))
        self.assertLess(len(client.take()), 30)

    def test_settings_reach_the_server(self) -> None:
        """A fake server is configured by keyword."""
        self.assertEqual(MemoryServer(id="barracuda").connect().take_one()["from"], "barracuda")


class WireTests(SynchronousTestCase):
    """Clients behind frames."""

    def test_both_servers_say_the_same(self) -> None:
        """A conversation over frames is the conversation in memory: ids and times apart."""
        answers = []
        for server in (MemoryServer(), WebSocketMemoryServer()):
            ann, bob = server.user("ann"), server.user("bob")
            ann.join("r")
            members = bob.join("r")
            ann.take()
            bob.say("r", "session-text", description={"content": "hi"})
            said, receipt = ann.take_one(), bob.take_one()
            answers.append(([member["uid"] for member in members], said["jsongle"], receipt["jsongle"]["event"]))
        self.assertEqual(answers[0], answers[1])

    def test_dropped_client_leaves(self) -> None:
        """A connection that is cut ends its session, on both servers."""
        for server in (MemoryServer(), WebSocketMemoryServer()):
            server.drop(server.user("ann"))
            self.assertEqual(server.signaling.connection_count, 0)

    def test_close_frame_is_noted(self) -> None:
        """A client sees the code and reason that the server closes with."""
        server = WebSocketMemoryServer(hello_timeout=10)
        client = server.connect()
        server.clock.advance(10)
        client.take()
        self.assertEqual(client.closed, (4001, "no session-hello in time"))


class FrameTests(SynchronousTestCase):
    """Frames as clients make and read them."""

    def test_masked_frame_of_the_rfc(self) -> None:
        """The example of RFC 6455 section 5.7 comes out byte by byte."""
        self.assertEqual(masked_frame(1, b"Hello"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")

    def test_masked_length_takes_the_shortest_form(self) -> None:
        """Lengths are written in 1, 3 or 9 bytes, with the mask bit set."""
        heads = [masked_frame(2, bytes(size))[:10] for size in (125, 126, 0xFFFF, 0x10000)]
        self.assertEqual([head[1] & 0x7F for head in heads], [125, 126, 126, 127])
        self.assertTrue(all(head[1] & 0x80 for head in heads))
        self.assertEqual(int.from_bytes(heads[3][2:10], "big"), 0x10000)

    def test_frame_that_is_not_whole_waits(self) -> None:
        """A frame is read when its last byte is there, and what follows is left alone."""
        for head, size in ((b"\x81\x05", 5), (b"\x81\x7e\x00\x80", 128), (b"\x81\x7f" + (65536).to_bytes(8), 65536)):
            frame = head + b"x" * size
            self.assertEqual(parse_frame(frame + b"\x81"), (1, b"x" * size, b"\x81"))
            for cut in (0, 1, len(head) - 1, len(head), len(frame) - 1):
                self.assertIsNone(parse_frame(frame[:cut]))
