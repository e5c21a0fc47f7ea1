"""What the doctor says when the opening handshake is answered by something else."""

from __future__ import annotations

from importlib import resources
from typing import Final

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.doctor_findings import Level
from jsongle_server.doctor_upgrade import judge_answer
from jsongle_server.doctor_wire import HttpAnswer

PAGE: Final = b"<html>Welcome to nginx!</html>"
OWN_PAGE: Final = resources.files("jsongle_server").joinpath("static/dashboard/index.html").read_bytes()

ANSWERS: Final = (
    (101, PAGE, "has not read the handshake", "caches"),
    (200, PAGE, "a page of somebody else", "path"),
    (200, OWN_PAGE, "a page of the server", "WebSocket port"),
    (400, PAGE, "does not like the request", "proxy_set_header Upgrade $http_upgrade"),
    (401, PAGE, "wants a user and a password", "without"),
    (403, PAGE, "does not let this request through", "let WebSockets through"),
    (404, PAGE, "nothing is at this path", "path"),
    (405, PAGE, "takes no such requests", "path"),
    (418, PAGE, "no answer to a WebSocket handshake", "path"),
    (426, PAGE, "wants another protocol", "HTTP/1.1"),
    (502, PAGE, "the proxy does not reach the server", "start the server"),
    (503, PAGE, "has no server to pass this on to", "start the server"),
    (504, PAGE, "waits for the server in vain", "start the server"),
    (505, PAGE, "wants another version of HTTP", "over HTTP/1.1"),
    (400, None, "no longer a whole handshake", "proxy_set_header Upgrade $http_upgrade"),
    (403, None, "refuses the handshake", "log"),
    (404, None, "takes no WebSockets there", "/socket.io/"),
    (426, None, "without 'Upgrade'", "proxy_set_header Upgrade $http_upgrade"),
    (429, None, "too many connections from this address", "trustedProxies"),
    (503, None, "takes no new clients now", "maxConcurrentUsers"),
    (505, None, "in another version of HTTP", "over HTTP/1.1"),
)
"""Status, body (``None``: one of this server), a part of what is seen, and one of what is to be done."""


class AnswerTests(SynchronousTestCase):
    """Answers to the handshake."""

    def test_meanings(self) -> None:
        """Each answer is a problem with a meaning of its own, and what is to be done."""
        own = orjson.dumps({"errorCode": 1, "errorMsg": "The reason"})
        for status, body, seen, advice in ANSWERS:
            finding = judge_answer(HttpAnswer(status, {}, own if body is None else body), is_local=False)
            self.assertEqual(finding.level, Level.PROBLEM)
            self.assertIn(f"{status}: ", finding.seen)
            self.assertIn(seen, finding.seen)
            self.assertIn(advice, finding.advice)
            self.assertEqual("The reason" in finding.seen, body is None)

    def test_redirects(self) -> None:
        """Where it leads is said, without a query and on one line."""
        for location, shown in (
            ("https://example.org/ws?token=secret", "https://example.org/ws"),
            ("/\x1b[31m", "/\\x1b[31m"),
        ):
            finding = judge_answer(HttpAnswer(301, {"location": location}, b""), is_local=False)
            self.assertEqual(finding.seen, f"301: sent on to {shown}")
        self.assertIn("somewhere else", judge_answer(HttpAnswer(302, {}, b""), is_local=False).seen)

    def test_local(self) -> None:
        """Without a proxy in between, it is another program that answers on the port."""
        finding = judge_answer(HttpAnswer(404, {}, PAGE), is_local=True)
        self.assertIn("something else listens on the port", finding.seen)

    def test_json_of_others(self) -> None:
        """JSON that is none of this server's errors is somebody else's."""
        for body in (b"{}", b"[]", b'"errorCode"', b"{"):
            self.assertIn("nothing is at this path", judge_answer(HttpAnswer(404, {}, body), is_local=False).seen)
