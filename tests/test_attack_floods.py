"""Too much of what is allowed: pings, closes, connections, refused handshakes."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.addresses import MAX_REMEMBERED
from jsongle_server.registry import FORMER_IDENTITIES
from jsongle_server.testing_websocket import SEND_BUFFER, WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.websocket import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT
from tests.memory import traced_memory

CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10


class FloodCase(SynchronousTestCase):
    """A server on which somebody is in earnest."""

    def serve(self, **settings: Any) -> None:
        """Starts it; Bob comes first."""
        self.server = WebSocketMemoryServer(**{"ping_interval": 0, "max_concurrent_users": 1000, **settings})
        self.bob = self.user("bob")

    def user(self, uid: str, **description: Any) -> WireClient:
        """A client that has said hello."""
        return cast(WireClient, self.server.user(uid, **description))

    def assert_served(self) -> None:
        """Bob is served as ever, and nothing has failed."""
        self.assertEqual(self.bob.ask("ping")["jsongle"]["action"], "iq-result")
        self.assertEqual(self.flushLoggedErrors(), [])

    def pass_time(self, seconds: float) -> None:
        """Lets time pass, and what follows from it happen."""
        self.server.clock.advance(seconds)
        self.server.clock.advance(0)

    def assert_only_bob_left(self) -> None:
        """Nothing is left of the others: no connection, session, room, call or timer."""
        self.assertEqual(self.server.factory.connections, {self.bob.wire.protocol})
        self.assertEqual(self.server.signaling.connection_count, 1)
        self.assertEqual([session.uid for session in self.server.signaling.sessions()], ["bob"])
        self.assertEqual((len(self.server.signaling.rooms), len(self.server.signaling.calls)), (0, 0))
        self.assertEqual(self.server.factory.addresses._connections.total(), 1)
        self.server.drop(self.bob)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class PingTests(FloodCase):
    """Clients that ping."""

    def setUp(self) -> None:
        """Starts a server that lets little wait."""
        self.serve(max_send_queue=10_000)

    def test_answers_that_nobody_reads(self) -> None:
        """Pongs for a client that does not read are kept up to ``maxSendQueue``; then it is closed and cut."""
        alice = self.user("alice")
        transport = alice.wire.transport
        transport.stalled = True
        for _ in range(200):
            alice.wire.send(masked_frame(PING, b"x" * 125) * 50)
            self.pass_time(0)
            self.assertLess(transport.held + alice.wire.protocol._outbox.size, SEND_BUFFER + 30_000)
        self.pass_time(CLOSE_TIMEOUT)
        self.assertIsNotNone(transport.lost)
        self.assert_served()
        self.assert_only_bob_left()

    def test_within_a_message(self) -> None:
        """Pings between pieces of a message that never ends keep nothing but that message."""
        alice = self.user("alice")
        alice.wire.send(masked_frame(TEXT, b"{", fin=False))
        for _ in range(100):
            alice.wire.send((masked_frame(CONTINUATION, b"", fin=False) + masked_frame(PING, b"?")) * 20)
            self.assertEqual(alice.wire.read_frames(), [(PONG, b"?")] * 20)
        self.assertEqual(alice.wire.protocol.message_data, [b"{"])
        self.assert_served()


class CloseTests(FloodCase):
    """Clients that come only to go."""

    def setUp(self) -> None:
        """Starts the server."""
        self.serve()

    def test_all_at_once(self) -> None:
        """Hundreds that close at the same time, each several times over, are all gone at once."""
        clients = [self.user(f"user-{number}") for number in range(300)]
        for client in clients:
            client.join("room")
        for client in clients:
            client.wire.send(masked_frame(CLOSE, b"\x03\xe8") * 20)
        self.pass_time(0)
        self.assert_served()
        self.assert_only_bob_left()

    def test_close_frames_alone(self) -> None:
        """Who closes right with the handshake leaves nothing."""
        for _ in range(300):
            wire = self.server.open_wire()
            wire.handshake()
            wire.send(masked_frame(CLOSE, b"") * 3)
            self.pass_time(0)
            self.assertIsNotNone(wire.transport.lost)
        self.assert_served()
        self.assert_only_bob_left()


class ChurnTests(FloodCase):
    """Clients that come and go, again and again."""

    def setUp(self) -> None:
        """Starts the server."""
        self.serve(resume_window=5)

    def visit(self, number: int) -> None:
        """One comes, does a little of everything, and is gone, in one way or another."""
        client = self.user(f"user-{number}", resume=number % 3 == 0, dn="x" * 500)
        client.join(f"room-{number}", muc=number % 2 == 0)
        client.join("lobby")
        client.say("bob", "session-propose", sid=f"call-{number}", initiator="x" * 500)
        client.say("lobby", "session-text", description={"content": "x" * 500})
        client.say("nobody", "session-propose", sid=f"other-{number}")
        if number % 5 == 0:
            client.wire.send(b"\x81")
        if number % 2:
            client.wire.send_frame(CLOSE)
        else:
            client.wire.transport.cut()
        del self.server._wires[client]  # the fake's own memory
        self.bob.take()
        self.pass_time(1)

    def test_nothing_stays(self) -> None:
        """After hundreds of visits the server is as it was after some, but for a bounded memory of who was there."""
        for number in range(50):
            self.visit(number)
        with traced_memory():
            for number in range(150):
                self.visit(number)
            self.pass_time(10)
            gc.collect()
            # A session alone takes more; some of this is caches that are filled meanwhile.
            self.assertLess(tracemalloc.get_traced_memory()[0], 150 * 1500)
        self.assert_served()
        self.assert_only_bob_left()

    def test_memory_of_who_was_there(self) -> None:
        """That memory has an end."""
        registry = self.server.signaling.registry
        former = registry._former
        former.update(dict.fromkeys(map(str, range(FORMER_IDENTITIES))))
        self.visit(1)
        self.assertEqual(len(former), FORMER_IDENTITIES)


class HandshakeTests(FloodCase):
    """Handshakes that are refused."""

    def test_refused(self) -> None:
        """Whoever is refused again and again costs an answer each, and no place, timer or memory of him stays."""
        self.serve(max_concurrent_users=1, handshake_rate=1, handshake_burst=5)
        for number in range(1000):
            wire = self.server.open_wire(host=f"192.0.2.{number % 250}")
            head = wire.handshake()
            self.assertTrue(head.startswith(("HTTP/1.1 503 ", "HTTP/1.1 429 ")), head)
            self.pass_time(0)
            self.assertIsNotNone(wire.transport.lost)
        self.assert_served()
        self.assertLessEqual(len(self.server.factory.addresses._handshakes), MAX_REMEMBERED)
        self.assertEqual(set(+self.server.metrics.refusals) - {"full", "address"}, set())
        self.assert_only_bob_left()

    def test_refusals_that_nobody_reads(self) -> None:
        """Those that do not read why they are refused are cut."""
        self.serve(max_concurrent_users=1)
        wires = [self.server.open_wire() for _ in range(300)]
        for wire in wires:
            wire.transport.stalled = True
            wire.handshake()
        self.pass_time(max(CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT))
        self.assertEqual([wire for wire in wires if wire.transport.lost is None], [])
        self.assert_served()
        self.assert_only_bob_left()

    def test_requests_in_a_row(self) -> None:
        """Several requests on one connection have one answer: what comes behind a refused one is not read."""
        self.serve()
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"):
            wire = self.server.open_wire()
            wire.send(request * 50)
            self.pass_time(0)
            self.assertEqual(wire.read_rest().count(b"HTTP/1.1 "), 1)
        self.assert_only_bob_left()

    def test_no_hello(self) -> None:
        """Those that open and trickle, without ever saying who they are, have no more time than the silent ones."""
        self.serve(hello_timeout=10)
        trickling = self.server.connect()
        trickling.wire.send(b"\x81\xfe\x10\x00mask")
        for _ in range(9):
            self.pass_time(1)
            trickling.wire.send(b"x")
            self.assertIsNone(trickling.wire.transport.lost)
        self.pass_time(1)
        trickling.wire.send(b"x")
        self.pass_time(CLOSE_TIMEOUT)
        self.assertIsNotNone(trickling.wire.transport.lost)
        self.assert_served()
        self.assert_only_bob_left()
