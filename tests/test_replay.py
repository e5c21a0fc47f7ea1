"""Tests of :mod:`jsongle_server.replay`."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import Outgoing, address, encode
from jsongle_server.replay import ReplayBuffer
from tests.memory import traced_memory

TO = address("alice")


def envelope(number: int, *, size: int = 0) -> Outgoing:
    """An envelope that can be told from others, and is larger by so many bytes."""
    return encode(f"m-{number}", address("bob"), {"jsongle": {"action": "session-text", "x": "x" * size}})


def read(payloads: list[bytes]) -> list[dict[str, Any]]:
    """What a client makes of bytes."""
    return [orjson.loads(payload) for payload in payloads]


class ReplayBufferTests(SynchronousTestCase):
    """What is kept of what a session was sent."""

    def fill(self, count: int, **bounds: int) -> ReplayBuffer:
        """A buffer through which so many envelopes went."""
        buffer = ReplayBuffer(**{"max_messages": 100, "max_bytes": 100_000, **bounds})
        for number in range(1, count + 1):
            buffer.number(envelope(number), TO)
        return buffer

    def test_numbers_from_one(self) -> None:
        """Envelopes are numbered 1, 2, 3, …, and are otherwise what they were."""
        buffer = ReplayBuffer(max_messages=10, max_bytes=10_000)
        first, second = read([buffer.number(envelope(number), TO) for number in (1, 2)])
        self.assertEqual([first["seq"], second["seq"], buffer.last], [1, 2, 2])
        self.assertEqual(first, {**orjson.loads(envelope(1).addressed(TO)), "seq": 1})

    def test_after(self) -> None:
        """What comes after a number is the same as it was, in order."""
        buffer = ReplayBuffer(max_messages=10, max_bytes=10_000)
        sent = [buffer.number(envelope(number), TO) for number in range(5)]
        for seq in range(6):
            self.assertTrue(buffer.has_all_after(seq))
            self.assertEqual(buffer.after(seq), sent[seq:])

    def test_more_than_was_sent(self) -> None:
        """Nobody can have seen more than was sent."""
        self.assertFalse(self.fill(3).has_all_after(4))
        self.assertFalse(self.fill(0).has_all_after(1))

    def test_bound_by_count(self) -> None:
        """Of more envelopes than may be kept, the latest are."""
        buffer = self.fill(7, max_messages=3)
        self.assertEqual([len(buffer), buffer.dropped, buffer.last], [3, 4, 7])
        self.assertEqual([message["seq"] for message in read(buffer.after(4))], [5, 6, 7])
        self.assertEqual([buffer.has_all_after(3), buffer.has_all_after(4)], [False, True])

    def test_bound_by_bytes(self) -> None:
        """So it is with bytes; exactly as many as may be kept are kept."""
        size = len(ReplayBuffer(max_messages=1, max_bytes=1000).number(envelope(1), TO))
        buffer = self.fill(3, max_bytes=2 * size)
        self.assertEqual([len(buffer), buffer.size], [2, 2 * size])
        buffer = self.fill(3, max_bytes=2 * size - 1)
        self.assertEqual([len(buffer), buffer.size], [1, size])

    def test_one_too_large(self) -> None:
        """An envelope that is larger than the whole buffer is numbered, and not kept."""
        buffer = ReplayBuffer(max_messages=10, max_bytes=1000)
        buffer.number(envelope(1), TO)
        self.assertEqual(orjson.loads(buffer.number(envelope(2, size=1000), TO))["seq"], 2)
        self.assertEqual([len(buffer), buffer.size, buffer.dropped], [0, 0, 2])
        self.assertEqual([buffer.has_all_after(1), buffer.has_all_after(2), buffer.after(2)], [False, True, []])

    @given(st.lists(st.integers(0, 400)), st.integers(1, 5), st.integers(1, 1500))
    def test_never_over_its_bounds(self, sizes: list[int], max_messages: int, max_bytes: int) -> None:
        """However envelopes come: the bounds hold, the size is that of what is kept, and that is the latest."""
        buffer = ReplayBuffer(max_messages=max_messages, max_bytes=max_bytes)
        sent = []
        for number, size in enumerate(sizes):
            sent.append(buffer.number(envelope(number, size=size), TO))
            kept = buffer.after(buffer.dropped)
            self.assertEqual(kept, sent[len(sent) - len(buffer) :])
            self.assertEqual(sum(map(len, kept)), buffer.size)
            self.assertLessEqual(len(buffer), max_messages)
            self.assertLessEqual(buffer.size, max_bytes)

    def test_takes_what_it_counts(self) -> None:
        """It takes little more memory than the bytes that it counts: its bound bounds memory."""
        buffer = self.fill(1)
        envelopes = [envelope(number, size=300) for number in range(200)]
        with traced_memory():
            for each in envelopes:
                buffer.number(each, TO)
            taken, _ = tracemalloc.get_traced_memory()
        self.assertGreater(buffer.size, 100 * 300)
        self.assertLess(taken, 1.25 * buffer.size)
