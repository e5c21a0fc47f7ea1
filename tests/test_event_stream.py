"""Tests of :mod:`jsongle_server.event_stream` and :mod:`jsongle_server.rest_streams`: slow readers, and ends."""

from __future__ import annotations

from dataclasses import replace

from jsongle_server import event_stream
from jsongle_server.event_stream import STALL_LIMIT
from jsongle_server.history import INTERVAL, MAX_SAMPLES
from jsongle_server.testing_websocket import SEND_BUFFER
from tests.event_readers import MemoryReader
from tests.rest_support import RestCase


class StreamCase(RestCase):
    """A server whose samples are taken, and a reader."""

    def setUp(self) -> None:
        """The reader has taken what comes first."""
        super().setUp()
        self.server.sampler.start()
        self.reader = MemoryReader(self.server, "/events?trace=on")
        self.reader.take()

    def tick(self, count: int = 1) -> None:
        """Some samples are taken."""
        for _ in range(count):
            self.server.clock.advance(INTERVAL)

    def stall(self) -> None:
        """The reader takes nothing, and its connection is full."""
        self.reader.stall()
        self.reader.wire.channel.pauseProducing()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self.server.api.streams)


class SlowTests(StreamCase):
    """A reader that takes nothing."""

    def test_nothing_piles_up(self) -> None:
        """However much happens, not a byte is written; then come the latest of each, and what was missed is counted."""
        self.stall()
        for number in range(20):
            self.server.user(f"u{number}").join(f"r{number}")
            self.server.control.set_level("debug" if number % 2 else "warn")
            self.tick()
        self.assertEqual(self.reader.wire.transport.held, 0)
        self.reader.read_on()
        events = dict(self.reader.take())
        self.assertEqual(sorted(events), ["level", "rooms", "sample", "sessions"])
        self.assertEqual((events["sample"]["connections"], events["rooms"]["count"]), (20, 20))
        self.assertEqual(events["level"], {"level": "debug"})
        self.tick()
        self.assertEqual(self.reader.take_data("missed"), [{"trace": 5 * 20}])

    def test_what_is_written_has_a_bound(self) -> None:
        """A reader that never takes anything has a full buffer and one event more, whatever it asked for."""
        self.tick(MAX_SAMPLES)
        reader = MemoryReader(self.server, "/events?trace=on")
        largest = reader.wire.transport.held
        reader.stall()
        alice = self.server.user("alice")
        for _ in range(30):
            for _ in range(100):
                alice.ask("ping")
            self.tick()
            if reader.wire.is_closed:
                break
        self.assertLess(reader.wire.transport.held, max(SEND_BUFFER, largest) + 2000)

    def test_it_pauses_again_in_the_middle(self) -> None:
        """What does not fit any more when it reads on waits for the next time."""
        self.stall()
        self.server.user("alice").join("tea")
        self.tick()
        write, transport = self.reader.wire.transport.write, self.reader.wire.transport

        def write_and_be_full(data: bytes) -> None:
            write(data)
            self.reader.wire.channel.pauseProducing()

        self.patch(transport, "write", write_and_be_full)
        for _ in range(3):
            self.reader.read_on()
            self.assertEqual(len(self.reader.take()), 1)

    def test_it_is_cut_off_in_the_end(self) -> None:
        """A minute is patience enough; one that reads on in time has another."""
        self.stall()
        self.server.clock.advance(STALL_LIMIT - 1)
        self.reader.read_on()
        self.stall()
        self.server.clock.advance(STALL_LIMIT - 1)
        self.assertEqual(self.streams, 1)
        self.server.clock.advance(1)
        self.reader.wire.work()
        self.assertEqual(self.streams, 0)
        self.assertIsNotNone(self.reader.wire.transport.lost)


class EndTests(StreamCase):
    """How a stream ends."""

    def test_it_lasts(self) -> None:
        """No timeout of the connection ends it, as long as its reader is there."""
        for _ in range(600):
            self.tick()
            self.assertEqual(self.reader.names(), ["sample"])
        self.assertFalse(self.reader.wire.is_closed)

    def test_a_dead_reader(self) -> None:
        """One whose machine has gone, and that answers nothing, is cut off."""
        self.patch(event_stream, "is_dead", lambda transport, limit: limit == STALL_LIMIT)
        self.tick()
        self.reader.wire.work()
        self.assertEqual(self.streams, 0)
        self.assertIsNotNone(self.reader.wire.transport.lost)

    def test_a_reader_that_goes(self) -> None:
        """It leaves nothing behind, stalled or not: no timer, nobody who looks at messages, no word in the log."""
        other = MemoryReader(self.server)
        self.stall()
        for reader in (self.reader, other):
            reader.leave()
        self.assertEqual((self.streams, len(self.server.api.streams._tables)), (0, 0))
        self.assertIsNone(self.server.signaling._services.trace)
        self.server.sampler.stop()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_another_token(self) -> None:
        """Whoever had the old one sees no more, in an orderly end; a new stream needs the new one."""
        api, config = self.server.api, self.server.config
        api.reconfigure(replace(config, admin_token="another-token-of-enough-characters"))
        self.assertEqual((self.reader.take(), self.reader.has_ended, self.streams), ([], True, 0))
        self.assertEqual(MemoryReader(self.server).answer.status, 401)
        self.tick()

    def test_other_settings(self) -> None:
        """A reload with the same token ends nothing."""
        self.server.api.reconfigure(replace(self.server.config, max_concurrent_users=7))
        self.tick()
        self.assertEqual(self.reader.names(), ["server", "sample"])

    def test_after_the_end(self) -> None:
        """A stream that has ended ends no more, waits for nobody, and says nothing."""
        stream = next(iter(self.server.api.streams._open))
        stream.end()
        stream.end()
        stream.pauseProducing()
        stream.tell(b"event: late\ndata: 1\n\n")
        self.assertEqual((self.reader.take(), self.reader.has_ended, stream.is_paused), ([], True, False))

    def test_the_server_stops(self) -> None:
        """All streams end, those of stalled readers too, and the server waits two turns, not for them."""
        other = MemoryReader(self.server)
        other.take()
        self.stall()
        self.server.sampler.stop()
        stopped = self.server.api.streams.stop()
        self.assertNoResult(stopped)
        for reader in (self.reader, other):
            reader.take()
            self.assertTrue(reader.has_ended)
        self.server.clock.advance(0)
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(self.streams, 0)

    def test_the_server_stops_without_streams(self) -> None:
        """Then it waits for nothing."""
        self.reader.leave()
        self.assertIsNone(self.successResultOf(self.server.api.streams.stop()))

    def test_the_connection_goes_on(self) -> None:
        """After a stream that has ended, the next request is answered on it."""
        self.server.api.streams.end()
        self.reader.take()
        self.reader.wire.send(b"GET /ping HTTP/1.1\r\n\r\n")
        self.assertIn(b'{"status":"OK"}', self.reader.wire.read())
