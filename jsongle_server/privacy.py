"""What of a client's words may stand in a log: shortened names, and text that cannot reach outside its line.

Owns the masking of names and the escaping of characters that act on a terminal or a log viewer; it must not know what
is logged or where to. Layer 0: imports none of ours. Called by whoever logs something that a client chose.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = "###"


def obfuscated(name: str) -> str:
    """Mask a display name or user id: enough to follow one person through a log, not enough to name them.

    ``Jon Doe`` becomes ``Jo###oe``. A name of four characters or fewer shows its first one at most, and never the
    whole of it.

    :param name: the name as the client gave it.
    :returns: printable text on one line.
    """
    match len(name):
        case 0 | 1:
            return _MASK
        case 2 | 3 | 4:
            return escaped(name[0]) + _MASK
        case _:
            return escaped(name[:2]) + _MASK + escaped(name[-2:])


def printable(text: str, *, limit: int = 64) -> str:
    """Make a room id, a session id or a header that a client chose safe to stand in one log line.

    :param text: the text as the client gave it.
    :param limit: the most characters to return, at least 1; what is longer ends in an ellipsis.
    :returns: printable text on one line.
    """
    # Escaping never shortens, so that what lies past the limit cannot show: a huge id costs no more than a long one.
    shown = escaped(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def escaped(text: str, *, keep: str = "") -> str:
    r"""Write every character that is not plainly visible as its Python escape: ``\n``, ``\x1b``, ``\u202e``.

    That covers control, format (bidirectional overrides among them), surrogate, unassigned and separator characters
    other than the space; they could end a line, rewrite a terminal, or have no encoding at all.

    :param text: any text.
    :param keep: characters to leave as they are.
    :returns: text that can be written to any UTF-8 file or terminal.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
