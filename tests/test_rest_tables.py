"""Tests of :mod:`jsongle_server.rest_tables`, through ``GET /events``."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.task import Clock

from jsongle_server.history import INTERVAL
from jsongle_server.rest_tables import MAX_NAMES, MAX_ROWS, Table
from jsongle_server.rest_turns import TOLD_IN_A_TURN
from tests.event_readers import MemoryReader
from tests.rest_support import TOKEN, RestCase, RestServer


class Turns(Clock):
    """A clock on which each turn has to be taken."""

    def take_all(self) -> int:
        """Takes turns until there are none left; returns how many that were."""
        count = 0
        while self.calls:
            count += 1
            call = self.calls.pop(0)
            call.func(*call.args, **call.kw)
        return count


class Shown:
    """What stands in for a stream: keeps what is shown of each name."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def show(self, name: str, data: bytes) -> None:
        """Keeps it."""
        self.data[name] = data


class TableCase(RestCase):
    """A server with readers."""

    def setUp(self) -> None:
        """Have tables made anew every two seconds."""
        super().setUp()
        self.server = RestServer(admin_token=TOKEN, max_concurrent_users=1000, max_rooms_per_user=0)
        self.server.sampler.start()

    def reader(self, find: str = "") -> MemoryReader:
        """A reader who looks for a text."""
        return MemoryReader(self.server, f"/events?find={quote(find, safe='')}")

    def tables(self, reader: MemoryReader) -> dict[str, Any]:
        """The tables that have come since the last time."""
        return {name: data for name, data in reader.take() if name in ("rooms", "sessions")}

    def found(self, find: str) -> tuple[list[str], list[str]]:
        """Which rooms and sessions there are for a text: their rids and uids."""
        reader = self.reader(find)
        tables = self.tables(reader)
        reader.leave()
        return [room["rid"] for room in tables["rooms"]["rooms"]], [
            session["uid"] for session in tables["sessions"]["sessions"]
        ]

    def tick(self) -> None:
        """Two seconds pass."""
        self.server.clock.advance(INTERVAL)


class RowTests(TableCase):
    """What stands in the tables."""

    def test_they_are_there_at_once(self) -> None:
        """As ``GET /rooms`` and ``GET /sessions`` have them, and how many names there are in each row."""
        self.server.user("alice", dn="Alice").join("tea")
        tables = self.tables(self.reader())
        for name, count in (("rooms", "memberCount"), ("sessions", "roomCount")):
            (row,) = self.do("GET", f"/{name}").json[name]
            self.assertEqual(tables[name], {name: [{**row, count: 1}], "count": 1, "limit": MAX_ROWS})

    def test_an_empty_server(self) -> None:
        """Empty tables are tables too."""
        self.assertEqual(
            self.tables(self.reader()),
            {
                "rooms": {"rooms": [], "count": 0, "limit": MAX_ROWS},
                "sessions": {"sessions": [], "count": 0, "limit": MAX_ROWS},
            },
        )

    def test_the_newest_come_first_and_the_others_are_counted(self) -> None:
        """There are a hundred rows at most."""
        for number in range(MAX_ROWS + 5):
            self.server.clock.advance(0.001)
            self.server.user(f"u{number}").join(f"r{number}")
        tables = self.tables(self.reader())
        for name, key, letter in (("rooms", "rid", "r"), ("sessions", "uid", "u")):
            rows = tables[name][name]
            self.assertEqual((len(rows), tables[name]["count"]), (MAX_ROWS, MAX_ROWS + 5))
            self.assertEqual((rows[0][key], rows[-1][key]), (f"{letter}{MAX_ROWS + 4}", f"{letter}5"))

    def test_long_rows_are_cut(self) -> None:
        """Of a large room, and of a session in many, the first names are shown and the others are counted."""
        alice = self.server.user("alice")
        for number in range(MAX_NAMES + 1):
            alice.join(f"r{number:03}")
            self.server.user(f"u{number}").join("r000")
        tables = self.tables(self.reader("r000"))
        (room,) = tables["rooms"]["rooms"]
        self.assertEqual((len(room["members"]), room["memberCount"]), (MAX_NAMES, MAX_NAMES + 2))
        (session,) = (each for each in tables["sessions"]["sessions"] if each["uid"] == "alice")
        self.assertEqual((len(session["rooms"]), session["roomCount"]), (MAX_NAMES, MAX_NAMES + 1))


