"""Frames and opening handshakes, as bytes on a connection in memory."""

from __future__ import annotations

from typing import Any

from fuzz.watch import Watch, check_frame, cut, demand
from jsongle_server.handshake import MAX_HEADERS
from jsongle_server.testing_websocket import WebSocketMemoryServer, WebSocketWire, parse_frame
from jsongle_server.websocket import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT
from tests.frame_streams import DEFLATE, HELLO, LIMIT, OPENING, Conversation, Transcript, frame

REFUSED = ("400", "403", "404", "405", "426", "429", "431", "503", "505")
"""How handshakes may be refused (protocol section 1)."""


def check_frames(data: bytes) -> None:
    """Frames, after a hello or before: both ways of reading them lead to the same, and to nothing else.

    :param data: how (compressed, hello first, the size of reads), then the frames.
    :raises Broken: something is wrong.
    """
    how, stream = data[:1] or b"\0", data[1:]
    is_compressed, has_hello, size = how[0] & 1, how[0] & 2, how[0] >> 2
    opening = OPENING[:-2] + DEFLATE.encode() + b"\r\n\r\n" if is_compressed else OPENING
    reads = [opening, *([frame(HELLO)] if has_hello else []), *cut(stream, size)]
    with Watch():
        fast, plain = (_talk(reads, fast=fast, per_message_deflate=bool(is_compressed)) for fast in (True, False))
    demand(fast == plain, "both ways of reading see the same", fast, plain)


def check_handshake(data: bytes) -> None:
    """Anything instead of an opening handshake: refused as documented or opened, by both ways of reading alike.

    :param data: the size of reads, then what is sent.
    :raises Broken: something is wrong.
    """
    reads = cut(data[1:], (data[:1] or b"\0")[0])
    with Watch():
        fast, plain = (_ask(reads, fast=fast) for fast in (True, False))
    demand(fast == plain, "both ways of reading answer the same", fast, plain)


def _talk(reads: list[bytes], *, fast: bool, per_message_deflate: bool) -> Transcript:
    talk = Conversation(fast=fast, per_message_deflate=per_message_deflate, rate_limit=0)
    transcript = talk.send(reads)
    answers = transcript.answers.partition(b"\r\n\r\n")[2]
    while answers:
        parsed = None if per_message_deflate else parse_frame(answers)
        if parsed is None:
            demand(per_message_deflate, "what the server sends are frames", answers)
            break
        opcode, payload, answers = parsed
        check_frame(opcode, payload)
    _check_kept(talk.wire, reads)
    demand(talk.bob.ask("ping")["jsongle"]["action"] == "iq-result", "others are served as ever")
    _check_gone(talk.server, talk.wire)
    return transcript


def _ask(reads: list[bytes], *, fast: bool) -> list[Any]:
    server = WebSocketMemoryServer(fast_frames=fast)
    numbers = iter(range(1 << 30))
    server.signaling._services.new_id = lambda: f"id-{next(numbers)}"
    wire = server.open_wire()
    for read in reads:
        wire.send(read)
        server.clock.advance(0)
    answer = wire.read_rest()
    if answer:
        version, status = answer.split(b" ", 2)[:2]
        demand(version == b"HTTP/1.1", "the answer is HTTP", answer[:100])
        demand(status == b"101" or status.decode() in REFUSED, "the status is documented", answer[:100])
    _check_kept(wire, reads)
    seen = [answer, wire.protocol.state, dict(server.metrics.refusals)]
    server.clock.advance(HANDSHAKE_TIMEOUT)
    _check_gone(server, wire)
    return seen


def _check_kept(wire: WebSocketWire, reads: list[bytes]) -> None:
    """However it has gone, little is kept of what came: one read, and what was there before it."""
    protocol: Any = wire.protocol
    most = max(map(len, reads), default=0) + MAX_HEADERS + LIMIT
    demand(len(protocol.data) <= most, "little is kept of what came", len(protocol.data))
    message = getattr(protocol, "message_data", None) or []
    demand(sum(map(len, message)) <= LIMIT, "no more is kept than a message may have")
    demand(protocol._outbox.size <= protocol.factory.config.max_send_queue, "no more waits than may")


def _check_gone(server: WebSocketMemoryServer, wire: WebSocketWire) -> None:
    """Nothing is left of a connection that is cut."""
    wire.transport.cut()
    server.clock.advance(CLOSE_TIMEOUT)
    demand(wire.protocol not in server.factory.connections, "the connection is forgotten")
    demand(all(session.uid != "alice" for session in server.signaling.sessions()), "so is its session")
