"""STUN and TURN messages as bytes."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.stun import (
    HEADER_SIZE,
    TRANSACTION_SIZE,
    Attribute,
    Kind,
    Message,
    Method,
    NotStun,
    decode,
    encode,
    is_signed,
    long_term_key,
    message_size,
)

SHORT_TERM_KEY: Final = b"VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION: Final = bytes.fromhex("b7e7a701bc34d686fa87dfae")

REQUEST: Final = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
"""RFC 5769 section 2.1."""

IPV4_RESPONSE: Final = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
"""RFC 5769 section 2.2."""

IPV6_RESPONSE: Final = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
"""RFC 5769 section 2.3."""

LONG_TERM_REQUEST: Final = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c"
    "662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
"""RFC 5769 section 2.4."""

MESSAGES: Final = st.builds(
    Message,
    method=st.integers(0, 0xFFF),
    kind=st.sampled_from(Kind),
    transaction=st.binary(min_size=TRANSACTION_SIZE, max_size=TRANSACTION_SIZE),
    attributes=st.lists(
        st.tuples(
            st.integers(0, 0xFFFF).filter(lambda kind: kind not in (0x0008, 0x8028)),
            st.binary(max_size=40),
        ),
        max_size=5,
    ).map(tuple),
)


class VectorTests(SynchronousTestCase):
    """The test vectors of RFC 5769."""

    def test_reads_request(self) -> None:
        """The sample request is read, and its two proofs hold."""
        message = decode(REQUEST)
        self.assertEqual(
            (message.method, message.kind, message.transaction), (Method.BINDING, Kind.REQUEST, TRANSACTION)
        )
        self.assertEqual(message.get(Attribute.USERNAME), b"evtj:h6vY")
        self.assertEqual(message.get(Attribute.SOFTWARE), b"STUN test client")
        self.assertTrue(is_signed(REQUEST, SHORT_TERM_KEY))

    def test_reads_addresses(self) -> None:
        """The sample answers have the addresses that the RFC says, of both families, and are signed."""
        for data, host in ((IPV4_RESPONSE, "192.0.2.1"), (IPV6_RESPONSE, "2001:db8:1234:5678:11:2233:4455:6677")):
            message = decode(data)
            self.assertEqual((message.method, message.kind), (Method.BINDING, Kind.SUCCESS))
            self.assertEqual(message.address(Attribute.XOR_MAPPED_ADDRESS), (host, 32853))
            self.assertTrue(is_signed(data, SHORT_TERM_KEY))

    def test_writes_long_term_request(self) -> None:
        """The sample request with long-term credentials is written as the RFC has it, byte for byte."""
        username = "マトリックス"
        message = Message(
            Method.BINDING,
            Kind.REQUEST,
            bytes.fromhex("78ad3433c6ad72c029da412e"),
            (
                (Attribute.USERNAME, username.encode()),
                (Attribute.NONCE, b"f//499k954d6OL34oL9FSTvy64sA"),
                (Attribute.REALM, b"example.org"),
            ),
        )
        key = long_term_key(username, "example.org", "TheMatrIX")
        self.assertEqual(encode(message, key=key), LONG_TERM_REQUEST)
        self.assertTrue(is_signed(LONG_TERM_REQUEST, key))

    def test_writes_fingerprint(self) -> None:
        """A fingerprint that is written is the one of the sample, whose padding alone differs."""
        sample = decode(IPV4_RESPONSE)
        unpadded = encode(
            Message(sample.method, sample.kind, sample.transaction, sample.attributes[:2]), fingerprint=True
        )
        self.assertEqual(decode(unpadded).attributes[:2], sample.attributes[:2])


class MessageTests(SynchronousTestCase):
    """Messages of any kind."""

    @given(MESSAGES, st.none() | st.binary(min_size=1, max_size=20), st.booleans())
    def test_reads_what_it_writes(self, message: Message, key: bytes | None, fingerprint: bool) -> None:
        """Whatever is written is read again, with what was added, and is signed by this key alone."""
        data = encode(message, key=key, fingerprint=fingerprint)
        read = decode(data)
        self.assertEqual(read.attributes[: len(message.attributes)], message.attributes)
        self.assertEqual(
            (read.method, read.kind, read.transaction), (message.method, message.kind, message.transaction)
        )
        added = [kind for kind, _ in read.attributes[len(message.attributes) :]]
        expected = [Attribute.MESSAGE_INTEGRITY] * (key is not None) + [Attribute.FINGERPRINT] * fingerprint
        self.assertEqual(added, expected)
        self.assertEqual(is_signed(data, key or b"a key"), key is not None)
        self.assertFalse(is_signed(data, b"another key: " + (key or b"")))

    @given(st.binary(max_size=120) | st.binary(max_size=100).map(lambda rest: REQUEST[:2] + b"\0" + rest))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are a message, with all that can be asked of one, or are said to be none."""
        try:
            message = decode(data)
        except NotStun:
            return
        message.address(Attribute.XOR_MAPPED_ADDRESS)
        is_signed(data, b"key")
        self.assertIsNone(message.error)

    @given(st.integers(0, len(REQUEST) - 9), st.integers(1, 255))
    def test_damage_is_noticed(self, place: int, change: int) -> None:
        """Whichever byte before the fingerprint changes, the message is not read, or not taken for signed."""
        damaged = bytearray(REQUEST)
        damaged[place] ^= change
        try:
            self.assertFalse(is_signed(bytes(damaged), SHORT_TERM_KEY))
        except NotStun:
            return

    def test_not_one_message(self) -> None:
        """What is too short, too long, no STUN or ends within an attribute is refused."""
        bad = (
            b"",
            REQUEST[:HEADER_SIZE],
            REQUEST[:-4],
            REQUEST + b"\0\0\0\0",
            b"\x80" + REQUEST[1:],
            REQUEST[:4] + b"\0\0\0\0" + REQUEST[8:],
            b"HTTP/1.1 400 Bad Request\r\n",
            REQUEST[:2] + b"\0\4" + REQUEST[4:HEADER_SIZE] + b"\0\6\0\1",
        )
        for data in bad:
            self.assertRaises(NotStun, decode, data)

    def test_size(self) -> None:
        """The length of a message is known from its header."""
        self.assertEqual(message_size(REQUEST[:HEADER_SIZE]), len(REQUEST))
        self.assertEqual(message_size(REQUEST + IPV4_RESPONSE), len(REQUEST))

    def test_error(self) -> None:
        """The code of an error answer is read; one that is cut off is none."""
        for value, code in ((b"\0\0\4\x01Unauthorized", 401), (b"\0\0\x04\x26", 438), (b"\0\0\4", None)):
            message = Message(Method.ALLOCATE, Kind.ERROR, TRANSACTION, ((Attribute.ERROR_CODE, value),))
            self.assertEqual(decode(encode(message)).error, code)

    def test_address_that_is_none(self) -> None:
        """An address of no known family, or of another length than its family has, is none."""
        for value in (b"", b"\0\1\0", b"\0\3\0\0\0\0\0\0", b"\0\1\0\0\0\0\0", b"\0\2\0\0\0\0\0\0"):
            message = Message(Method.BINDING, Kind.SUCCESS, TRANSACTION, ((Attribute.XOR_MAPPED_ADDRESS, value),))
            self.assertIsNone(message.address(Attribute.XOR_MAPPED_ADDRESS))
