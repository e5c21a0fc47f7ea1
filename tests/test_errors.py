"""Tests of :mod:`jsongle_server.errors`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import errors
from jsongle_server.errors import JsongleError, NotJson, TooFast, TooManyCalls

LEAVES: list[type[JsongleError]] = [
    leaf for leaf in vars(errors).values() if isinstance(leaf, type) and JsongleError in leaf.__bases__
]


class JsongleErrorTests(SynchronousTestCase):
    """Errors that are told to clients."""

    def test_error_reads_as_its_details(self) -> None:
        """In a log an error says what the client was told."""
        self.assertEqual(str(NotJson("Not a JSON object")), "Not a JSON object")

    def test_error_knows_the_message_that_failed(self) -> None:
        """The id of the message goes along with the error where the raiser knows it."""
        self.assertEqual(NotJson("Nested too deep", mid="m-1").mid, "m-1")
        self.assertIsNone(NotJson("Not JSON").mid)

    def test_no_two_errors_share_a_code(self) -> None:
        """A client can tell every error from every other by its code, but what was too fast from what was too many."""
        codes = [leaf.code for leaf in LEAVES if leaf is not TooManyCalls]
        self.assertEqual(len(codes), len(set(codes)))
        self.assertEqual(TooManyCalls.code, TooFast.code)

    def test_tree_in_the_docstring_is_the_tree(self) -> None:
        """The documentation lists every error with its code, and no other."""
        listed = [
            line.split()[1:] for line in (errors.__doc__ or "").splitlines() if line.strip().startswith(("├──", "└──"))
        ]
        self.assertEqual(listed, [[leaf.__name__, str(int(leaf.code))] for leaf in LEAVES])
