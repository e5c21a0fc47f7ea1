"""Tests of ``jsongle_server/asyncapi.json``: a document that holds together, and speaks in the words of the code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from enum import Enum
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import __version__
from jsongle_server.handlers import HANDLERS
from jsongle_server.reports import MAX_DURATION
from jsongle_server.resume import MAX_TOKEN
from jsongle_server.vocabulary import (
    CALL_ACTIONS,
    IQ_ACTIONS,
    MAX_DESCRIPTION,
    MAX_NAME,
    Action,
    CloseCode,
    ErrorCode,
    Event,
    Namespace,
    Query,
    Reason,
    Status,
)
from tests.asyncapi import (
    FAMILIES,
    FROM_PEER,
    FROM_SERVER,
    TO_PEER,
    TO_SERVER,
    document,
    fitting,
    names,
    resolve,
    text,
    validator,
)
from tests.rest_support import RestServer
from tests.test_docs import ROOT, read, rows

BY_AUTOBAHN = {1000, 1002, 1007, 1009}
"""Close codes of RFC 6455 that Autobahn gives by itself."""


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, itself included; not those of examples, which are messages."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key != "examples":
                yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


class DocumentCase(SynchronousTestCase):
    """A test of the document."""

    def setUp(self) -> None:
        """Read it."""
        self.root = document()
        self.messages: dict[str, Any] = self.root["components"]["messages"]
        self.channel = self.root["channels"]["session"]
        self.operations: dict[str, Any] = self.root["operations"]

    def references(self) -> set[str]:
        """What the document refers to in itself."""
        return {found["$ref"] for found in objects(self.root) if "$ref" in found}

    def named(self, references: Iterable[dict[str, str]]) -> set[str]:
        """The messages that references to those of the channel lead to, by name."""
        paths = [reference["$ref"].rpartition("/") for reference in references]
        self.assertEqual({path for path, _, _ in paths}, {"#/channels/session/messages"})
        return {name for _, _, name in paths}


class StructureTests(DocumentCase):
    """What AsyncAPI 3.0 asks of a document, as far as it is used here."""

    def test_head(self) -> None:
        """It says which AsyncAPI it is, and which server: its version is the server's."""
        self.assertEqual(self.root["asyncapi"], "3.0.0")
        self.assertEqual((self.root["info"]["title"], self.root["info"]["version"]), ("JSONgle", __version__))

    def test_nothing_stands_twice(self) -> None:
        """No object has a name twice, of which readers would see the last one only."""

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            self.assertEqual(len(dict(pairs)), len(pairs), pairs)
            return dict(pairs)

        self.assertEqual(json.loads(text(), object_pairs_hook=unique), self.root)

    def test_references(self) -> None:
        """Every reference leads somewhere, and stands alone: what is beside it would not count in draft-07."""
        for reference in self.references():
            self.assertIsInstance(resolve(self.root, {"$ref": reference}), dict)
        self.assertEqual([found for found in objects(self.root) if "$ref" in found and len(found) > 1], [])

    def test_nothing_is_left_over(self) -> None:
        """Every schema and every correlation id is used by something."""
        parts = self.root["components"]
        made = {f"#/components/{kind}/{name}" for kind in ("schemas", "correlationIds") for name in parts[kind]}
        self.assertLessEqual(made, self.references())

    def test_channel_has_every_message(self) -> None:
        """There is one channel, with all messages in it, each under its own name."""
        self.assertEqual(
            self.channel["messages"], {name: {"$ref": f"#/components/messages/{name}"} for name in self.messages}
        )

    def test_every_message_is_part_of_an_operation(self) -> None:
        """A message is there to be sent or received, or to answer another; which way shows in its name."""
        ways = {"receive": {TO_SERVER, TO_PEER}, "send": {FROM_SERVER, FROM_PEER}}
        reached = set()
        for operation in self.operations.values():
            self.assertEqual(operation["channel"], {"$ref": "#/channels/session"})
            sent, answers = self.named(operation["messages"]), operation.get("reply", {}).get("messages", [])
            self.assertLessEqual({name.partition(".")[0] for name in sent}, ways[operation["action"]])
            reached |= sent
            if answers:
                self.assertEqual(operation["reply"]["channel"], {"$ref": "#/channels/session"})
                back = ways["send" if operation["action"] == "receive" else "receive"]
                self.assertLessEqual({name.partition(".")[0] for name in self.named(answers)}, back)
                reached |= self.named(answers)
        self.assertEqual(reached, set(self.messages))

    def test_every_schema_compiles(self) -> None:
        """Each message has a schema that a validator of draft-07 takes."""
        for name in self.messages:
            self.assertTrue(callable(validator(name)), name)

    def test_examples(self) -> None:
        """Each message has an example, which is that message and no other of its family."""
        for name, message in self.messages.items():
            for example in message["examples"]:
                self.assertEqual(fitting(name.partition(".")[0], example["payload"])[0], [name])
            self.assertTrue(message["examples"], name)


