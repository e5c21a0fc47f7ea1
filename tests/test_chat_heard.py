"""What the terminal client shows for each kind of message, and for connections that come to nothing."""

from __future__ import annotations

import json
from typing import Any

from OpenSSL.SSL import Error as TlsError
from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError

from jsongle_server.chat_connection import _tls_words, failed
from jsongle_server.doctor_wire import Place
from jsongle_server.tls_names import WrongName
from tests.chat_support import KITCHEN, STAGE, ChatCase, Talker
from tests.test_chat import ChatCase as ProcessCase
from tests.wrong_proxy import WrongProxy


class HeardTests(ChatCase):
    """Messages that are no texts."""

    def hear(self, talker: Talker, sender: str, action: str, **jsongle: Any) -> str:
        """What is shown for a message."""
        message = {"id": "x-1", "from": sender, "to": "me", "jsongle": {"action": action, **jsongle}}
        talker.chat.heard(json.dumps(message), self.server.clock.seconds())
        return talker.shown()

    def test_events_of_the_server(self) -> None:
        """What the server tells is told on, in words."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        server = bob.chat.state.server
        for event, description, words in (
            ("token-expiring", {}, "the token expires soon"),
            ("ice-servers", {"iceServers": []}, "the server gives new ICE servers: /ice"),
            ("server-message", {"text": "Back\r soon"}, r"the server says: Back\r soon"),
            ("server-message", {"at": 1}, 'the server says: {"at": 1}'),
            ("server-message", {"reason": "room-emptied", "rid": "kitchen"}, "an administrator has emptied kitchen"),
        ):
            shown = self.hear(bob, server, "session-event", namespace="session", event=event, description=description)
            self.assertEqual(shown.partition(";")[0], words)
        self.assertEqual(bob.chat.state.people.rooms, {})

    def test_events_of_others(self) -> None:
        """What only the server can say is not believed of others, but shown as it is."""
        bob = self.talker("bob")
        for event in ("server-message", "token-expiring", "joined", "reaction"):
            shown = self.hear(bob, "mallory", "session-event", event=event, description={"rid": "x"})
            self.assertEqual(json.loads(shown.removeprefix("← "))["from"], "mallory")

    def test_delivered(self) -> None:
        """That a recipient has a text shows beside the prompt, with who it is."""
        alice, bob = self.two(STAGE)
        alice.type(
            '/raw {"jsongle": {"action": "session-event", "namespace": "muc", "event": "ack", "description": '
            '{"mid": "m-9", "type": "read"}}}'
        )
        bob.hear()
        self.assertEqual(bob.chat.state.status, "✓✓ read by Alice")

    def test_calls(self) -> None:
        """What becomes of a call shows, and one that is over rings no more."""
        bob = self.talker("bob")
        self.assertIn("carol calls (c-1)", self.hear(bob, "carol", "session-propose", sid="c-1"))
        shown = self.hear(bob, "carol", "session-info", sid="c-1", reason="ringing")
        self.assertEqual(shown, "☎ carol session-info (ringing), call c-1")
        self.hear(bob, "carol", "session-retract", sid="c-1", reason="timeout")
        bob.type("/decline")
        self.assertIn("no call rings", bob.shown())

    def test_many_calls(self) -> None:
        """No more than so many ring."""
        bob = self.talker("bob")
        for number in range(40):
            self.hear(bob, "carol", "session-propose", sid=f"c-{number}")
        self.assertEqual(len(bob.chat.state.calls), 32)
        self.assertNotIn("c-0", bob.chat.state.calls)

    def test_unknown(self) -> None:
        """What nobody knows is shown as JSON: questions of peers, odd texts, actions to come."""
        bob = self.talker("bob")
        for action, jsongle in (
            ("iq-get", {"query": "weather"}),
            ("iq-result", {"transaction": "t"}),
            ("session-text", {"description": {"content": 3}}),
            ("session-propose", {}),
            ("session-dance", {}),
        ):
            shown = self.hear(bob, "carol", action, **jsongle)
            self.assertEqual(json.loads(shown.removeprefix("← "))["jsongle"]["action"], action)

    def test_lost_text(self) -> None:
        """Of a text that may be lost with its session it is said so."""
        bob = self.talker("bob", rooms=(KITCHEN,))
        assert bob.wire is not None
        self.server.drop(bob.wire)
        bob.chat.typed("Tea?", self.server.clock.seconds())
        bob.lose()
        self.server.clock.advance(60)
        bob.connect()
        self.assertIn("✗ your text “Tea?” to kitchen: nobody knows whether it arrived", bob.shown())

    def test_error_of_nothing(self) -> None:
        """An error that is about nothing known names the id."""
        bob = self.talker("bob")
        shown = self.hear(bob, bob.chat.state.server, "session-error", description={"errorCode": 400001, "mid": "what"})
        self.assertIn("[what]", shown)


class TroubleTests(ProcessCase):
    """Connections that come to nothing."""

    def test_failures(self) -> None:
        """Each failure has words of its own."""
        place = Place("example.org", 443)
        for error, words in (
            (DNSLookupError("no"), "there is no host called example.org"),
            (ConnectError(111), "no connection to example.org:443: Connection refused"),
            (TimeoutError(), "no connection to example.org:443: no answer in time"),
            (ValueError("odd"), "no connection to example.org:443: odd"),
        ):
            self.assertEqual(failed(error, place).seen, words)

    def test_tls_words(self) -> None:
        """So has each failure of TLS."""
        self.assertEqual(_tls_words(WrongName()), "the certificate is for another name")
        self.assertEqual(_tls_words(TlsError([("SSL routines", "", "wrong version number")])), "wrong version number")
        self.assertEqual(_tls_words(TlsError()), "the connection is closed during the handshake")

    def test_others(self) -> None:
        """What answers and is no JSONgle server is told apart, and waited for no longer than it takes."""
        for answer, words in (
            (b"", "whatever listens there is no WebSocket server: it hangs up"),
            (b"SSH-2.0-x\r\n\r\n", "whatever listens there is no WebSocket server: it does not speak HTTP"),
            (b"HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\nno", "502: the proxy does not reach the server"),
            (b"HTTP/1.1 200 OK\r\n\r\n<html>", "200: that is an HTTP server, and no WebSocket is there"),
        ):
            proxy = WrongProxy(1, answer=answer)
            self.addCleanup(proxy.stop)
            status, _, errors = self.script("hi\n", f"ws://127.0.0.1:{proxy.port}")
            self.assertEqual(status, 1)
            self.assertIn(words, errors)
