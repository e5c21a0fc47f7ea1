"""Tests of :mod:`jsongle_server.rest_static` and :mod:`jsongle_server.rest_files`: the pages and their files."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest_files import HTML, TYPES, read_files
from tests.rest_support import RestServer

STATIC = Path(str(resources.files("jsongle_server").joinpath("static")))
PAGES = ("/", "/demo")


class StaticCase(SynchronousTestCase):
    """A server with both pages."""

    def setUp(self) -> None:
        """Make the server."""
        self.server = RestServer(demo="on")

    def policy(self, page: str) -> dict[str, list[str]]:
        """The Content-Security-Policy of a page."""
        text = str(self.server.ask("GET", page).headers["Content-Security-Policy"])
        return {name: sources for name, *sources in (directive.split() for directive in text.split(";"))}


class PageTests(StaticCase):
    """Pages."""

    def test_pages_are_html(self) -> None:
        """Both are pages in UTF-8, each the one that it should be."""
        for page, title in (("/", "dashboard"), ("/demo", "demo")):
            answer = self.server.ask("GET", page)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
            self.assertRegex(answer.body.decode(), rf"(?i)<title>[^<]*{title}[^<]*</title>")

    def test_headers(self) -> None:
        """What keeps a page to itself."""
        for page in PAGES:
            headers = self.server.ask("GET", page).headers
            self.assertEqual(
                [headers[name] for name in ("Referrer-Policy", "Cross-Origin-Opener-Policy", "X-Content-Type-Options")],
                ["no-referrer", "same-origin", "nosniff"],
            )

    def test_policy(self) -> None:
        """Scripts and styles come from here alone; nothing inline, no frames, no forms; the demo has its WebSocket."""
        expected: dict[str, Any] = {
            **{"default-src": ["'none'"], "script-src": ["'self'"], "style-src": ["'self'"]},
            **{"img-src": ["'self'", "data:"], "connect-src": ["'self'"]},
            **{"base-uri": ["'none'"], "form-action": ["'none'"], "frame-ancestors": ["'none'"]},
        }
        self.assertEqual(self.policy("/"), expected)
        expected |= {"connect-src": ["'self'", "ws://localhost:4711"], "media-src": ["'self'", "blob:"]}
        self.assertEqual(self.policy("/demo"), expected)

    def test_devices(self) -> None:
        """The demo may ask for camera and microphone, and nothing that it embeds; the dashboard has no use for them."""
        self.assertEqual(
            [self.server.ask("GET", page).headers["Permissions-Policy"] for page in PAGES],
            [
                "camera=(), microphone=(), display-capture=()",
                "camera=(self), microphone=(self), display-capture=(self)",
            ],
        )

    def test_demo_is_off_by_default(self) -> None:
        """It says how it is turned on; the client module is served all the same."""
        server = RestServer()
        answer = server.ask("GET", "/demo")
        self.assertEqual((answer.status, answer.json["errorCode"]), (404, 404000))
        self.assertIn("setting demo", answer.json["errorMsg"])
        self.assertEqual(server.ask("GET", "/static/shared/theme.css").status, 200)

    def test_pages_allow_what_the_policy_does(self) -> None:
        """No inline script or style, no handler in an attribute, only relative addresses: pages may be under a path."""
        for page in STATIC.glob("*/*.html"):
            text = page.read_text(encoding="utf-8")
            self.assertEqual(re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:|<base", text), [])
            addresses = re.findall(r'(?:src|href|action|srcset|poster)="([^"]*)"', text)
            self.assertEqual([each for each in addresses if re.match(r"\w+:(?!,)|/", each)], [])


class FileTests(StaticCase):
    """Files that pages are made of."""

    def test_every_file_of_the_package_is_served(self) -> None:
        """Each with the type of its name; pages by their own routes alone."""
        for path in (path for path in STATIC.rglob("*") if path.is_file()):
            name = path.relative_to(STATIC).as_posix()
            kind = TYPES[path.suffix[1:]]
            answer = self.server.ask("GET", f"/static/{name}")
            if kind == HTML:
                self.assertEqual((name, answer.status), (name, 404))
                continue
            self.assertEqual((name, answer.status, answer.headers["Content-Type"]), (name, 200, kind))
            self.assertEqual(answer.body, path.read_bytes())
            self.assertIn("default-src 'none'", str(answer.headers["Content-Security-Policy"]))

    def test_nothing_else_is(self) -> None:
        """Whatever a path has in it, only names of the table lead anywhere."""
        for path in (
            *("x.js", "..%2Frest.py", "../rest.py", "%2e%2e/rest.py", "shared/..%2F..%2Frest.py", "shared%2Ftheme.css"),
            *("shared", "shared/", "shared/theme.css/", "shared//theme.css", "SHARED/theme.css", "shared/theme.css%00"),
            *("demo/index.html", "dashboard/index.html", "", "a/b/c", "%00", "%5C..%5Crest.py"),
        ):
            self.assertEqual((path, self.server.ask("GET", f"/static/{path}").status), (path, 404))

    def test_read_once(self) -> None:
        """The table holds what was there at the start, two levels deep and no deeper: routes reach no further."""
        self.assertEqual([path for path in read_files() if path.count("/") > 1], [])
        self.assertIn("shared/theme.css", read_files())

    def test_head(self) -> None:
        """HEAD tells the length and sends nothing."""
        for path in (*PAGES, "/static/shared/theme.css"):
            whole, head = (self.server.ask(method, path) for method in ("GET", "HEAD"))
            self.assertEqual((head.status, head.body), (200, b""))
            for name in ("Content-Length", "Content-Type", "ETag", "Content-Security-Policy"):
                self.assertEqual(head.headers[name], whole.headers[name])

    def test_metrics_know_the_routes(self) -> None:
        """Files are counted together, under the templates of their routes."""
        self.server.ask("GET", "/static/shared/theme.css")
        self.server.ask("GET", "/static/x.js")
        self.assertEqual(self.server.metrics.requests["/static/{folder}/{file}", 200], 1)
        self.assertEqual(self.server.metrics.requests["/static/{file}", 404], 1)


class CacheTests(StaticCase):
    """What browsers keep."""

    def test_always_asked_for(self) -> None:
        """A page or file is kept, and never used without asking whether it is still the one."""
        for path in (*PAGES, "/static/shared/theme.css"):
            self.assertEqual(self.server.ask("GET", path).headers.get_all("Cache-Control"), ["no-cache"])

    def test_not_modified(self) -> None:
        """Whoever has it, by any of the tags that he names, gets no body (RFC 9110 section 13.1.2)."""
        for path in (*PAGES, "/static/shared/theme.css"):
            etag = str(self.server.ask("GET", path).headers["ETag"])
            self.assertRegex(etag, r'^"[0-9a-f]{32}"$')
            for given in (etag, f"W/{etag}", f'"x",{etag}', f'W/"x" , {etag}, "y,z"', "*", " * "):
                for method in ("GET", "HEAD"):
                    answer = self.server.ask(method, path, headers={"If-None-Match": given})
                    self.assertEqual((given, answer.status, answer.body), (given, 304, b""))
                    self.assertEqual((answer.headers["ETag"], answer.headers["Cache-Control"]), (etag, "no-cache"))

    def test_modified(self) -> None:
        """Whoever has another one, or says what cannot be read, gets it whole."""
        etag = str(self.server.ask("GET", "/static/shared/theme.css").headers["ETag"])
        for given in ('"x"', etag.strip('"'), "", etag[:-1], f"x*{etag[1:]}", "**"):
            answer = self.server.ask("GET", "/static/shared/theme.css", headers={"If-None-Match": given})
            self.assertEqual((given, answer.status), (given, 200))

    def test_page_for_another_host_is_another(self) -> None:
        """The demo differs by the address in it, and so does its tag."""
        tags = {self.server.ask("GET", "/demo", host=host).headers["ETag"] for host in ("a", "b")}
        self.assertEqual(len(tags), 2)
