"""What is in the frames: JSON of a client among others, who must neither be harmed nor be deceived."""

from __future__ import annotations

from typing import Any

import orjson

from fuzz.watch import Watch, check_message, demand
from jsongle_server.codec import decode
from jsongle_server.errors import NoJsongle, NotJson
from jsongle_server.testing import Client, MemoryServer
from jsongle_server.vocabulary import MAX_DESCRIPTION

SERVER = "jsongle-server"


def check_json(data: bytes) -> None:
    """Any bytes as one message: refused as documented, or read as it is there.

    :raises Broken: something is wrong.
    """
    try:
        envelope = decode(data)
    except (NotJson, NoJsongle):
        return
    demand(isinstance(envelope.action, str), "an action is a text")
    demand(orjson.loads(orjson.dumps(envelope.fields)) == envelope.fields, "what was read can be written")


def check_session(data: bytes) -> None:
    """Lines of JSON as the messages of a client that is in rooms and in a call.

    :param data: a message a line.
    :raises Broken: something is wrong.
    """
    with Watch():
        scene = Scene()
        for line in data.split(b"\n"):
            scene.send(line)
        scene.end()


class Scene:
    """Alice, whose messages are made up; Bob, who shares a room, a muc and a call with her; Carol, a stranger."""

    def __init__(self) -> None:
        self.server = MemoryServer(id=SERVER, rate_limit=0, candidate_rate=0)
        self.alice, self.bob, self.carol = (self.server.user(uid) for uid in ("alice", "bob", "carol"))
        for client in (self.alice, self.bob):
            client.join("room")
            client.join("muc", muc=True)
        self.bob.say("alice", "session-propose", sid="call")
        self.carol.say("alice", "session-propose", sid="other")
        self.listeners = (self.alice, self.bob, self.carol)
        self._names = {self.alice.identity, "room", "muc", "muc/alice"}
        for client in self.listeners:
            client.take()

    def send(self, payload: bytes) -> None:
        """Alice sends something; everybody looks at what comes of it."""
        self.alice.send_bytes(payload)
        for client in self.listeners:
            self._look(client)
        self._check_state()

    def end(self) -> None:
        """Alice goes, and Bob with her: nothing of them is left."""
        for client in (self.alice, self.bob, self.carol):
            demand(client is self.alice or client.closed is None, "only she may be closed", client.closed)
            self.server.drop(client)
        self.server.clock.advance(self.server.config.resume_window + self.server.config.ring_timeout)
        signaling = self.server.signaling
        left = [len(signaling.rooms), len(signaling.calls), len(signaling.registry), len(signaling.sessions())]
        demand(left == [0, 0, 0, 0], "nothing is left when all have gone", left)
        demand(self.server.clock.getDelayedCalls() == [], "no timer is left")

    def _look(self, client: Client) -> None:
        for message in client.take():
            check_message(message)
            demand(message["to"] == client.identity, "a message is for who gets it", message)
            if client is not self.alice:
                self._check_sender(message)

    def _check_sender(self, message: dict[str, Any]) -> None:
        """Nobody hears from her in another's name."""
        sender, jsongle = message["from"], message["jsongle"]
        if sender != SERVER:
            # Her later rooms are hers to speak in, too.
            rid = sender.partition("/")[0]
            joined = {sender, rid} & set(self.server.session_of(self.alice).rooms)
            demand(sender in self._names or joined, "she speaks in her own name", message)
            demand(jsongle["action"] not in ("ack", "session-error"), "what is the server's own only it says", message)
            if jsongle["action"] == "session-event":
                ours = jsongle.get("event") in ("joined", "left") or jsongle.get("namespace") == "session"
                demand(not ours, "its events, too", message)

    def _check_state(self) -> None:
        signaling = self.server.signaling
        for room in signaling.rooms.all():
            demand(len(room) > 0, "no room is empty", room.rid)
            demand(all(member.rooms.get(room.rid) is room for member in room), "members know their rooms", room.rid)
        alice = self.server.session_of(self.alice)
        demand(len(alice.rooms) <= self.server.config.max_rooms_per_user, "nobody is in too many rooms")
        shown = {key: value for key, value in alice.describe().items() if key != "id"}
        demand(len(orjson.dumps(shown)) <= MAX_DESCRIPTION, "what is shown of somebody is bounded")
        demand(not shown.keys() & {"token", "appToken", "resume"}, "secrets are shown to nobody", shown)
