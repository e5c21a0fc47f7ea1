"""Conversations over real sockets and a network that spoils them (protocol section 7).

One call, from propose to a last word, is held again and again while its connections are cut, stalled, delayed,
half-closed or split: both sides must hear what they hear over a good network, each message once and in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from jsongle_server.vocabulary import CloseCode
from tests.network import NetworkCase, until
from tests.proxy import Flow, Link
from tests.resuming_client import ResumingClient

CANDIDATES: Final = 4
STEP: Final = 31
"""Bytes from one cut to the next: short of a frame, and odd, so that heads, masks and payloads are all hit."""


@dataclass
class Party:
    """One side of the call: answers what it hears, and writes down what that was.

    :ivar said: what it is to say to the other, by what it hears.
    :ivar heard: what it heard from the other, in order.
    :ivar told: what the server told it in its own name.
    """

    other: str
    client: ResumingClient = field(init=False)
    heard: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def hear(self, message: dict[str, Any]) -> None:
        """Takes a message and says what comes next in the call."""
        jsongle = message["jsongle"]
        name = f"{jsongle['action']} {jsongle.get('reason', '')}".strip()
        if jsongle.get("reason") == "trying" or jsongle.get("event") == "ack":
            self.told.append(jsongle.get("reason") or jsongle["event"])
            return
        self.heard.append(f"{name} {jsongle['description'].get('n', '')}".strip())
        for action, more in ANSWERS.get(name, ()):
            self.say(action, **more)

    def say(self, action: str, **more: Any) -> None:
        """Says something to the other."""
        self.client.say(self.other, action, **{"sid": "c-1", "description": {}, **more})


_TRICKLE: Final = [("transport-info", {"description": {"n": number}}) for number in range(CANDIDATES)]
ANSWERS: Final[dict[str, list[tuple[str, dict[str, Any]]]]] = {
    "session-propose": [("session-info", {"reason": "ringing"}), ("session-proceed", {})],
    "session-proceed": [("session-initiate", {}), *_TRICKLE],
    "session-initiate": [("session-accept", {}), *_TRICKLE],
    "session-accept": [("session-info", {"reason": "active"})],
    "session-info active": [("session-text", {"sid": None, "description": {"content": "hello?"}})],
    "session-text": [("session-terminate", {"reason": "success"})],
}
"""What follows on what in a call."""

_CANDIDATES: Final = [f"transport-info {number}" for number in range(CANDIDATES)]
CALLER_HEARS: Final = [
    "session-info ringing", "session-proceed", "session-accept", *_CANDIDATES, "session-text",
]  # fmt: skip
CALLED_HEARS: Final = [
    "session-propose", "session-initiate", *_CANDIDATES, "session-info active", "session-terminate success",
]  # fmt: skip


class CallCase(NetworkCase):
    """Holds calls."""

    calls = 0

    async def hold_a_call(self, spoil: Callable[[Link, Link], None] = lambda caller, called: None) -> list[int]:
        """Holds a call; both sides must hear all of it, once and in order.

        :param spoil: does something to the links of both, once both are connected.
        :returns: the bytes that passed on each link in each direction: up and down of the caller, then of the other.
        """
        self.calls += 1
        names = (f"alice-{self.calls}", f"bob-{self.calls}")
        caller, called = Party(other=names[1]), Party(other=names[0])
        caller.client, caller_link = await self.client(names[0], caller.hear)
        called.client, called_link = await self.client(names[1], called.hear)
        flows = [flow for link in (caller_link, called_link) for flow in (link.up, link.down)]
        before = [flow.passed for flow in flows]
        spoil(caller_link, called_link)
        caller.say("session-propose")
        await until(
            lambda: len(called.heard) >= len(CALLED_HEARS) and called.told and caller.told and called.client.is_live,
            f"the end of the call: {caller} {called}",
        )
        # What comes twice comes before the answer to this.
        for party in (caller, called):
            await self.echo(party.client)
        self.assertEqual((caller.heard, called.heard), (CALLER_HEARS, CALLED_HEARS))
        self.assertEqual((caller.told, called.told), (["trying"], ["ack"]))
        for party in (caller, called):
            self.assertEqual((party.client.misnumbered, party.client.began_anew), (0, 0))
            party.client.leave()
        return [flow.passed - count for flow, count in zip(flows, before, strict=True)]

    async def echo(self, client: ResumingClient) -> None:
        """Asks the server something and waits for the answer."""
        former, answers = client.heard, list[str]()

        def hear(message: dict[str, Any]) -> None:
            if message["jsongle"]["action"] == "iq-result":
                answers.append("pong")
            else:
                former(message)

        client.heard = hear
        client.say("jsongle-server", "iq-get", query="ping", transaction="t")
        await until(lambda: answers, "the answer to a ping")
        client.heard = former


class CutTests(CallCase):
    """A call whose connections are cut, at any byte of it, goes on as if nothing were."""

    async def cut_everywhere(self, pick: Callable[[Link, Link], Flow], index: int) -> None:
        """Holds the call again and again, with a cut after ever more bytes of one direction of one link."""
        self.serve()
        size = (await self.hold_a_call())[index]
        positions = range(1, size, STEP)
        self.assertGreater(len(positions), 20)
        for position in positions:
            await self.hold_a_call(lambda caller, called: pick(caller, called).cut_after(position))  # noqa: B023
        self.assertEqual(await self.figure("jsongle_sessions_resumed_total"), len(positions))

    async def test_from_caller(self) -> None:
        """Cut on the way from the caller: what the server has not read is sent again."""
        await self.cut_everywhere(lambda caller, called: caller.up, 0)

    async def test_to_caller(self) -> None:
        """Cut on the way to the caller: what it has not read is sent again."""
        await self.cut_everywhere(lambda caller, called: caller.down, 1)

    async def test_from_called(self) -> None:
        """Cut on the way from the called."""
        await self.cut_everywhere(lambda caller, called: called.up, 2)

    async def test_to_called(self) -> None:
        """Cut on the way to the called."""
        await self.cut_everywhere(lambda caller, called: called.down, 3)

    async def test_both_again_and_again(self) -> None:
        """Both are cut every few hundred bytes, also while they come back: the call needs longer, that is all."""
        budget = {"cuts": 30}

        def prepare(link: Link) -> None:
            # A first connection must get as far as its ack: before it has a token, there is nothing to go on with.
            if len(self.proxy.links) > 2 and budget["cuts"]:
                budget["cuts"] -= 1
                flow = (link.up, link.down)[budget["cuts"] % 2]
                flow.cut_after(350 + 37 * (budget["cuts"] % 12))

        self.serve(prepare=prepare)

        def spoil(caller: Link, called: Link) -> None:
            caller.up.cut_after(100)
            called.down.cut_after(100)

        await self.hold_a_call(spoil)
        self.assertLess(budget["cuts"], 15)


class SpoiltTests(CallCase):
    """A call over a network that is bad in other ways."""

    async def test_split(self) -> None:
        """Every byte of the conversation comes on its own, the handshakes included."""

        def prepare(link: Link) -> None:
            link.up.split()
            link.down.split()

        self.serve(prepare=prepare)
        await self.hold_a_call()

    async def test_delay(self) -> None:
        """A delay, different for each direction, changes nothing of the order."""

        def delay(caller: Link, called: Link) -> None:
            for number, flow in enumerate((caller.up, caller.down, called.up, called.down)):
                flow.delay(0.02 * number)

        self.serve()
        await self.hold_a_call(delay)

    async def test_half_close_by_client(self) -> None:
        """A network that ends the client's direction only: the session waits, and goes on."""
        self.serve()
        await self.hold_a_call(lambda caller, called: called.up.half_close())
        self.assertEqual(await self.figure("jsongle_sessions_resumed_total"), 1)

    async def test_half_close_by_server(self) -> None:
        """A network that ends the server's direction only."""
        self.serve()
        await self.hold_a_call(lambda caller, called: called.down.half_close())
        self.assertEqual(await self.figure("jsongle_sessions_resumed_total"), 1)

    async def test_old_connection_still_open(self) -> None:
        """Where the old connection is still open the new one wins; the old one gets 4002 and counts for nothing."""
        heard: list[int] = []
        self.serve(ping_interval=0)
        await self.client("alice", lambda message: heard.append(message["jsongle"]["description"]["n"]))
        bob, link = await self.client("bob")
        link.vanish()
        old = bob.wires[0]
        for number in range(3):
            bob.say("alice", "session-custom", description={"n": number})
        bob.forsake()
        await bob.live()
        link.up.flow()
        link.down.flow()
        await until(lambda: old.close_code and len(heard) >= 3, "the close of the old connection")
        await self.echo(bob)
        self.assertEqual((old.close_code, bob.resumes), (CloseCode.SESSION_MOVED, 1))
        self.assertEqual(heard, [0, 1, 2])


