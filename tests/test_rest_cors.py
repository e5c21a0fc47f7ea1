"""Tests of :mod:`jsongle_server.rest_cors`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rest_support import TOKEN, Answer, RestServer

ALLOWED = "https://app.example"
OTHER = "http://localhost:3000"


def cors_headers(answer: Answer) -> set[str]:
    """The names of its CORS headers."""
    return {name for name in answer.headers if name.lower().startswith("access-control-")}


class CorsTests(SynchronousTestCase):
    """What pages may read."""

    def setUp(self) -> None:
        """Make a server that lets two origins in."""
        self.server = RestServer(cors_policy_origin=(ALLOWED, OTHER), admin_token=TOKEN)

    def preflight(self, server: RestServer, origin: str, path: str = "/logs/levels") -> Answer:
        """What a browser sends before a page may change the log level."""
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        return server.ask("OPTIONS", path, headers=headers)

    def test_an_allowed_origin_may_read_answers_and_errors(self) -> None:
        """It is named, and caches are told that the answer is for it alone."""
        for origin in (ALLOWED, OTHER):
            for path, status in (("/about", 200), ("/nothing", 404), ("/rooms", 401), ("/%ff", 400)):
                answer = self.server.ask("GET", path, headers={"Origin": origin})
                self.assertEqual(
                    (answer.status, answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]),
                    (status, origin, "Origin"),
                )

    def test_a_body_that_is_too_large_is_told_to_an_allowed_origin(self) -> None:
        """Though that answer is given before the request is complete."""
        answer = self.server.ask("PUT", "/logs/levels", headers={"Origin": ALLOWED}, body=b"x" * 70_000)
        self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Origin"]), (413, ALLOWED))

    def test_another_origin_is_told_nothing(self) -> None:
        """Its browser then keeps the answer from the page."""
        for origin in ("https://evil.example", "null", "", "HTTPS://APP.EXAMPLE", f"{ALLOWED}:443", "\udcff"):
            answer = self.server.ask("GET", "/about", headers={"Origin": origin})
            self.assertEqual((answer.status, cors_headers(answer)), (200, set()))

    def test_the_preflight_of_an_allowed_origin_is_answered(self) -> None:
        """Methods and headers of the administration, no body, and no token needed."""
        answer = self.preflight(self.server, ALLOWED)
        self.assertEqual((answer.status, answer.body, answer.headers["Content-Length"]), (204, b"", None))
        self.assertEqual(
            (answer.headers["Access-Control-Allow-Methods"], answer.headers["Access-Control-Allow-Headers"]),
            ("GET, HEAD, POST, PUT, DELETE", "Authorization, Content-Type"),
        )
        self.assertEqual(answer.headers["Access-Control-Max-Age"], "600")

    def test_the_connection_goes_on_after_a_preflight(self) -> None:
        """The request itself follows on it."""
        wire = self.server.open_wire()
        wire.send(
            f"OPTIONS /about HTTP/1.1\r\nOrigin: {ALLOWED}\r\nAccess-Control-Request-Method: GET\r\n\r\n".encode()
        )
        wire.read()
        wire.send(b"GET /about HTTP/1.1\r\n\r\n")
        self.assertIn(b"200 OK", wire.read())

    def test_the_preflight_of_another_origin_is_refused(self) -> None:
        """Its page goes no further."""
        answer = self.preflight(self.server, "https://evil.example")
        self.assertEqual((answer.status, cors_headers(answer)), (405, set()))

    def test_options_that_is_no_preflight_is_refused(self) -> None:
        """Nobody asks for it."""
        answer = self.server.ask("OPTIONS", "/about", headers={"Origin": ALLOWED})
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"))

    def test_without_the_setting_there_is_no_cors_header(self) -> None:
        """Neither on answers nor on preflights, and nothing varies."""
        server = RestServer()
        for answer in (
            server.ask("GET", "/about", headers={"Origin": ALLOWED}),
            self.preflight(server, ALLOWED),
        ):
            self.assertEqual((cors_headers(answer), answer.headers["Vary"]), (set(), None))
