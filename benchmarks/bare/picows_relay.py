"""A bare relay on picows and uvloop: ``python picows_relay.py PORT``.

It is about the fastest that Python has: frames and sockets are handled in C, a message is written to its recipients
at once, Python's own json does the rest. It is no server to use: see ``benchmarks/bare/__init__.py``.
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

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

SERVER: Final = "jsongle-server"
BACKLOG: Final = 1024
TEXT: Final = WSMsgType.TEXT
CLOSE: Final = WSMsgType.CLOSE

clients: dict[str, Relay] = {}
rooms: dict[str, set[Relay]] = {}

# Ids need only differ: a random one for the process and a number are much cheaper than a random one each.
_prefix: Final = str(uuid4())[:24]
_numbers: Final = count()


class Relay(WSListener):
    """One client."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greets the client."""
        self.identity = str(uuid4())
        self.joined: set[str] = set()
        self.send = transport.send
        clients[self.identity] = self
        about = {"version": "0", "sn": SERVER, "info": "bare relay", "connected": timestamp()}
        self.say({"action": "iq-get", "query": "session-hello", "transaction": str(uuid4()), "description": about})

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Does what a message asks for."""
        if frame.msg_type == TEXT:
            message = json.loads(frame.get_payload_as_bytes())
            jsongle = message["jsongle"]
            action = jsongle["action"]
            if action == "session-text":
                self.relay(message, jsongle)
            elif action == "iq-set":
                self.join(jsongle)
            elif action == "iq-result":
                self.say({"action": "ack", "status": "success", "transaction": jsongle.get("transaction")})
        elif frame.msg_type == CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forgets the client."""
        del clients[self.identity]
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
            recipient.send(TEXT, encode(message))
        elif to in rooms:
            payload = encode(message)
            for member in rooms[to]:
                if member is not self:
                    member.send(TEXT, payload)
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
        self.send(TEXT, encode({"id": mid, "from": SERVER, "to": self.identity, "jsongle": jsongle}))


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


async def main() -> None:
    """Serves until a signal ends it."""
    server = await ws_create_server(lambda request: Relay(), "127.0.0.1", int(sys.argv[1]), backlog=BACKLOG)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