class WordsTests(DocumentCase):
    """The words of the wire, which are those of ``vocabulary.py``: none is missing, none is made up."""

    def words(self, name: str) -> set[Any]:
        """Every value that a schema names for the property of that name."""
        found: set[Any] = set()
        for holder in objects(self.root["components"]):
            if isinstance(holder.get("properties"), dict) and name in holder["properties"]:
                schema = resolve(self.root, holder["properties"][name])
                if isinstance(schema, dict):
                    found.update(schema.get("enum", ()), schema.get("examples", ()))
                    found.update([schema["const"]] if "const" in schema else [])
        return found

    def assert_words(self, name: str, words: type[Enum]) -> None:
        """A property has exactly these words."""
        self.assertEqual(self.words(name), {word.value for word in words})

    def test_actions(self) -> None:
        """Every action is in the document."""
        self.assert_words("action", Action)

    def test_queries(self) -> None:
        """So is every query."""
        self.assert_words("query", Query)

    def test_events(self) -> None:
        """So is every event."""
        self.assert_words("event", Event)

    def test_namespaces(self) -> None:
        """So is every namespace."""
        self.assert_words("namespace", Namespace)

    def test_reasons(self) -> None:
        """So is every reason."""
        self.assert_words("reason", Reason)

    def test_statuses(self) -> None:
        """So is every status."""
        self.assert_words("status", Status)

    def test_error_codes(self) -> None:
        """So is every error code; one has more to say than the others."""
        self.assert_words("errorCode", ErrorCode)
        self.assertEqual(list(self.root["components"]["schemas"]["ErrorCode"]["enum"]), sorted(ErrorCode))

    def test_close_codes(self) -> None:
        """Every close code is there, beside those that are Autobahn's, and they are those of docs/protocol.md."""
        codes = {int(code) for code in self.channel["x-close-codes"]}
        self.assertEqual(codes, {int(code) for code in CloseCode} | BY_AUTOBAHN)
        self.assertEqual(codes, {int(row[0]) for row in rows(read("protocol.md"), "| close code |")})

    def test_bounds(self) -> None:
        """Names, tokens and durations are as long as the server takes them, and the size of a hello is named."""
        schemas = self.root["components"]["schemas"]
        self.assertEqual(schemas["Name"]["maxLength"], MAX_NAME)
        self.assertEqual(schemas["ClientId"]["maxLength"], MAX_NAME)
        self.assertEqual(schemas["Resume"]["properties"]["token"]["maxLength"], MAX_TOKEN)
        self.assertIn(str(MAX_DESCRIPTION), schemas["Hello"]["description"])
        report = self.messages["toServer.metrics"]["payload"]["properties"]["jsongle"]["properties"]["description"]
        self.assertEqual(report["properties"]["duration"]["maximum"], MAX_DURATION)


class ServedTests(DocumentCase):
    """How a client's author comes by the document."""

    def test_route(self) -> None:
        """Every server gives it out, to anybody, as it stands."""
        answer = RestServer().ask("GET", "/asyncapi.json")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(answer.json, self.root)

    def test_package_data(self) -> None:
        """It is listed among what a wheel holds besides modules."""
        settings = ConfigParser()
        settings.read(ROOT / "setup.cfg")
        self.assertIn("asyncapi.json", settings["options.package_data"]["jsongle_server"].split())


class FamilyTests(DocumentCase):
    """Who says what to whom."""

    def test_families(self) -> None:
        """Each message belongs to one of four families."""
        self.assertEqual({name.partition(".")[0] for name in self.messages}, set(FAMILIES))

    def test_every_action_of_a_client(self) -> None:
        """Clients may say to each other what the server passes on, and that is what arrives; one message for each."""
        passed_on = {str(action) for action in HANDLERS if action != Action.SESSION_METRICS}
        for family in (TO_PEER, FROM_PEER):
            self.assertEqual(names(family), {action: [f"{family}.{action}"] for action in passed_on})

    def test_what_the_server_is_told(self) -> None:
        """To the server itself clients say hello, ask, and report."""
        self.assertEqual(set(names(TO_SERVER)), {"iq-result", "iq-set", "iq-get", "session-metrics"})

    def test_what_the_server_says(self) -> None:
        """The server asks, answers, refuses and tells; of a call it says three things."""
        own = set(names(FROM_SERVER))
        self.assertEqual(own - CALL_ACTIONS, {"ack", "session-error", "session-event"} | IQ_ACTIONS - {"iq-set"})
        self.assertEqual(own & CALL_ACTIONS, {"session-info", "session-retract"})
