"""Tests of :mod:`jsongle_server.openapi`: the document against what is served."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import schemathesis
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import __version__
from jsongle_server.openapi import SCHEME
from jsongle_server.rest import ROUTES, RestApi
from jsongle_server.rest_files import make_file
from tests.rest_support import LOCAL, TOKEN, RestServer


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What a document describes, by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


class DocumentTests(SynchronousTestCase):
    """What the document says."""

    def setUp(self) -> None:
        """Get the document as anybody would."""
        self.server = RestServer(admin_token=TOKEN, demo="on")
        answer = self.server.ask("GET", "/openapi.json")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
        self.document = answer.json
        self.operations = operations(self.document)

    def test_it_says_what_it_is(self) -> None:
        """Its version is that of OpenAPI, and in it that of the server."""
        self.assertEqual((self.document["openapi"], self.document["info"]["version"]), ("3.1.0", __version__))

    def test_it_is_valid(self) -> None:
        """It fits the schema that OpenAPI 3.1 itself has; one in which something is missing does not."""
        schemathesis.openapi.from_dict(self.document).validate()
        del self.document["paths"]["/about"]["get"]["responses"]["200"]["description"]
        with self.assertRaises(jsonschema_rs.ValidationError):
            schemathesis.openapi.from_dict(self.document).validate()

    def test_its_operations_are_the_routes(self) -> None:
        """None is missing, and none is made up; HEAD goes along with GET."""
        served = {
            (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
            for rule in RestApi.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        self.assertEqual(set(self.operations), served)

    def test_operations_have_names_of_their_own_and_summaries(self) -> None:
        """Generators of clients make functions of them."""
        names = [operation["operationId"] for operation in self.operations.values()]
        self.assertEqual(len(set(names)), len(ROUTES))
        self.assertEqual([name for name in names if not re.fullmatch(r"[a-z_]+", name)], [])
        self.assertNotIn("", [operation["summary"] for operation in self.operations.values()])

    def test_every_parameter_of_a_path_is_described(self) -> None:
        """As OpenAPI demands."""
        for (_, path), operation in self.operations.items():
            described = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
            self.assertEqual(described, re.findall(r"{(\w+)}", path))

    def test_what_is_documented_as_closed_is_closed(self) -> None:
        """Without the token the answer is 401, and 403 where none is configured, whatever else is asked for."""
        closed = [key for key, operation in self.operations.items() if operation["security"] == [{SCHEME: []}]]
        self.assertIn(("GET", "/logs"), closed)
        for method, path in closed:
            self.assertEqual((path, self.server.ask(method, path, peer=LOCAL).status), (path, 401))
            self.assertEqual((path, RestServer().ask(method, path, peer=LOCAL).status), (path, 403))

    def test_what_is_documented_as_half_open_is_open_to_local_callers_without_a_token(self) -> None:
        """And to nobody else; with a token configured it takes that."""
        half_open = [key for key, operation in self.operations.items() if operation["security"] == [{}, {SCHEME: []}]]
        self.assertEqual(half_open, [("PUT", "/logs/levels")])
        for method, path in half_open:
            self.assertEqual(self.server.ask(method, path, peer=LOCAL).status, 401)
            self.assertEqual(RestServer().ask(method, path).status, 403)
            self.assertEqual(RestServer().ask(method, path, peer=LOCAL).status, 400)

    def test_what_is_documented_as_open_is_open(self) -> None:
        """And so is everything that is not closed."""
        there = {"/static/{file}": "/static/a.js", "/static/{folder}/{file}": "/static/a/b.css"}
        self.server.api.context.files = {
            **self.server.api.context.files,
            **{path.removeprefix("/static/"): make_file(b"", "text/plain") for path in there.values()},
        }
        for (method, path), operation in self.operations.items():
            if not operation["security"]:
                self.assertEqual((path, self.server.ask(method, there.get(path, path)).status), (path, 200))