class HalfOpenTests(NetworkCase):
    """A client that has vanished without a word is noticed by pings that it does not answer."""

    async def test_session_ends(self) -> None:
        """Its room hears that it left, if it cannot come back."""
        events: list[str] = []
        self.serve(ping_interval=0.2, ping_timeout=0.2)
        alice, _ = await self.client("alice", lambda message: events.append(message["jsongle"].get("event", "result")))
        bob, link = await self.client("bob", resumable=False)
        for client, count in ((alice, 1), (bob, 2)):
            client.say("jsongle-server", "iq-set", query="join", transaction="t", description={"rid": "r"})
            await until(lambda: len(events) == count, "both in the room")  # noqa: B023
        link.vanish()
        await until(lambda: "left" in events, "the end of the one that vanished")
        self.assertEqual(events, ["result", "joined", "left"])
        self.assertTrue(alice.is_live)

    async def test_session_waits(self) -> None:
        """It is waited for, if it can come back, and then has what was said meanwhile."""
        heard: list[int] = []
        self.serve(ping_interval=0.2, ping_timeout=0.2)
        alice, _ = await self.client("alice")
        bob, link = await self.client("bob", lambda message: heard.append(message["jsongle"]["description"]["n"]))
        link.vanish()
        alice.say("bob", "session-custom", description={"n": 1})
        await self.until_figure('jsongle_sessions{state="detached"}', 1)
        alice.say("bob", "session-custom", description={"n": 2})
        bob.forsake()
        await bob.live()
        await until(lambda: len(heard) == 2, "both messages")
        self.assertEqual((heard, bob.resumes, alice.resumes), ([1, 2], 1, 0))


