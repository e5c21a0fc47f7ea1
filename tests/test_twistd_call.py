"""A whole conversation between two clients of a server in the background: the one that the README describes."""

from __future__ import annotations

import signal
from typing import Any

from tests.daemons import DaemonCase, SocketClient

ROOM = "room-1"
CALL = {"sid": "c-1", "initiator": "alice", "responder": "bob"}
STAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class ConversationTests(DaemonCase):
    """From hello to leave, over real sockets."""

    def setUp(self) -> None:
        """Starts the server and connects both clients."""
        super().setUp()
        self.server = self.daemon("--id=barracuda", "--drainTimeout=0")
        self.alice = SocketClient(self.server.addresses[0])
        self.bob = SocketClient(self.server.addresses[0])
        self.addCleanup(self.alice.disconnect)
        self.addCleanup(self.bob.disconnect)

    def test_call(self) -> None:
        """Hello, join, a call from propose to terminate, a text, leave: each message as the protocol has it."""
        self.hello()
        self.join()
        self.begin_the_call()
        self.talk()
        self.text()
        self.end()
        self.server.signal(signal.SIGTERM)
        for client in (self.alice, self.bob):
            self.assertEqual(client.read_close()[0], 1012)
        self.server.wait()
        self.assertNotIn("Traceback", self.server.log)

    def hello(self) -> None:
        """Both say who they are (protocol section 3)."""
        for client, uid in ((self.alice, "alice"), (self.bob, "bob")):
            greeting = client.greeted()
            self.assertEqual(greeting["from"], "barracuda")
            self.assertEqual(greeting["jsongle"]["description"]["sn"], "barracuda")
            ack = client.hello(uid, dn=uid.title())["jsongle"]
            self.assertEqual(
                {key: ack[key] for key in ("action", "status", "transaction")},
                {"action": "ack", "status": "success", "transaction": client.transaction},
            )

    def join(self) -> None:
        """Both join a room, and the first is told of the second (protocol section 4)."""
        self.assertEqual(self.alice.ask("join", rid=ROOM)["jsongle"]["description"], {"rid": ROOM, "members": []})
        there = {"uid": "alice", "dn": "Alice", "id": self.alice.identity}
        answer = self.bob.ask("join", rid=ROOM)
        self.assertEqual(
            answer["jsongle"],
            {
                "action": "iq-result",
                "query": "join",
                "transaction": "t-join",
                "description": {"rid": ROOM, "members": [there]},
            },
        )
        self.assert_event("joined", self.alice.take_one())

    def begin_the_call(self) -> None:
        """Propose, trying, ringing, proceed, initiate, accept (protocol section 5)."""
        self.relay(self.alice, self.bob, "session-propose", description={"stamped": "t0"}, stamped=False)
        trying = self.alice.take_one()["jsongle"]
        self.assertRegex(trying.pop("description")["tried"], STAMP)
        self.assertEqual(trying, {"action": "session-info", "reason": "trying", **CALL})
        self.relay(self.bob, self.alice, "session-info", reason="ringing", description={"ringing": "t1"})
        self.relay(self.bob, self.alice, "session-proceed", description={"proceeded": "t2"})
        self.relay(self.alice, self.bob, "session-initiate", description={"offer": {"type": "offer", "sdp": "v=0\r\n"}})
        self.relay(self.bob, self.alice, "session-accept", description={"answer": {"type": "answer", "sdp": "v=0\r\n"}})

    def talk(self) -> None:
        """Candidates both ways, active, mute."""
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMLineIndex": 0, "sdpMid": None}
            self.relay(sender, receiver, "transport-info", description={"candidate": candidate})
        self.relay(self.alice, self.bob, "session-info", reason="active", description={"active": "t3"})
        self.relay(self.bob, self.alice, "session-info", reason="mute", description={"muted": "t4"})

    def text(self) -> None:
        """A text and its acknowledgement."""
        mid = self.relay(
            self.bob, self.alice, "session-text", namespace="message", description={"content": "Grüße 👋"}, call={}
        )
        ack = self.bob.take_one()["jsongle"]
        self.assertRegex(ack["description"].pop("acknowledged"), STAMP)
        self.assertEqual(
            ack,
            {
                "action": "session-event",
                "namespace": "message",
                "event": "ack",
                "description": {"mid": mid, "type": "server-received"},
            },
        )

    def end(self) -> None:
        """Terminate, then leave, of which the other is told."""
        self.relay(self.alice, self.bob, "session-terminate", reason="success", description={"ended": "t5"})
        self.assertEqual(self.bob.ask("leave", rid=ROOM)["jsongle"]["description"], {"rid": ROOM})
        self.assert_event("left", self.alice.take_one())

    def relay(
        self,
        sender: SocketClient,
        receiver: SocketClient,
        action: str,
        *,
        stamped: bool = True,
        call: dict[str, Any] = CALL,
        **jsongle: Any,
    ) -> str:
        """Sends a message to the room; the other member gets it untouched but for the server's stamps.

        :param stamped: whether it gets any.
        :returns: its id.
        """
        mid = sender.say(ROOM, action, **call, **jsongle)
        got = receiver.take_one()
        if stamped:
            for stamp in ("relayed", "sent"):
                self.assertRegex(got["jsongle"]["description"].pop(stamp), STAMP)
        expected = {"id": mid, "from": ROOM, "to": receiver.identity, "jsongle": {"action": action, **call, **jsongle}}
        self.assertEqual(got, expected)
        return mid

    def assert_event(self, event: str, message: dict[str, Any]) -> None:
        """A message tells the first client of the second's coming or going."""
        self.assertEqual((message["from"], message["to"]), ("barracuda", self.alice.identity))
        told = message["jsongle"]
        self.assertRegex(told["description"].pop(event), STAMP)
        member = {"uid": "bob", "dn": "Bob", "id": self.bob.identity}
        self.assertEqual(
            told,
            {
                "action": "session-event",
                "namespace": "room",
                "event": event,
                "description": {"member": member, "rid": ROOM},
            },
        )
