"""How much work a message is: counted, not timed, so that it is the same on any machine, and no slow way creeps back.

The bounds stand about 15 % above what is counted today. Whoever has a good reason to go over one says so by raising it.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from types import FrameType, TracebackType
from typing import Any, cast

import orjson
from twisted.internet import task, testing
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import testing_websocket
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient, masked_frame

MAX_CALLS = 148
"""Calls for a message that comes alone, its ack and the turns of the reactor included: 129 when this was written."""

MAX_CALLS_IN_A_BURST = 106
"""Calls for each of many messages that come in one read: 92 when this was written."""

MAX_CALLS_FOR_A_MEMBER = 25
"""Calls for each further recipient of a message: 22 when this was written."""

MAX_BLOCKS = 0.5
"""Blocks of memory that may be left of a message: 0 when this was written, but for what Python does now and then."""


FAKES = frozenset((task.__file__, testing.__file__, testing_websocket.__file__, __file__))
"""Where the clock, the transports and the clients of these tests are."""


class Work:
    """Counts the calls of functions while it is in force, those of functions in C included.

    :ivar calls: how often each was called, by qualified name.
    :ivar own: the same without what the fakes call.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.own: Counter[str] = Counter()

    def __enter__(self) -> Work:
        gc.disable()
        sys.setprofile(self._see)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        gc.enable()

    @property
    def total(self) -> int:
        """How many calls there were, without those that the fakes make."""
        return sum(self.own.values())

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            name, caller = frame.f_code.co_qualname, frame.f_back
        elif event == "c_call":
            name, caller = argument.__qualname__, frame
        else:
            return
        self.calls[name] += 1
        if caller is None or caller.f_code.co_filename not in FAKES:
            self.own[name] += 1


class WorkCase(SynchronousTestCase):
    """A server with default settings, rates aside, that has been in use for a while."""

    def setUp(self) -> None:
        """Alice and Bob are there."""
        self.server = WebSocketMemoryServer(rate_limit=0, max_concurrent_users=1000)
        self.alice, self.bob = (self.user(uid) for uid in ("alice", "bob"))

    def user(self, uid: str) -> WireClient:
        """A client that has said hello."""
        return cast(WireClient, self.server.user(uid))

    def texts(self, to: str, *, count: int = 1) -> bytes:
        """So many messages of about 400 bytes, as clients write them."""
        jsongle = {"action": "session-text", "namespace": "message", "description": {"content": "x" * 200}}
        fields = {"id": "c0a8012e-1f2e-4b0e-9d2f-0c5d2f6b7a10", "from": self.alice.identity, "to": to}
        return masked_frame(1, orjson.dumps({**fields, "jsongle": jsongle})) * count

    def work(self, read: bytes) -> Work:
        """What is done from a read of Alice's to the end of all that follows from it, after some reads before."""
        for _ in range(5):
            self.handle(read)
        with Work() as work:
            self.handle(read)
        return work

    def handle(self, read: bytes) -> None:
        """One read and the turns after it."""
        self.alice.wire.protocol.dataReceived(read)
        self.server.clock.advance(0)

    def assert_calls(self, work: Work, calls: float, most: float) -> None:
        """There are not more calls than there may be; if there are, says what to look at."""
        self.assertLessEqual(calls, most, f"calls: {work.own.most_common()}")


