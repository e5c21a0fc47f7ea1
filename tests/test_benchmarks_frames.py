"""Tests of how the load generator reads what a server sends: :mod:`benchmarks.load.frames` and ``clients``."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.load.clients import Client, Loop
from benchmarks.load.frames import CLOSE, PING, PONG, RELAYED_SIZE, TEXT, WrongFrame, frame_bounds, masked_frame, walk
from benchmarks.load.sockets import Closed
from benchmarks.load.wires import Plain

ACK = 250
RELAYED = 420


def frame(payload: bytes, *, opcode: int = TEXT) -> bytes:
    """A frame as a server sends it."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, size) + payload
    return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload


frames = st.lists(
    st.one_of(
        st.integers(min_value=126, max_value=RELAYED_SIZE - 5).map(lambda size: frame(b"a" * size)),
        st.integers(min_value=RELAYED_SIZE - 4, max_value=2000).map(lambda size: frame(b"m" * size)),
        st.binary(max_size=125).map(lambda payload: frame(payload, opcode=PING)),
        st.binary(max_size=125).map(frame),
    ),
    max_size=12,
)


class CannedSocket:
    """A connection on which the server has sent what it will ever send, in pieces.

    :param pieces: what each call receives; with none left the server has hung up.
    """

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.sent = b""

    def fileno(self) -> int:
        """No descriptor: nothing waits for it."""
        return -1

    def send(self, data: bytes, /) -> int:
        """Takes one byte at a time, as a connection that is full all but would."""
        self.sent += data[:1]
        return 1

    def recv_into(self, buffer: bytearray | memoryview, /) -> int:
        """The next piece."""
        piece = self._pieces.pop(0) if self._pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Nothing is to be done."""


def client_of(*pieces: bytes) -> tuple[Client, CannedSocket]:
    """A client that is sent these pieces."""
    socket = CannedSocket(list(pieces))
    return Client(socket, uid="alice"), socket


class MaskingTests(SynchronousTestCase):
    """Frames that clients send."""

    @given(st.binary(max_size=1000))
    def test_unmasked_by_its_key_it_is_the_payload(self, payload: bytes) -> None:
        """A frame says that it is masked and how long it is, and holds the payload under its key (RFC 6455, 5.3)."""
        made = masked_frame(payload)
        self.assertEqual(made[0], 0x81)
        self.assertTrue(made[1] & 0x80)
        long = len(payload) > 125
        size = int.from_bytes(made[2:4], "big") if long else made[1] & 0x7F
        body = made[4 if long else 2 :]
        key, masked = body[:4], body[4:]
        self.assertEqual(size, len(payload))
        self.assertEqual(bytes(byte ^ key[index % 4] for index, byte in enumerate(masked)), payload)


class WalkTests(SynchronousTestCase):
    """Counting frames by their headers."""

    def test_relayed_messages_and_acks_differ_by_size(self) -> None:
        """A frame of ``RELAYED_SIZE`` bytes, header included, is a relayed message; a byte less is an ack."""
        data = frame(b"m" * (RELAYED_SIZE - 4)) + frame(b"a" * (RELAYED_SIZE - 5))
        self.assertEqual(walk(data, len(data)), (len(data), 1, 1, False))

    def test_stops_before_a_frame_that_is_not_whole(self) -> None:
        """However little of the last frame is missing, it does not count yet."""
        first, second = frame(b"m" * RELAYED), frame(b"a" * ACK)
        for missing in range(1, len(second)):
            data = first + second[:-missing]
            self.assertEqual(walk(data, len(data)), (len(first), 1, 0, False))

    def test_looks_at_what_was_received_alone(self) -> None:
        """What stands in the buffer after that is left from before."""
        data = frame(b"m" * RELAYED) * 2
        self.assertEqual(walk(data, len(data) // 2), (len(data) // 2, 1, 0, False))

    def test_frames_of_another_kind_are_told(self) -> None:
        """Pings, closes and short texts are neither relayed messages nor acks."""
        for other in (frame(b"", opcode=PING), frame(b"2"), frame(b"p" * 125, opcode=PING), frame(b"", opcode=CLOSE)):
            data = frame(b"a" * ACK) + other + frame(b"m" * RELAYED)
            self.assertEqual(walk(data, len(data)), (len(data), 1, 1, True))

    def test_a_length_of_64_bits(self) -> None:
        """A frame that is longer than any message is let pass whole."""
        long = struct.pack("!BBQ", 0x81, 127, 70_000) + b"x" * 70_000
        self.assertEqual(walk(long + frame(b"a" * ACK), len(long) + ACK + 4), (len(long) + ACK + 4, 0, 1, True))
        self.assertEqual(walk(long[:-1], len(long) - 1), (0, 0, 0, False))

    def test_what_no_server_may_send(self) -> None:
        """Masked frames and fragments are refused."""
        for wrong in (masked_frame(b"x"), b"\x01\x01x", b"\xc1\x01x"):
            self.assertRaises(WrongFrame, frame_bounds, wrong, 0, len(wrong))


class TakeTests(SynchronousTestCase):
    """What a client makes of a stream."""

    @given(frames, st.lists(st.integers(min_value=1, max_value=600), max_size=20))
    def test_any_cuts_make_no_difference(self, sent: list[bytes], sizes: list[int]) -> None:
        """However a stream is cut, the same frames are counted, and each ping is answered once."""
        stream = b"".join(sent)
        cuts = [min(cut, len(stream)) for cut in accumulate(sizes, initial=0)]
        pieces = [stream[start:end] for start, end in pairwise((*cuts, len(stream))) if start < end]
        client, socket = client_of(*pieces)
        loop = Loop(Plain())
        relayed = sum(loop.take(client) for _ in pieces)
        texts = [len(one) for one in sent if one[0] == 0x81 and len(one) > 127]
        self.assertEqual(relayed, sum(size >= RELAYED_SIZE for size in texts))
        self.assertEqual((client.received, client.acked), (relayed, len(texts) - relayed))
        pings = [one[2:] for one in sent if one[0] & 15 == PING]
        self.assertEqual(answered(socket.sent), pings)
        self.assertEqual(client.held, b"")

    def test_payloads_of_relayed_messages(self) -> None:
        """They can be read in full as well, across pieces, without acks and pings."""
        message = b"m" * RELAYED
        stream = frame(b"a" * ACK) + frame(message) + frame(b"!", opcode=PING) + frame(message.upper())
        client, socket = client_of(stream[:300], stream[300:900], stream[900:])
        loop = Loop(Plain())
        taken = [payload for _ in range(3) for payload in loop.take_relayed(client)]
        self.assertEqual(taken, [message, message.upper()])
        self.assertEqual(answered(socket.sent), [b"!"])

    def test_the_end_is_an_error(self) -> None:
        """A server that hangs up, or says that it will, has failed."""
        hung_up, _ = client_of()
        self.assertRaises(Closed, Loop(Plain()).take, hung_up)
        closed, _ = client_of(frame(b"\x03\xe8", opcode=CLOSE))
        self.assertRaises(Closed, Loop(Plain()).take, closed)


def answered(sent: bytes) -> list[bytes]:
    """The payloads of the pongs that a client has sent."""
    found = []
    while sent:
        size = sent[1] & 0x7F
        key, masked, head = sent[2:6], sent[6 : 6 + size], sent[0]
        assert head == 0x80 | PONG
        found.append(bytes(byte ^ key[index % 4] for index, byte in enumerate(masked)))
        sent = sent[6 + size :]
    return found
