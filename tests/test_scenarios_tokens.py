"""Scenarios of tokens: who is let in, what a token allows, and what happens when it expires (protocol section 3)."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher

from jsongle_server.config import Config
from jsongle_server.config_keys import SigningKey
from jsongle_server.session import SessionState
from jsongle_server.testing import START, Client
from tests.scenarios import ScenarioCase, on_both_transports
from tests.token_makers import APP_TOKEN, LATER, SECRET, SHARED, token


class TokenCase(ScenarioCase):
    """Has a server that asks for signed tokens."""

    def setUp(self) -> None:
        """Starts it."""
        self.serve(jwt_key=SHARED)

    def holder(self, uid: str = "alice", *, resume: bool = False, **claims: Any) -> Client:
        """A client that has been let in with a token."""
        description = {"resume": True} if resume else {}
        return self.server.user(uid, token=token(uid, **claims), **description)

    def advance_to(self, time: float) -> None:
        """Lets time pass until then, less what it has passed already, in steps that keep connections alive."""
        self.server.clock.advance(time - self.server.clock.seconds())

    def assertRefused(self, client: Client, code: int = 401001) -> None:
        """What came is a failed ack, and the error that says why."""
        failed, error = (message["jsongle"] for message in client.take())
        self.assertEqual((failed["action"], failed["status"]), ("ack", "failed"))
        self.assertEqual((error["action"], error["description"]["errorCode"]), ("session-error", code))

    def say_hello(self, client: Client, **description: Any) -> None:
        """Answers the server's hello."""
        client.say("jsongle-server", "iq-result", query="session-hello", description=description)


@on_both_transports
class AdmissionTests(TokenCase):
    """Who is let in."""

    def test_good_token(self) -> None:
        """A token for this user lets him in."""
        ack = self.server.connect().hello("alice", token=token())
        self.assertEqual(ack["jsongle"]["status"], "success")

    def test_no_token(self) -> None:
        """Without one nobody is let in, but may try again."""
        alice = self.server.connect()
        alice.greeted()
        self.say_hello(alice, uid="alice")
        self.assertRefused(alice)
        self.assertEqual(alice.hello("alice", token=token())["jsongle"]["status"], "success")

    def test_three_tries(self) -> None:
        """The third token that is refused ends the connection, after having been answered."""
        alice = self.server.connect()
        alice.greeted()
        for number in (1, 2, 3):
            self.say_hello(alice, uid="alice", token=token("bob"))
            self.assertRefused(alice)
            self.assertEqual(alice.closed is not None, number == 3)
        assert alice.closed is not None
        self.assertEqual(alice.closed[0], 1008)

    def test_other_mistakes_are_no_tries(self) -> None:
        """Whoever forgets the uid is not on the way out."""
        alice = self.server.connect()
        alice.greeted()
        for _ in range(5):
            self.say_hello(alice, token=token())
            self.assertRefused(alice, 400001)
        self.assertIsNone(alice.closed)

    def test_app_token(self) -> None:
        """The secret of the application lets everybody in who has it."""
        self.serve(app_token=APP_TOKEN)
        self.assertEqual(self.server.connect().hello("alice", appToken=APP_TOKEN)["jsongle"]["status"], "success")
        bob = self.server.connect()
        bob.greeted()
        self.say_hello(bob, uid="bob", appToken="another")
        self.assertRefused(bob)

    def test_fresh_token_beside_the_app_token(self) -> None:
        """A hello that renews one token needs the other as well, unless that came with the handshake."""
        self.serve(jwt_key=SHARED, app_token=APP_TOKEN)
        alice = self.server.connect()
        self.server.session_of(alice).presented = APP_TOKEN
        for exp in (LATER, LATER + 100):
            self.assertEqual(alice.hello("alice", token=token(exp=exp))["jsongle"]["status"], "success")

    def test_tokens_are_never_shown(self) -> None:
        """Other members see neither token."""
        self.serve(jwt_key=SHARED, app_token=APP_TOKEN)
        alice, bob = (self.server.user(uid, token=token(uid), appToken=APP_TOKEN, note="n") for uid in ("alice", "bob"))
        alice.join("r")
        shown = bob.join("r")
        self.assertEqual(shown, [{"uid": "alice", "note": "n", "id": alice.identity}])

    def test_nothing_is_logged_of_them(self) -> None:
        """No log line has anything of a token, neither of those that are accepted nor of others."""
        observer = EventLoggingObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        good, bad = token(), token("bob", exp=LATER)
        self.server.user("alice", token=good)
        mallory = self.server.connect()
        mallory.greeted()
        for _ in range(3):
            self.say_hello(mallory, uid="mallory", token=bad, appToken=APP_TOKEN)
        lines = "\n".join(formatEvent(event) + repr(event) for event in observer)
        for secret in (*good.split(".")[1:], *bad.split(".")[1:], APP_TOKEN):
            self.assertNotIn(secret, lines)

    def test_reload(self) -> None:
        """Another key counts from now on; whoever is here stays."""
        alice = self.holder()
        other = SECRET[::-1]
        self.server.signaling.reconfigure(Config(jwt_key=SigningKey(other, other.encode(), ("HS256",))))
        bob = self.server.connect()
        bob.greeted()
        self.say_hello(bob, uid="bob", token=token("bob"))
        self.assertRefused(bob)
        self.assertEqual(bob.hello("bob", token=token("bob", secret=other))["jsongle"]["status"], "success")
        self.assertEqual(alice.ask("ping")["jsongle"]["action"], "iq-result")


