"""A client of the REST port that asks without end and takes no answer, over real sockets."""

from __future__ import annotations

import socket
from http.client import HTTPConnection

import psutil

from tests.daemons import DEADLINE, DaemonCase

METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class GreedyTests(DaemonCase):
    """Requests by the thousand in one connection."""

    def test_asks_and_takes_nothing(self) -> None:
        """The server stops reading from it, keeps little for it and serves others; who reads on has all his answers."""
        server = self.foreground("--drainTimeout=0")
        place = server.addresses[1].removeprefix("http://")
        host, _, port = place.rpartition(":")
        process = psutil.Process(server.pid)
        greedy = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self.addCleanup(greedy.close)
        self.assertEqual(self.status(place), 200)
        before = process.memory_info().rss
        sent = self.fill(greedy)
        self.assertEqual(self.status(place), 200)
        self.assertLess(process.memory_info().rss - before, 20_000_000)
        self.assertGreater(sent, 1000)
        greedy.settimeout(DEADLINE)
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 200:
            got += greedy.recv(1 << 20)
        self.assertNotIn("Traceback", server.output)

    def fill(self, connection: socket.socket) -> int:
        """Asks until the server takes no more; how many requests that were."""
        connection.settimeout(0.5)
        sent = 0
        try:
            while sent < len(METRICS) * 1_000_000:
                sent += connection.send(METRICS * 1000)
        except TimeoutError:
            return sent // len(METRICS)
        raise AssertionError("the server takes all that it is asked")

    def status(self, place: str) -> int:
        """The status of a request on a connection of its own."""
        connection = HTTPConnection(place, timeout=DEADLINE)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status
        finally:
            connection.close()
