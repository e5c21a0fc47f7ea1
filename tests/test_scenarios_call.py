"""A whole call, from hello to leave, every message in full: what a user relies on (protocol sections 2 to 5)."""

from __future__ import annotations

from typing import Any

from jsongle_server import __version__
from jsongle_server.session import INFO
from jsongle_server.testing import Client
from tests.scenarios import NOW, SERVER, Message, ScenarioCase, on_both_transports

SDP = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\n"
CANDIDATE = {"candidate": "candidate:1 1 udp 2113937151 192.0.2.1 55400 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


@on_both_transports
class CallTests(ScenarioCase):
    """Jon calls Mary, they talk, and go."""

    def connect(self, uid: str, dn: str) -> Client:
        """A client that says hello, each step asserted."""
        client = self.server.connect()
        hello = client.greeted()
        self.assertEqual(
            self.own(hello),
            {
                "from": SERVER,
                "to": client.identity,
                "jsongle": {
                    "action": "iq-get",
                    "query": "session-hello",
                    "transaction": client.transaction,
                    "description": {"version": __version__, "sn": SERVER, "info": INFO, "connected": NOW},
                },
            },
        )
        description = {"uid": uid, "dn": dn}
        answer = {"action": "iq-result", "query": "session-hello", "transaction": client.transaction}
        client.send(
            {"id": "h", "from": client.identity, "to": SERVER, "jsongle": {**answer, "description": description}}
        )
        ack = {"action": "ack", "status": "success", "transaction": client.transaction}
        self.assertOwn(client, {**ack, "description": {"id": client.identity}})
        return client

    def iq(self, client: Client, query: str, **result: Any) -> None:
        """A query about the room, and its result."""
        client.say(SERVER, "iq-set", query=query, transaction=f"t-{query}", description={"rid": "room"})
        self.assertOwn(
            client,
            {"action": "iq-result", "query": query, "transaction": f"t-{query}", "description": result},
        )

    def passes(self, sender: Client, recipient: Client, jsongle: Message, *, stamps: Message) -> str:
        """A message goes from one to the other: what arrives is what was sent, with the server's stamps.

        :returns: its id.
        """
        sent = {"namespace": "call", "to": recipient.identity, "from": sender.identity, "id": f"m-{jsongle['action']}"}
        sender.send({**sent, "jsongle": jsongle})
        expected = dict(jsongle)
        if stamps:
            expected["description"] = {**jsongle.get("description", {}), **stamps}
        self.assertEqual(recipient.take_one(), {**sent, "jsongle": expected})
        return sent["id"]

    def test_call(self) -> None:
        """A call runs its whole course, and nobody gets anything that is not said here."""
        jon = self.connect("user_7000", "Jon Doe")
        mary = self.connect("user_8000", "Mary Major")
        shown_jon = {"uid": "user_7000", "dn": "Jon Doe", "id": jon.identity}
        shown_mary = {"uid": "user_8000", "dn": "Mary Major", "id": mary.identity}
        bystander = self.server.user("user_9000")

        self.iq(jon, "join", rid="room", members=[])
        self.iq(mary, "session-join", rid="room", members=[shown_jon])
        joined = {"action": "session-event", "namespace": "room", "event": "joined"}
        self.assertOwn(jon, {**joined, "description": {"member": shown_mary, "rid": "room", "joined": NOW}})

        call = {"sid": "8f3e1c", "initiator": jon.identity, "responder": mary.identity}
        stamps = {"sent": NOW, "relayed": NOW}
        media = {"media": ["audio", "video"]}
        self.passes(jon, mary, {"action": "session-propose", **call, "description": media}, stamps={})
        self.assertOwn(jon, {"action": "session-info", **call, "reason": "trying", "description": {"tried": NOW}})
        ringing = {"action": "session-info", **call, "reason": "ringing", "description": {"rang": NOW}}
        self.passes(mary, jon, ringing, stamps=stamps)
        self.passes(mary, jon, {"action": "session-proceed", **call, "description": {"proceeded": NOW}}, stamps=stamps)
        offer, answer = ({"type": kind, "sdp": SDP} for kind in ("offer", "answer"))
        self.passes(jon, mary, {"action": "session-initiate", **call, "description": {"offer": offer}}, stamps=stamps)
        self.passes(mary, jon, {"action": "session-accept", **call, "description": {"answer": answer}}, stamps=stamps)
        transport = {"action": "transport-info", **call, "description": {"candidate": CANDIDATE, "sent": "2026"}}
        self.passes(jon, mary, transport, stamps={"relayed": NOW})
        self.passes(mary, jon, transport, stamps={"relayed": NOW})
        self.passes(jon, mary, {"action": "session-info", **call, "reason": "active"}, stamps=stamps)

        text = {"action": "session-text", "namespace": "message", "description": {"content": "Hi"}}
        mid = self.passes(jon, mary, text, stamps=stamps)
        received = {"acknowledged": NOW, "mid": mid, "type": "server-received"}
        ack = {"action": "session-event", "namespace": "message", "event": "ack"}
        self.assertOwn(jon, {**ack, "description": received})

        muted = {"action": "session-info", **call, "reason": "mute", "description": {"mute": "audio"}}
        self.passes(mary, jon, muted, stamps=stamps)
        self.server.clock.advance(10)
        later = NOW.replace("08.451", "18.451")
        ended = {"action": "session-terminate", **call, "reason": "success", "description": {"ended": later}}
        self.passes(jon, mary, ended, stamps={"sent": later, "relayed": later})

        self.iq(mary, "leave", rid="room")
        left = {"action": "session-event", "namespace": "room", "event": "left"}
        self.assertOwn(jon, {**left, "description": {"member": shown_mary, "rid": "room", "left": later}})
        self.iq(jon, "session-leave", rid="room")
        self.assertNothing(jon, mary, bystander)

    def test_bytes(self) -> None:
        """A relayed message is compact JSON: the envelope's own fields first, then the rest in the sender's order."""
        payloads: list[bytes] = []
        jon, mary = self.users("user_7000", "user_8000")
        session = self.server.session_of(mary)
        peer = session._peer
        self.patch(peer, "send", payloads.append)
        jon.send(
            {
                "namespace": "call",
                "jsongle": {"sid": "s", "action": "session-info", "reason": "ringing", "description": {"sent": NOW}},
                "to": "user_8000",
                "from": jon.identity,
                "id": "m-1",
            }
        )
        self.assertEqual(
            payloads,
            [
                f'{{"id":"m-1","from":"{jon.identity}","to":"{mary.identity}","namespace":"call","jsongle":'
                f'{{"sid":"s","action":"session-info","reason":"ringing","description":'
                f'{{"sent":"{NOW}","relayed":"{NOW}"}}}}}}'.encode()
            ],
        )
