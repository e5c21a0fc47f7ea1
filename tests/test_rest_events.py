"""Tests of :mod:`jsongle_server.rest_events`: what a stream of events says, and to whom."""

from __future__ import annotations

from dataclasses import replace

from jsongle_server import __version__
from jsongle_server.history import INTERVAL
from jsongle_server.lifecycle import Phase
from jsongle_server.logs import LEVELS
from jsongle_server.rest_streams import MAX_STREAMS
from tests.event_readers import MemoryReader
from tests.rest_support import MEMORY, TOKEN, RestCase, RestServer


class EventCase(RestCase):
    """A server whose samples are taken."""

    def setUp(self) -> None:
        """Start taking them."""
        super().setUp()
        self.server.sampler.start()

    def tick(self) -> None:
        """Have a sample taken."""
        self.server.clock.advance(INTERVAL)


class AnswerTests(EventCase):
    """The answer itself."""

    def test_headers(self) -> None:
        """It is a stream that nobody keeps: not a cache, not a proxy."""
        answer = MemoryReader(self.server).answer
        self.assertEqual(answer.status, 200)
        for name, value in (
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-store"),
            ("X-Accel-Buffering", "no"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Length", None),
        ):
            self.assertEqual((name, answer.headers[name]), (name, value))

    def test_head(self) -> None:
        """The same headers, and the answer ends."""
        answer = self.do("HEAD", "/events")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        self.assertEqual(len(self.server.api.streams), 0)

    def test_refused(self) -> None:
        """Without the token, with a wrong one, where none is configured, and with what is no parameter."""
        self.assert_refused(self.server.ask("GET", "/events"), 401)
        self.assert_refused(self.server.ask("GET", "/events", headers={"Authorization": "Bearer x"}), 401)
        self.assert_refused(RestServer().get("/events"), 403, "adminToken")
        self.assert_refused(self.do("GET", "/events?trace=yes"), 400, "on, off")
        self.assert_refused(self.do("GET", f"/events?find={'x' * 257}"), 400, "find")
        self.assert_refused(self.do("GET", f"/events?token={TOKEN}"), 400, "find, trace, match")
        self.assertEqual(len(self.server.api.streams), 0)

    def test_pages_of_other_origins(self) -> None:
        """Those that are allowed may read it."""
        server = RestServer(admin_token=TOKEN, cors_policy_origin=("https://ops.example",))
        wire = server.open_wire()
        wire.send(
            f"GET /events HTTP/1.1\r\nOrigin: https://ops.example\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        self.assertIn(b"Access-Control-Allow-Origin: https://ops.example\r\n", wire.read())

    def test_most_streams(self) -> None:
        """One more is told when to try again; it may come as soon as one has gone."""
        readers = [MemoryReader(self.server) for _ in range(MAX_STREAMS)]
        refused = MemoryReader(self.server).answer
        self.assert_refused(refused, 503, str(MAX_STREAMS))
        self.assertEqual(refused.headers["Retry-After"], "5")
        readers[3].leave()
        self.assertEqual(MemoryReader(self.server).answer.status, 200)
        self.assertEqual(len(self.server.api.streams), MAX_STREAMS)

    def test_old_http(self) -> None:
        """HTTP/1.0 knows no chunks: there the events come as they are."""
        reader = MemoryReader(self.server, version="1.0")
        self.assertEqual(reader.answer.status, 200)
        self.assertTrue(reader.wire.read().startswith(b"event: server\ndata: {"))


class BeginningTests(EventCase):
    """What a stream begins with, and how it goes on."""

    def test_server(self) -> None:
        """First of all: who it is."""
        name, server = MemoryReader(self.server).take()[0]
        self.assertEqual(name, "server")
        self.assertEqual(
            server,
            {
                "id": "barracuda",
                "version": __version__,
                "started": "2026-11-22T14:09:08.451Z",
                "phase": "ready",
                "level": "info",
                "levels": list(LEVELS),
                "interval": 2.0,
                "limits": {
                    "maxConcurrentUsers": 50,
                    "maxMembersPerRoom": 0,
                    "maxMembersPerMultiRoom": 0,
                    "maxRoomsPerUser": 50,
                },
            },
        )

    def test_server_changes(self) -> None:
        """With the sample after it is something else: in another phase, or with other limits."""
        reader = MemoryReader(self.server)
        reader.take()
        self.server.lifecycle.phase = Phase.DRAINING
        self.server.api.reconfigure(replace(self.server.config, max_rooms_per_user=7))
        self.tick()
        (name, server), (then, _) = reader.take()
        self.assertEqual((name, then), ("server", "sample"))
        self.assertEqual((server["phase"], server["limits"]["maxRoomsPerUser"]), ("draining", 7))
        self.tick()
        self.assertEqual(reader.names(), ["sample"])

    def test_history(self) -> None:
        """Then how it was before anybody looked, the oldest sample first."""
        self.tick()
        self.server.user("alice")
        self.tick()
        name, history = MemoryReader(self.server).take()[1]
        self.assertEqual((name, history["interval"]), ("history", 2.0))
        self.assertEqual([sample["connections"] for sample in history["samples"]], [0, 1])

    def test_samples(self) -> None:
        """Then a sample every two seconds, to every reader."""
        readers = [MemoryReader(self.server) for _ in range(2)]
        for reader in readers:
            reader.take()
        self.server.user("alice")
        self.tick()
        for reader in readers:
            (sample,) = reader.take_data("sample")
            self.assertEqual((sample["connections"], sample["memory"]), (1, MEMORY))

    def test_level(self) -> None:
        """Whoever changes the log level, all are told once; setting it to what it is is no change."""
        reader = MemoryReader(self.server)
        reader.take()
        self.do("PUT", "/logs/levels", {"level": "debug"})
        self.server.control.set_level("debug")
        self.assertEqual(reader.take(), [("level", {"level": "debug"})])

    def test_a_clock_that_was_set_back(self) -> None:
        """The next sample of a new stream does not wait for the time that was lost."""
        self.server.clock.rightNow -= 3600
        reader = MemoryReader(self.server)
        reader.take()
        self.tick()
        self.assertEqual(reader.names(), ["sample"])

    def test_text_ends_no_event(self) -> None:
        """What clients put into names stays inside of the JSON, line ends and all."""
        server = RestServer(admin_token=TOKEN, id='a\r\n\r\nevent: fake\ndata: {}\n\n\u2028"')
        self.assertEqual(MemoryReader(server).names()[:2], ["server", "history"])
