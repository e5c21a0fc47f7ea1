"""What an attacker sends to the REST port: slowly, all at once, or so that two readers would read it differently."""

from __future__ import annotations

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_site import CLOSE_TIMEOUT, IDLE_TIMEOUT, MAX_BODY
from jsongle_server.testing_websocket import SEND_BUFFER
from tests.rest_support import BEARER, TOKEN, RestServer, Wire, parse

METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def put(*headers: bytes, body: bytes = b"") -> bytes:
    """A request with a body."""
    lines = (b"PUT /logs/levels HTTP/1.1", b"Host: x", b"Authorization: Bearer " + TOKEN.encode(), *headers, b"", b"")
    return b"\r\n".join(lines) + body


class RestAttackCase(SynchronousTestCase):
    """A server with a token."""

    def setUp(self) -> None:
        """Starts it."""
        self.server = RestServer(admin_token=TOKEN)

    def advance(self, seconds: int) -> None:
        """Lets time pass, a second at a time."""
        for _ in range(seconds):
            self.server.clock.advance(1)

    def assert_gone(self, wire: Wire) -> None:
        """A connection is over, and nothing is left of it."""
        self.assertIsNotNone(wire.transport.lost)
        self.assertEqual(self.server.site.connections, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])


class SlowTests(RestAttackCase):
    """Slowloris and its kin: whoever takes his time has no more of it than others."""

    def assert_trickles_no_longer(self, begin: bytes, more: bytes) -> None:
        """A request that goes on at a byte a second is cut when its time is over."""
        wire = self.server.open_wire()
        wire.send(begin)
        for second in range(IDLE_TIMEOUT):
            self.assertFalse(wire.is_closed, (begin, second))
            wire.send(more[second : second + 1])
            self.server.clock.advance(1)
        self.assertTrue(wire.is_closed, begin)
        self.assertEqual(wire.read(), b"")
        self.server.clock.advance(0)
        self.assert_gone(wire)

    def test_trickled(self) -> None:
        """The line of a request, its headers, its body, its chunks: each byte a second after the one before."""
        forever = b"a" * 100
        for begin in (
            b"",
            b"GET /about HTTP/1.1\r\nX: ",
            put(b"Content-Length: 1000"),
            put(b"Transfer-Encoding: chunked", body=b"1000\r\n"),
            put(b"Transfer-Encoding: chunked", body=b"1;"),
        ):
            self.assert_trickles_no_longer(begin, forever)

    def test_answers_that_nobody_reads(self) -> None:
        """A client that asks thousands of times and takes no answer: one send buffer is kept, and not for long."""
        wire = self.server.open_wire()
        wire.transport.stalled = True
        wire.send(METRICS * (65_536 // len(METRICS)))
        size = len(self.server.get("/metrics").body)
        self.assertLess(wire.transport.held, SEND_BUFFER + 2 * size)
        self.assertEqual(wire.transport.producerState, "paused")
        held = wire.transport.held
        self.advance(IDLE_TIMEOUT)
        self.assertEqual(wire.transport.held, held)
        self.assertTrue(wire.is_closed)
        self.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assert_gone(wire)

    def test_answers_that_are_read_late(self) -> None:
        """Whoever reads on gets an answer to each, in order, as far as they were asked for."""
        wire = self.server.open_wire()
        wire.transport.stalled = True
        wire.send(METRICS * 50 + b"GET /last HTTP/1.1\r\n\r\n")
        got = b""
        for _ in range(50):
            got += wire.read()
            wire.transport.stalled = False
            wire.channel.resumeProducing()
            wire.work()
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 50)
        self.assertEqual(got.rpartition(b"HTTP/1.1 ")[2][:3], b"404")


class TurnTests(RestAttackCase):
    """Many requests in one read."""

    def test_others_have_their_turn(self) -> None:
        """Whoever asks meanwhile does not wait for all that one client has asked for at once."""
        greedy, other = self.server.open_wire(), self.server.open_wire()
        greedy.channel.dataReceived(METRICS * 1000)
        self.assertEqual(greedy.read().count(b"HTTP/1.1 200 OK"), 1)
        other.channel.dataReceived(METRICS)
        self.assertEqual(other.read().count(b"HTTP/1.1 200 OK"), 1)
        greedy.work()
        self.assertEqual(greedy.read().count(b"HTTP/1.1 200 OK"), 999)

    def test_requests_with_bodies(self) -> None:
        """Each has its own body, wherever reads end."""
        bodies = [b'{"level": "%s"}' % level for level in (b"debug", b"warn", b"info")]
        stream = b"".join(put(b"Content-Length: %d" % len(body), body=body) for body in bodies)
        for size in (1, 7, 100, len(stream)):
            wire = self.server.open_wire()
            for place in range(0, len(stream), size):
                wire.send(stream[place : place + size])
            self.assertEqual(wire.read().count(b"HTTP/1.1 200 OK"), 3)
            self.assertEqual(self.server.control.level, "info")

    def test_the_last_one(self) -> None:
        """What comes behind a request that ends the connection is not answered."""
        wire = self.server.open_wire()
        wire.send(b"GET /about HTTP/1.1\r\nConnection: close\r\n\r\n" + SMUGGLED)
        self.assertEqual(wire.read().count(b"HTTP/1.1 "), 1)
        self.server.clock.advance(0)
        self.assert_gone(wire)

    def test_closed_while_others_wait(self) -> None:
        """A connection may be lost while requests of it have not had their turn."""
        wire = self.server.open_wire()
        wire.channel.dataReceived(METRICS * 10)
        wire.transport.cut()
        self.assert_gone(wire)


class SmugglingTests(RestAttackCase):
    """Requests whose end is where one reader sees it and another does not (RFC 9112 section 11.2)."""

    def statuses(self, stream: bytes) -> list[int]:
        """The statuses of all answers to a stream."""
        wire = self.server.open_wire()
        wire.send(stream)
        self.assertEqual(self.flushLoggedErrors(), [])
        return [int(part[:3]) for part in wire.read().split(b"HTTP/1.1 ")[1:]]

    def test_two_ways_to_tell_the_length(self) -> None:
        """Whatever is ambiguous is refused with all that comes behind it: never is there a second answer."""
        for headers in (
            (b"Content-Length: 5", b"Content-Length: 6"),
            (b"Content-Length: 5", b"Content-Length: 5"),
            (b"Content-Length: 5, 5",),
            (b"Content-Length: +5",),
            (b"Content-Length: 0x5",),
            (b"Content-Length: 5_0",),
            (b"Content-Length: -5",),
            (b"Content-Length: 5 5",),
            (b"Content-Length: ",),
            (b"Content-Length: \xd9\xa5",),
            (b"Content-Length: " + b"9" * 20,),
            (b"Content-Length: " + b"9" * 5000,),
            (b"Content-Length: " + b"0" * 5000 + b"5",),
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: identity",),
            (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
            (b"Content-Length: 5", b"Transfer-Encoding: identity"),
            (b"Transfer-Encoding: chunked, identity",),
            (b"Transfer-Encoding: identity, chunked",),
            (b"Transfer-Encoding: xchunked",),
            (b"Transfer-Encoding: chunked;x",),
            (b'Transfer-Encoding: "chunked"',),
            (b"Transfer-Encoding: gzip",),
        ):
            self.assertEqual((headers, self.statuses(put(*headers, body=b"0\r\n\r\n" + SMUGGLED))), (headers, [400]))

    def test_odd_headers(self) -> None:
        """So are blanks before colons, folded lines and control characters: what comes behind is not answered."""
        for header in (
            b"Content-Length : 5",
            b" Content-Length: 5",
            b"X: a\r\n Content-Length: 5",
            b"Transfer-Encoding : chunked",
            b"X\x00: a",
            b"X: a\x00b",
            b": a",
            b"no colon",
        ):
            statuses = self.statuses(put(header, body=b"0\r\n\r\n" + SMUGGLED))
            self.assertEqual((header, statuses[-1]), (header, 400))
            self.assertNotIn(404, statuses)

    def test_chunks(self) -> None:
        """Chunks of odd lengths, without their ends, or with too much of an extension, end the connection."""
        for chunk in (
            b"-1\r\n",
            b"+1\r\na\r\n",
            b"0x1\r\na\r\n",
            b"1_0\r\n",
            b" 1\r\na\r\n",
            b"1\r\naa\r\n",
            b"ffffffffffffffffff\r\n",
            b"1\na\n0\n\n",
            b"g\r\n",
            b"1;" + b"x" * 20_000 + b"\r\na\r\n",
        ):
            statuses = self.statuses(put(b"Transfer-Encoding: chunked", body=chunk + b"0\r\n\r\n" + SMUGGLED))
            self.assertEqual((chunk[:20], set(statuses) <= {400, 413}), (chunk[:20], True))
            self.assertLessEqual(len(statuses), 1)

    def test_body_of_a_get(self) -> None:
        """A body counts where none is expected: what is in it is no request."""
        for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
            stream = b"%s /ping HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (method, len(SMUGGLED)) + SMUGGLED
            self.assertEqual(len(self.statuses(stream)), 1)

    def test_upgrades(self) -> None:
        """Nothing else is spoken here, however it is asked for: HTTP/2 neither by preface nor by upgrade."""
        self.assertEqual(self.statuses(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), [400])
        upgrade = (
            b"GET /ping HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n"
        )
        self.assertEqual(self.statuses(upgrade), [200])


class PathTests(RestAttackCase):
    """Paths that lead elsewhere on other servers."""

    def test_traversal(self) -> None:
        """No path leads to a file, or round the door of a route."""
        for path in (
            "/../etc/passwd",
            "/logs/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/..%2f..%2fetc%2fpasswd",
            "/..%5c..%5cetc",
            "/logs/%2e%2e/sessions",
            "/logs%2flevels",
            "/./sessions",
            "/sessions%00",
            "/sessions%00.json",
            "/sessions/..;/",
            "/sessions;jsessionid=1",
            "/%73essions/../about",
            "/about/",
            "/About",
            "file:///etc/passwd",
            "http:///../etc/passwd",
        ):
            answer = self.server.ask("GET", path)
            self.assertEqual((path, answer.status), (path, 404))
            self.assertNotIn(b"root:", answer.body)

    def test_no_way_round_the_door(self) -> None:
        """However a closed route is written, it is closed."""
        for path in ("/sessions", "/%73essions", "http://x/sessions", "/sessions?a=/about", "/sessions?token=" + TOKEN):
            self.assertEqual((path, self.server.ask("GET", path).status), (path, 401))

    def test_ids_with_encoded_characters(self) -> None:
        """An id in a path is what it says once decoded, once: nobody is found by another spelling."""
        alice = self.server.user("alice")
        for spelled in ("%2f", "%252f", "..", "%0d%0aSet-Cookie:%20a=b", "%00", "%F0%9F%99%82", alice.identity.upper()):
            answer = self.server.ask("DELETE", f"/sessions/{spelled}", headers=BEARER)
            self.assertEqual((spelled, answer.status), (spelled, 404))
            self.assertIsNone(answer.headers["Set-Cookie"])
        encoded = "".join(f"%{ord(character):02x}" for character in alice.identity)
        self.assertEqual(self.server.ask("DELETE", f"/sessions/{encoded}", headers=BEARER).status, 200)


class BodyTests(RestAttackCase):
    """Bodies that are more than they look."""

    def test_json(self) -> None:
        """Deep, huge, doubled and broken JSON is a bad request, or what its last key says."""
        for body in (
            b"[" * 60_000,
            b'{"level":' * 7_000,
            b'{"level":"\\ud800"}',
            b'{"level":1e400}',
            b'{"level":"' + b"d" * 60_000 + b'"}',
            b"\xff\xfe{\x00",
            b'{"level":{"__proto__":"debug"}}',
            b'{"__proto__":{"level":"debug"}}',
        ):
            answer = self.server.ask("PUT", "/logs/levels", headers=BEARER, body=body)
            self.assertEqual((body[:20], answer.status), (body[:20], 400))
            self.assertEqual(orjson.loads(answer.body)["errorCode"], 400001)
        doubled = b'{"level":"debug","level":"warn"}'
        answer = self.server.ask("PUT", "/logs/levels", headers=BEARER, body=doubled)
        self.assertEqual(answer.json["level"], "warn")

    def test_many_connections_with_bodies(self) -> None:
        """What is kept of bodies that never end is bounded for each connection."""
        wires = [self.server.open_wire() for _ in range(20)]
        for wire in wires:
            wire.send(put(b"Content-Length: %d" % MAX_BODY, body=b"x" * (MAX_BODY - 1)))
            self.assertLessEqual(wire.channel.requests[0].content.tell(), MAX_BODY)
        self.advance(IDLE_TIMEOUT)
        self.assertEqual([wire.read() for wire in wires], [b""] * 20)
        self.assert_gone(wires[0])

    def test_methods(self) -> None:
        """Methods that reflect or tunnel are not served."""
        for method, status in (("TRACE", 405), ("CONNECT", 405), ("PROPFIND", 501), ("get", 501), ("\x00", 400)):
            wire = self.server.open_wire()
            wire.send(f"{method} /about HTTP/1.1\r\nX-Secret: hidden\r\n\r\n".encode())
            answer = parse(wire.read())
            self.assertIn((method, answer.status), ((method, status), (method, 501)))
            self.assertNotIn(b"hidden", answer.body)
