"""A TCP line between a page and a server that a test can cut and mend, while the test itself blocks."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from twisted.internet.pollreactor import PollReactor
from twisted.internet.threads import blockingCallFromThread

from tests.daemons import DEADLINE
from tests.proxy import Link, Proxy


class CutLine:
    """The tests' proxy, on a reactor of its own in a thread of its own.

    It listens before there is a server, as the server is told at its start where the pages find it.

    :ivar port: where clients connect to.
    """

    def __init__(self) -> None:
        self._reactor: Any = PollReactor()
        self._thread = Thread(target=self._reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
        self._thread.start()
        self._proxy: Proxy = self._call(lambda: Proxy(self._reactor, 0))
        self.port = self._proxy.port

    def lead_to(self, port: int) -> None:
        """Passes on to a server's port on this machine from now on."""
        self._proxy.target = port

    def latest(self) -> Link:
        """The connection that was made last; only to be handed to :meth:`cut`."""
        return self._proxy.links[-1]

    def cut(self, link: Link) -> None:
        """Resets one connection, and refuses all new ones; others that are open go on."""
        self.refuse()
        self._call(link.cut)

    def refuse(self) -> None:
        """Refuses all new connections until :meth:`mend`."""
        self._call(self._proxy.refuse)

    def mend(self) -> None:
        """Takes new connections again."""
        self._call(self._proxy.accept)

    def stop(self) -> None:
        """Ends everything, and waits for the thread."""
        self._call(self._proxy.stop)
        self._reactor.callFromThread(self._reactor.stop)
        self._thread.join(DEADLINE)

    def _call(self, function: Callable[[], Any]) -> Any:
        return blockingCallFromThread(self._reactor, function)
