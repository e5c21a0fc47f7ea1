"""Tests of :mod:`jsongle_server.blocks`: who is kept out, and for how long."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.blocks import MAX_BLOCKS, Block, Blocks, TooManyBlocks, is_within, read_address
from jsongle_server.errors import Blocked


def user_block(uid: str, *, block_id: str = "b", until: float = 100.0) -> Block:
    """A block of a user id, made at 0."""
    return Block(block_id, "spam", 0.0, until, uid=uid)


def network_block(network: str, *, block_id: str = "b", until: float = 100.0) -> Block:
    """A block of a network, made at 0."""
    return Block(block_id, "spam", 0.0, until, network=ip_network(network))


class UserTests(SynchronousTestCase):
    """Blocked user ids."""

    def setUp(self) -> None:
        """Block one."""
        self.blocks = Blocks()
        self.blocks.add(user_block("eve"), 0.0)

    def test_a_blocked_user_is_refused_until_the_end(self) -> None:
        """At the moment at which it ends it is over, and forgotten."""
        with self.assertRaises(Blocked):
            self.blocks.check_uid("eve", 99.9)
        self.blocks.check_uid("eve", 100.0)
        self.assertEqual(len(self.blocks), 0)

    def test_others_are_not(self) -> None:
        """Nor is who is called alike."""
        for uid in ("jon", "Eve", "eve ", ""):
            self.blocks.check_uid(uid, 1.0)

    def test_a_second_block_takes_the_place_of_the_first(self) -> None:
        """It may be longer or shorter; there is one of each user id."""
        self.blocks.add(user_block("eve", block_id="c", until=10.0), 1.0)
        self.assertEqual([block.id for block in self.blocks.all(1.0)], ["c"])
        self.blocks.check_uid("eve", 10.0)

    def test_a_removed_block_blocks_nobody(self) -> None:
        """It can be removed once, and one that is over not at all."""
        self.assertEqual(self.blocks.remove("x", 1.0), None)
        self.assertEqual(self.blocks.remove("b", 1.0), user_block("eve"))
        self.blocks.check_uid("eve", 1.0)
        self.assertEqual(self.blocks.remove("b", 1.0), None)
        self.blocks.add(user_block("eve"), 0.0)
        self.assertEqual(self.blocks.remove("b", 100.0), None)


class NetworkTests(SynchronousTestCase):
    """Blocked addresses and networks."""

    def setUp(self) -> None:
        """Begin without a block."""
        self.blocks = Blocks()

    def test_addresses_in_a_blocked_network_are_blocked(self) -> None:
        """In whatever form they come, as long as the block lasts."""
        self.blocks.add(network_block("192.0.2.0/24"), 0.0)
        self.blocks.add(network_block("2001:db8::/48", block_id="c"), 0.0)
        for host in ("192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8::1", "2001:DB8:0:ff::"):
            self.assertTrue(self.blocks.holds_address(host, 99.9), host)
        for host in ("192.0.3.0", "191.255.255.255", "2001:db8:1::", "unix", "", "c000:0200::"):
            self.assertFalse(self.blocks.holds_address(host, 99.9), host)

    def test_a_block_that_is_over_is_forgotten(self) -> None:
        """By the first who comes, while another that holds goes on."""
        self.blocks.add(network_block("192.0.2.7/32", until=10.0), 0.0)
        self.blocks.add(network_block("192.0.2.0/24", block_id="c"), 0.0)
        self.assertTrue(self.blocks.holds_address("192.0.2.7", 10.0))
        self.assertEqual([block.id for block in self.blocks.all(10.0)], ["c"])

    def test_a_second_block_takes_the_place_of_the_first(self) -> None:
        """There is one of each network; one within it is another."""
        for number, network in enumerate(("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/25")):
            self.blocks.add(network_block(network, block_id=str(number)), 0.0)
        self.assertEqual([block.id for block in self.blocks.all(0.0)], ["1", "2"])

    def test_a_removed_block_leaves_nothing_to_look_through(self) -> None:
        """Whoever comes costs nothing again."""
        self.blocks.add(network_block("192.0.2.0/24"), 0.0)
        self.blocks.add(network_block("192.0.3.0/24", block_id="c"), 0.0)
        self.blocks.remove("b", 0.0)
        self.assertTrue(self.blocks.holds_address("192.0.3.1", 0.0))
        self.blocks.remove("c", 0.0)
        self.assertEqual(self.blocks._by_network, {})

    @given(
        st.lists(st.ip_addresses(network="10.0.0.0/29") | st.ip_addresses(network="fd00::/125"), max_size=6),
        st.lists(st.integers(0, 3), min_size=6, max_size=6),
        st.ip_addresses(network="10.0.0.0/29") | st.ip_addresses(network="fd00::/125"),
    )
    def test_networks_are_found_as_python_finds_them(
        self, addresses: list[object], shorter: list[int], asked: object
    ) -> None:
        """Whatever networks there are, of whatever lengths."""
        networks = [
            ip_network(f"{address}/{ip_address(str(address)).max_prefixlen - less}", strict=False)
            for address, less in zip(addresses, shorter, strict=False)
        ]
        blocks = Blocks()
        for number, network in enumerate(networks):
            blocks.add(Block(str(number), "", 0.0, 1.0, network=network), 0.0)
        expected = any(ip_address(str(asked)) in network for network in networks)
        self.assertEqual(blocks.holds_address(str(asked), 0.0), expected)


class CoverTests(SynchronousTestCase):
    """Whose sessions a block ends."""

    def test_by_user(self) -> None:
        """That user's, wherever he is; nobody's who has no name yet."""
        block = user_block("eve")
        self.assertEqual([block.covers(uid, "192.0.2.1:1") for uid in ("eve", "jon", "")], [True, False, False])

    def test_by_address(self) -> None:
        """Those from that network, whoever they are; a Unix socket is in none."""
        block = network_block("192.0.2.0/24")
        remotes = ("192.0.2.1:1", "192.0.2.1", "192.0.3.1:1", "[2001:db8::1]:50000", "unix")
        self.assertEqual([block.covers("", remote) for remote in remotes], [True, True, False, False, False])

    def test_addresses_with_ports_and_without(self) -> None:
        """An address is in its network whether or not its port is known: a proxy that names a client names none."""
        for remote in ("[2001:db8::1]:50000", "2001:db8::1"):
            self.assertTrue(is_within(remote, ip_network("2001:db8::1/128")))
            self.assertFalse(is_within(remote, ip_network("2001:db8::1:0/112")))

    def test_what_is_no_address(self) -> None:
        """Is none, and nothing fails."""
        self.assertEqual([read_address(host) for host in ("", "unix", "localhost", "1", "::1::")], [None] * 5)


class BoundTests(SynchronousTestCase):
    """How many blocks there may be."""

    def setUp(self) -> None:
        """Make as many as there may be, of which one ends early."""
        self.blocks = Blocks()
        for number in range(MAX_BLOCKS):
            self.blocks.add(user_block(f"u{number}", block_id=str(number), until=10.0 if not number else 100.0), 0.0)

    def test_one_more_is_refused(self) -> None:
        """Unless it takes the place of one that there is."""
        with self.assertRaises(TooManyBlocks):
            self.blocks.add(user_block("more", block_id="more"), 1.0)
        self.blocks.add(user_block("u1", block_id="again"), 1.0)
        self.assertEqual(len(self.blocks), MAX_BLOCKS)

    def test_a_block_that_is_over_makes_room(self) -> None:
        """Although nobody has asked for it since."""
        self.blocks.add(user_block("more", block_id="more"), 10.0)
        self.assertEqual(len(self.blocks), MAX_BLOCKS)