class StalledTests(NetworkCase):
    """A client that does not read is closed with 4003 and comes back; nobody waits for it."""

    async def test_stalled_reader(self) -> None:
        """It misses nothing in the end, and another member of its room had everything at once."""
        heard: dict[str, list[int]] = {"bob": [], "carol": []}
        # The kernel's buffers hold some megabytes before the server has anything to keep.
        self.serve(resume_buffer_bytes=100_000_000, resume_buffer_messages=100_000, max_send_queue=65_536)
        alice, _ = await self.client("alice")
        links = {}
        clients = {"alice": alice}
        for uid, numbers in heard.items():

            def hear(message: dict[str, Any], numbers: list[int] = numbers) -> None:
                if "n" in message["jsongle"].get("description", {}):
                    numbers.append(message["jsongle"]["description"]["n"])

            clients[uid], links[uid] = await self.client(uid, hear)
        for client in clients.values():
            client.say("jsongle-server", "iq-set", query="join", transaction="t", description={"rid": "r"})
        await self.until_figure('jsongle_rooms{kind="room"}', 1)
        links["bob"].down.stall()
        sent = 0
        while not await self.figure('jsongle_sessions{state="detached"}'):
            for _ in range(20):
                sent += 1
                alice.say("r", "session-custom", description={"n": sent, "pad": "x" * 60_000})
            await until(lambda: len(heard["carol"]) == sent, "everything at the member that reads")  # noqa: B023
            self.assertLess(sent, 2_000)
        links["bob"].down.flow()
        await until(lambda: len(heard["bob"]) >= sent, "everything at the member that did not read")
        self.assertEqual(heard["bob"], list(range(1, sent + 1)))
        bob = clients["bob"]
        self.assertEqual((bob.closes, bob.resumes, bob.misnumbered), ([CloseCode.SLOW_CONSUMER], 1, 0))
        self.assertEqual((clients["carol"].closes, alice.closes), ([], []))
