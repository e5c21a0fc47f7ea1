"""What a client may send, right or wrong, and what comes of it: for :mod:`tests.test_frame_reader`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st

from jsongle_server.frame_reader import FRAMES_PER_TURN
from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer
from jsongle_server.websocket import CLOSE_TIMEOUT

TEXT, BINARY = 1, 2
LIMIT = 1024
KEY = b"\x37\xfa\x21\x3d"
OPENING = "\r\n".join((*HANDSHAKE, "", "")).encode()
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def made_id(number: int) -> str:
    """What the server calls something that it makes: the same in every run."""
    return str(UUID(int=number, version=4))


HELLO = orjson.dumps(
    {
        "id": "m-1",
        "to": "jsongle-server",
        "jsongle": {
            "action": "iq-result",
            "query": "session-hello",
            "transaction": made_id(2),  # the second id that the server makes for Alice
            "description": {"uid": "alice"},
        },
    }
)


def say(to: object, content: str = "hi", action: str = "session-text") -> bytes:
    """A message to somebody."""
    return orjson.dumps({"id": "m", "to": to, "jsongle": {"action": action, "description": {"content": content}}})


def frame(payload: bytes, *, first: int = 0x81, form: int = 0, masked: bool = True) -> bytes:
    """A frame, right or wrong.

    :param form: bytes for the length, as many as it needs or more.
    """
    size, flag = len(payload), 0x80 if masked else 0
    form = max(form, 1 if size <= 125 else 3 if size <= 0xFFFF else 9)
    head = bytes((flag | size,)) if form == 1 else bytes((flag | (126 if form == 3 else 127),))
    body = bytes(byte ^ KEY[index % 4] for index, byte in enumerate(payload)) if masked else payload
    return (
        bytes((first,)) + head + (size.to_bytes(form - 1, "big") if form > 1 else b"") + (KEY if masked else b"") + body
    )


@dataclass(frozen=True)
class Plain:
    """A message that is to be compressed when it is sent."""

    payload: bytes


class Deflater:
    """A client's side of permessage-deflate (RFC 7692 section 7.2.1), whose context lasts from message to message."""

    def __init__(self) -> None:
        self._compress = zlib.compressobj(wbits=-15)

    def __call__(self, payload: bytes) -> bytes:
        """A compressed payload."""
        return (self._compress.compress(payload) + self._compress.flush(zlib.Z_SYNC_FLUSH))[:-4]


@dataclass(frozen=True)
class Transcript:
    """All that came of what a client sent.

    :ivar messages: the text messages that the session got.
    :ivar answers: the bytes that the client got.
    :ivar passed_on: what another client got.
    :ivar ends: what had become of the connection when all was read, and what a while later.
    """

    messages: list[bytes]
    answers: bytes
    passed_on: list[dict[str, Any]]
    ends: list[Any]


