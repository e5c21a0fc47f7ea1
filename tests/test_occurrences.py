"""Tests of :mod:`jsongle_server.occurrences`: what is told of people and calls."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import json_size
from jsongle_server.occurrences import MAX_MEDIA, media_of, person


class PersonTests(SynchronousTestCase):
    """Who somebody is."""

    def test_least(self) -> None:
        """Identity, user id and display name are told, whatever else a client says of itself."""
        shown = {"uid": "alice", "dn": "Alice", "id": "i-1", "phone": "555"}
        self.assertEqual(person(shown), {"id": "i-1", "uid": "alice", "dn": "Alice"})

    def test_without_name(self) -> None:
        """Who has no display name has none."""
        self.assertEqual(person({"uid": "alice", "id": "i-1"}), {"id": "i-1", "uid": "alice", "dn": None})


class MediaTests(SynchronousTestCase):
    """What a call is to carry."""

    def test_as_proposed(self) -> None:
        """It is told as the propose has it."""
        for media in (["audio", "video"], "audio", {"audio": True}):
            self.assertEqual(media_of({"description": {"media": media}}), media)

    def test_not_said(self) -> None:
        """A propose need not say so, nor have a description at all."""
        self.assertIsNone(media_of({}))
        for description in (None, ["media"], "media", {"sdp": "v=0"}):
            self.assertIsNone(media_of({"description": description}))

    def test_bound(self) -> None:
        """What is larger than media ever are is not told."""
        fitting = "x" * (MAX_MEDIA - json_size({"media": ""}))
        self.assertEqual(media_of({"description": {"media": fitting}}), fitting)
        self.assertIsNone(media_of({"description": {"media": fitting + "x"}}))