class ChangeTests(TableCase):
    """When they are told."""

    def test_only_when_changed(self) -> None:
        """Every two seconds at most, and each table by itself."""
        reader = self.reader()
        reader.take()
        self.tick()
        self.assertEqual(reader.names(), ["sample"])
        alice = self.server.user("alice")
        self.assertEqual(reader.names(), [])
        self.tick()
        self.assertEqual(sorted(reader.names()), ["sample", "sessions"])
        alice.join("tea")
        self.tick()
        self.assertEqual(sorted(reader.names()), ["rooms", "sample", "sessions"])

    def watch_tables(self) -> list[Table]:
        """The tables that are made from now on, each as often as it is."""
        made: list[Table] = []
        refresh = Table.refresh

        def note(table: Table) -> None:
            made.append(table)
            refresh(table)

        self.patch(Table, "refresh", note)
        return made

    def test_nothing_is_made_while_nobody_looks(self) -> None:
        """Neither before the first reader nor after the last."""
        made = self.watch_tables()
        self.tick()
        self.assertEqual(len(made), 0)
        reader = self.reader()
        self.tick()
        self.assertEqual(len(made), 2)
        reader.leave()
        self.tick()
        self.assertEqual(len(made), 2)

    def test_those_who_ask_for_the_same_share_it(self) -> None:
        """Whatever the case of what they ask for; somebody else has his own."""
        made = self.watch_tables()
        readers = [self.reader(find) for find in ("tea", "TEA", "cake")]
        self.assertEqual(len(made), 2)
        self.tick()
        self.assertEqual((len(made), len(set(made))), (4, 2))
        for reader in readers:
            self.assertEqual(self.tables(reader)["rooms"]["count"], 0)


class FindTests(TableCase):
    """Which rows there are for a text."""

    def setUp(self) -> None:
        """Alice is in a room as somebody else, Bob in another, Carol in none."""
        super().setUp()
        alice, bob, self.carol = (self.server.user(uid, dn=f"{uid.title()} Doe") for uid in ("alice", "bob", "carol"))
        alice.join("tea", dn="Queen")
        bob.join("cake")
        self.bob = bob

    def test_by_anything_that_names_it(self) -> None:
        """Room ids, identities, user ids, display names and addresses, in any case, or a part of them."""
        everybody = ["alice", "bob", "carol"]
        for find, rooms, sessions in (
            ("tea", ["tea"], ["alice"]),
            ("ALI", ["tea"], ["alice"]),
            ("queen", ["tea"], []),
            (self.bob.identity, ["cake"], ["bob"]),
            (self.bob.identity[4:20].upper(), ["cake"], ["bob"]),
            (" doe", ["cake"], everybody),
            ("192.0.2.1", [], everybody),
            ("nobody", [], []),
        ):
            found = self.found(find)
            self.assertEqual((find, found[0], sorted(found[1])), (find, rooms, sessions))

    def test_who_has_not_said_hello_is_found_by_address(self) -> None:
        """And shown with neither user id nor name."""
        self.server.connect()
        tables = self.tables(self.reader("192.0.2.1"))
        self.assertEqual(sum(session["uid"] is None for session in tables["sessions"]["sessions"]), 1)

    def test_who_has_no_name(self) -> None:
        """A display name is not needed."""
        self.server.user("dave").join("pub")
        self.assertEqual(self.found("dave"), (["pub"], ["dave"]))


class TurnTests(TableCase):
    """Others are served meanwhile."""

    def test_many_take_turns(self) -> None:
        """However many there are to look through, a turn looks at so many of them; some may be gone by the next."""
        clients = [self.server.user(f"u{number}") for number in range(300)]
        for number, client in enumerate(clients):
            client.join(f"r{number}")
        self.assertGreater(2 * len(clients), TOLD_IN_A_TURN)
        clock, shown = Turns(), Shown()
        table = Table("u299", self.server.signaling, clock)
        table.add(shown)  # type: ignore[arg-type]  # all that it does with a stream
        self.assertEqual(shown.data, {})
        for client in clients[-25:]:
            self.server.drop(client)
        table.refresh()
        self.assertGreater(clock.take_all(), 0)
        self.assertIn(b'"count":0,', shown.data["rooms"])
        self.assertEqual(set(shown.data), {"rooms", "sessions"})

    def test_a_failure_is_logged_and_the_next_time_it_is_made(self) -> None:
        """The stream itself goes on."""
        reader = self.reader()
        reader.take()
        sessions = self.server.signaling.sessions

        def fail() -> list[Any]:
            self.patch(self.server.signaling, "sessions", sessions)
            raise ValueError("broken")

        self.server.user("alice")
        self.patch(self.server.signaling, "count_sessions", lambda: {})
        self.patch(self.server.signaling, "sessions", fail)
        self.tick()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.tables(reader), {})
        self.tick()
        self.assertEqual(self.tables(reader)["sessions"]["count"], 1)
