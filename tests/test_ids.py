"""Tests of :mod:`jsongle_server.ids`."""

from __future__ import annotations

import uuid
from os import urandom

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import ids
from jsongle_server.ids import Ids

SEVERAL_BATCHES = 5 * 128 + 1


class IdsTests(SynchronousTestCase):
    """UUID4 strings, made a batch at a time."""

    def test_form(self) -> None:
        """Each is a UUID of version 4 and the variant of the RFC, written as UUIDs are."""
        new_id = Ids()
        for _ in range(SEVERAL_BATCHES):
            text = new_id()
            parsed = uuid.UUID(text)
            self.assertEqual((str(parsed), parsed.version, parsed.variant), (text, 4, uuid.RFC_4122))

    def test_unique(self) -> None:
        """No two are the same, over several batches, nor those of two makers."""
        makers = Ids(), Ids()
        made = [new_id() for _ in range(SEVERAL_BATCHES) for new_id in makers]
        self.assertEqual(len(set(made)), len(made))

    def test_batches(self) -> None:
        """The system is asked for random bytes once for many ids: that is what makes them cheap."""
        asked: list[int] = []

        def counted(size: int) -> bytes:
            asked.append(size)
            return urandom(size)

        self.patch(ids, "urandom", counted)
        new_id = Ids()
        made = [new_id() for _ in range(SEVERAL_BATCHES)]
        self.assertLessEqual(len(asked), len(made) // 100)
        self.assertEqual(sum(asked) % 16, 0)
        self.assertGreaterEqual(sum(asked), 16 * len(made))

    @given(st.binary(min_size=16, max_size=16))
    def test_random_bytes_are_kept(self, random: bytes) -> None:
        """All but the six bits of version and variant are as the system gave them."""
        self.patch(ids, "urandom", lambda size: random * (size // 16))
        self.assertEqual(Ids()(), str(uuid.UUID(bytes=random, version=4)))