class DirectTests(WorkCase):
    """One message from Alice to Bob."""

    def test_calls(self) -> None:
        """From the bytes that came to those that go, there is no more to do than there was."""
        work = self.work(self.texts(self.bob.identity))
        self.assert_calls(work, work.total, MAX_CALLS)

    def test_calls_in_a_burst(self) -> None:
        """When many come in one read, each takes less."""
        work = self.work(self.texts(self.bob.identity, count=50))
        self.assert_calls(work, work.total / 50, MAX_CALLS_IN_A_BURST)

    def test_writes(self) -> None:
        """Each client gets one write: Bob for the message, Alice for the ack, however many come in a read."""
        for count in (1, 5):
            work = self.work(self.texts(self.bob.identity, count=count))
            self.assertEqual(work.own["MemoryTransport.write"], 2)
            self.assertEqual([len(each.take()) for each in (self.alice, self.bob)], [6 * count, 6 * count])

    def test_writes_both_ways(self) -> None:
        """While both speak, the acks go along with messages and take no write of their own."""
        answer = masked_frame(1, orjson.dumps({"to": "alice", "jsongle": {"action": "session-text"}}))
        with Work() as work:
            for _ in range(10):
                self.alice.wire.protocol.dataReceived(self.texts(self.bob.identity))
                self.bob.wire.protocol.dataReceived(answer)
        self.assertEqual(work.calls["MemoryTransport.write"], 20)

    def test_encodings(self) -> None:
        """A message is parsed once and written once, its ack is written once, and the ids of both are."""
        work = self.work(self.texts(self.bob.identity))
        self.assertEqual(work.calls["loads"], 1)
        self.assertLessEqual(work.calls["dumps"], 4)

    def test_clock(self) -> None:
        """The time is read for a read and for each message; a turn has a timer, a message two looks at a stopwatch."""
        for count in (1, 5, 50):
            work = self.work(self.texts(self.bob.identity, count=count))
            self.assertEqual(work.own["Clock.seconds"], 1 + count)
            self.assertLessEqual(work.own["Clock.callLater"], 2)
            self.assertEqual(work.own["perf_counter"], 2 * count)

    def test_nothing_is_logged(self) -> None:
        """At the default level no event is made, not even to be thrown away."""
        work = self.work(self.texts(self.bob.identity, count=5))
        for name in (
            "Logger.emit",
            "Logger.debug",
            "Logger.info",
            "log_message",
            "Tracer.see",
            "LogPublisher.__call__",
        ):
            self.assertEqual(work.calls[name], 0, name)

    def test_nothing_is_left(self) -> None:
        """A message that was relayed takes no memory afterwards."""
        read = self.texts(self.bob.identity)
        for _ in range(50):
            self.handle(read)
        self.alice.wire.transport.clear()
        self.bob.wire.transport.clear()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(200):
            self.handle(read)
        gc.collect()
        self.assertLess((sys.getallocatedblocks() - before) / 200, MAX_BLOCKS)


class ListenerTests(WorkCase):
    """What is told of joins, leaves and calls."""

    def come_and_call(self, number: int) -> Work:
        """What it is that Alice joins and leaves a room, calls Bob, who answers, and calls nobody."""
        sid = f"s-{number}"
        with Work() as work:
            self.alice.join("tea")
            self.alice.ask("leave", rid="tea")
            self.alice.say("bob", "session-propose", sid=sid)
            self.bob.say(self.alice.identity, "session-proceed", sid=sid)
            self.alice.say("bob", "session-terminate", sid=sid)
            self.alice.say("nobody", "session-propose", sid=f"n-{number}")
        for client in (self.alice, self.bob):
            client.take()
        return work

    def test_nobody_listens(self) -> None:
        """Then nothing is made of it: all that is added is a few looks at whether somebody does."""
        alone = self.come_and_call(0)
        self.assertEqual(sum(alone.calls[name] for name in ("person", "media_of", "_called_uid", "_winner")), 0)
        self.server.listen()
        heard = self.come_and_call(1)
        self.assertEqual(len(self.server.occurrences), 6)
        self.assertGreaterEqual(heard.calls["person"], 6)

    def test_relay(self) -> None:
        """A message that is relayed is as much to do as ever, whether or not somebody listens."""
        alone = self.work(self.texts(self.bob.identity)).total
        self.server.listen()
        self.assertEqual(self.work(self.texts(self.bob.identity)).total, alone)
        self.assertEqual(self.server.occurrences, [])


class FanOutTests(WorkCase):
    """One message from Alice to a room."""

    def members(self, count: int) -> Work:
        """What a message to a room with so many others is."""
        self.setUp()
        for client in [self.alice, *(self.user(f"u{number}") for number in range(count))]:
            client.join("room", muc=True)
        return self.work(self.texts("room"))

    def test_encodings(self) -> None:
        """The message is written once, however many there are."""
        few, many = self.members(2), self.members(20)
        self.assertEqual(few.calls["dumps"], many.calls["dumps"])
        self.assertEqual(few.calls["loads"], many.calls["loads"])

    def test_calls(self) -> None:
        """A member more is little more to do."""
        few, many = self.members(10), self.members(30)
        self.assert_calls(many, (many.total - few.total) / 20, MAX_CALLS_FOR_A_MEMBER)

    def test_writes(self) -> None:
        """Each member gets one write, and Alice hers."""
        self.assertEqual(self.members(20).calls["MemoryTransport.write"], 21)

    def test_clock(self) -> None:
        """The time is read no more often for many than for few."""
        few, many = self.members(2), self.members(20)
        for name in ("Clock.seconds", "perf_counter", "Clock.callLater"):
            self.assertEqual(few.own[name], many.own[name], name)

    def test_nothing_is_logged(self) -> None:
        """No event is made for any of them."""
        self.assertEqual(self.members(20).calls["Logger.emit"], 0)
