"""Scenarios of ICE servers: in the ack, by query, and new ones before the former expire (protocol sections 3 and 4)."""

from __future__ import annotations

from typing import Any, Final

from jsongle_server.config import Config
from jsongle_server.ice import turn_credentials
from jsongle_server.testing import START
from tests.scenarios import ScenarioCase, on_both_transports

STUN: Final = ("stun:stun.example.org",)
TURN: Final = ("turn:turn.example.org",)
SECRET: Final = "north-south"
SETTINGS: Final[dict[str, Any]] = {"stun_urls": STUN, "turn_urls": TURN, "turn_secret": SECRET, "turn_ttl": 600}


def servers(uid: str, *, at: float = START) -> list[dict[str, Any]]:
    """What a user is told at a time."""
    username, credential = turn_credentials(SECRET, uid, expires=int(at) + 600)
    return [{"urls": list(STUN)}, {"urls": list(TURN), "username": username, "credential": credential}]


@on_both_transports
class IceTests(ScenarioCase):
    """Clients of a server with STUN and TURN servers."""

    def setUp(self) -> None:
        """Starts it; it sends no pings, which clients in memory would not answer."""
        self.serve(**SETTINGS, ping_interval=0)

    def test_ack(self) -> None:
        """A client gets them with the ack of its hello, for its own name."""
        ack = self.server.connect().hello("alice")
        self.assertEqual(ack["jsongle"]["description"]["iceServers"], servers("alice"))

    def test_ack_without_any(self) -> None:
        """A server without any says nothing of them, and answers the query all the same."""
        self.serve()
        alice = self.server.connect()
        self.assertEqual(set(alice.hello("alice")["jsongle"]["description"]), {"id"})
        self.assertEqual(alice.ask("ice-servers")["jsongle"]["description"], {"iceServers": [], "ttl": 0})

    def test_query(self) -> None:
        """Whoever asks gets fresh ones, by either kind of iq."""
        alice = self.server.user("alice")
        self.server.clock.advance(100)
        for action in ("iq-get", "iq-set"):
            answer = alice.ask("ice-servers", action=action)["jsongle"]["description"]
            self.assertEqual(answer, {"iceServers": servers("alice", at=START + 100), "ttl": 600})

    def test_renewal(self) -> None:
        """Clients get new ones before the former expire, again and again."""
        alice = self.server.user("alice")
        for number in (1, 2, 3):
            self.server.clock.advance(449.9)
            self.assertNothing(alice)
            self.server.clock.advance(0.1)
            self.assertOwn(
                alice,
                {
                    "action": "session-event",
                    "namespace": "session",
                    "event": "ice-servers",
                    "description": {"iceServers": servers("alice", at=START + 450 * number), "ttl": 600},
                },
            )

    def test_renewal_after_another_hello(self) -> None:
        """Whoever says hello again has got new ones, and the next come as much later."""
        alice = self.server.user("alice")
        self.server.clock.advance(400)
        alice.hello("alice")
        self.server.clock.advance(449)
        self.assertNothing(alice)
        self.server.clock.advance(1)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "ice-servers")

    def test_stun_alone_is_never_renewed(self) -> None:
        """What does not expire is not told again."""
        self.serve(stun_urls=STUN, ping_interval=0)
        alice = self.server.connect()
        self.assertEqual(alice.hello("alice")["jsongle"]["description"]["iceServers"], [{"urls": list(STUN)}])
        self.server.clock.advance(200_000)
        self.assertNothing(alice)

    def test_reload_without_any(self) -> None:
        """Once a server has none any more, nothing is renewed."""
        alice = self.server.user("alice")
        self.server.signaling.reconfigure(Config())
        self.server.clock.advance(1000)
        self.assertNothing(alice)

    def test_reload_with_others(self) -> None:
        """What is in use when the settings change is replaced within half a minute, one client after the other."""
        alice, bob = self.server.user("alice"), self.server.user("bob")
        other = Config(**{**SETTINGS, "turn_urls": ("turn:other.example",)})
        self.server.signaling.reconfigure(other)
        self.server.clock.advance(0)
        told = alice.take_one()["jsongle"]
        self.assertEqual(
            (told["event"], told["description"]["iceServers"][1]["urls"]), ("ice-servers", ["turn:other.example"])
        )
        self.assertNothing(bob)
        self.server.clock.advance(15)
        self.assertEqual(bob.take_one()["jsongle"]["description"]["ttl"], 600)
        self.server.clock.advance(434)
        self.assertNothing(alice, bob)
        self.server.signaling.reconfigure(
            Config(**{**SETTINGS, "turn_urls": ("turn:other.example",), "log_level": "warn"})
        )
        self.server.clock.advance(0)
        self.assertNothing(bob)

    def test_reload_with_the_first(self) -> None:
        """Clients of a server that had none are told as well; STUN alone has no time to live."""
        self.serve(ping_interval=0)
        alice = self.server.user("alice")
        self.server.signaling.reconfigure(Config(stun_urls=STUN))
        self.server.clock.advance(0)
        self.assertEqual(alice.take_one()["jsongle"]["description"], {"iceServers": [{"urls": list(STUN)}], "ttl": 0})

    def test_coming_back(self) -> None:
        """A client that comes back gets new ones with the ack, and has not missed those of its absence twice."""
        alice = self.server.connect()
        ack = alice.hello("alice", resume=True)
        self.server.drop(alice)
        back = self.server.connect()
        resume = {"token": ack["jsongle"]["description"]["resume"]["token"], "seq": 0}
        resumed = back.hello("alice", resume=resume)["jsongle"]["description"]
        self.assertEqual((resumed["resumed"], resumed["iceServers"]), (True, servers("alice")))
        self.server.clock.advance(450)
        self.assertEqual(back.take_one()["jsongle"]["event"], "ice-servers")

    def test_ended_session(self) -> None:
        """A session that has ended leaves no timer behind."""
        self.server.drop(self.server.user("alice"))
        self.assertEqual([call for call in self.server.clock.getDelayedCalls() if call.getTime() > START + 60], [])
