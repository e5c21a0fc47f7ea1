"""Scenarios of rooms: joining, leaving, and who is told (protocol section 4)."""

from __future__ import annotations

from typing import Any

from jsongle_server.testing import Client
from jsongle_server.vocabulary import CloseCode
from tests.scenarios import NOW, SERVER, Message, ScenarioCase, on_both_transports

ODD_NAMES = ("__proto__", "constructor", "a\nb", "\u0000", "a.b", " ", "🙂" * 256, "x" * 256)


def room_event(event: str, rid: str, member: Message, *, namespace: str = "room", at: str = NOW) -> Message:
    """What the members of a room are told when somebody came or went."""
    return {
        "action": "session-event",
        "namespace": namespace,
        "event": event,
        "description": {"member": member, "rid": rid, event: at},
    }


@on_both_transports
class JoinTests(ScenarioCase):
    """Joining a room."""

    def test_first_one_in(self) -> None:
        """Who joins a room that nobody is in gets an empty list, whichever of its two names the query goes by."""
        for query in ("join", "session-join", "muc-join"):
            client = self.server.user("u")
            client.say(SERVER, "iq-set", query=query, transaction="t", description={"rid": f"r-{query}"})
            self.assertOwn(
                client,
                {
                    "action": "iq-result",
                    "query": query,
                    "transaction": "t",
                    "description": {"rid": f"r-{query}", "members": []},
                },
            )

    def test_members(self) -> None:
        """The result shows those already there, in join order, each by its hello and its identity."""
        carol = self.server.user("carol", dn="Carol", colour="red")
        alice, bob = self.users("alice", "bob")
        for client in (carol, alice):
            client.join("r")
        self.assertEqual(
            bob.join("r"),
            [
                {"uid": "carol", "dn": "Carol", "colour": "red", "id": carol.identity},
                {"uid": "alice", "id": alice.identity},
            ],
        )

    def test_members_are_told(self) -> None:
        """Each of those already there is told who joined; the joiner itself is not."""
        alice, bob = self.members("r", "alice", "bob")
        carol = self.server.user("carol", dn="Carol")
        carol.join("r")
        for client in (alice, bob):
            self.assertOwn(client, room_event("joined", "r", {"uid": "carol", "dn": "Carol", "id": carol.identity}))
        self.assertNothing(carol)

    def test_members_of_a_muc_are_told(self) -> None:
        """In a multi-user room the namespace of the event is ``muc``."""
        (alice,) = self.members("m", "alice", muc=True)
        bob = self.server.user("bob")
        bob.join("m", muc=True)
        member = {"uid": "bob", "id": bob.identity}
        self.assertOwn(alice, room_event("joined", "m", member, namespace="muc"))

    def test_nobody_else_is_told(self) -> None:
        """Who is not in the room hears nothing of it."""
        outsider, elsewhere = self.users("outsider", "elsewhere")
        elsewhere.join("other")
        self.members("r", "alice", "bob")
        self.assertNothing(outsider, elsewhere)

    def test_joining_again(self) -> None:
        """Joining a room one is in gives the same result and tells nobody."""
        alice, bob = self.members("r", "alice", "bob")
        self.assertEqual(bob.join("r", dn="Bobby"), [{"uid": "alice", "id": alice.identity}])
        self.assertNothing(alice, bob)

    def test_rid_bounds(self) -> None:
        """A room id is a non-empty string of at most 256 characters that is not the server's id."""
        client = self.server.user("u")
        for rid in (None, "", 5, True, ["r"], {"r": 1}, "r" * 257, "🙂" * 257, SERVER):
            for query in ("join", "session-join", "muc-join", "leave", "session-leave", "room-members"):
                self.assertIqError(client.ask(query, rid=rid), 400001)
        self.assertIqError(client.ask("join"), 400001)

    def test_odd_rids(self) -> None:
        """Any other string will do, however odd, for a room and for a muc."""
        alice, bob = self.users("alice", "bob")
        for muc, rid in [(muc, rid) for muc in (False, True) for rid in ODD_NAMES]:
            alice.join(rid, muc=muc)
            self.assertEqual(bob.join(rid, muc=muc), [{"uid": "alice", "id": alice.identity}])
            for client in (alice, bob):
                self.assertEqual(client.ask("leave", rid=rid)["jsongle"]["description"], {"rid": rid})

    def test_slash(self) -> None:
        """A slash would end the room's id in ``from``: a muc's id has none, a room's may."""
        client = self.server.user("u")
        for rid in ("a/b", "/", "a/"):
            self.assertIqError(client.ask("muc-join", rid=rid), 400001)
            self.assertEqual(client.join(rid), [])


