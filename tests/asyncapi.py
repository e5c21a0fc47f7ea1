"""The protocol as ``jsongle_server/asyncapi.json`` has it, ready to check messages with.

A message belongs to a family, which is the first part of its name: ``toServer``, ``toPeer``, ``fromServer`` or
``fromPeer``. Within one, exactly one schema fits a message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

import fastjsonschema
import orjson

TO_SERVER: Final = "toServer"
TO_PEER: Final = "toPeer"
FROM_SERVER: Final = "fromServer"
FROM_PEER: Final = "fromPeer"
FAMILIES: Final = (TO_SERVER, TO_PEER, FROM_SERVER, FROM_PEER)

Json = dict[str, Any]


def document() -> Json:
    """A fresh copy of the document."""
    found: Json = orjson.loads(text())
    return found


def text() -> str:
    """The document as it stands."""
    return resources.files("jsongle_server").joinpath("asyncapi.json").read_text(encoding="utf-8")


def resolve(root: Json, value: Any) -> Any:
    """A value of a document, or what it refers to.

    :raises KeyError: it refers to nothing.
    """
    while isinstance(value, dict) and "$ref" in value:
        found: Any = root
        for key in value["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        value = found
    return value


def constants(root: Json, schema: Any, *path: str) -> Iterator[Any]:
    """The values that a schema allows at a path of properties, where it names them.

    :param path: the names of the properties, from the outside in.
    """
    schema = resolve(root, schema)
    if not isinstance(schema, dict):
        return
    for part in schema.get("allOf", ()):
        yield from constants(root, part, *path)
    if path:
        yield from constants(root, schema.get("properties", {}).get(path[0]), *path[1:])
    elif "const" in schema:
        yield schema["const"]
    else:
        yield from schema.get("enum", ())


@cache
def validator(name: str) -> Callable[[Any], Any]:
    """What checks a message against the schema of that name; raises ``JsonSchemaValueException``."""
    root = document()
    payload = root["components"]["messages"][name]["payload"]
    schema = {**payload, "components": {"schemas": root["components"]["schemas"]}}
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema, use_default=False)
    return compiled


@cache
def names(family: str) -> dict[str, list[str]]:
    """The messages of a family by their actions."""
    root = document()
    found: dict[str, list[str]] = defaultdict(list)
    for name, message in root["components"]["messages"].items():
        if name.partition(".")[0] == family:
            for action in constants(root, message["payload"], "jsongle", "action"):
                found[action].append(name)
    return dict(found)


def action_of(message: Any) -> str:
    """The action of a message; empty where a JSON value has none that can be read."""
    jsongle = message.get("jsongle") if isinstance(message, dict) else None
    action = jsongle.get("action") if isinstance(jsongle, dict) else None
    return action if isinstance(action, str) else ""


def fitting(family: str, message: Any) -> tuple[list[str], list[str]]:
    """Which messages of a family a JSON value is, and why it is not the others of its action."""
    fit, reasons = [], []
    for name in names(family).get(action_of(message), ()):
        try:
            validator(name)(message)
            fit.append(name)
        except fastjsonschema.JsonSchemaValueException as error:
            reasons.append(f"{name}: {error.message}")
    return fit, reasons


def fault(family: str, message: Any) -> str | None:
    """What is wrong with a message, ``None`` if nothing is."""
    fit, reasons = fitting(family, message)
    if len(fit) == 1:
        return None
    return f"{message} is {' and '.join(fit) or f'no message of {family}'} ({'; '.join(reasons)})"
