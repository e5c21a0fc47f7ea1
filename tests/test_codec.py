"""Tests of :mod:`jsongle_server.codec`: what is a message, and what becomes of its bytes (protocol section 2)."""

from __future__ import annotations

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.codec import Envelope, address, decode, encode, json_size
from jsongle_server.errors import JsongleError, NoJsongle, NotJson


def with_field(value: bytes) -> bytes:
    """A message with a value in a field that the server does not know."""
    return b'{"id":"m-1","to":"bob","jsongle":{"action":"session-text"},"x":' + value + b"}"


def refusal(test: SynchronousTestCase, payload: bytes, kind: type[JsongleError]) -> JsongleError:
    """The error that a payload is refused with."""
    with test.assertRaises(kind) as caught:
        decode(payload)
    error = caught.exception
    assert isinstance(error, JsongleError)
    return error


class EnvelopeTests(SynchronousTestCase):
    """What is read of a good message."""

    def test_action_and_jsongle_are_at_hand(self) -> None:
        """A decoded message offers what every handler asks for."""
        envelope = decode(b'{"id":"m-1","to":"bob","jsongle":{"action":"session-text","a":1}}')
        self.assertEqual(envelope.action, "session-text")
        self.assertEqual(envelope.jsongle, {"action": "session-text", "a": 1})
        self.assertEqual((envelope.mid, envelope.to), ("m-1", "bob"))

    def test_jsongle_is_part_of_the_fields(self) -> None:
        """What a handler writes into the ``jsongle`` object goes on with the message."""
        envelope = decode(with_field(b"1"))
        envelope.jsongle["added"] = True
        self.assertIs(envelope.fields["jsongle"], envelope.jsongle)

    def test_unknown_action_is_no_matter_of_the_codec(self) -> None:
        """Any string is an action; which ones are supported is decided later (protocol section 2)."""
        self.assertEqual(decode(b'{"jsongle":{"action":""}}').action, "")

    def test_id_that_is_no_string_is_not_readable(self) -> None:
        """An id of another type cannot tell a client which message failed."""
        self.assertIsNone(decode(b'{"id":7,"jsongle":{"action":"a"}}').mid)

    def test_whitespace_around_the_object_is_fine(self) -> None:
        """A frame may be JSON as people write it."""
        self.assertEqual(decode(b' \r\n\t{"jsongle" : {"action" : "a"}}\n').action, "a")

    def test_last_of_duplicate_keys_counts(self) -> None:
        """Of two values under one key the last one is meant, as in browsers; it is the one that is checked."""
        self.assertEqual(decode(b'{"jsongle":7,"jsongle":{"action":"a","action":"b"}}').action, "b")
        refusal(self, b'{"jsongle":{"action":"a"},"jsongle":7}', NoJsongle)


