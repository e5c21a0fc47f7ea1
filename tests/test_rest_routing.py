"""Tests of :mod:`jsongle_server.rest`: its routes, and who may use them."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import __version__
from jsongle_server.rest import RestApi
from tests.rest_support import BEARER, LOCAL, TOKEN, RestServer

MONITORING = ("/about", "/ping", "/health", "/livez", "/readyz", "/metrics", "/stats", "/telemetry", "/tests")
OPEN = (*MONITORING, "/openapi.json")
CLOSED = ("/logs", "/sessions", "/rooms", "/calls", "/blocks")


class ServerTestCase(SynchronousTestCase):
    """Has a server with a token and a log file."""

    def setUp(self) -> None:
        """Make the server."""
        log_path = self.mktemp()
        Path(log_path).write_text("a line\n", encoding="utf-8")
        self.server = RestServer(admin_token=TOKEN, log_path=log_path)


class AccessTests(ServerTestCase):
    """Which routes are behind which door."""

    def test_what_shows_no_user_is_open(self) -> None:
        """Monitoring needs no token, whether or not there is one."""
        for server in (self.server, RestServer()):
            self.assertEqual([server.ask("GET", path).status for path in OPEN], [200] * len(OPEN))

    def test_what_shows_users_or_logs_needs_the_token(self) -> None:
        """No token and a wrong one are refused, the right one is not."""
        for method, path in (*(("GET", path) for path in CLOSED), ("DELETE", "/sessions/x"), ("PUT", "/logs/levels")):
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = self.server.ask(method, path, headers=headers, peer=LOCAL)
                self.assertEqual((path, answer.status, answer.json["errorCode"]), (path, 401, 401001))
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        self.assertEqual([self.server.get(path).status for path in CLOSED], [200] * len(CLOSED))

    def test_without_a_configured_token_it_is_closed_to_everybody(self) -> None:
        """The answer says which setting opens it."""
        server = RestServer()
        for method, path in (*(("GET", path) for path in CLOSED), ("DELETE", "/sessions/x")):
            answer = server.ask(method, path, headers=BEARER, peer=LOCAL)
            self.assertEqual((answer.status, answer.json["errorCode"]), (403, 403000))
            self.assertIn("adminToken", answer.json["errorMsg"])

    def test_without_a_configured_token_the_level_is_for_local_callers(self) -> None:
        """It is changed from this machine and from nowhere else."""
        server = RestServer()
        body = b'{"level": "debug"}'
        self.assertEqual(server.ask("PUT", "/logs/levels", body=body, peer=LOCAL).status, 200)
        answer = server.ask("PUT", "/logs/levels", body=body)
        self.assertEqual((answer.status, answer.json["errorCode"]), (403, 403000))


class RoutingTests(ServerTestCase):
    """Methods and paths, good and bad."""

    def test_head_is_get_without_the_body(self) -> None:
        """The same status, headers and length, for answers and errors."""
        for path in (*OPEN, *CLOSED, "/nothing"):
            get, head = self.server.get(path), self.server.ask("HEAD", path, headers=BEARER)
            self.assertEqual((path, head.status, head.body), (path, get.status, b""))
            self.assertEqual(set(head.headers.keys()), set(get.headers.keys()))
            self.assertEqual(head.headers["Content-Type"], get.headers["Content-Type"])
            if path not in ("/metrics", "/telemetry"):
                self.assertEqual(head.headers["Content-Length"], str(len(get.body)))

    def test_other_methods_are_refused_with_those_that_are_not(self) -> None:
        """405 with Allow, on every route."""
        allowed = dict.fromkeys((*OPEN, *CLOSED), "GET, HEAD")
        allowed |= dict.fromkeys(("/sessions/x", "/rooms", "/rooms/x"), "DELETE, GET, HEAD")
        allowed |= {"/logs/levels": "PUT", "/messages": "POST", "/blocks": "GET, HEAD, POST", "/blocks/x": "DELETE"}
        for path, methods in allowed.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - set(methods.split(", ")):
                answer = self.server.ask(method, path, headers=BEARER)
                self.assertEqual((path, answer.status, answer.headers["Allow"]), (path, 405, methods))
                self.assertEqual(answer.json["errorCode"], 405000)

    def test_paths_that_are_none_are_not_found(self) -> None:
        """No redirect, no guess: slashes too many, dots, parts too many, text that means something elsewhere."""
        for path in (
            "/about/", "//about", "/%2Fabout", "/./about", "/ABOUT", "/about/x", "/logs/levels/x", "/sessions/",
            "/rooms/", "/rooms/x/y", "/about%00", "/about;x=1", "/<id>", "/%E2%82%AC", "*", "localhost:80",
            "xabout", "/" + "a" * 16000,
        ):  # fmt: skip
            answer = self.server.get(path)
            self.assertEqual((path, answer.status, answer.json["errorCode"]), (path, 404, 404000))

    def test_a_path_that_is_not_utf8_is_a_bad_request(self) -> None:
        """Percent-encoded or not."""
        for path in ("/%ff", "/about%C3", "/sessions/%80"):
            answer = self.server.get(path)
            self.assertEqual((answer.status, answer.json["errorCode"]), (400, 400001))

    def test_the_absolute_form_of_a_target_is_understood(self) -> None:
        """As RFC 9112 section 3.2.2 demands of every server."""
        for target in ("http://example.com:80/about?x", "HTTPS://x/about"):
            self.assertEqual(self.server.get(target).status, 200)
        self.assertEqual(self.server.get("http://example.com").body, self.server.get("/").body)

    def test_the_host_does_not_matter(self) -> None:
        """Routing does not depend on it, however odd it is."""
        for host in ("", "a b", "\udcff", "[::1]:80", "x" * 300, "ä.example"):
            self.assertEqual(self.server.get("/about", Host=host).status, 200)

    def test_methods_that_do_not_exist_are_not_implemented(self) -> None:
        """Also those that differ in case alone (RFC 9110 section 9.1)."""
        for method in ("get", "BREW", "G*T"):
            answer = self.server.ask(method, "/about")
            self.assertEqual((answer.status, answer.json["errorCode"]), (501, 501000))

    def test_an_exception_in_a_route_is_logged_and_says_nothing(self) -> None:
        """The caller gets 500 in JSON without a word of the exception."""

        def fail() -> None:
            raise RuntimeError("secret")

        self.patch(self.server.signaling, "sessions", fail)
        answer = self.server.get("/sessions")
        self.assertEqual((answer.status, answer.json), (500, {"errorCode": 500001, "errorMsg": "Internal error"}))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_every_answer_carries_the_standard_headers(self) -> None:
        """Who answers, that it may not be stored, and that its type is meant."""
        for path in (*OPEN, *CLOSED, "/nothing", "/%ff"):
            headers = self.server.get(path).headers
            self.assertEqual(
                (headers["Server"], headers["Cache-Control"], headers["X-Content-Type-Options"]),
                (f"jsongle-server/{__version__}", "no-store", "nosniff"),
            )
            if path not in ("/metrics", "/logs"):
                self.assertEqual(headers["Content-Type"], "application/json")


class DocumentationTests(SynchronousTestCase):
    """docs/rest.md against the code."""

    def test_the_routes_of_the_manual_are_those_of_the_server(self) -> None:
        """None is missing in it, and none is made up."""
        with open(_manual(), encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", file.read(), re.MULTILINE))
        served = {
            f"{method} " + re.sub("<([a-z]+)>", r"{\1}", rule.rule)
            for rule in RestApi.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        self.assertEqual(documented, served)


def _manual() -> str:
    return str(Path(__file__).resolve().parent.parent / "docs" / "rest.md")