@on_both_transports
class DisplayNameTests(ScenarioCase):
    """The name that one goes by in a room."""

    def test_overrides_in_that_room(self) -> None:
        """``dn`` of a join is shown in that room, in lists and events, and only there."""
        bob = self.server.user("bob", dn="Bob", colour="red")
        (alice,) = self.members("r", "alice")
        alice.join("s")
        bob.join("r", dn="The Boss")
        bob.join("s")
        boss, plain = ({"uid": "bob", "dn": dn, "colour": "red", "id": bob.identity} for dn in ("The Boss", "Bob"))
        bob.ask("leave", rid="r")
        bob.ask("leave", rid="s")
        told = [message["jsongle"]["description"]["member"] for message in alice.take()]
        self.assertEqual(told, [boss, plain, boss, plain])

    def test_shown_to_those_who_come_later(self) -> None:
        """Who joins later sees it too, and so does who asks."""
        alice, bob = self.users("alice", "bob")
        alice.join("r", dn="A.")
        shown = [{"uid": "alice", "dn": "A.", "id": alice.identity}]
        self.assertEqual(bob.join("r"), shown)
        self.assertEqual(bob.ask("room-members", rid="r")["jsongle"]["description"]["members"], shown)

    def test_none(self) -> None:
        """A null ``dn`` is none."""
        alice, bob = self.server.user("alice", dn="Alice"), self.server.user("bob")
        alice.join("r", dn=None)
        self.assertEqual(bob.join("r")[0]["dn"], "Alice")

    def test_not_a_string(self) -> None:
        """A display name is a string, or the join is refused."""
        client = self.server.user("u")
        for dn in (5, ["x"], {"x": 1}, True):
            self.assertIqError(client.ask("join", rid="r", dn=dn), 400001)
        self.assertEqual(self.server.user("v").join("r"), [])

    def test_too_large(self) -> None:
        """A display name cannot make what is shown larger than 2 KiB."""
        client = self.server.user("u", filler="x" * 1500)
        self.assertIqError(client.ask("join", rid="r", dn="x" * 600), 400001)
        self.assertEqual(client.join("r", dn="x" * 400), [])


@on_both_transports
class LeaveTests(ScenarioCase):
    """Every way out of a room."""

    def test_leave(self) -> None:
        """Who leaves gets the room's id, by either name of the query; those who remain are told."""
        for query in ("leave", "session-leave"):
            self.serve()
            alice, bob, carol = self.members("r", "alice", "bob", "carol")
            bob.say(SERVER, "iq-set", query=query, transaction="t", description={"rid": "r"})
            expected = {"action": "iq-result", "query": query, "transaction": "t", "description": {"rid": "r"}}
            self.assertOwn(bob, expected)
            for client in (alice, carol):
                self.assertOwn(client, room_event("left", "r", {"uid": "bob", "id": bob.identity}))

    def test_leave_a_muc(self) -> None:
        """In a multi-user room the namespace of the event is ``muc``."""
        alice, bob = self.members("m", "alice", "bob", muc=True)
        bob.ask("leave", rid="m")
        self.assertOwn(alice, room_event("left", "m", {"uid": "bob", "id": bob.identity}, namespace="muc"))

    def test_disconnect(self) -> None:
        """A connection that is lost leaves all its rooms, each being told, at the time it happens."""
        alice, bob = self.members("r", "alice", "bob")
        for client in (alice, bob):
            client.join("m", muc=True)
        alice.take()
        self.server.clock.advance(1)
        self.server.drop(bob)
        events = [self.own(message)["jsongle"] for message in alice.take()]
        member, at = {"uid": "bob", "id": bob.identity}, NOW.replace("08.451", "09.451")
        self.assertEqual(
            events,
            [room_event("left", "r", member, at=at), room_event("left", "m", member, namespace="muc", at=at)],
        )

    def test_closed_by_the_server(self) -> None:
        """Whom the server puts out has left."""
        alice, bob = self.members("r", "alice", "bob")
        session = self.server.session_of(bob)
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", self.server.clock.seconds())
        self.assertEqual(alice.take_one()["jsongle"]["event"], "left")
        self.assertNothing(bob)
        assert bob.closed is not None
        self.assertEqual(bob.closed[0], 4004)

    def test_once(self) -> None:
        """However many ways out one takes, those who remain are told once."""
        alice, bob = self.members("r", "alice", "bob")
        session = self.server.session_of(bob)
        bob.ask("leave", rid="r")
        self.assertIqError(bob.ask("leave", rid="r"), 404002)
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended", self.server.clock.seconds())
        self.server.drop(bob)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "left")

    def test_back_again(self) -> None:
        """Who left may come back, last in order by then, and every ``joined`` has its ``left``."""
        alice, bob = self.members("r", "alice", "bob")
        for _ in range(2):
            bob.ask("leave", rid="r")
            bob.join("r")
        self.server.drop(bob)
        events = [message["jsongle"]["event"] for message in alice.take()]
        self.assertEqual(events, ["left", "joined", "left", "joined", "left"])

    def test_not_a_member(self) -> None:
        """One cannot leave a room that one is not in, whether or not it exists."""
        self.members("r", "alice")
        bob = self.server.user("bob")
        for rid in ("r", "nowhere", "__proto__"):
            self.assertIqError(bob.ask("leave", rid=rid), 404002)

    def test_each_device_on_its_own(self) -> None:
        """Two sessions of one user are two members."""
        alice, one, two = self.members("r", "alice", "bob", "bob")
        self.server.drop(one)
        self.assertOwn(alice, room_event("left", "r", {"uid": "bob", "id": one.identity}))
        self.assertEqual(alice.ask("room-members", rid="r")["jsongle"]["description"]["members"][0]["id"], two.identity)


