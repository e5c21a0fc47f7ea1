"""Clients that do not read: what is kept for them is bounded, and nobody waits for them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import SEND_BUFFER, WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT

PING, PONG, CLOSE, TEXT = 9, 10, 8, 1
LIMIT = 100_000
LARGE = 10_000


class SlowCase(SynchronousTestCase):
    """Alice talks to a room in which some have stopped reading."""

    def setUp(self) -> None:
        """Alice and Bob are in the room; so is Carol, who does not read."""
        self.server = WebSocketMemoryServer(
            rate_limit=0, max_send_queue=LIMIT, max_concurrent_users=1000, resume_window=300
        )
        self.alice, self.bob, self.carol = (self.member(uid) for uid in ("alice", "bob", "carol"))
        self.alice.take()
        self.bob.take()
        self.transport = self.carol.wire.transport
        self.transport.stalled = True

    def member(self, uid: str, **description: Any) -> WireClient:
        """A client in the room."""
        client = cast(WireClient, self.server.user(uid, **description))
        client.join("room")
        return client

    def text(self, size: int = LARGE) -> str:
        """Alice says something to the room; its id."""
        return self.alice.say("room", "session-text", description={"content": "x" * size})

    def held(self, client: WireClient) -> int:
        """Bytes that the server keeps for a client, those in the transport's own buffer aside."""
        return client.wire.protocol._outbox.size

    def flood(self) -> list[str]:
        """Alice says more than can wait for Carol."""
        return [self.text() for _ in range((LIMIT + SEND_BUFFER) // LARGE + 2)]

    def read_on(self) -> list[tuple[int, bytes]]:
        """The frames that Carol gets when she reads again."""
        self.transport.read_on()
        return self.carol.wire.read_frames()


class BoundTests(SlowCase):
    """What waits, and what happens when it is too much."""

    def test_a_pause_is_borne(self) -> None:
        """A client that reads again before too much waits gets everything, in order, control frames included."""
        mids = [self.text() for _ in range(5)]
        self.carol.wire.send_frame(PING, b"are you there")
        mids += [self.text() for _ in range(5)]
        self.assertGreater(self.held(self.carol), 0)
        frames = self.read_on()
        texts = [json.loads(payload)["id"] for opcode, payload in frames if opcode == TEXT]
        self.assertEqual(texts, mids)
        self.assertEqual(frames[5], (PONG, b"are you there"))
        self.assertIsNone(self.carol.closed)

    def test_never_more_than_the_limit(self) -> None:
        """At no time more is kept than the limit, the transport's buffer and one message over it."""
        for _ in range(100):
            self.text()
            self.assertLessEqual(self.held(self.carol), LIMIT)
            self.assertLess(self.transport.held, SEND_BUFFER + LARGE + 1000)
        self.assertLess(self.held(self.carol), 100)  # a close frame

    def test_closed(self) -> None:
        """Over the limit: what was written so far, whole, then 4003 and the end."""
        mids = self.flood()
        self.server.clock.advance(0)
        frames = self.read_on()
        code, reason = int.from_bytes(frames[-1][1][:2], "big"), frames[-1][1][2:]
        self.assertEqual((frames[-1][0], code, reason), (CLOSE, 4003, b"reads too slowly"))
        texts = [json.loads(payload)["id"] for opcode, payload in frames[:-1] if opcode == TEXT]
        self.assertEqual(texts, mids[: len(texts)])
        self.carol.wire.send_frame(CLOSE, frames[-1][1][:2])
        self.server.clock.advance(0)
        self.assertIsNotNone(self.transport.lost)

    def test_closed_with_much_from_one_read(self) -> None:
        """Where all that is too much comes of one read, no frame is cut in the middle for the close frame either."""
        text = {"action": "session-text", "description": {"content": "x" * 3000}}
        frame = masked_frame(1, json.dumps({"to": "room", "jsongle": text}).encode())
        for _ in range(4):
            self.alice.wire.send(frame * 50)
            self.server.clock.advance(0)
        frames = self.read_on()
        self.assertEqual((frames[-1][0], frames[-1][1][:2]), (CLOSE, (4003).to_bytes(2, "big")))
        self.assertEqual({len(payload) > 3000 for opcode, payload in frames[:-1] if opcode == TEXT}, {True})
        self.assertEqual(self.carol.wire.read_rest(), b"")

    def test_cut(self) -> None:
        """Who does not even read that is cut after the close timeout, and nothing is left."""
        self.flood()
        self.server.clock.advance(0)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNotNone(self.transport.lost)
        self.assertNotIn(self.carol.wire.protocol, self.server.factory.connections)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_left(self) -> None:
        """Who did not opt into resume has left the room."""
        self.flood()
        self.server.clock.advance(0)
        self.assertEqual([m["jsongle"].get("event") for m in self.bob.take()].count("left"), 1)

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost when too much waits ends as any other."""
        self.flood()
        self.transport.cut()
        self.server.clock.advance(0)
        self.assertEqual([m["jsongle"].get("event") for m in self.bob.take()].count("left"), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_others_do_not_wait(self) -> None:
        """Whoever reads gets everything at once, before, while and after somebody is given up."""
        for _ in range(50):
            mid = self.text()
            self.assertIn(mid, [message["id"] for message in self.bob.take()])
        self.assertIsNone(self.bob.closed)

    def test_closed_by_the_server_meanwhile(self) -> None:
        """What waits when the server closes a connection comes before the close frame."""
        mids = [self.text() for _ in range(10)]
        stopped = self.server.factory.close_all(CloseCode.SERVICE_RESTART, "stopping")
        frames = self.read_on()
        messages = [json.loads(payload) for _, payload in frames[:-1]]
        self.assertEqual([m["id"] for m in messages if m["jsongle"]["action"] == "session-text"], mids)
        self.assertEqual(frames[-1], (CLOSE, b"\x03\xf4stopping"))
        self.server.clock.pump([CLOSE_TIMEOUT, CLOSE_TIMEOUT, 0])
        self.successResultOf(stopped)

    def test_pings_wait_too(self) -> None:
        """The server's own pings stand behind what waits."""
        mids = [self.text() for _ in range(10)]
        self.server.clock.advance(self.server.config.ping_interval)
        frames = self.read_on()
        self.assertEqual([opcode for opcode, _ in frames], [TEXT] * len(mids) + [PING])

    def test_a_close_frame_is_never_too_much(self) -> None:
        """A close frame is not what makes a client too slow, however little room is left: what waits is not lost."""
        mids = [self.text() for _ in range(10)]
        self.carol.wire.protocol._outbox._limit = self.held(self.carol)
        self.carol.wire.protocol.shut(CloseCode.SERVICE_RESTART, "stopping")
        frames = self.read_on()
        messages = [json.loads(payload) for _, payload in frames[:-1]]
        self.assertEqual([m["id"] for m in messages if m["jsongle"]["action"] == "session-text"], mids)
        self.assertEqual(frames[-1], (CLOSE, b"\x03\xf4stopping"))


class ResumableTests(SlowCase):
    """Slow clients that opted into resume."""

    def setUp(self) -> None:
        """Carol has opted in."""
        super().setUp()
        self.server.drop(self.carol)
        self.carol = self.server.connect()
        self.ack = self.carol.hello("carol", resume=True)
        self.carol.join("room")
        self.alice.take()
        self.bob.take()
        self.transport = self.carol.wire.transport
        self.transport.stalled = True

    def test_full_server(self) -> None:
        """A connection on its way out takes nobody's place: the client may be back before it has gone."""
        self.server.signaling.reconfigure(replace(self.server.config, max_concurrent_users=3))
        self.server.factory.reconfigure(replace(self.server.config, max_concurrent_users=3))
        self.flood()
        self.server.clock.advance(0)
        self.assertEqual(self.server.signaling.connection_count, 3)
        wire = self.server.open_wire()
        self.assertEqual(wire.handshake().split("\r\n")[0], "HTTP/1.1 101 Switching Protocols")
        wire = self.server.open_wire()
        self.assertIn("503", wire.handshake().split("\r\n")[0])

    def test_nobody_is_told(self) -> None:
        """The session waits for its client: nobody hears of a ``left``."""
        self.flood()
        self.server.clock.advance(0)
        self.assertNotIn("left", [message["jsongle"].get("event") for message in self.bob.take()])
        session = self.server.signaling.find(self.ack["jsongle"]["description"]["id"])
        assert session is not None
        self.assertEqual(session.state.value, "detached")

    def test_nothing_is_lost(self) -> None:
        """Coming back, the client gets exactly what it has not seen, what was dropped included."""
        mids = self.flood()
        self.server.clock.advance(0)
        mids.append(self.text())
        seen = [json.loads(payload) for opcode, payload in self.read_on() if opcode == TEXT]
        token = self.ack["jsongle"]["description"]["resume"]["token"]
        again = self.server.connect()
        again.greeted()
        description = {"uid": "carol", "resume": {"token": token, "seq": seen[-1]["seq"]}}
        again.say(again.server_id, "iq-result", query="session-hello", description=description)
        ack, *missed = again.take()
        self.assertTrue(ack["jsongle"]["description"]["resumed"])
        got = [message["id"] for message in (*seen, *missed) if message["jsongle"]["action"] == "session-text"]
        self.assertEqual(got, mids)


class CrowdTests(SlowCase):
    """A hundred who do not read, in a busy room."""

    def crowd(self) -> list[WireClient]:
        """A hundred more members that have stopped reading."""
        clients = [self.member(f"user-{number}") for number in range(100)]
        for client in (*clients, self.alice, self.bob):
            client.take()
        for client in clients:
            client.wire.transport.stalled = True
        return clients

    def test_bounded(self) -> None:
        """What is kept for all of them is bounded, all are given up, and Bob misses nothing."""
        clients = self.crowd()
        got: list[str] = []
        mids = []
        for _ in range(60):
            mids.append(self.text(5000))
            got += [m["id"] for m in self.bob.take() if m["jsongle"]["action"] == "session-text"]
            held = sum(self.held(client) + client.wire.transport.held for client in clients)
            self.assertLessEqual(held, len(clients) * (LIMIT + SEND_BUFFER + 6000))
        self.assertEqual(got, mids)
        self.assertLess(sum(self.held(client) for client in clients), len(clients) * 100)  # close frames
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertEqual(len(self.server.factory.connections), 2)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_given_up_by_the_end_of_others(self) -> None:
        """A crowd that is full to the brim, so that each ``left`` is too much for the next, goes without a stumble."""
        clients = self.crowd()
        for size in (LARGE, 50):
            while LIMIT - self.held(clients[0]) - size - 300 > 0 and clients[0].closed is None:
                self.text(size)
                self.assertLess(clients[0].wire.transport.held, SEND_BUFFER + 2 * LARGE)
        self.assertGreater(self.held(clients[0]), LIMIT - 1000)
        self.text(LARGE)
        self.server.clock.pump([0] * 10)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertEqual(len(self.server.factory.connections), 2)
        self.assertEqual([m["jsongle"].get("event") for m in self.bob.take()].count("left"), 101)
        self.assertEqual(self.flushLoggedErrors(), [])
