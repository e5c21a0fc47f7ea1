"""Common ground of the tests of resume (protocol section 7): clients that opt in and come back."""

from __future__ import annotations

from typing import Any, NamedTuple

from jsongle_server.testing import Client
from tests.scenarios import SERVER, Message, ScenarioCase


class Return(NamedTuple):
    """What a client meets that comes back.

    :ivar client: its new connection.
    :ivar ack: the description of the ack.
    :ivar missed: what came after the ack.
    """

    client: Client
    ack: dict[str, Any]
    missed: list[Message]


def contents(messages: list[Message]) -> list[Any]:
    """The texts among messages, in order."""
    return [message["jsongle"]["description"].get("content") for message in messages if is_text(message)]


def is_text(message: Message) -> bool:
    """Whether a message is a text."""
    return bool(message["jsongle"]["action"] == "session-text")


def numbers(messages: list[Message]) -> list[int | None]:
    """The ``seq`` of messages, in order."""
    return [message.get("seq") for message in messages]


def say_hello(client: Client, uid: str, resume: Any) -> list[Message]:
    """Answers the server's hello with some ``resume``; returns all that follows."""
    client.greeted()
    client.say(
        client.server_id,
        "iq-result",
        query="session-hello",
        transaction=client.transaction,
        description={"uid": uid, "resume": resume},
    )
    return client.take()


class ResumeCase(ScenarioCase):
    """A test with clients that opt in, go and come back."""

    def enter(self, uid: str, **description: Any) -> tuple[Client, str]:
        """A new client that has opted in, and its token."""
        client = self.server.connect()
        ack = client.hello(uid, resume=True, **description)
        return client, ack["jsongle"]["description"]["resume"]["token"]

    def come_back(self, uid: str, token: str, seq: int) -> Return:
        """Connects and asks to go on with a session."""
        client = self.server.connect()
        ack, *missed = say_hello(client, uid, {"token": token, "seq": seq})
        self.assertEqual([ack["jsongle"]["action"], ack["jsongle"]["status"]], ["ack", "success"])
        self.assertNotIn("seq", ack)
        return Return(client, ack["jsongle"]["description"], missed)

    def text(self, sender: Client, to: str, *texts: Any) -> None:
        """Sends texts, one message each, and takes what the server says to the sender of it."""
        for content in texts:
            sender.say(to, "session-text", description={"content": content})
        sender.take()

    def window(self) -> float:
        """For how long a session waits, in seconds."""
        return self.server.config.resume_window

    def assertEnded(self, identity: str) -> None:
        """There is no session of that identity."""
        self.server.clock.advance(0)
        self.assertIsNone(self.server.signaling.registry.find(identity))

    def assertWaits(self, identity: str) -> None:
        """There is a session of that identity, and it waits for its client."""
        session = self.server.signaling.registry.find(identity)
        assert session is not None, "it has ended"
        self.assertEqual(session.state, "detached")

    def assertNothingLeft(self) -> None:
        """The server is as if nobody had ever been there."""
        self.server.clock.advance(0)
        signaling = self.server.signaling
        resumes = signaling.resumes
        counts = [len(signaling.registry), len(signaling.rooms), len(signaling.calls), signaling.connection_count]
        self.assertEqual(counts, [0, 0, 0, 0])
        self.assertEqual(signaling.registry._by_identity, {})
        self.assertEqual([len(resumes), resumes.detached(), resumes.detached_bytes], [0, [], 0])
        self.assertEqual(set(signaling.count_sessions().values()), {0})
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


__all__ = ["SERVER", "ResumeCase", "Return", "contents", "numbers", "say_hello"]
