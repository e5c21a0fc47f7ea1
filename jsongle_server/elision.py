"""What may be shown of a message to whoever looks after the server: its envelope, and nothing that is said in it.

All that is not known to be harmless is left out and only named: descriptions above all, with texts, SDP, candidates,
tokens and display names in them, but any field that the protocol does not have as well. Layer 1.
"""

from __future__ import annotations

from typing import Any, Final

from jsongle_server.codec import Json
from jsongle_server.vocabulary import Action, ErrorCode, Status

MAX_TEXT: Final = 128
"""Most characters that are shown of a value."""

MAX_ELIDED: Final = 16
"""Most fields that are named of those that are left out, and one more that says that there are others."""

MORE: Final = "…"
"""Stands at the end of what was cut."""

_ENVELOPE: Final = ("id", "from", "to")
_JSONGLE: Final = ("action", "query", "namespace", "event", "reason", "sid", "transaction", "status")
_STATUSES: Final = frozenset(Status)
_ERRORS: Final = frozenset({Action.SESSION_ERROR, Action.IQ_ERROR})
_CODES: Final = frozenset(map(int, ErrorCode))


def envelope_view(fields: Json) -> Json:
    """The envelope of a message: where it comes from and goes to, and what kind of message it is.

    :param fields: the message; its ``jsongle`` is an object.
    :returns: the fields that are shown, each where it stands, as far as they are strings, and ``elided``: the names of
        those that are not.
    """
    jsongle: Json = fields["jsongle"]
    shown = _texts(fields, _ENVELOPE)
    kind = _texts(jsongle, _JSONGLE)
    if kind.get("status") not in _STATUSES:
        kind.pop("status", None)
    elided = [name for name in fields if name not in shown and name != "jsongle"]
    elided += [f"jsongle.{name}" for name in jsongle if name not in kind]
    names = [short(name) for name in elided[:MAX_ELIDED]]
    if len(elided) > MAX_ELIDED:
        names.append(MORE)
    return {**shown, "jsongle": kind, "elided": names}


def error_code(fields: Json) -> int | None:
    """The code of an error message, if it is one of the protocol's: a number that says nothing of anybody."""
    jsongle: Json = fields["jsongle"]
    description: Any = jsongle.get("description")
    if jsongle.get("action") not in _ERRORS or not isinstance(description, dict):
        return None
    code = description.get("errorCode")
    return code if type(code) is int and code in _CODES else None


def short(text: str) -> str:
    """A text that is not longer than may be shown."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + MORE


def _texts(fields: Json, names: tuple[str, ...]) -> Json:
    return {name: short(fields[name]) for name in names if type(fields.get(name)) is str}
