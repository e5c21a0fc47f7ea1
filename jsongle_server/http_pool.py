"""Connections to other servers that are not worth a line in the log each. Layer 4."""

from __future__ import annotations

from twisted.web.client import HTTPConnectionPool


class _QuietFactory(HTTPConnectionPool._factory):  # type: ignore[misc,valid-type]  # a class, kept in a variable
    noisy = False


class QuietPool(HTTPConnectionPool):
    """A pool that does not log two lines for each connection."""

    _factory = _QuietFactory
