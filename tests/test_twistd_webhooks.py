"""A real server and a real receiver of its webhooks, which goes down and comes back."""

from __future__ import annotations

import signal
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Final

from twisted.web.http_headers import Headers

from tests.daemons import DaemonCase, SocketClient, wait_until
from tests.webhook_support import Request, is_signed

SECRET: Final = "whsec_c2VjcmV0LW9mLWVub3VnaC1ieXRlcw=="
ROUNDS: Final = 10


class HookServer:
    """Takes webhooks on a free port, which stays the same when it goes down and comes back.

    :ivar requests: what came, in order.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}/hooks"

    @property
    def told(self) -> list[dict[str, Any]]:
        """What is in the requests."""
        return [request.told for request in self.requests]

    def start(self) -> None:
        """Comes up."""
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = Headers({name: [value] for name, value in self.headers.items()})
                requests.append(Request(self.path.encode(), headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self._server = HTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Goes down."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class WebhookTests(DaemonCase):
    """From what clients do to what the receiver has in the end."""

    def setUp(self) -> None:
        """Starts a receiver, a server, and two clients."""
        super().setUp()
        self.receiver = HookServer()
        self.addCleanup(self.receiver.stop)
        (self.folder / ".env").write_text(f"webhookUrl={self.receiver.url}\nwebhookSecret={SECRET}\n")
        self.server = self.foreground("--drainTimeout=0")
        self.clients = [self.client(uid) for uid in ("alice", "bob")]

    def client(self, uid: str) -> SocketClient:
        """A client that has said hello."""
        client = SocketClient(self.server.addresses[0])
        self.addCleanup(client.disconnect)
        client.greeted()
        client.hello(uid)
        return client

    def come_and_go(self, first: int) -> None:
        """Both clients join rooms and leave them, each room once."""
        for number in range(first, first + ROUNDS):
            for client in self.clients:
                rid = f"{client.identity}-{number}"
                client.ask("join", rid=rid)
                client.ask("leave", rid=rid)

    def stop(self) -> None:
        """Has the server stop, and its clients go."""
        self.server.signal(signal.SIGTERM)
        for client in self.clients:
            client.read_close()
        self.assertEqual(self.server.wait(), -signal.SIGTERM)

    def wait_for(self, count: int) -> None:
        """Waits until the receiver has that many."""
        wait_until(lambda: len(self.receiver.requests) >= count, f"{count} webhooks")

    def test_down_and_back(self) -> None:
        """Nothing is lost or doubled, all is in the order of its session, and the log says it once each."""
        self.come_and_go(0)
        self.wait_for(4 * ROUNDS)
        self.receiver.stop()
        self.come_and_go(ROUNDS)
        wait_until(lambda: "not taken by their receiver" in self.server.output, "the line that says so")
        self.receiver.start()
        self.wait_for(8 * ROUNDS)
        self.assertTrue(all(is_signed(request, SECRET) for request in self.receiver.requests))
        self.assertEqual(len({told["id"] for told in self.receiver.told}), 8 * ROUNDS)
        steps = defaultdict(list)
        for told in self.receiver.told:
            steps[told["data"]["member"]["id"]].append((told["type"], told["data"]["rid"].rpartition("-")[2]))
        each = [(kind, str(number)) for number in range(2 * ROUNDS) for kind in ("member.joined", "member.left")]
        self.assertEqual(steps, {client.identity: each for client in self.clients})
        wait_until(lambda: "by their receiver again" in self.server.output, "the line that says so")
        self.assertEqual(self.server.output.count("by their receiver"), 2)
        self.assertNotIn(SECRET, self.server.output)
        self.assertNotIn("ClientFactory", self.server.output)

    def test_missed_call_and_stop(self) -> None:
        """A call to nobody is told, and at the stop of the server that all have left."""
        alice, bob = self.clients
        alice.say("carol", "session-propose", sid="s-1", description={"media": ["audio"]})
        self.wait_for(1)
        told = self.receiver.told[0]
        self.assertEqual((told["type"], told["data"]["called"]["uid"]), ("call.missed", "carol"))
        self.assertEqual(alice.take_one()["jsongle"]["reason"], "unreachable")
        for client in (alice, bob):
            client.ask("join", rid=client.identity)
        self.stop()
        self.assertEqual(
            sorted(told["type"] for told in self.receiver.told[1:]), ["member.joined"] * 2 + ["member.left"] * 2
        )

    def test_stop_without_receiver(self) -> None:
        """A receiver that is down does not keep the server from stopping; the log says how much was lost."""
        self.receiver.stop()
        self.clients[0].ask("join", rid="tea")
        self.stop()
        self.assertIn("2 webhooks could not be delivered before the end", self.server.output)
        self.receiver.start()