@on_both_transports
class ClaimTests(TokenCase):
    """What a token says of its bearer."""

    def test_name(self) -> None:
        """The name in the token is shown of a client that gives none itself."""
        for description, shown in (({}, "Alice A."), ({"dn": "Al"}, "Al"), ({"dn": None}, "Alice A.")):
            self.serve(jwt_key=SHARED)
            self.server.user("alice", token=token(name="Alice A."), **description).join("r")
            self.assertEqual(self.holder("bob").join("r")[0]["dn"], shown)

    def test_long_name(self) -> None:
        """A name in a token may not be larger than one that the client gives."""
        alice = self.server.connect()
        alice.greeted()
        self.say_hello(alice, uid="alice", token=token(name="x" * 2048))
        self.assertRefused(alice, 400001)

    def test_rooms(self) -> None:
        """Rooms that no pattern of the token allows cannot be joined, of either kind."""
        alice = self.holder(rooms=["team-*", "kitchen"])
        for query in ("join", "session-join", "muc-join"):
            self.assertIqError(alice.ask(query, rid="cellar"), 403005)
        self.assertEqual(len(self.server.signaling.rooms), 0)
        alice.join("kitchen")
        alice.join("team-red", muc=True)

    def test_no_rooms(self) -> None:
        """A token without patterns allows all, one with an empty list none."""
        self.holder().join("r")
        self.assertIqError(self.holder("bob", rooms=[]).ask("join", rid="r"), 403005)


