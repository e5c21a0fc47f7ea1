"""Tests of :mod:`jsongle_server.http_body`: bodies that are read as far as they are wanted."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.http_body import BodyTooLarge, read_body
from tests.web_fakes import BREAKS_OFF, NO_LENGTH, FakeResponse


class BodyTests(SynchronousTestCase):
    """What is read of an answer."""

    def test_whole(self) -> None:
        """A body that is not too large is read as a whole, with or without an announced length."""
        for response in (FakeResponse(200, b"body"), FakeResponse(200, b"body", end=NO_LENGTH)):
            self.assertEqual(self.successResultOf(read_body(response, 4)), b"body")
            self.assertFalse(response.is_aborted)

    def test_empty(self) -> None:
        """No body is an empty one."""
        self.assertEqual(self.successResultOf(read_body(FakeResponse(200, b""), 0)), b"")

    def test_too_large(self) -> None:
        """One byte more than is wanted ends the connection, and nothing is kept."""
        response = FakeResponse(200, b"body!")
        self.failureResultOf(read_body(response, 4), BodyTooLarge)
        self.assertTrue(response.is_aborted)

    def test_endless(self) -> None:
        """A body without an end does not go on for ever."""
        response = FakeResponse(200, b"x" * 100, end=None)
        self.failureResultOf(read_body(response, 10), BodyTooLarge)
        self.assertTrue(response.is_aborted)

    def test_breaks_off(self) -> None:
        """A body that breaks off is none."""
        self.failureResultOf(read_body(FakeResponse(200, b"bo", end=BREAKS_OFF), 4), ConnectionDone)

    def test_cancelled(self) -> None:
        """Whoever does not want to wait any more ends the connection."""
        response = FakeResponse(200, b"bo", end=None)
        reading = read_body(response, 4)
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.assertTrue(response.is_aborted)
