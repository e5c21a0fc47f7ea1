"""What clients say: envelopes of JSONgle, as its clients make them."""

from __future__ import annotations

from typing import Final

import orjson

from benchmarks.load.wires import Json

TEXT_SIZE: Final = 400
"""Bytes of a text message, as JSON."""

SERVER: Final = "jsongle-server"

_SENTENCE: Final = "The quick brown fox jumps over the lazy dog, and nobody knows what the dog has to say about it. "


def hello_answer(hello: Json, *, uid: str) -> Json:
    """Says who a client is.

    :param hello: the envelope in which the server asks for it.
    """
    jsongle = {"action": "iq-result", "query": "session-hello", "transaction": hello["jsongle"]["transaction"]}
    return _to_server({**jsongle, "description": {"uid": uid, "dn": f"Dear {uid}"}})


def muc_join(rid: str) -> Json:
    """Joins a multi-user room."""
    return _to_server({"action": "iq-set", "query": "muc-join", "transaction": "join", "description": {"rid": rid}})


def text(sender: str, to: str, *, mid: str, namespace: str = "chat") -> Json:
    """A text of ``TEXT_SIZE`` bytes.

    :param sender: the session identity of its sender.
    :param to: a session identity, or a multi-user room in the namespace ``muc``.
    :param mid: its id.
    """
    description = {"content": "", "sent": "2026-01-01T12:00:00.000Z"}
    jsongle = {"action": "session-text", "namespace": namespace, "description": description}
    envelope = {"id": mid, "from": sender, "to": to, "jsongle": jsongle}
    missing = TEXT_SIZE - len(orjson.dumps(envelope))
    description["content"] = (_SENTENCE * (missing // len(_SENTENCE) + 1))[:missing]
    return envelope


def _to_server(jsongle: Json) -> Json:
    return {"id": "request", "to": SERVER, "jsongle": jsongle}
