"""Tests of the load generator's parts: what its clients say, how it is carried, how latency is told."""

from __future__ import annotations

import os
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.contenders import CONTENDERS
from benchmarks.load.frames import PING, PONG, TEXT
from benchmarks.load.messages import TEXT_SIZE, text
from benchmarks.load.paced import number_of, percentile
from benchmarks.load.shapes import SHAPES as LOADS
from benchmarks.load.wires import Plain, SocketIo
from benchmarks.rounds import measure
from benchmarks.shapes import SHAPES

IDENTITY = "8e784de9-0000-4000-8000-000000000000"


class MessageTests(SynchronousTestCase):
    """What clients say."""

    def test_every_text_has_the_same_size(self) -> None:
        """Addresses and ids are part of the size, the content makes up for them."""
        for to, mid in ((IDENTITY, "paced-00000001"), ("hall", "m")):
            self.assertEqual(len(orjson.dumps(text(IDENTITY, to, mid=mid))), TEXT_SIZE)


class WireTests(SynchronousTestCase):
    """How envelopes are carried."""

    def test_what_is_written_can_be_read(self) -> None:
        """Both wires read what they write."""
        envelope = text(IDENTITY, "hall", mid="m")
        for wire in (Plain(), SocketIo()):
            self.assertEqual(wire.read(unmasked(wire.frame(envelope))), envelope)

    def test_socket_io_messages_are_events(self) -> None:
        """An envelope is the argument of the event "message"."""
        self.assertEqual(unmasked(SocketIo().frame({"id": "m"})), b'42["message",{"id":"m"}]')

    def test_pings_are_answered_in_kind(self) -> None:
        """A ping of WebSocket gets a pong with its payload, one of Engine.IO its own answer, all else nothing."""
        for wire in (Plain(), SocketIo()):
            pong = wire.answer(PING, b"hey")
            assert pong is not None
            self.assertEqual((pong[0] & 15, unmasked(pong)), (PONG, b"hey"))
        answer = SocketIo().answer(TEXT, b"2")
        assert answer is not None
        self.assertEqual(unmasked(answer), b"3")
        self.assertIsNone(Plain().answer(TEXT, b"2"))
        self.assertIsNone(SocketIo().answer(TEXT, b"42[]"))


class LatencyTests(SynchronousTestCase):
    """Telling latency."""

    def test_number_of_a_message(self) -> None:
        """It is read from the id, wherever in the envelope that stands."""
        for payload in (b'{"id":"paced-00000042","from":"x"}', b'42["message",{"from":"x","id":"paced-00000042"}]'):
            self.assertEqual(number_of(payload), 42)

    def test_percentiles_are_values_that_occurred(self) -> None:
        """The smallest value that so many do not exceed."""
        ordered = [float(value) for value in range(1, 1001)]
        self.assertEqual([percentile(ordered, share) for share in (0.5, 0.99, 0.999, 1.0)], [500, 990, 999, 1000])

    @given(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.floats(min_value=0.001, max_value=1)
    )
    def test_percentiles_by_counting(self, values: list[float], share: float) -> None:
        """At least that share does not exceed the percentile, and less than that is below it."""
        found = percentile(sorted(values), share)
        self.assertGreaterEqual(sum(value <= found for value in values), share * len(values))
        self.assertLess(sum(value < found for value in values), share * len(values))


class MeasuringTests(SynchronousTestCase):
    """Whole measurements."""

    def test_every_shape_has_its_load(self) -> None:
        """What is told of is what can be measured."""
        self.assertEqual([shape.name for shape in SHAPES], list(LOADS))

    def test_this_server_relays(self) -> None:
        """A tiny measurement of this server, with TLS and without: its first messages are checked, and none is lost."""
        shape = next(shape for shape in SHAPES if shape.name == "burst")
        cores = sorted(os.sched_getaffinity(0))
        for own in CONTENDERS[:2]:
            measured = measure(own, replace(shape, warm_up=0.0, seconds=0.1), cores=(cores[0], cores[-1]))
            self.assertGreater(measured.figures["relayed"], 0, own.name)


def unmasked(frame: bytes) -> bytes:
    """The payload of a client's frame."""
    start = 4 if frame[1] & 0x7F == 126 else 2
    key, masked = frame[start : start + 4], frame[start + 4 :]
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(masked))