@on_both_transports
class ExpiryTests(TokenCase):
    """What happens when a token expires."""

    def setUp(self) -> None:
        """Starts a server that sends no pings, which a client in memory would not answer."""
        self.serve(jwt_key=SHARED, ping_interval=0)

    def assertWarned(self, client: Client, expires: str = "2026-11-22T15:09:08.000Z") -> None:
        """The one message that came says that the token will expire."""
        self.assertOwn(
            client,
            {
                "action": "session-event",
                "namespace": "session",
                "event": "token-expiring",
                "description": {"expires": expires},
            },
        )

    def test_warning_and_end(self) -> None:
        """Half a minute before, the client is told; then its connection is closed, and others see it leave."""
        alice, bob = self.holder(exp=LATER), self.holder("bob")
        for client in (alice, bob):
            client.join("r")
        alice.take()
        self.advance_to(LATER - 30.001)
        self.assertNothing(alice)
        self.advance_to(LATER - 30)
        self.assertWarned(alice)
        self.advance_to(LATER - 0.001)
        self.assertNothing(alice, bob)
        self.assertIsNone(alice.closed)
        self.advance_to(LATER)
        self.assertNothing(alice)
        assert alice.closed is not None
        self.assertEqual(alice.closed[0], 4005)
        self.assertEqual(bob.take_one()["jsongle"]["event"], "left")

    def test_short_token(self) -> None:
        """A token that is good for less than that is warned of at once, behind the ack."""
        alice = self.server.connect()
        alice.greeted()
        self.say_hello(alice, uid="alice", token=token(exp=int(START) + 20))
        self.server.clock.advance(0)
        ack, warning = (message["jsongle"] for message in alice.take())
        self.assertEqual((ack["status"], warning["event"]), ("success", "token-expiring"))

    def test_fresh_token(self) -> None:
        """A hello with a fresh token, at any time before the end, keeps the session."""
        alice = self.holder(exp=LATER)
        self.advance_to(LATER - 10)
        self.assertWarned(alice)
        ack = alice.hello("alice", token=token(exp=LATER + 3600))
        self.assertEqual(ack["jsongle"]["status"], "success")
        self.advance_to(LATER + 3569)
        self.assertNothing(alice)
        self.assertIsNone(alice.closed)
        self.advance_to(LATER + 3570)
        self.assertWarned(alice, "2026-11-22T16:09:08.000Z")

    def test_token_without_end(self) -> None:
        """A fresh token that is good for ever lets the session go on for ever."""
        alice = self.holder(exp=LATER)
        alice.hello("alice", token=token())
        self.advance_to(LATER + 86_400)
        self.assertNothing(alice)
        self.assertIsNone(alice.closed)

    def test_bad_fresh_token(self) -> None:
        """A fresh token that is not accepted changes nothing; the third ends the session."""
        alice = self.holder(exp=LATER)
        for number in (1, 2, 3):
            self.say_hello(alice, uid="alice", token=token("bob"))
            self.assertRefused(alice)
            self.assertEqual(alice.closed is not None, number == 3)

    def test_far_end(self) -> None:
        """A token that is good for years is fine, however long timers can be."""
        alice = self.holder(exp=LATER + 10 * 86_400)
        for _ in range(10):
            self.server.clock.advance(86_400)
        self.assertNothing(alice)
        self.advance_to(LATER + 10 * 86_400 - 30)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "token-expiring")

    def test_nothing_is_left(self) -> None:
        """A session that ends takes its timers along."""
        alice = self.holder(exp=LATER)
        self.server.drop(alice)
        self.assertEqual([call for call in self.server.clock.getDelayedCalls() if call.getTime() > START + 60], [])


@on_both_transports
class ResumeTests(TokenCase):
    """Tokens of clients that come back."""

    def setUp(self) -> None:
        """Starts a server that waits long for those that come back."""
        self.serve(jwt_key=SHARED, ping_interval=0, resume_window=7200)

    def come_back(self, ack: dict[str, Any], **description: Any) -> Client:
        """A new connection that wants to go on."""
        client = self.server.connect()
        client.greeted()
        resume = {"token": ack["jsongle"]["description"]["resume"]["token"], "seq": 0}
        self.say_hello(client, uid="alice", resume=resume, **description)
        return client

    def leave(self, **claims: Any) -> dict[str, Any]:
        """Loses the connection of a client that can come back; gives its ack."""
        alice = self.server.connect()
        ack = alice.hello("alice", resume=True, token=token(**claims))
        self.server.drop(alice)
        return ack

    def test_coming_back_needs_a_token(self) -> None:
        """What a client comes back with does not stand for its token; without one the session waits on."""
        ack = self.leave()
        self.assertRefused(self.come_back(ack))
        resumed = self.come_back(ack, token=token()).take()[0]["jsongle"]
        self.assertTrue(resumed["description"]["resumed"])

    def test_fresh_token_counts(self) -> None:
        """The session is good for as long as the token that the client came back with."""
        alice = self.come_back(self.leave(exp=LATER), token=token(exp=LATER + 100))
        alice.take()
        self.advance_to(LATER + 99)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "token-expiring")
        self.advance_to(LATER + 100)
        alice.take()
        assert alice.closed is not None
        self.assertEqual(alice.closed[0], 4005)

    def test_expires_while_away(self) -> None:
        """A session that waits for its client ends when the token does, and others see it leave."""
        bob = self.holder("bob")
        alice = self.holder(resume=True, exp=LATER)
        for client in (bob, alice):
            client.join("r")
        bob.take()
        session = self.server.session_of(alice)
        self.server.drop(alice)
        self.advance_to(LATER)
        self.assertIs(session.state, SessionState.ENDED)
        self.assertEqual(bob.take_one()["jsongle"]["event"], "left")
