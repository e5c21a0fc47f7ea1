"""Messages as the terminal client shows them: JSON without secrets, and without characters that act on a terminal.

Pure text in and out. Layer 5.
"""

from __future__ import annotations

import json
from typing import Any, Final

from jsongle_server.chat_lines import shortened
from jsongle_server.vocabulary import MAX_DEPTH

SECRETS: Final = frozenset({"token", "appToken", "credential"})
"""Names of fields that are shown without what is in them, wherever they stand."""

LONGEST_ROW: Final = 100
"""Characters of a message that is shown in one row on a terminal."""

LONGEST_JSON: Final = 20_000
"""Characters of a message that are shown."""


def shown_json(value: object, *, rows: bool = False) -> str:
    """A JSON value to look at; it is still JSON, unless it is huge.

    :param rows: whether what is long is spread over rows.
    """
    masked = _masked(value, 1)
    text = _escaped(json.dumps(masked, ensure_ascii=False))
    if rows and len(text) > LONGEST_ROW:
        text = _escaped(json.dumps(masked, ensure_ascii=False, indent=2))
    return shortened(text, LONGEST_JSON)


def _masked(value: object, depth: int) -> object:
    if isinstance(value, dict | list) and depth > MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {key: "…" if _is_secret(key, each) else _masked(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, depth + 1) for each in value]
    return value


def _is_secret(key: Any, value: object) -> bool:
    return key in SECRETS and value not in (None, "")


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _unicode_escape(char) for char in text)


def _unicode_escape(char: str) -> str:
    """As JSON has it (RFC 8259 section 7): beyond the basic plane, two surrogates."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
