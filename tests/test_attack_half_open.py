"""Ten thousand connections that begin their opening handshake and never end it."""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
import tracemalloc
from functools import partial
from http.client import HTTPConnection
from typing import Final

import psutil
from twisted.internet.error import ConnectionAborted
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WebSocketWire
from jsongle_server.websocket import HANDSHAKE_TIMEOUT
from tests.daemons import DEADLINE, DaemonCase, Foreground, SocketClient, wait_until
from tests.memory import traced_memory

MANY: Final = 10_000
REQUEST: Final = "\r\n".join((*HANDSHAKE, "", "")).encode()

MOST_EACH: Final = 10_000
"""Bytes that one of them may take in the process of the server, whatever it has sent: two thirds are its socket's."""

MOST_EACH_IN_MEMORY: Final = 6_000
"""Bytes that one may take in memory, the fakes included, which take most of it."""

SPARE: Final = 200
"""Descriptors that tests and servers need for themselves."""


class InMemoryTests(SynchronousTestCase):
    """What becomes of them, on a clock."""

    def setUp(self) -> None:
        """Starts a server with room for two."""
        self.server = WebSocketMemoryServer(max_concurrent_users=2, ping_interval=0)

    def open(self, number: int) -> WebSocketWire:
        """One more, that stops anywhere in its handshake."""
        wire = self.server.open_wire(host=f"192.0.{number >> 8 & 255}.{number & 255}")
        # Gone at once: a Clock sorts all its calls with each new one, which takes long for ten thousand.
        wire.transport.abortConnection = partial(wire.transport.cut, ConnectionAborted())  # type: ignore[method-assign]
        wire.send(REQUEST[: number % len(REQUEST)])
        return wire

    def assert_served(self, uid: str) -> None:
        """A client that is in earnest is served."""
        client = self.server.user(uid)
        self.assertEqual(client.ask("ping")["jsongle"]["action"], "iq-result")
        self.server.drop(client)

    def test_dropped_in_time(self) -> None:
        """They take nobody's place, one timer waits for all of them, and after the handshake timeout they are gone."""
        wires = [self.open(number) for number in range(MANY)]
        self.assertEqual(len(self.server.factory.connections), MANY)
        self.assertEqual(self.server.signaling.connection_count, 0)
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
        self.assert_served("alice")
        self.server.clock.advance(HANDSHAKE_TIMEOUT - 0.1)
        self.assertEqual(len(self.server.factory.connections), MANY)
        self.server.clock.advance(0.1)
        self.server.clock.advance(0)
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual([wire for wire in wires if wire.transport.lost is None], [])
        self.assertEqual(self.server.metrics.refusals["timeout"], MANY)
        self.assert_served("bob")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_coming_all_the_time(self) -> None:
        """However long it goes on, no more are there than come within the timeout."""
        for second in range(20):
            for number in range(100):
                self.open(number)
            self.server.clock.advance(1)
            self.server.clock.advance(0)
            self.assertLessEqual(len(self.server.factory.connections), 100 * min(second + 1, int(HANDSHAKE_TIMEOUT)))
        self.assert_served("alice")

    def test_memory(self) -> None:
        """What they take is bounded, and given back."""
        self.open(1)
        self.server.clock.advance(HANDSHAKE_TIMEOUT)
        self.server.clock.advance(0)
        with traced_memory():
            wires = [self.open(number) for number in range(1000)]
            self.assertLess(tracemalloc.get_traced_memory()[0], 1000 * MOST_EACH_IN_MEMORY)
            self.server.clock.advance(HANDSHAKE_TIMEOUT)
            self.server.clock.advance(0)
            del wires
            gc.collect()
            self.assertLess(tracemalloc.get_traced_memory()[0], 100_000)


class OverSocketsTests(DaemonCase):
    """The same with a real server, and as many sockets as this process may have."""

    def setUp(self) -> None:
        """Takes as many descriptors as it may."""
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.room = MANY if hard == resource.RLIM_INFINITY else min(MANY, hard - SPARE)

    def open(self, address: str, count: int) -> list[socket.socket]:
        """Half-open connections, from many addresses of this machine: each has no more ports than others need."""
        _, _, port = address.rpartition(":")
        opened = []
        for number in range(count):
            source = (f"127.0.{number >> 12}.{2 + (number >> 4) % 250}", 0)
            connection = socket.create_connection(("127.0.0.1", int(port)), timeout=DEADLINE, source_address=source)
            self.addCleanup(connection.close)
            with contextlib.suppress(ConnectionError):  # a server without descriptors may have hung up by now
                connection.sendall(REQUEST[: number % len(REQUEST)])
            opened.append(connection)
        return opened

    def assert_served(self, server: Foreground) -> None:
        """A client that is in earnest is served, on both ports."""
        client = SocketClient(server.addresses[0])
        self.assertEqual(client.hello("alice")["jsongle"]["status"], "success")
        client.disconnect()
        rest = HTTPConnection(server.addresses[1].removeprefix("http://"), timeout=DEADLINE)
        with contextlib.closing(rest):
            rest.request("GET", "/ping", headers={"Connection": "close"})
            self.assertEqual(rest.getresponse().status, 200)

    def test_ten_thousand_and_more_than_there_are_descriptors_for(self) -> None:
        """Others are served meanwhile, and little memory is taken; a server that runs out of descriptors recovers."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
        small = self.foreground("--drainTimeout=0")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        large = self.foreground("--drainTimeout=0", "--logLevel=warn")
        room, process = psutil.Process(small.pid), psutil.Process(large.pid)
        self.assert_served(large)  # by then it has opened whatever it needs
        wait_until(lambda: {each.status for each in process.net_connections()} == {psutil.CONN_LISTEN}, "no client")
        before, had = process.memory_info().rss, process.num_fds()
        opened = self.open(small.addresses[0], 300)
        opened += self.open(large.addresses[0], self.room - 300)
        self.assert_served(large)
        self.assertLess(process.memory_info().rss - before, len(opened) * MOST_EACH + 10_000_000)
        wait_until(lambda: process.num_fds() <= had, "all of them to be dropped")
        wait_until(lambda: room.num_fds() < 60, "descriptors to be given back")
        for server in (small, large):
            self.assert_served(server)
            self.assertNotIn("Traceback", server.output)
