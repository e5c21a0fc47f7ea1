"""What the doctor says of failures and of what others say."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.doctor_findings import LONGEST_QUOTE, quoted, reason

_SSL: Final = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
_SSL.reason = "WRONG_VERSION_NUMBER"

REASONS: Final = (
    (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
    (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
    (TimeoutError(), "no answer in time"),
    (TimeoutError("timed out"), "no answer in time"),
    (TimeoutError(110, "Connection timed out"), "Connection timed out"),
    (_SSL, "wrong version number"),
    (ConnectionResetError("closed without an answer"), "closed without an answer"),
    (ConnectionResetError(), "ConnectionResetError"),
    (OSError(5, "a\nb"), "a\\nb"),
)
"""Errors, and what is said of them."""


class TextTests(SynchronousTestCase):
    """Texts that find their way into findings."""

    def test_reasons(self) -> None:
        """A failure is told in words, without numbers and places in sources, on one line."""
        for error, said in REASONS:
            self.assertEqual(reason(error), said)

    def test_quoted(self) -> None:
        """What others say fits on a line and acts on no terminal."""
        self.assertEqual(quoted("\x1b[31mred\n"), "\\x1b[31mred\\n")
        self.assertEqual(len(quoted("x" * 1000)), LONGEST_QUOTE)
