"""The oracles of ``fuzz/``, with what hypothesis makes up: seconds of what ``make fuzz`` does for minutes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from fuzz import __main__ as command
from fuzz import watch
from fuzz.oracles_rest import check_rest
from fuzz.oracles_session import SERVER, check_json, check_session
from fuzz.oracles_tokens import check_token
from fuzz.oracles_websocket import check_frames, check_handshake
from fuzz.targets import TARGETS, Target
from jsongle_server import relay, tokens
from jsongle_server.vocabulary import ACTIONS, Query
from tests.frame_streams import ANY, in_a_row
from tests.test_rest_site import LINES, NAMES, VALUES
from tests.test_upgrade import requests

NAMED: Final = st.sampled_from(
    ("alice", "bob", "carol", "room", "muc", "muc/bob", "muc/alice", SERVER, "call", "other", "__proto__", "", "x\r\ny")
)
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER: Final = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
LEAF: Final = NAMED | TEXT | NUMBER | st.none() | st.booleans()
VALUE: Final = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | NAMED, inner, max_size=3), max_leaves=6
)
DESCRIBED: Final = ("rid", "uid", "dn", "resume", "token", "seq", "sent", "relayed", "id", "error", "duration")
DESCRIPTION: Final = st.dictionaries(st.sampled_from(DESCRIBED) | TEXT, VALUE, max_size=4)
JSONGLE: Final = st.fixed_dictionaries(
    {"action": st.sampled_from(list(ACTIONS))},
    optional={
        "query": st.sampled_from(list(Query)) | VALUE,
        "sid": NAMED | VALUE,
        "reason": st.sampled_from(("ringing", "active", "declined")) | VALUE,
        "namespace": st.sampled_from(("muc", "room", "session")) | VALUE,
        "event": st.sampled_from(("ack", "joined", "left", "reaction")) | VALUE,
        "transaction": VALUE,
        "description": DESCRIPTION | VALUE,
    },
)
MESSAGE: Final = st.fixed_dictionaries(
    {"jsongle": JSONGLE | VALUE, "to": NAMED | VALUE},
    optional={"id": TEXT | VALUE, "from": NAMED | VALUE, "seq": VALUE, "extra": VALUE},
).map(lambda message: json.dumps(message, allow_nan=False).encode())
"""Messages that are right, and some that are not."""

SEEDS: Final = {name: st.sampled_from(target.seeds) for name, target in TARGETS.items()}


@st.composite
def mutated(draw: st.DrawFn, seeds: st.SearchStrategy[bytes]) -> bytes:
    """An input to begin with in which something is cut out, put in, or in another place."""
    data = draw(seeds)
    for _ in range(draw(st.integers(0, 3))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        data = data[:start] + draw(st.binary(max_size=6) | st.just(draw(seeds)[start:end])) + data[end:]
    return data


def encoded(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value).encode()


def headers(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Lines of headers."""
    return b"".join(b"%s: %s\r\n" % pair for pair in pairs)


HTTP: Final = st.builds(
    lambda line, pairs, body: b"%s %s%s HTTP/1.1\r\n" % line + headers(pairs) + b"\r\n" + body,
    LINES,
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    st.binary(max_size=30),
)
SIZES: Final = st.sampled_from((b"\x00", b"\x00", b"\x01", b"\x07"))
CLAIMS: Final = st.fixed_dictionaries(
    {"sub": st.sampled_from(("alice", "bob")) | VALUE},
    optional=dict.fromkeys(("exp", "nbf", "iat", "aud", "iss", "name", "rooms", "jti"), VALUE),
)
HEADER: Final = st.fixed_dictionaries(
    {"alg": st.sampled_from(("HS256", "HS256", "none", "ES256", "HS512")) | VALUE},
    optional=dict.fromkeys(("typ", "kid", "crit", "b64", "jku", "jwk", "x5c"), VALUE),
)


SIGNED: Final = st.tuples(HEADER, CLAIMS).map(lambda parts: b"\x01" + b"\n".join(map(encoded, parts)))


class AnythingTests(SynchronousTestCase):
    """Whatever is sent, all is as it always must be."""

    @settings(max_examples=30)
    @given(st.integers(0, 3), ANY)
    def test_frames(self, how: int, frames: list[bytes]) -> None:
        """Frames, right and wrong, in any order."""
        check_frames(bytes((how,)) + in_a_row(frames))

    @settings(max_examples=40)
    @given(SIZES, requests() | st.binary(max_size=60))
    def test_handshakes(self, size: bytes, request: bytes) -> None:
        """Opening handshakes that are odd in several ways, and what is none."""
        check_handshake(size + request)

    @settings(max_examples=60)
    @given(MESSAGE | st.binary(max_size=60) | mutated(SEEDS["json"]))
    def test_json(self, data: bytes) -> None:
        """Messages, and what is none."""
        check_json(data)

    @settings(max_examples=60)
    @given(st.lists(MESSAGE | mutated(SEEDS["sessions"]), max_size=6))
    def test_sessions(self, lines: list[bytes]) -> None:
        """Whole conversations in which one says anything at all."""
        check_session(b"\n".join(lines))

    @settings(max_examples=40)
    @given(SIZES, st.lists(HTTP | mutated(SEEDS["requests"]).map(lambda seed: seed[1:]), max_size=3).map(b"".join))
    def test_requests(self, size: bytes, stream: bytes) -> None:
        """Requests to the REST port, several in a row, in pieces of any size."""
        check_rest(size + stream)

    @settings(max_examples=60)
    @given(mutated(SEEDS["tokens"]) | SIGNED)
    def test_tokens(self, data: bytes) -> None:
        """Tokens of any claims, under any header; and of any text."""
        check_token(data)

    def test_seeds(self) -> None:
        """Nothing is wrong with what fuzzing begins with."""
        for target in TARGETS.values():
            for seed in target.seeds:
                self.assertLessEqual(len(seed), target.longest)
                target.check(seed)


