"""The stream of events of a real server, read over a socket."""

from __future__ import annotations

import signal
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from tests.daemons import DEADLINE, DaemonCase, SocketClient
from tests.event_readers import EventParser
from tests.rest_support import TOKEN


class StreamTests(DaemonCase):
    """From the first event to the last."""

    def setUp(self) -> None:
        """Starts the server, and reads its events."""
        super().setUp()
        self.server = self.foreground(f"--adminToken={TOKEN}", "--drainTimeout=0", "--logLevel=info")
        connection = HTTPConnection(self.server.addresses[1].removeprefix("http://"), timeout=DEADLINE)
        self.addCleanup(connection.close)
        connection.request("GET", "/events?trace=on", headers={"Authorization": f"Bearer {TOKEN}"})
        self.answer: HTTPResponse = connection.getresponse()
        self.parser = EventParser()

    def read_to(self, name: str) -> Any:
        """What the next event of a name says, whatever comes before it."""
        while line := self.answer.readline():
            for event, data in self.parser.feed(line):
                if event == name:
                    return data
        raise AssertionError(f"the stream ended before {name}")

    def test_stream(self) -> None:
        """Who it is, how it is, a message of a client, who is there, and an orderly end at SIGTERM."""
        self.assertEqual(self.answer.headers["Content-Type"], "text/event-stream")
        self.assertEqual(self.read_to("server")["phase"], "ready")
        self.assertEqual(self.read_to("history")["interval"], 2.0)
        client = SocketClient(self.server.addresses[0])
        self.addCleanup(client.disconnect)
        client.hello("alice", token="SECRET-token")
        traces = [self.read_to("trace") for _ in range(3)]
        self.assertEqual([trace["direction"] for trace in traces], ["to", "from", "to"])
        self.assertEqual(traces[1]["envelope"]["jsongle"]["query"], "session-hello")
        self.assertNotIn("SECRET", str(traces))
        sample = self.read_to("sample")
        self.assertEqual(sample["sessions"]["identified"], 1)
        self.assertGreater(sample["memory"], 10_000_000)
        self.assertEqual(self.read_to("sessions")["sessions"][0]["uid"], "alice")
        self.server.signal(signal.SIGTERM)
        self.assertEqual(client.read_close()[0], 1012)
        self.answer.read()  # raises IncompleteRead unless the answer has its end
        self.server.wait()
        self.assertNotIn("Traceback", self.server.output)
        self.assertIn("trace messages: begun", self.server.output)

    def test_a_reader_keeps_no_server(self) -> None:
        """A stream that nobody reads does not delay the end."""
        self.server.signal(signal.SIGINT)
        self.server.wait()
        self.assertNotIn("Traceback", self.server.output)
