"""What the values in a request may be: descriptions that check them and document them alike.

A value comes as text in a query, or as JSON in a body. What is said of it here is both what the server accepts and what
``GET /openapi.json`` says, so that the two cannot differ. Knows no route. Layer 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, Protocol

from jsongle_server.rest_json import HttpError

Schema = dict[str, Any]
"""A JSON Schema (draft 2020-12, as OpenAPI 3.1 has it)."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


class Kind(Protocol):
    """A kind of value."""

    def schema(self) -> Schema:
        """What it may be, as JSON Schema."""
        ...

    def check(self, value: Any, name: str) -> Any:
        """Reads a value.

        :param value: any JSON value.
        :param name: what the caller knows it by.
        :returns: what the route gets.
        :raises HttpError: 400, with what it may be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string.

    :param least: fewest characters.
    :param most: most characters.
    """

    least: int = 1
    most: int = 256

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {"type": "string", "minLength": self.least, "maxLength": self.most}

    def check(self, value: Any, name: str) -> str:
        """As of :class:`Kind`."""
        if not isinstance(value, str) or not self.least <= len(value) <= self.most:
            raise bad(f"'{name}' must be a string of {self.least} to {self.most} characters")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int
    most: int

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def check(self, value: Any, name: str) -> int:
        """As of :class:`Kind`; 60.0 is 60, as JSON Schema has it."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        # A bool is an int to Python, not to JSON.
        if type(value) is not int or not self.least <= value <= self.most:
            raise bad(f"'{name}' must be a whole number from {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words.

    :param words: those words, in small letters.
    :param any_case: whether capitals are fine.
    """

    words: tuple[str, ...]
    any_case: bool = False

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        if not self.any_case:
            return {"type": "string", "enum": list(self.words)}
        letters = ["".join(f"[{letter}{letter.upper()}]" for letter in word) for word in self.words]
        return {"type": "string", "pattern": f"^({'|'.join(letters)})$", "examples": list(self.words)}

    def check(self, value: Any, name: str) -> str:
        """As of :class:`Kind`."""
        word = value.lower() if isinstance(value, str) and self.any_case else value
        if not isinstance(word, str) or word not in self.words:
            raise bad(f"'{name}' must be one of {', '.join(self.words)}")
        return word


@dataclass(frozen=True, slots=True)
class Network:
    """An IP address, or a network of them; read as the network, in its usual form."""

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {"type": "string", "format": "ip-network", "examples": ["192.0.2.7", "2001:db8::/48"]}

    def check(self, value: Any, name: str) -> Any:
        """As of :class:`Kind`."""
        try:
            # To ipaddress a number is an address, and one with a zone (RFC 4007) another than without.
            network = ip_network(value if isinstance(value, str) and "%" not in value else "", strict=False)
        except ValueError as error:
            raise bad(f"'{name}' must be an IP address like 192.0.2.7, or a network like 192.0.2.0/24") from error
        is_mapped = isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)
        # As the addresses of clients are shown: IPv4 is IPv4, whatever the socket (RFC 4291 section 2.5.5.2).
        return IPv4Network((int(network[0]) & 0xFFFFFFFF, network.prefixlen - 96)) if is_mapped else network


@dataclass(frozen=True, slots=True)
class OneOf:
    """What is of one of several kinds, the first that fits."""

    kinds: tuple[Kind, ...]

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def check(self, value: Any, name: str) -> Any:
        """As of :class:`Kind`."""
        for kind in self.kinds:
            if isinstance(kind, Fields) and isinstance(value, dict) and value.keys() == kind.kinds.keys():
                # It is meant to be this, so that what is wrong in it is what is wrong.
                return kind.check(value, name)
            try:
                return kind.check(value, name)
            except HttpError:
                continue
        raise bad(f"'{name}' is none of what it may be")


@dataclass(frozen=True, slots=True)
class AnyObject:
    """A JSON object, whatever is in it."""

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {"type": "object"}

    def check(self, value: Any, name: str) -> dict[str, Any]:
        """As of :class:`Kind`."""
        if not isinstance(value, dict):
            raise bad(f"'{name}' must be an object")
        return value


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object with certain keys, all of them needed.

    :param kinds: what stands under each.
    :param is_open: whether other keys are overlooked, rather than refused.
    """

    kinds: Mapping[str, Kind]
    is_open: bool = False

    def schema(self) -> Schema:
        """As of :class:`Kind`."""
        return {
            "type": "object",
            "properties": {key: kind.schema() for key, kind in self.kinds.items()},
            "required": list(self.kinds),
            **({} if self.is_open else {"additionalProperties": False}),
        }

    def check(self, value: Any, name: str) -> dict[str, Any]:
        """As of :class:`Kind`."""
        if not isinstance(value, dict):
            raise bad(f"'{name}' must be an object")
        if missing := [key for key in self.kinds if key not in value]:
            raise bad(f"'{name}' has no '{missing[0]}'")
        if not self.is_open and (unknown := [key for key in value if key not in self.kinds]):
            raise bad(f"'{name}' has a key too many; there are {', '.join(self.kinds)}, and {len(unknown)} more")
        return {key: kind.check(value[key], f"{name}.{key}") for key, kind in self.kinds.items()}


def bad(message: str) -> HttpError:
    """The error of a value that is not what it may be: 400."""
    return HttpError(HTTPStatus.BAD_REQUEST, message)


def from_text(kind: Kind, text: str, name: str) -> Any:
    """Reads a value of a query.

    :raises HttpError: 400, with what it may be.
    """
    is_number = isinstance(kind, Whole) and _INTEGER.fullmatch(text)
    return kind.check(int(text) if is_number else text, name)
