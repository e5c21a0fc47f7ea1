"""Tests of :mod:`jsongle_server.rest_site` and :mod:`jsongle_server.rest_front`."""

from __future__ import annotations

import re
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_site import CLOSE_TIMEOUT, IDLE_TIMEOUT, LINGER, MAX_BODY, MAX_CONNECTIONS, MAX_HEAD
from tests.rest_support import BEARER, TOKEN, RestServer, Wire, parse

ABOUT = b"GET /about HTTP/1.1\r\nHost: x\r\n\r\n"


class LimitTests(SynchronousTestCase):
    """What one client may take up."""

    def setUp(self) -> None:
        """Make a server with a token, and connect to it."""
        self.server = RestServer(admin_token=TOKEN)
        self.wire = self.server.open_wire()

    def assert_refused(self, status: int) -> None:
        """The answer is an error in JSON that ends the connection."""
        answer = parse(self.wire.read())
        self.assertEqual((answer.status, answer.headers["Connection"]), (status, "close"))
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(answer.json["errorCode"] // 1000, status)
        self.assertIn(("other", status), self.server.metrics.requests)

    def put(self, *headers: str) -> bytes:
        """The head of a request with a body."""
        return "\r\n".join(("PUT /logs/levels HTTP/1.1", f"Authorization: Bearer {TOKEN}", *headers, "", "")).encode()

    def test_a_body_at_the_limit_is_read(self) -> None:
        """64 KiB of which most is blank."""
        body = b'{"level": "debug"}'.ljust(MAX_BODY)
        answer = self.server.ask("PUT", "/logs/levels", headers=BEARER, body=body)
        self.assertEqual(answer.status, 200)

    def test_a_body_announced_too_large_is_refused_before_it_is_sent(self) -> None:
        """The client need not send it, and is not told to go on."""
        self.wire.send(self.put(f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"))
        self.assert_refused(413)

    def test_a_chunked_body_is_refused_once_it_is_too_large(self) -> None:
        """Nothing of it is kept, and the level stays."""
        self.wire.send(self.put("Transfer-Encoding: chunked"))
        for _ in range(20):
            self.wire.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        self.assert_refused(413)
        self.assertEqual(len(self.wire.channel.requests[0].content.getvalue()), 0)

    def test_the_rest_of_a_refused_body_is_taken_before_the_close(self) -> None:
        """Closed at once, the client's system would throw the answer away with the data that it could not send."""
        self.wire.send(self.put(f"Content-Length: {MAX_BODY * 2}") + b"x" * MAX_BODY)
        self.assertFalse(self.wire.is_closed)
        self.wire.send(b"x" * MAX_BODY)
        self.assertTrue(self.wire.is_closed)
        self.assertEqual(self.server.metrics.requests.total(), 1)

    def test_a_refused_body_that_is_malformed_besides_has_one_answer(self) -> None:
        """A second one would belong to no request."""
        self.wire.send(self.put("Transfer-Encoding: chunked") + b"10001\r\n" + b" " * 0x10001 + b"\r\nzz\r\n")
        self.assert_refused(413)
        self.assertTrue(self.wire.is_closed)

    def test_the_rest_of_a_refused_body_is_not_waited_for_long(self) -> None:
        """However diligently the client goes on sending."""
        self.wire.send(self.put("Content-Length: 99999999"))
        for _ in range(LINGER):
            self.server.clock.advance(1)
            if not self.wire.is_closed:
                self.wire.send(b"x")
        self.assertTrue(self.wire.is_closed)

    def test_a_head_that_is_too_large_is_refused(self) -> None:
        """One line without end, many lines, or many headers."""
        for head in (
            b"GET /" + b"a" * (MAX_HEAD + 1),
            b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * (MAX_HEAD + 1),
            b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 1000 + b"\r\n") * 20,
            b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n",
        ):
            self.wire = self.server.open_wire()
            self.wire.send(head)
            self.assert_refused(431)
            self.assertTrue(self.wire.is_closed)

    def test_what_is_no_http_is_a_bad_request(self) -> None:
        """JSON for whoever finds the wrong port, too."""
        for data in (
            b"\x16\x03\x01\x02\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/3.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nno header\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            self.wire = self.server.open_wire()
            self.wire.send(data)
            self.assert_refused(400)
            self.assertTrue(self.wire.is_closed)

    def test_an_idle_connection_is_closed(self) -> None:
        """One that never asks, and one that has its answer; neither is worth a log line."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        self.addCleanup(globalLogPublisher.removeObserver, seen)
        asked = self.server.open_wire()
        self.server.clock.advance(10)
        asked.send(ABOUT)
        self.server.clock.advance(IDLE_TIMEOUT - 10)
        self.assertEqual((self.wire.is_closed, asked.is_closed), (True, False))
        self.server.clock.advance(10)
        self.assertTrue(asked.is_closed)
        self.assertEqual(list(seen), [])

    def test_a_trickling_request_gets_no_more_time(self) -> None:
        """Whoever sends a byte now and then holds a connection no longer than others."""
        for byte in b"GET /about HTTP/1.1\r\nHost: a-very-long-name-that-takes-its-time":
            if not self.wire.is_closed:
                self.wire.send(bytes([byte]))
            self.server.clock.advance(1)
        self.assertTrue(self.wire.is_closed)

    def test_a_client_that_does_not_take_the_end_is_cut_off(self) -> None:
        """A close that never completes holds nothing for good."""
        transport = self.wire.transport
        self.patch(transport, "loseConnection", lambda: None)
        self.server.clock.advance(IDLE_TIMEOUT)
        self.assertIsNone(transport.lost)
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.server.clock.advance(0)
        self.assertIsNotNone(transport.lost)

    def test_a_close_is_not_put_off_by_a_second_one(self) -> None:
        """The time to take the last answer runs from the first."""
        transport = self.wire.transport
        self.patch(transport, "loseConnection", lambda: None)
        self.server.clock.advance(IDLE_TIMEOUT - 1)
        self.wire.send(b"nonsense\r\n")
        self.server.clock.advance(1)
        self.assertIsNone(transport.lost)
        self.server.clock.advance(CLOSE_TIMEOUT - 1)
        self.server.clock.advance(0)
        self.assertIsNotNone(transport.lost)

    def test_there_is_a_limit_to_connections(self) -> None:
        """One more is not served, until another has gone."""
        wires = [self.wire, *(self.server.open_wire() for _ in range(MAX_CONNECTIONS - 1))]
        one_more = self.server.open_wire()
        self.assertTrue(one_more.is_closed)
        self.assertEqual(one_more.read(), b"")
        wires[7].transport.cut()
        self.assertFalse(self.server.open_wire().is_closed)

    def test_requests_follow_each_other_on_a_connection(self) -> None:
        """Sent one by one or all at once."""
        self.wire.send(ABOUT)
        self.assertEqual(parse(self.wire.read()).status, 200)
        self.wire.send(ABOUT * 3)
        self.assertEqual(self.wire.read().count(b"HTTP/1.1 200 OK"), 3)
        self.assertFalse(self.wire.is_closed)

    def test_nothing_is_left_on_the_clock_by_a_site_that_listens(self) -> None:
        """Twisted's own would wake up every second for the date in an access log that there is none of."""
        server = RestServer()
        server.site.doStart()
        self.assertEqual(server.clock.getDelayedCalls(), [])
        server.site.doStop()

    def test_requests_are_not_logged(self) -> None:
        """Probes come every few seconds and say nothing."""
        seen = EventLoggingObserver()
        globalLogPublisher.addObserver(seen)
        self.addCleanup(globalLogPublisher.removeObserver, seen)
        self.server.get("/readyz")
        self.server.ask("HEAD", "/readyz")
        self.server.get("/nothing")
        self.server.ask("PUT", "/about")
        self.assertEqual(list(seen), [])


TOKENS = st.sampled_from([b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"POST", b"get", b"X"])
PATHS = st.sampled_from(
    [
        b"/about", b"/metrics", b"/stats", b"/logs", b"/logs/levels", b"/sessions", b"/sessions/", b"/rooms", b"/",
        b"*", b"/rooms/%2e%2e", b"/rooms/a%2Fb%0a", b"/calls?", b"/blocks", b"/messages",
        b"/sessions?address=", b"/rooms?limit=",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    [b"Host", b"Accept", b"Origin", b"Authorization", b"Content-Type", b"Content-Length", b"Transfer-Encoding",
     b"Connection", b"Cookie", b"Expect", b"If-None-Match", b"Range", b"Access-Control-Request-Method", b"X-Any"]
)  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"5", b"chunked", b"close", b"100-continue", b"*", b"Bearer " + TOKEN.encode()]),
    st.sampled_from([b"identity", b"9" * 19, b"9" * 20, b"9" * 5000]),
    st.sampled_from([b"application/openmetrics-text;version=9.9;escaping=dots", b"text/plain;version=1.0.0"]),
)
LINES = st.tuples(TOKENS | st.binary(max_size=8), PATHS | st.binary(max_size=40), st.binary(max_size=20))

KEYS = st.sampled_from(["to", "description", "session", "room", "uid", "address", "seconds", "reason", "level", "x"])
SCALARS = st.none() | st.booleans() | st.integers(-1, 2**40) | st.floats(allow_nan=False) | st.text(max_size=5)
BODIES = st.recursive(
    SCALARS | st.sampled_from(["all", "192.0.2.7", "::/0", "debug"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
) | st.fixed_dictionaries({"to": st.just("all"), "description": st.dictionaries(st.text(max_size=3), SCALARS)})


class AnythingTests(SynchronousTestCase):
    """Whatever is sent."""

    def assert_sane(self, wire: Wire) -> None:
        """Nothing came, or an answer did that is as documented; what follows the request may be answered as well."""
        data = wire.read()
        self.assertEqual(self.flushLoggedErrors(), [])
        if data:
            head, _, rest = data.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            self.assertNotIn(b"Traceback", data)
            self.assertIn(status, (200, 204, 400, 401, 404, 405, 413, 431, 501))
            if status >= 400 and rest and not rest.startswith(b"HTTP/1.1 "):
                length = re.search(rb"\r\nContent-Length: (\d+)", head)
                assert length is not None
                self.assertEqual(orjson.loads(rest[: int(length[1])])["errorCode"] // 1000, status)

    @settings(max_examples=300, deadline=None)
    @given(LINES, st.lists(st.tuples(NAMES, VALUES), max_size=5), st.binary(max_size=30))
    def test_any_request_gets_a_documented_answer(
        self, line: tuple[bytes, bytes, bytes], headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Any method, path, query, headers and body: never a 500, never a traceback."""
        method, path, query = line
        wire = RestServer(admin_token=TOKEN, cors_policy_origin=("https://a.example",)).open_wire()
        head = b"%s %s%s HTTP/1.1\r\n" % (method, path, query)
        wire.send(head + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + body)
        self.assert_sane(wire)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(["/messages", "/blocks", "/logs/levels"]), BODIES)
    def test_any_body_gets_a_documented_answer(self, path: str, body: Any) -> None:
        """Whatever JSON it is: never a 500, never a traceback."""
        method = "PUT" if path == "/logs/levels" else "POST"
        answer = RestServer(admin_token=TOKEN).ask(method, path, headers=BEARER, body=orjson.dumps(body))
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertIn(answer.status, (200, 201, 400, 404))

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.binary(max_size=60), max_size=6))
    def test_any_bytes_get_a_documented_answer_or_none(self, parts: list[bytes]) -> None:
        """In pieces of any size."""
        wire = RestServer().open_wire()
        for part in parts:
            if not wire.is_closed:
                wire.send(part)
        self.assert_sane(wire)