class Conversation:
    """Alice's wire to a server that makes ids by counting; Bob is there too.

    :param fast: whether whole text frames take the short way.

    :ivar messages: the text messages that her session got.
    """

    def __init__(self, *, fast: bool, **more: Any) -> None:
        self.server = WebSocketMemoryServer(
            fast_frames=fast, max_message_size=LIMIT, ping_interval=0, hello_timeout=1000, **more
        )
        self._number_ids(1_000_000)
        self.bob = self.server.user("bob")
        self._number_ids(1)
        self.wire = self.server.open_wire()
        self.messages: list[bytes] = []
        self._receive = self.wire.protocol.receive_text
        self.wire.protocol.receive_text = self._record  # type: ignore[method-assign]

    def send(self, reads: Iterable[bytes], *, is_patient: bool = True) -> Transcript:
        """Has Alice send bytes, in so many reads.

        :param is_patient: whether she waits between them while the server does not listen.
        """
        for read in reads:
            self.wire.send(read)
            if is_patient:
                self.settle()
        self.settle()
        ends = self._end()
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.settle()
        answers: bytes = self.wire.transport.value()
        return Transcript(self.messages, answers, self.bob.take(), ends + self._end())

    def settle(self) -> None:
        """Lets time pass until the server listens to Alice again, and no other time."""
        clock = self.server.clock
        while (resting := self.wire.protocol._resting) is not None:
            clock.advance(max(0.0, resting.getTime() - clock.seconds()))
        for _ in range(4):
            clock.advance(0)

    def _number_ids(self, first: int) -> None:
        numbers = count(first)
        self.server.signaling._services.new_id = lambda: made_id(next(numbers))

    def _record(self, payload: bytes) -> None:
        self.messages.append(payload)
        self._receive(payload)

    def _end(self) -> list[Any]:
        protocol, transport = self.wire.protocol, self.wire.transport
        lost = None if transport.lost is None else transport.lost.type
        session = None if protocol._session is None else protocol._session.state
        is_inside = getattr(protocol, "inside_message", False)  # not there before the handshake is over
        return [protocol.state, is_inside, bytes(protocol.data), transport.disconnecting, lost, session]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """Parts a stream at some places, counted around its end."""
    ends = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(ends)]


def in_a_row(frames: Iterable[bytes | Plain]) -> bytes:
    """Frames as one stream; those still to be compressed are."""
    deflate = Deflater()
    return b"".join(frame(deflate(each.payload), first=0xC1) if isinstance(each, Plain) else each for each in frames)


TO_BOB = st.builds(say, st.sampled_from(("bob", "bob", "nobody", 7)), st.text(max_size=200))
NOISE = st.sampled_from((b"", b"{}", b"\xc0\x80", b"x\xed\xa0\x80", b"\xe2\x82", b"x" * 126, b"x" * (LIMIT + 1)))
PAYLOADS = TO_BOB | NOISE | st.binary(max_size=150)
TEXTS = st.builds(frame, TO_BOB)
WRONG = st.builds(
    lambda payload, first, form, masked: frame(payload, first=first, form=form, masked=masked),
    PAYLOADS,
    st.sampled_from((0x81, 0x81, 0x81, 0x01, 0x00, 0x80, 0x82, 0x83, 0x88, 0x8B, 0x91, 0xA1, 0xC1, 0xC9)),
    st.sampled_from((1, 1, 3, 9)),
    st.sampled_from((True, True, True, False)),
)
CONTROLS = st.builds(
    lambda payload, first: frame(payload, first=first), st.binary(max_size=125), st.sampled_from((0x89, 0x8A))
)
CLOSES = st.builds(
    lambda code, reason: frame(code + reason, first=0x88),
    st.sampled_from((b"", b"\x03", b"\x03\xe8", b"\x03\xed", b"\x0f\xa0", b"\x13\x88", b"\x00\x00")),
    st.sampled_from((b"", b"bye", b"\xff")),
)


@st.composite
def fragments(draw: st.DrawFn) -> bytes:
    """A message in several frames, with whatever comes between them."""
    payload, places = draw(PAYLOADS), draw(st.lists(st.integers(0, 500), max_size=4))
    first = draw(st.sampled_from((TEXT, TEXT, TEXT, BINARY)))
    parts = cut(payload, places) or [b""]
    between = st.sampled_from((b"", b"", b"", frame(b"ping", first=0x89), frame(say("bob"))))
    frames = [
        frame(part, first=(0 if number else first) | (0x80 if number == len(parts) - 1 else 0)) + draw(between)
        for number, part in enumerate(parts)
    ]
    return b"".join(frames)


BURSTS = st.builds(lambda each, times: each * times, TEXTS | CONTROLS, st.integers(2, 2 * FRAMES_PER_TURN + 2))
VALID = TEXTS | TEXTS | CONTROLS | fragments() | BURSTS
ANY = st.lists(VALID | VALID | WRONG | CLOSES | st.binary(max_size=12), max_size=12)
PLACES = st.lists(st.integers(0, 10_000), max_size=12)