class OracleTests(SynchronousTestCase):
    """The oracles see what is wrong."""

    def assert_broken(self, check: Callable[[bytes], None], data: bytes) -> None:
        """Something is found, where nothing was before."""
        self.assertRaises(watch.Broken, check, data)
        self.flushLoggedErrors()

    def test_failures(self) -> None:
        """A failure anywhere in the server is seen in its log."""
        self.patch(relay, "encode_relayed", lambda *arguments: 1 // 0)
        self.assert_broken(check_session, b'{"to":"bob","jsongle":{"action":"session-text"}}')

    def test_log(self) -> None:
        """So is an error without an exception."""
        log = Logger()

        def fail(data: bytes) -> None:
            with watch.Watch():
                log.error("not well")

        self.assert_broken(fail, b"")

    def test_deceit(self) -> None:
        """A message that goes on in another's name is seen by those who get it."""
        find = relay.route_of
        self.patch(relay, "route_of", lambda *asked: find(*asked)._replace(sender="carol"))
        self.assert_broken(check_session, b'{"to":"bob","jsongle":{"action":"session-text"}}')

    def test_forged_token(self) -> None:
        """A token that is accepted without being signed is seen."""
        self.patch(tokens.Tokens, "_claims", lambda self, token: {"sub": "alice"})
        self.assert_broken(check_token, b"\x00" + b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.AAAA")

    def test_messages(self) -> None:
        """Messages and frames that no server may send are seen."""
        good = {"id": "m", "from": "a", "to": "b", "jsongle": {"action": "ack"}}
        watch.check_message(good)
        failed = {"action": "session-error", "description": {"errorCode": 500001}}
        for wrong in ({"id": ""}, {"id": 7}, {"from": None}, {"to": ""}, {"jsongle": failed}):
            self.assertRaises(watch.Broken, watch.check_message, {**good, **wrong})
        for opcode, payload in ((2, b""), (8, (1011).to_bytes(2, "big")), (8, b"\x03\xe8" + b"x" * 124)):
            self.assertRaises(watch.Broken, watch.check_frame, opcode, payload)


class CommandTests(SynchronousTestCase):
    """``python -m fuzz``."""

    def setUp(self) -> None:
        """Has it write into a folder of its own, and takes what it prints."""
        self.folder = Path(self.mktemp())
        self.patch(command, "BUILD", self.folder)
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)

    @property
    def printed(self) -> list[str]:
        """The lines that it has printed."""
        return self.output.getvalue().splitlines()

    def fuzz(self, code: str) -> int:
        """Runs it with a script in the place of atheris; the exit status."""
        self.patch(command, "HARNESS", ("-c", code))
        return command.main(["--seconds", "1", "json"])

    def test_nothing_found(self) -> None:
        """It plants what it begins with, says how much it has tried, and exits with 0."""
        said = "import sys; sys.stderr.write('stat::number_of_executed_units: 4711')"
        self.assertEqual(self.fuzz(said), 0)
        self.assertEqual(self.printed, ["json: 4711 inputs in 1 s", "found nothing"])
        planted = {path.read_bytes() for path in (self.folder / "json" / "corpus").iterdir()}
        self.assertEqual(planted, set(TARGETS["json"].seeds))

    def test_found(self) -> None:
        """What was found is printed, with how to see it again; the exit status is 1."""
        path = self.folder / "json" / "crash-1"
        self.assertEqual(self.fuzz(f"import sys; open({str(path)!r}, 'wb').write(b'\\xff{{}}'); sys.exit(77)"), 1)
        self.assertIn("json: b'\\xff{}'", self.printed)
        self.assertIn(f"{sys.executable} -m fuzz --again {path} json", self.printed)
        self.assertEqual(self.printed[-1], "found something: json")

    def test_again(self) -> None:
        """An input can be tried once more, without atheris."""
        self.folder.mkdir()
        path = self.folder / "input"
        path.write_bytes(b"{}")
        self.assertEqual(command.main(["--again", str(path), "json"]), 0)

        def fail(data: bytes) -> None:
            raise watch.Broken

        self.patch(command, "TARGETS", {"json": Target(fail, (), 10)})
        self.assertRaises(watch.Broken, command.main, ["--again", str(path), "json"])

    def test_unknown_target(self) -> None:
        """It says which there are."""
        said = StringIO()
        self.patch(sys, "stderr", said)
        self.assertRaises(SystemExit, command.main, ["nothing"])
        self.assertIn("the targets are frames, ", said.getvalue())
