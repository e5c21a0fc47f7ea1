"""A real server that asks for signed tokens, whose keys it fetches from a real address."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from tests.daemons import DaemonCase, SocketClient, wait_until
from tests.token_makers import KEY, OTHER_KEY, jwk, key_set, token


class KeyServer:
    """Serves a key set on a free port.

    :ivar url: where.
    :ivar asked: how often it was.
    """

    def __init__(self, content: Callable[[], bytes]) -> None:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked += 1
                body = content()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self.asked = 0
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TokenTests(DaemonCase):
    """Tokens that are presented in each way."""

    def test_each_way(self) -> None:
        """A token lets in with the hello or in the address; a wrong one does not, and none of them is logged."""
        keys = KeyServer(lambda: key_set(jwk("a")))
        self.addCleanup(keys.stop)
        server = self.foreground(f"--jwksUrl={keys.url}", "--logLevel=trace")
        wait_until(lambda: keys.asked, "the request for keys")
        ws, _ = server.addresses
        expires = int(time.time()) + 3600
        good = token("alice", secret=KEY, algorithm="ES256", kid="a", exp=expires)
        bad = token("alice", secret=OTHER_KEY, algorithm="ES256", kid="a", exp=expires)
        self.assertEqual(SocketClient(ws).hello("alice", token=good)["jsongle"]["status"], "success")
        self.assertEqual(SocketClient(ws, path=f"/ws?token={good}").hello("alice")["jsongle"]["status"], "success")
        mallory = SocketClient(ws, path=f"/ws?token={bad}")
        for _ in range(3):
            self.assertEqual(mallory.hello("alice")["jsongle"]["status"], "failed")
            self.assertEqual(mallory.take_one()["jsongle"]["description"]["errorCode"], 401001)
        self.assertEqual(mallory.read_close()[0], 1008)
        wait_until(lambda: "too many refused tokens" in server.output, "the line about the end")
        for secret in (good, bad):
            for part in secret.split(".")[1:]:
                self.assertNotIn(part, server.output)
        for noise in ("may claim any user id", "HTTP11Client"):
            self.assertNotIn(noise, server.output)

    def test_without_tokens(self) -> None:
        """A server that asks for none says so, once."""
        server = self.foreground()
        wait_until(lambda: "anybody may claim any user id" in server.output, "the warning")
        self.assertEqual(server.output.count("anybody may claim any user id"), 1)
