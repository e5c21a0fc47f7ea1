"""Tests of :mod:`jsongle_server.rest_messages`: what an administrator tells clients."""

from __future__ import annotations

from typing import Any

from jsongle_server.testing import Client
from jsongle_server.vocabulary import MAX_DEPTH
from tests.rest_support import TOKEN, RestCase, RestServer

WORDS = {"text": "Back at five", "deep": {"er": [1, 2.5, None]}}


class MessagesTests(RestCase):
    """Who gets a message."""

    def send(self, to: object, description: object = WORDS) -> Any:
        """Send one; what the server answers."""
        answer = self.do("POST", "/messages", {"to": to, "description": description})
        self.assertEqual(answer.status, 200)
        return answer.json

    def assert_told(self, *clients: Client) -> None:
        """Each of these has got the message, in the server's name."""
        for client in clients:
            message = client.take_one()
            self.assertEqual((message["from"], message["to"]), ("barracuda", client.identity))
            self.assertEqual(
                message["jsongle"],
                {
                    "action": "session-event",
                    "namespace": "session",
                    "event": "server-message",
                    "description": WORDS,
                },
            )

    def test_to_everybody(self) -> None:
        """Everybody who has said hello; the answer has the message's id and how many got it."""
        jon, ann, newcomer = self.server.user("jon"), self.server.user("ann"), self.server.connect()
        newcomer.greeted()
        answer = self.send("all")
        self.assertEqual((answer["count"], answer["sent"]), (2, "2026-11-22T14:09:08.451Z"))
        self.assertEqual(jon.inbox[0]["id"], answer["id"])
        self.assert_told(jon, ann)
        self.assertEqual(newcomer.take(), [])

    def test_to_a_session(self) -> None:
        """It alone, whatever other devices its user has."""
        jon, other = self.server.user("jon"), self.server.user("jon")
        self.assertEqual(self.send({"session": jon.identity})["count"], 1)
        self.assert_told(jon)
        self.assertEqual(other.take(), [])

    def test_to_a_room(self) -> None:
        """Its members, all of them."""
        jon, ann, eve = self.server.user("jon"), self.server.user("ann"), self.server.user("eve")
        for client in (jon, ann):
            client.join("a/b")
        jon.take()
        self.assertEqual(self.send({"room": "a/b"})["count"], 2)
        self.assert_told(jon, ann)
        self.assertEqual(eve.take(), [])

    def test_to_who_is_away(self) -> None:
        """A session that waits for its client keeps the message for it."""
        jon = self.server.user("jon", resume=True)
        self.server.drop(jon)
        self.assertEqual([self.send(to)["count"] for to in ("all", {"session": jon.identity})], [1, 1])
        resumption = self.server.session_of(jon).resumption
        assert resumption is not None
        self.assertEqual([b"Back at five" in sent for sent in resumption.buffer.after(0)], [True, True])

    def test_to_nobody(self) -> None:
        """What is not there, and who has not said hello yet, is not found; where nobody is, nobody gets it."""
        newcomer = self.server.connect()
        newcomer.greeted()
        for to in ({"session": "x"}, {"session": newcomer.identity}, {"room": "x"}):
            answer = self.do("POST", "/messages", {"to": to, "description": {}})
            self.assert_refused(answer, 404, "There is no such")
        self.assertEqual((newcomer.take(), self.send("all")["count"]), ([], 0))

    def test_what_is_no_message_is_refused_with_an_example(self) -> None:
        """Nobody gets anything, and nothing is audited."""
        jon = self.server.user("jon")
        refused: tuple[object, ...] = (
            None,
            [],
            {},
            {"to": "all"},
            {"description": {}},
            {"to": "everybody", "description": {}},
            {"to": None, "description": {}},
            {"to": {}, "description": {}},
            {"to": {"session": ""}, "description": {}},
            {"to": {"session": 1}, "description": {}},
            {"to": {"room": "x" * 257}, "description": {}},
            {"to": {"session": "x", "room": "y"}, "description": {}},
            {"to": "all", "description": "text"},
            {"to": "all", "description": {}, "x": 1},
        )
        for body in refused:
            self.assert_refused(self.do("POST", "/messages", body), 400, "the body must be JSON like" if body else "")
        self.assertEqual((jon.take(), self.audited()), ([], []))

    def test_a_message_may_be_as_large_and_as_deep_as_that_of_a_client(self) -> None:
        """Clients need take no more from an administrator than from each other."""
        self.server = RestServer(admin_token=TOKEN, max_message_size=1024)
        largest = {"text": "x" * (1024 - len('{"text":""}'))}
        self.assertEqual(self.send("all", largest)["count"], 0)
        too_large = {"to": "all", "description": {"text": largest["text"] + "x"}}
        self.assert_refused(self.do("POST", "/messages", too_large), 413, "1024", "maxMessageSize")
        deepest: dict[str, Any] = {}
        for _ in range(MAX_DEPTH - 3):
            deepest = {"x": deepest}
        self.assertEqual(self.send("all", deepest)["count"], 0)
        too_deep = {"to": "all", "description": {"x": deepest}}
        self.assert_refused(self.do("POST", "/messages", too_deep), 400, "62 levels")

    def test_messages_are_audited_without_what_they_say(self) -> None:
        """To whom, and how many that were."""
        jon = self.server.user("jon")
        jon.join("d\ten")
        for to in ("all", {"session": jon.identity}, {"room": "d\ten"}):
            self.send(to)
        self.assertEqual(
            self.audited(),
            [
                "192.0.2.7:40000: message everybody: sent to 1 sessions",
                f"192.0.2.7:40000: message session {jon.identity}: sent to 1 sessions",
                r"192.0.2.7:40000: message room d\ten: sent to 1 sessions",
            ],
        )