@on_both_transports
class KindTests(ScenarioCase):
    """Rooms and multi-user rooms."""

    def test_kind_of_the_first_join(self) -> None:
        """A room is of the kind of its first join: to join it as the other kind is refused, even to its members."""
        for muc in (False, True):
            self.serve()
            (alice,) = self.members("r", "alice", muc=muc)
            bob = self.server.user("bob")
            for client in (alice, bob):
                self.assertIqError(client.ask("join" if muc else "muc-join", rid="r"), 409001)
            self.assertNothing(alice)

    def test_a_room_ends_with_its_last_member(self) -> None:
        """Once everybody has gone, the name is free for either kind."""
        alice, bob = self.members("r", "alice", "bob")
        alice.ask("leave", rid="r")
        self.server.drop(bob)
        self.assertEqual(alice.join("r", muc=True), [])


@on_both_transports
class LimitTests(ScenarioCase):
    """How many may be in how much."""

    def fill(self, *, muc: bool, **settings: Any) -> list[Client]:
        """A room with two members, and a third who would like to be."""
        self.serve(**settings)
        return [*self.members("r", "alice", "bob", muc=muc), self.server.user("carol")]

    def test_room_full(self) -> None:
        """``maxMembersPerRoom`` is for rooms, ``maxMembersPerMultiRoom`` for mucs; nobody hears of a refusal."""
        for muc, setting in ((False, "max_members_per_room"), (True, "max_members_per_multi_room")):
            alice, bob, carol = self.fill(muc=muc, **{setting: 2})
            self.assertIqError(carol.ask("muc-join" if muc else "join", rid="r"), 403001)
            self.assertNothing(alice, bob)

    def test_limits_of_the_other_kind(self) -> None:
        """The limit of one kind does not hold for the other."""
        for muc, setting in ((True, "max_members_per_room"), (False, "max_members_per_multi_room")):
            carol = self.fill(muc=muc, **{setting: 2})[2]
            self.assertEqual(len(carol.join("r", muc=muc)), 2)

    def test_a_place_is_free_again(self) -> None:
        """When a member leaves, another may join; a member may always join again."""
        alice, bob, carol = self.fill(muc=False, max_members_per_room=2)
        self.assertEqual(len(bob.join("r")), 1)
        self.server.drop(alice)
        self.assertEqual(len(carol.join("r")), 1)

    def test_too_many_rooms(self) -> None:
        """``maxRoomsPerUser`` rooms of both kinds together are what one session may be in."""
        self.serve(max_rooms_per_user=2)
        alice, other = self.users("alice", "alice")
        alice.join("a")
        alice.join("b", muc=True)
        self.assertIqError(alice.ask("join", rid="c"), 403004)
        self.assertEqual(alice.join("a"), [])
        self.assertEqual(other.join("c"), [])
        alice.ask("leave", rid="a")
        self.assertEqual(len(alice.join("c")), 1)

    def test_fifty_rooms_by_default(self) -> None:
        """Unless configured otherwise, fifty."""
        client = self.server.user("u")
        for number in range(50):
            client.join(f"r-{number}")
        self.assertIqError(client.ask("join", rid="r-50"), 403004)

    def test_no_limit(self) -> None:
        """0 is no limit."""
        self.serve(max_rooms_per_user=0)
        client = self.server.user("u")
        self.assertEqual([client.join(f"r-{number}") for number in range(60)], [[]] * 60)
