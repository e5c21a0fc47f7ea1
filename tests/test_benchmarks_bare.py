"""The bare relays of the benchmarks: real processes, which all have to say the same."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from jsongle_server.testing import Witness
from tests.daemons import Foreground, SocketClient, wait_until

BARE: Final = Path(__file__).parent.parent / "benchmarks" / "bare"
TEXT: Final = {"action": "session-text", "namespace": "muc", "description": {"text": "Grüße"}}
SOCKET_IO: Final = "/socket.io/?EIO=4&transport=websocket"
TEXT_FRAME: Final = 1

_VOLATILE: Final = (
    (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", b"TIME"),
    (rb"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", b"UUID"),
)


def from_server(to: str, jsongle: dict[str, Any]) -> dict[str, Any]:
    """What the server itself says, with all that differs from run to run made equal."""
    return {"id": "UUID", "from": "jsongle-server", "to": to, "jsongle": jsongle}


def receipt(mid: str, to: str) -> dict[str, Any]:
    """The acknowledgement of a text."""
    description = {"acknowledged": "TIME", "mid": mid, "type": "server-received"}
    return from_server(to, {"action": "session-event", "namespace": "muc", "event": "ack", "description": description})


def text(mid: str, to: str) -> dict[str, Any]:
    """A text of alice as it arrives; she leaves out who she is."""
    return {"id": mid, "from": "ALICE", "to": to, "jsongle": TEXT}


HELLO: Final = {"version": "0", "sn": "jsongle-server", "info": "bare relay", "connected": "TIME"}
JOINED: Final = {"rid": "lobby", "members": []}
CONVERSATION: Final = {
    "alice": [
        from_server(
            "ALICE",
            {"action": "iq-get", "query": "session-hello", "transaction": "UUID", "description": HELLO},
        ),
        from_server("ALICE", {"action": "ack", "status": "success", "transaction": "UUID"}),
        from_server(
            "ALICE",
            {"action": "iq-result", "query": "muc-join", "transaction": "t-muc-join", "description": JOINED},
        ),
        receipt("text-0", "ALICE"),
        receipt("text-1", "ALICE"),
        receipt("text-2", "ALICE"),
    ],
    "bob": [text("text-0", "BOB"), text("text-1", "lobby")],
    "carol": [text("text-1", "lobby")],
}
"""What everybody gets after the others have joined."""


class RelayClient(SocketClient):
    """A client of a relay, which says less than the protocol asks of a server."""

    witness_class = Witness


class SocketIoClient(RelayClient):
    """The same client on Socket.IO, where a message is an event of that name.

    :param address: as ``SocketClient`` takes it.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address, path=SOCKET_IO)
        self._expect(b"0{")
        self.send_frame(TEXT_FRAME, b"40")
        self._expect(b"40{")

    def send_bytes(self, payload: bytes) -> None:
        """Sends one event."""
        super().send_bytes(b'42["message",' + payload + b"]")

    def take_one(self) -> dict[str, Any]:
        """The object of the next event."""
        name, message = orjson.loads(self._expect(b"42"))
        if name != "message":
            raise AssertionError(f"expected a message, got {name}")
        found: dict[str, Any] = message
        return found

    def _expect(self, kind: bytes) -> bytes:
        packet = self.take_text()
        if not packet.startswith(kind):
            raise AssertionError(f"expected {kind!r}, got {packet!r}")
        return packet.removeprefix(kind)


def converse(address: str, client: type[RelayClient]) -> dict[str, list[dict[str, Any]]]:
    """Holds the conversation; returns what each client was told."""
    alice, bob, carol = (client(address) for _ in range(3))
    bob.hello("bob")
    carol.hello("carol")
    for member in (bob, carol):
        member.ask("muc-join", rid="lobby")
    heard = [alice.greeted(), alice.hello("alice"), alice.ask("muc-join", rid="lobby")]
    for number, to in enumerate((bob.identity, "lobby", "nobody")):
        alice.send({"id": f"text-{number}", "to": to, "jsongle": TEXT})
        heard.append(alice.take_one())
    told = {"alice": heard, "bob": [bob.take_one(), bob.take_one()], "carol": [carol.take_one()]}
    written = orjson.dumps(told).replace(alice.identity.encode(), b"ALICE").replace(bob.identity.encode(), b"BOB")
    for pattern, replacement in _VOLATILE:
        written = re.sub(pattern, replacement, written)
    for each in (alice, bob, carol):
        each.disconnect()
    result: dict[str, list[dict[str, Any]]] = orjson.loads(written)
    return result


class BareRelayTests(SynchronousTestCase):
    """Every relay says the same, so that they can be compared."""

    maxDiff = None

    def check(self, *command: str, client: type[RelayClient] = RelayClient) -> None:
        """A relay says when it is ready, holds the conversation, also with the next clients, and ends at SIGTERM."""
        console = Path(self.mktemp())
        relay = Foreground({"args": (*command, "0"), "stdin": subprocess.DEVNULL}, console)
        self.addCleanup(relay.kill)
        wait_until(lambda: relay.output.startswith("ready ") and relay.output.endswith("\n"), "the ready line")
        port = int(relay.output.split()[1])
        for _ in range(2):
            self.assertEqual(converse(f"ws://127.0.0.1:{port}", client), CONVERSATION)
        relay.signal(signal.SIGTERM)
        relay.wait()
        self.assertEqual(relay.output, f"ready {port}\n")

    def test_autobahn(self) -> None:
        """The one on stock Autobahn."""
        self.check(sys.executable, str(BARE / "autobahn_relay.py"))

    def test_picows(self) -> None:
        """The one on picows and uvloop."""
        if find_spec("picows") is None or find_spec("uvloop") is None:
            raise SkipTest("needs picows and uvloop: pip install --require-hashes -r requirements-bench.txt")
        self.check(sys.executable, str(BARE / "picows_relay.py"))

    def test_ws(self) -> None:
        """The one on Node and ws."""
        self.check(self.node(), str(BARE / "ws_relay.mjs"))

    def test_socket_io(self) -> None:
        """The one on Node and Socket.IO, as far as it is not Socket.IO's own."""
        self.check(self.node(), str(BARE / "socketio_relay.mjs"), client=SocketIoClient)

    def node(self) -> str:
        """Where Node is."""
        node = shutil.which("node")
        if node is None or not (BARE / "node_modules").is_dir():
            raise SkipTest("needs Node 18 or later and: npm ci --prefix benchmarks/bare --no-audit --no-fund")
        return node
