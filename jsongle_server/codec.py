"""Bytes to envelope and back: the JSON side of the wire (protocol section 2).

``decode`` checks what every message must be before anybody looks at what it says; ``encode`` writes a message once,
so that a fan-out only splices each recipient's address into it. Layer 1: knows nothing of sessions or rooms.
"""

from __future__ import annotations

from typing import Any

import orjson

from jsongle_server.errors import BadParameter, NoJsongle, NotJson
from jsongle_server.vocabulary import MAX_DEPTH, MAX_NAME

Json = dict[str, Any]


class Envelope:
    """A decoded message whose shape has been checked, its content not yet.

    :ivar fields: the whole envelope as it came; whoever handles the message owns it and may change it.
    :ivar jsongle: its ``jsongle`` object.
    :ivar action: ``jsongle.action``, any string.
    :ivar mid: its ``id`` if it has one that is a string and not empty.
    :ivar to: its ``to`` as it came: any JSON value, ``None`` where missing.
    """

    __slots__ = ("action", "fields", "jsongle", "mid", "to")

    def __init__(self, fields: Json, jsongle: Json, action: str) -> None:
        self.fields = fields
        self.jsongle = jsongle
        self.action = action
        self.mid = _readable_id(fields)
        self.to: Any = fields.get("to")

    def check_id(self) -> None:
        """Checks that the message's ``id``, if it has one, can serve as one.

        :raises BadParameter: it cannot.
        """
        mid = self.fields.get("id") if self.mid is None else self.mid
        if mid is not None and (type(mid) is not str or len(mid) > MAX_NAME):
            raise BadParameter(f"'id' must be a string of at most {MAX_NAME} characters")


class Outgoing:
    """A message encoded once, for any number of recipients.

    :ivar action: its action, for the metrics.
    :ivar mid: its id.
    """

    __slots__ = ("_head", "_tail", "action", "mid")

    def __init__(self, action: str, mid: str, head: bytes, tail: bytes) -> None:
        self.action = action
        self.mid = mid
        self._head = head
        self._tail = tail

    def addressed(self, recipient: bytes) -> bytes:
        """The bytes of the message for one recipient.

        :param recipient: the recipient's identity as JSON, made by :func:`address`.
        """
        return self._head + recipient + self._tail


def decode(payload: bytes) -> Envelope:
    """Reads one text frame.

    :param payload: the frame's bytes; they need not be UTF-8 or JSON.
    :returns: the envelope; its ``jsongle`` is an object with a string ``action``.
    :raises NotJson: not UTF-8, not JSON (NaN, infinities and lone surrogates are not), not an object, or nested
        deeper than ``MAX_DEPTH``.
    :raises NoJsongle: no ``jsongle`` object in it, or no ``action`` string in that.
    """
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"Not JSON: {error.msg}") from None
    if type(fields) is not dict:
        raise NotJson("Not a JSON object")
    # Counting brackets is one pass in C and settles all but a few odd messages; those inside strings count too.
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH and is_deeper(fields, MAX_DEPTH):
        raise NotJson(f"Nested deeper than {MAX_DEPTH} levels", mid=_readable_id(fields))
    jsongle = fields.get("jsongle")
    if type(jsongle) is not dict:
        raise NoJsongle("Missing 'jsongle' object", mid=_readable_id(fields))
    action = jsongle.get("action")
    if type(action) is not str:
        raise NoJsongle("Missing 'action' in 'jsongle'", mid=_readable_id(fields))
    return Envelope(fields, jsongle, action)


def encode(message_id: str, sender: bytes, fields: Json) -> Outgoing:
    """Writes a message, leaving open whom it goes to.

    :param message_id: the envelope's ``id``.
    :param sender: the envelope's ``from`` as JSON, made by :func:`address`.
    :param fields: the rest of the envelope: ``jsongle`` and whatever came beside it, without ``id``, ``from``, ``to``.
    """
    head = b'{"id":%b,"from":%b,"to":' % (orjson.dumps(message_id), sender)
    return Outgoing(fields["jsongle"]["action"], message_id, head, b"," + orjson.dumps(fields)[1:])


def fingerprint(value: Any) -> int:
    """A number that stands for a JSON value of any size in this process; different values have different ones."""
    return hash(orjson.dumps(value))


def address(identity: str) -> bytes:
    """An identity as JSON, ready to be spliced into an :class:`Outgoing`."""
    # A copy: what orjson returns keeps the four KiB that it was written in, and this is kept for each session.
    return bytes(memoryview(orjson.dumps(identity)))


def json_size(value: Json) -> int:
    """How many bytes of JSON a value takes."""
    return len(orjson.dumps(value))


def _readable_id(fields: Json) -> str | None:
    mid = fields.get("id")
    return mid if type(mid) is str and mid else None


def is_deeper(value: Json, limit: int) -> bool:
    """Whether objects and arrays nest deeper than a limit, the value itself being level 1."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
