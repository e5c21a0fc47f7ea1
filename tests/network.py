"""A server on the real reactor behind a proxy that can spoil connections, and what scenarios over it wait with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import treq
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from jsongle_server.config import Config
from jsongle_server.logs import LogControl
from jsongle_server.service import Server, make_server
from tests.daemons import port_of
from tests.proxy import Link, Proxy
from tests.resuming_client import ResumingClient

DEADLINE: Final = 15.0
"""Seconds after which something that should have happened is given up."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Waits for something to become true.

    :raises AssertionError: it did not.
    """
    clock: Any = reactor
    end = clock.seconds() + DEADLINE
    while not condition():
        if clock.seconds() > end:
            raise AssertionError(f"waited in vain for {what}")
        await deferLater(clock, 0.002)


class NetworkCase(TestCase):
    """Starts a server, a proxy before it, and clients that go through that."""

    timeout = 60

    def serve(self, *, prepare: Callable[[Link], None] = lambda link: None, **settings: Any) -> None:
        """Starts the server and the proxy.

        :param prepare: called with each new connection through the proxy before anything passes.
        :param settings: those of the server that are not as usual.
        """
        here: dict[str, Any] = {"ws_port": 0, "rest_port": 0, "ws_host": "127.0.0.1", "rest_host": "127.0.0.1"}
        usual: dict[str, Any] = {"drain_timeout": 0, "max_concurrent_users": 500, "rate_limit": 0, "candidate_rate": 0}
        config = Config(**(here | usual | settings))
        self.server: Server = make_server(reactor, config, LogControl(), log_file=None, log_path=None)
        self.server.startService()
        self.proxy = Proxy(reactor, port_of(self.server.addresses[0]), prepare=prepare)
        self.clients: list[ResumingClient] = []
        self.addCleanup(self._stop)

    async def client(
        self, uid: str, heard: Callable[[dict[str, Any]], None] = lambda message: None, *, resumable: bool = True
    ) -> tuple[ResumingClient, Link]:
        """A client that has said hello, and its link through the proxy."""
        client = ResumingClient(reactor, self.proxy.port, uid, heard=heard, back_after=lambda: 0.0, resumable=resumable)
        self.clients.append(client)
        await client.connect()
        return client, self.proxy.links[-1]

    async def figure(self, name: str) -> float:
        """One of the server's metrics.

        :param name: its name and labels, as Prometheus writes them.
        """
        response = await treq.get(f"{self.server.addresses[1]}/metrics", persistent=False)
        text = await response.text()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def until_figure(self, name: str, value: float) -> None:
        """Waits until one of the server's metrics has a value."""
        clock: Any = reactor
        end = clock.seconds() + DEADLINE
        while await self.figure(name) != value:
            if clock.seconds() > end:
                raise AssertionError(f"waited in vain for {name} to be {value}")
            await deferLater(clock, 0.01)

    async def _stop(self) -> None:
        for client in self.clients:
            client.leave()
        await self.proxy.stop()
        await until(lambda: not any(client.wires for client in self.clients), "every client to be gone")
        await until(lambda: all(link.is_gone for link in self.proxy.links), "every link to be gone")
        await self.server.stopService()
