"""A bare relay on stock Autobahn and Twisted: ``python autobahn_relay.py PORT``.

It is what this server would be without its own frame path and without its work: Autobahn's ``onMessage`` and
``sendMessage`` with Autobahn's own options, a room's message framed once, Python's own json, Nagle off. It is no server
to use: see ``benchmarks/bare/__init__.py``.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from time import time
from typing import Any, Final
from uuid import uuid4

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor

SERVER: Final = "jsongle-server"
BACKLOG: Final = 1024

clients: dict[str, Relay] = {}
rooms: dict[str, set[Relay]] = {}

# Ids need only differ: a random one for the process and a number are much cheaper than a random one each.
_prefix: Final = str(uuid4())[:24]
_numbers: Final = count()


class Relay(WebSocketServerProtocol):
    """One client."""

    factory: WebSocketServerFactory
    transport: Any
    identity = ""

    def connectionMade(self) -> None:
        """Turns Nagle's algorithm off, which Autobahn's own option fails to do."""
        super().connectionMade()
        self.transport.setTcpNoDelay(True)

    def onOpen(self) -> None:
        """Greets the client."""
        self.identity = str(uuid4())
        self.joined: set[str] = set()
        clients[self.identity] = self
        about = {"version": "0", "sn": SERVER, "info": "bare relay", "connected": timestamp()}
        self.say({"action": "iq-get", "query": "session-hello", "transaction": str(uuid4()), "description": about})

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Does what a message asks for."""
        message = json.loads(payload)
        jsongle = message["jsongle"]
        action = jsongle["action"]
        if action == "session-text":
            self.relay(message, jsongle)
        elif action == "iq-set":
            self.join(jsongle)
        elif action == "iq-result":
            self.say({"action": "ack", "status": "success", "transaction": jsongle.get("transaction")})

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Forgets the client."""
        if clients.pop(self.identity, None) is None:
            return
        for rid in self.joined:
            rooms[rid].discard(self)
            if not rooms[rid]:
                del rooms[rid]

    def relay(self, message: Any, jsongle: Any) -> None:
        """Passes a text on, and acknowledges it."""
        to = message["to"]
        message["from"] = self.identity
        recipient = clients.get(to)
        if recipient is not None:
            recipient.sendMessage(encode(message))
        elif to in rooms:
            framed = self.factory.prepareMessage(encode(message))
            for member in rooms[to]:
                if member is not self:
                    member.sendPreparedMessage(framed)
        about = {"acknowledged": timestamp(), "mid": message["id"], "type": "server-received"}
        namespace = jsongle.get("namespace")
        self.say({"action": "session-event", "namespace": namespace, "event": "ack", "description": about})

    def join(self, jsongle: Any) -> None:
        """Adds the client to a room."""
        rid = jsongle["description"]["rid"]
        rooms.setdefault(rid, set()).add(self)
        self.joined.add(rid)
        echo = {"query": jsongle["query"], "transaction": jsongle.get("transaction")}
        self.say({"action": "iq-result", **echo, "description": {"rid": rid, "members": []}})

    def say(self, jsongle: Any) -> None:
        """Sends what the server itself says."""
        mid = f"{_prefix}{next(_numbers):012x}"
        self.sendMessage(encode({"id": mid, "from": SERVER, "to": self.identity, "jsongle": jsongle}))


@lru_cache(maxsize=1)
def written(milliseconds: int) -> str:
    """A time as the wire has it; it changes only so often."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def encode(message: Any) -> bytes:
    """A message as JSON."""
    return json.dumps(message, separators=(",", ":")).encode()


def timestamp() -> str:
    """The time as the wire has it."""
    return written(int(time() * 1000))


def main() -> None:
    """Serves until a signal ends it."""
    loop: Any = reactor
    factory = WebSocketServerFactory()
    factory.protocol = Relay
    port = loop.listenTCP(int(sys.argv[1]), factory, backlog=BACKLOG, interface="127.0.0.1")
    print("ready", port.getHost().port, flush=True)
    loop.run()


if __name__ == "__main__":
    main()
