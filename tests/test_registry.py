"""Tests of :mod:`jsongle_server.registry`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.registry import FORMER_IDENTITIES, MAX_ALIASES, Registry
from tests.members import PlainMember


class RegistryTests(SynchronousTestCase):
    """Finding sessions by identity and by user."""

    def setUp(self) -> None:
        """Ann with two devices, and Bob."""
        self.registry: Registry[PlainMember] = Registry()
        self.phone = PlainMember("id-1", uid="ann")
        self.bob = PlainMember("id-2", uid="bob")
        self.laptop = PlainMember("id-3", uid="ann")
        for member in (self.phone, self.bob, self.laptop):
            self.registry.add(member)

    def test_session_is_found_by_its_identity(self) -> None:
        """Every session has its own identity, whoever its user."""
        self.assertIs(self.registry.find("id-3"), self.laptop)

    def test_uid_is_no_identity(self) -> None:
        """A user id finds no single session, and an identity no user."""
        self.assertIsNone(self.registry.find("ann"))
        self.assertEqual(self.registry.devices("id-1"), [])

    def test_devices_of_a_user_come_in_order_of_arrival(self) -> None:
        """A user id finds all the sessions of that user and nobody else's."""
        self.assertEqual(self.registry.devices("ann"), [self.phone, self.laptop])

    def test_removed_session_is_not_found(self) -> None:
        """A session that ended is gone under both names; the user's other device stays."""
        self.registry.remove(self.phone)
        self.assertIsNone(self.registry.find("id-1"))
        self.assertEqual(self.registry.devices("ann"), [self.laptop])
        self.assertEqual(self.registry.all(), [self.bob, self.laptop])
        self.assertEqual(len(self.registry), 2)

    def test_nothing_is_kept_of_users_without_sessions(self) -> None:
        """The last session of a user takes the user along."""
        for member in self.registry.all():
            self.registry.remove(member)
        self.assertEqual(len(self.registry), 0)
        self.assertEqual(self.registry._by_uid, {})

    def test_removing_a_stranger_is_fine(self) -> None:
        """A session that never said hello, or has been removed before, may be removed."""
        self.registry.remove(PlainMember("id-9", uid="ann"))
        self.registry.remove(self.bob)
        self.registry.remove(self.bob)
        self.assertEqual(self.registry.all(), [self.phone, self.laptop])

    def test_identity_of_a_session_that_ended_is_remembered(self) -> None:
        """An identity is a former one from the end of its session on; a user id and a stranger's name never are."""
        self.assertFalse(self.registry.is_former("id-1"))
        self.registry.remove(self.phone)
        self.registry.remove(PlainMember("id-9", uid="ann"))
        former = [name for name in ("id-1", "id-2", "id-9", "ann") if self.registry.is_former(name)]
        self.assertEqual(former, ["id-1"])

    def test_memory_of_identities_is_bounded(self) -> None:
        """The latest are remembered, the oldest are forgotten first."""
        for number in range(FORMER_IDENTITIES + 1):
            member = PlainMember(f"gone-{number}", uid="cy")
            self.registry.add(member)
            self.registry.remove(member)
        former = [number for number in range(FORMER_IDENTITIES + 1) if self.registry.is_former(f"gone-{number}")]
        self.assertEqual(former, list(range(1, FORMER_IDENTITIES + 1)))

    def test_aliases(self) -> None:
        """A session is found by its aliases, the latest ones, and counts once; they go with it."""
        aliases = [f"alias-{number}" for number in range(MAX_ALIASES + 1)]
        for alias in aliases:
            self.registry.add_alias(self.bob, alias)
        self.assertEqual(list(self.bob.aliases), aliases[1:])
        self.assertEqual([self.registry.find(alias) for alias in aliases], [None, *[self.bob] * MAX_ALIASES])
        self.assertEqual(len(self.registry), 3)
        self.registry.remove(self.bob)
        self.assertEqual([self.registry.find(alias) for alias in aliases], [None] * len(aliases))

    def test_lists_are_snapshots(self) -> None:
        """A list that somebody walks through stays as it is while sessions end."""
        everybody, devices = self.registry.all(), self.registry.devices("ann")
        self.registry.remove(self.phone)
        self.assertEqual(everybody, [self.phone, self.bob, self.laptop])
        self.assertEqual(devices, [self.phone, self.laptop])
