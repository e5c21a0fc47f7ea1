"""What can be fuzzed, by name, and where to begin: inputs that are right, and some that are nearly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from fuzz.oracles_rest import check_rest
from fuzz.oracles_session import SERVER, check_json, check_session
from fuzz.oracles_tokens import check_token
from fuzz.oracles_websocket import check_frames, check_handshake
from jsongle_server.testing import START
from jsongle_server.testing_websocket import HANDSHAKE
from jsongle_server.vocabulary import ACTIONS, Query
from tests.frame_streams import Deflater, frame, say
from tests.rest_support import TOKEN
from tests.token_makers import token


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz.

    :param check: takes an input, and raises where something is wrong.
    :param seeds: inputs to begin with.
    :param longest: the longest input that is tried, in bytes.
    """

    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    longest: int


def message(action: str, to: str = "bob", **jsongle: Any) -> bytes:
    """A message on one line."""
    return json.dumps({"id": "m", "to": to, "jsongle": {"action": action, **jsongle}}).encode()


def _messages() -> Iterable[bytes]:
    for action in ACTIONS:
        yield message(action, sid="call", reason="ringing", namespace="muc", description={})
    for query in Query:
        asked = {"rid": "room", "dn": "d", "uid": "alice", "resume": {"token": "a.b", "seq": 0}}
        yield message("iq-set", SERVER, query=query, transaction="t", description=asked)
    for to in ("room", "muc", "muc/bob", "carol", SERVER, "nobody"):
        yield message("session-text", to, description={"content": "hi"})


def _calls() -> Iterable[bytes]:
    for actions in (
        ("session-proceed", "session-accept", "transport-info", "session-terminate"),
        ("session-decline",),
        ("session-propose", "session-retract"),
        ("session-info", "session-retract"),
    ):
        yield b"\n".join(message(action, sid=sid) for sid in ("call", "mine") for action in actions)


def _frames() -> Iterable[bytes]:
    whole = say("bob")
    for stream in (
        frame(whole) * 3,
        frame(whole[:20], first=1) + frame(b"?", first=0x89) + frame(whole[20:], first=0x80),
        frame(b"", first=0x88),
        frame(b"\x03\xe8bye", first=0x88),
        frame(b"", first=0x8A) + frame(b"\xff", first=0x82),
        frame(b"x" * 126, form=3) + frame(b"x", form=9),
        frame("é€🙂".encode()),
        frame(Deflater()(whole), first=0xC1),
    ):
        for how in (0, 1, 2, 3, 1 << 2 | 2, 7 << 2 | 2):
            yield bytes((how,)) + stream


def _handshakes() -> Iterable[bytes]:
    lines = list(HANDSHAKE)
    more = (
        "Origin: https://a.example",
        "Sec-WebSocket-Protocol: chat, jsongle",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "Authorization: Bearer abc",
        "X-Forwarded-For: 192.0.2.1",
    )
    socket_io = ["GET /socket.io/?EIO=4 HTTP/1.1", *lines[1:]]
    for request in (lines, [*lines, *more], socket_io, ["POST / HTTP/1.1"], lines[:3]):
        yield b"\x00" + "\r\n".join((*request, "", "")).encode()
    yield b"\x05" + "\r\n".join((*lines, "", "")).encode() + frame(b"{}")


def _requests() -> Iterable[bytes]:
    bearer = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    for path in ("/about", "/metrics", "/readyz", "/stats", "/openapi.json", "/logs", "/?a=%2f", *_LISTS):
        yield f"\x00GET {path} HTTP/1.1\r\n{bearer}\r\n".encode()
    for method, path, body in _CHANGES:
        text = json.dumps(body)
        yield f"\x00{method} {path} HTTP/1.1\r\n{bearer}Content-Length: {len(text)}\r\n\r\n{text}".encode()
        chunks = f"{len(text):x}\r\n{text}\r\n0\r\n\r\n"
        yield f"\x07{method} {path} HTTP/1.1\r\n{bearer}Transfer-Encoding: chunked\r\n\r\n{chunks}".encode()
    for method in ("DELETE", "HEAD", "OPTIONS", "POST"):
        yield f"\x00{method} /sessions/x HTTP/1.1\r\n{bearer}Origin: https://a.example\r\n\r\n".encode()
    yield f"\x00DELETE /rooms/room HTTP/1.1\r\n{bearer}\r\n".encode()
    for line in ("Content-Length: " + "9" * 20, "Transfer-Encoding: identity"):
        yield f"\x00POST /blocks HTTP/1.1\r\n{bearer}{line}\r\n\r\n".encode()
    yield b"\x00" + b"GET /about HTTP/1.1\r\n\r\n" * 5


_LISTS: Final = (
    "/sessions?uid=alice&limit=1&offset=0&address=192.0.2.0/24&state=identified",
    "/rooms?kind=muc&rid=room",
    "/rooms/room",
    "/calls?state=ringing",
    "/blocks?limit=5",
)
_CHANGES: Final[tuple[tuple[str, str, Any], ...]] = (
    ("PUT", "/logs/levels", {"level": "debug"}),
    ("POST", "/messages", {"to": "alice", "description": {"content": "hi"}}),
    ("POST", "/blocks", {"uid": "alice", "seconds": 60, "reason": "spam"}),
    ("POST", "/blocks", {"address": "192.0.2.0/24", "seconds": 60}),
)


def _tokens() -> Iterable[bytes]:
    good = token(exp=int(START) + 3600, rooms=["team-*"], name="Alice")
    yield b"\x00" + good.encode()
    yield b"\x00" + (good[:-2] + "AA").encode()
    for header in ({"alg": "HS256", "typ": "JWT"}, {"alg": "none"}, {"alg": "ES256", "kid": "a"}, {"alg": "HS512"}):
        for claims in ({"sub": "alice"}, {"sub": "bob"}, {"sub": "alice", "exp": 1, "nbf": 1e300, "rooms": ["*"]}):
            yield b"\x01" + json.dumps(header).encode() + b"\n" + json.dumps(claims).encode()


TARGETS: Final = MappingProxyType(
    {
        "frames": Target(check_frames, tuple(_frames()), 2000),
        "handshakes": Target(check_handshake, tuple(_handshakes()), 2000),
        "json": Target(check_json, tuple(_messages()), 4000),
        "sessions": Target(check_session, (*_messages(), *_calls()), 4000),
        "requests": Target(check_rest, tuple(_requests()), 2000),
        "tokens": Target(check_token, tuple(_tokens()), 1000),
    }
)
"""Everything that can be fuzzed."""
