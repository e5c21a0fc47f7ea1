"""Tests of :mod:`jsongle_server.privacy`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.privacy import escaped, obfuscated, printable

FORGED = "\r\n2026-11-22T14:09:08.451Z [jsongle_server.rest#info] all is well"
TERMINAL = "\x1b[2J\x1b]0;title\x07\x9b31m"
INVISIBLE = "\u202e\u200b\u2028\u2029\x85\x00\ud800\U000e0001"


class ObfuscatedTests(SynchronousTestCase):
    """Names in logs."""

    def test_long_name_shows_both_ends(self) -> None:
        """A name shows its first two and last two characters."""
        self.assertEqual(obfuscated("Jon Doe"), "Jo###oe")

    def test_five_characters_are_masked_alike(self) -> None:
        """Five characters are the shortest name that shows both ends."""
        self.assertEqual(obfuscated("Marie"), "Ma###ie")

    def test_short_name_shows_its_first_character(self) -> None:
        """A name of two to four characters shows the first one only."""
        self.assertEqual([obfuscated(name) for name in ("Jo", "Jon", "John")], ["J###", "J###", "J###"])

    def test_single_character_is_hidden(self) -> None:
        """A name of one character, or none, shows nothing: it would show all of it."""
        self.assertEqual([obfuscated("J"), obfuscated("")], ["###", "###"])

    def test_letters_of_any_script_are_kept(self) -> None:
        """Names are not all ASCII."""
        self.assertEqual(obfuscated("Ольга Ивановна"), "Ол###на")

    @given(st.text(max_size=12))
    def test_result_is_one_printable_line(self, name: str) -> None:
        """No name puts a control character, a line end or half a character into a log."""
        shown = obfuscated(name)
        self.assertTrue(shown.isprintable())
        shown.encode()

    @given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"], exclude_characters="#"), min_size=1))
    def test_name_is_never_shown_whole(self, name: str) -> None:
        """However short a name is, part of it stays hidden."""
        self.assertNotIn(name, obfuscated(name))


class PrintableTests(SynchronousTestCase):
    """Ids and headers in logs."""

    def test_plain_text_is_unchanged(self) -> None:
        """What is harmless and short is shown as it is."""
        self.assertEqual(printable("room_7 été"), "room_7 été")

    def test_line_ends_are_escaped(self) -> None:
        """A room id cannot forge a log line."""
        self.assertEqual(printable(FORGED[:8]), "\\r\\n2026-1")

    def test_terminal_sequences_are_escaped(self) -> None:
        """A room id cannot drive the terminal of whoever reads the log."""
        self.assertEqual(printable(TERMINAL), "\\x1b[2J\\x1b]0;title\\x07\\x9b31m")

    def test_invisible_characters_are_escaped(self) -> None:
        """Bidirectional overrides, separators, zero-width characters and lone surrogates are made visible."""
        self.assertEqual(printable(INVISIBLE), "\\u202e\\u200b\\u2028\\u2029\\x85\\x00\\ud800\\U000e0001")

    def test_limit_is_reached_without_a_cut(self) -> None:
        """Text of exactly the limit is shown whole."""
        self.assertEqual(printable("x" * 64), "x" * 64)

    def test_longer_text_is_cut(self) -> None:
        """Longer text ends in an ellipsis and has no more characters than the limit."""
        self.assertEqual(printable("x" * 65), "x" * 63 + "…")

    @given(st.text(), st.integers(min_value=1, max_value=80))
    def test_result_is_short_and_printable(self, text: str, limit: int) -> None:
        """Whatever the text, the result keeps the limit and stays on its line."""
        shown = printable(text, limit=limit)
        self.assertLessEqual(len(shown), limit)
        self.assertTrue(shown.isprintable())


class EscapedTests(SynchronousTestCase):
    """Escaping as such."""

    def test_kept_characters_stay(self) -> None:
        """A caller that lays out several lines keeps their ends."""
        self.assertEqual(escaped("a\n\tb\rc", keep="\n\t"), "a\n\tb\\rc")
