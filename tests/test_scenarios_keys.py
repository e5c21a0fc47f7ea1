"""Scenarios of hellos that wait for keys (protocol section 3)."""

from __future__ import annotations

from typing import Any, cast

import orjson

from jsongle_server.config import Config
from jsongle_server.key_set import read_key_set
from jsongle_server.testing import Client
from jsongle_server.testing_websocket import WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.tokens import Grant
from tests.scenarios import SERVER, ScenarioCase, on_both_transports
from tests.token_makers import KEY, OTHER_KEY, jwk, key_set, token

URL = "https://keys.example/jwks"
KEYS = read_key_set(key_set(jwk("a"), jwk("b", OTHER_KEY)))


def signed(kid: str = "a", **claims: Any) -> str:
    """A token that names its key."""
    return token(secret=KEY, algorithm="ES256", kid=kid, **claims)


class KeyCase(ScenarioCase):
    """Has a server that has no keys yet."""

    def setUp(self) -> None:
        """Starts it; keys are under way for as long as the test likes."""
        self.serve(jwks_url=URL)
        self.server.keys.fetch = lambda: None

    def say_hello(self, **description: Any) -> Client:
        """A new client that says hello."""
        client = self.server.connect()
        client.greeted()
        client.say(SERVER, "iq-result", query="session-hello", description={"uid": "alice", **description})
        return client


@on_both_transports
class WaitingTests(KeyCase):
    """Hellos whose keys are not there."""

    def test_answered_when_keys_are_there(self) -> None:
        """The hello is answered once, as soon as the key is known."""
        alice = self.say_hello(token=signed())
        self.assertNothing(alice)
        self.server.keys.replace(KEYS)
        self.assertEqual(alice.take_one()["jsongle"]["status"], "success")

    def test_refused_when_the_key_is_not_among_them(self) -> None:
        """A key that nobody knows after all is refused, and counts as a try."""
        alice = self.say_hello(token=signed("z"))
        self.server.keys.replace(KEYS)
        failed, error = (message["jsongle"] for message in alice.take())
        self.assertEqual((failed["status"], error["description"]["errorCode"]), ("failed", 401001))
        self.assertIsNone(alice.closed)

    def test_unknown_key_in_an_outage(self) -> None:
        """While no keys can be fetched, a key that is not among the last may be good: the client is to try later."""
        self.server.keys.replace(KEYS)
        alice = self.say_hello(token=signed("new"))
        self.server.keys.fail()
        failed, error = (message["jsongle"] for message in alice.take())
        self.assertEqual((failed["status"], error["description"]["errorCode"]), ("failed", 503001))

    def test_nothing_to_fetch_at_once(self) -> None:
        """Where fetching comes to nothing at once, so does the hello, and the client is listened to."""
        self.server.keys.fetch = self.server.keys.fail
        alice = self.say_hello(token=signed())
        self.assertEqual([message["jsongle"]["action"] for message in alice.take()], ["ack", "session-error"])

    def test_moved_by_then(self) -> None:
        """What waited on a connection that the session has left by then is not heard."""
        self.server.keys.replace(KEYS)
        old = self.server.connect()
        ack = old.hello("alice", token=signed(), resume=True)
        old.say(
            SERVER, "iq-result", query="session-hello", description={"uid": "alice", "token": signed("x"), "dn": "A"}
        )
        new = self.server.connect()
        resume = {"token": ack["jsongle"]["description"]["resume"]["token"], "seq": 0}
        self.assertTrue(new.hello("alice", token=signed(), resume=resume)["jsongle"]["description"]["resumed"])
        self.server.keys.replace(read_key_set(key_set(jwk("x"), jwk("a"))))
        self.assertNothing(new)
        self.assertNotIn("dn", self.server.session_of(new).describe())

    def test_no_keys_to_be_had(self) -> None:
        """Without any keys nobody can be let in, and clients are told to come back later."""
        alice = self.say_hello(token=signed())
        self.server.keys.fail()
        failed, error = (message["jsongle"] for message in alice.take())
        self.assertEqual((failed["status"], error["description"]["errorCode"]), ("failed", 503001))
        assert alice.closed is not None
        self.assertEqual(alice.closed[0], 1013)

    def test_wrong_signature_by_then(self) -> None:
        """A token that waited is checked like any other."""
        alice = self.say_hello(token=token(secret=OTHER_KEY, algorithm="ES256", kid="a"))
        self.server.keys.replace(KEYS)
        self.assertEqual([message["jsongle"]["action"] for message in alice.take()], ["ack", "session-error"])

    def test_gone_by_then(self) -> None:
        """A client that did not wait is not missed."""
        alice = self.say_hello(token=signed())
        self.server.drop(alice)
        self.server.keys.replace(KEYS)
        self.assertEqual(len(self.server.signaling.registry), 0)

    def test_failure(self) -> None:
        """A failure of the server is answered as it always is."""
        alice = self.say_hello(token=signed())

        def broken(*args: object) -> Grant:
            raise ZeroDivisionError

        self.patch(self.server.signaling._services.tokens, "check", broken)
        self.server.keys.replace(KEYS)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertError(alice, 500001, mid="m-1")
        assert alice.closed is not None
        self.assertEqual(alice.closed[0], 1011)

    def test_fresh_token_of_a_new_key(self) -> None:
        """A client that is here waits for the key of its fresh token as well; what it is sent comes meanwhile."""
        self.server.keys.replace(KEYS)
        alice, bob = self.server.user("alice", token=signed()), self.server.user("bob", token=signed_for("bob"))
        alice.say(
            SERVER, "iq-result", query="session-hello", description={"uid": "alice", "token": signed("new"), "dn": "A"}
        )
        self.assertNothing(alice)
        bob.say("alice", "session-text", description={"content": "hi"})
        self.assertEqual(alice.take_one()["jsongle"]["action"], "session-text")
        self.server.keys.replace(read_key_set(key_set(jwk("new"), jwk("b", OTHER_KEY))))
        self.assertEqual(alice.take_one()["jsongle"]["status"], "success")