class NotJsonTests(SynchronousTestCase):
    """What is refused with 400003."""

    def test_text_that_is_not_json_is_refused(self) -> None:
        """Empty and broken frames, and what only some parsers let through, are not JSON (RFC 8259)."""
        for payload in (
            *(b"", b"  ", b"hello", b"{", b'{"a":1', b"{} {}", b"{'a':1}", b"{a:1}", b'{"a":1,}', b"/**/{}", b"\x00"),
            *(with_field(value) for value in (b"01", b"+1", b".5", b"1.", b"0x1", b"True", b'"\t"', b'"\\x41"')),
        ):
            refusal(self, payload, NotJson)

    def test_json_that_is_no_object_is_refused(self) -> None:
        """A message is an object, whatever else JSON has."""
        for payload in (b"[]", b'[{"jsongle":{"action":"a"}}]', b'"text"', b"7", b"true", b"null"):
            refusal(self, payload, NotJson)

    def test_nan_and_infinities_are_refused(self) -> None:
        """Numbers that JSON does not have are refused, not passed on to clients that cannot read them."""
        for value in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf"):
            refusal(self, with_field(value), NotJson)

    def test_numbers_beyond_doubles_are_refused(self) -> None:
        """A number too large for a double would be an infinity."""
        for value in (b"1e400", b"-1e400", b"1" * 400):
            refusal(self, with_field(value), NotJson)

    def test_lone_surrogates_are_refused(self) -> None:
        """Half of a character cannot be passed on as UTF-8, in values and in keys."""
        for value in (b'"\\ud800"', b'"\\udc00"', b'"\\ude00\\ud83d"', b'"\\ud83dx"', b'{"\\ud800":1}'):
            refusal(self, with_field(value), NotJson)

    def test_invalid_utf8_is_refused(self) -> None:
        """Bytes that are not UTF-8 are not JSON: stray, overlong, cut off, surrogates, beyond Unicode."""
        for raw in (b"\xff", b"\x80", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            refusal(self, with_field(b'"' + raw + b'"'), NotJson)

    def test_byte_order_mark_is_refused(self) -> None:
        """JSON on a network begins without a byte order mark (RFC 8259 section 8.1)."""
        refusal(self, b"\xef\xbb\xbf" + with_field(b"1"), NotJson)

    def test_refusal_shows_nothing_of_the_message(self) -> None:
        """What was wrong is told without repeating what a client sent."""
        self.assertNotIn("s3cret", refusal(self, b'{"token":s3cret}', NotJson).details)


class NoJsongleTests(SynchronousTestCase):
    """What is refused with 400002."""

    def test_message_without_a_usable_jsongle_object_is_refused(self) -> None:
        """``jsongle`` has to be there, and to be an object."""
        for value in (None, b"null", b"[]", b'"session-text"', b"7", b"true"):
            payload = b'{"id":"m-1"}' if value is None else b'{"id":"m-1","jsongle":' + value + b"}"
            self.assertEqual(refusal(self, payload, NoJsongle).mid, "m-1")

    def test_message_without_an_action_is_refused(self) -> None:
        """``jsongle.action`` has to be there, and to be a string."""
        for jsongle in (b"{}", b'{"action":null}', b'{"action":7}', b'{"action":["ack"]}', b'{"action":{}}'):
            payload = b'{"id":"m-1","jsongle":' + jsongle + b"}"
            self.assertEqual(refusal(self, payload, NoJsongle).mid, "m-1")

    def test_message_without_a_readable_id_has_no_mid(self) -> None:
        """Where the id is missing or no string, there is none to be told."""
        for payload in (b"{}", b'{"id":7}', b'{"id":null}', b'{"id":{}}'):
            self.assertIsNone(refusal(self, payload, NoJsongle).mid)


class DepthTests(SynchronousTestCase):
    """Nesting up to 64 levels, the message itself being the first."""

    def test_sixty_four_levels_are_accepted(self) -> None:
        """Objects, arrays and both in turn may nest as deep as the limit."""
        for opening, closing in ((b'{"a":', b"}"), (b"[", b"]"), (b'[{"a":', b"}]")):
            per_turn = opening.count(b"[") + opening.count(b"{")
            turns, rest = divmod(63, per_turn)
            payload = with_field(b"[" * rest + opening * turns + b"7" + closing * turns + b"]" * rest)
            self.assertEqual(decode(payload).mid, "m-1")

    def test_sixty_five_levels_are_refused(self) -> None:
        """One level more is refused, and the client is told which message it was."""
        for opening, closing in ((b'{"a":', b"}"), (b"[", b"]"), (b'[{"a":', b"}]")):
            per_turn = opening.count(b"[") + opening.count(b"{")
            payload = with_field(opening * (64 // per_turn) + b"7" + closing * (64 // per_turn))
            self.assertEqual(refusal(self, payload, NotJson).mid, "m-1")

    def test_empty_containers_are_levels_too(self) -> None:
        """The innermost level counts with nothing in it."""
        self.assertEqual(decode(with_field(b"[" * 63 + b"]" * 63)).mid, "m-1")
        refusal(self, with_field(b"[" * 64 + b"]" * 64), NotJson)

    def test_depth_below_jsongle_counts_from_the_message(self) -> None:
        """The limit is one for the whole message, wherever its depths are."""
        deep = b'{"id":"m-1","jsongle":{"action":"a","x":' + b"[" * 63 + b"]" * 63 + b"}}"
        self.assertEqual(refusal(self, deep, NotJson).mid, "m-1")
        self.assertEqual(decode(deep.replace(b"[]", b"7")).action, "a")

    def test_brackets_inside_strings_are_no_levels(self) -> None:
        """Text may hold as many brackets as it likes."""
        text = "[{" * 100
        self.assertEqual(decode(with_field(orjson.dumps(text))).fields["x"], text)
        self.assertEqual(decode(with_field(orjson.dumps({text: 1}))).fields["x"], {text: 1})

    def test_many_containers_side_by_side_are_no_levels(self) -> None:
        """A message may be as wide as it likes."""
        self.assertEqual(decode(with_field(b"[" + b"{}," * 500 + b"{}]")).fields["x"], [{}] * 501)

    def test_depth_beyond_any_parser_is_refused(self) -> None:
        """Nesting that would exhaust a stack is refused like any other."""
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            refusal(self, with_field(opening * 10_000 + b"7" + closing * 10_000), NotJson)
            refusal(self, opening * 10_000, NotJson)


class EncodeTests(SynchronousTestCase):
    """What goes out."""

    def test_message_is_one_object_with_its_address(self) -> None:
        """Each recipient gets the same message with its own address in it."""
        outgoing = encode("m-1", address("ann"), {"jsongle": {"action": "session-text"}, "namespace": "call"})
        self.assertEqual(
            [outgoing.addressed(address(identity)) for identity in ("bob", "cy")],
            [
                b'{"id":"m-1","from":"ann","to":"bob","jsongle":{"action":"session-text"},"namespace":"call"}',
                b'{"id":"m-1","from":"ann","to":"cy","jsongle":{"action":"session-text"},"namespace":"call"}',
            ],
        )
        self.assertEqual(outgoing.action, "session-text")

    def test_names_cannot_break_out_of_their_strings(self) -> None:
        """Ids and identities are spliced in as JSON, whatever they hold."""
        odd = '","to":"eve\\\n\u2028\x00😀'
        sent = encode(odd, address(odd), {"jsongle": {"action": "a"}}).addressed(address(odd))
        self.assertEqual(orjson.loads(sent), {"id": odd, "from": odd, "to": odd, "jsongle": {"action": "a"}})

    def test_size_is_that_of_the_bytes(self) -> None:
        """Size is counted in bytes of compact UTF-8, not in characters."""
        self.assertEqual(json_size({"dn": "Zoë"}), len('{"dn":"Zoë"}'.encode()))

    def test_envelope_can_be_made_of_parts(self) -> None:
        """An envelope shows the parts it was given."""
        jsongle = {"action": "a"}
        envelope = Envelope({"to": ["bob"], "jsongle": jsongle}, jsongle, "a")
        self.assertEqual((envelope.to, envelope.mid), (["bob"], None))