class OrderTests(KeyCase):
    """What a client says while its hello waits, over real frames."""

    server_class = WebSocketMemoryServer

    def test_what_comes_after_waits_too(self) -> None:
        """Messages behind the hello, in the same read or a later one, are handled after it, in order."""
        alice = cast(WireClient, self.server.connect())
        alice.greeted()
        said = [
            {"action": "iq-result", "query": "session-hello", "description": {"uid": "alice", "token": signed()}},
            {"action": "iq-set", "query": "join", "transaction": "1", "description": {"rid": "r"}},
            {"action": "iq-set", "query": "ping", "transaction": "2"},
        ]
        frames = [masked_frame(1, orjson.dumps({"to": SERVER, "jsongle": jsongle})) for jsongle in said]
        alice.wire.send(frames[0] + frames[1])
        self.assertEqual(alice.wire.transport.producerState, "paused")
        alice.wire.send(frames[2])
        self.assertNothing(alice)
        self.server.keys.replace(KEYS)
        self.server.clock.advance(0)
        answers = [message["jsongle"] for message in alice.take()]
        self.assertEqual([answer.get("transaction") for answer in answers][1:], ["1", "2"])
        self.assertEqual([answer["action"] for answer in answers], ["ack", "iq-result", "iq-result"])
        self.assertEqual(alice.wire.transport.producerState, "producing")

    def test_reload_to_no_tokens(self) -> None:
        """A hello that waits when tokens are asked for no longer is let in with the next."""
        alice = self.say_hello(token=signed())
        self.server.signaling.reconfigure(Config())
        self.server.keys.fail()
        self.assertEqual(alice.take_one()["jsongle"]["status"], "success")


def signed_for(uid: str) -> str:
    """A token for a user, that names its key."""
    return token(uid, secret=KEY, algorithm="ES256", kid="a")
