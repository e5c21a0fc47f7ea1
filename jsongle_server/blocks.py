"""Who is kept out: user ids and network addresses, each for some time.

Keeps blocks and finds them; what follows from one is decided where clients come in, and by the administrator who makes
it. They are gone when the server stops. Layer 2: takes times and ids as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from jsongle_server.errors import Blocked
from jsongle_server.forwarded import address_in

MAX_BLOCKS: Final = 10_000
"""Most blocks at a time."""

MAX_BLOCK_SECONDS: Final = 30 * 24 * 3600
"""Longest time of a block."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class TooManyBlocks(Exception):
    """There are as many blocks as there may be."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block: of a user id or of a network.

    :param id: its own id.
    :param reason: why, for administrators.
    :param created: when, in seconds since the epoch.
    :param until: when it ends.
    :param uid: the user id; ``None`` where it is of a network.
    :param network: the network, possibly of one address; ``None`` where it is of a user id.
    """

    id: str
    reason: str
    created: float
    until: float
    uid: str | None = None
    network: Network | None = None

    def covers(self, uid: str, remote: str) -> bool:
        """Whether it is of somebody.

        :param uid: the user id of a session, empty before its hello.
        :param remote: where that session comes from.
        """
        if self.network is None:
            return uid == self.uid
        return is_within(remote, self.network)


class Blocks:
    """Every block that holds."""

    def __init__(self) -> None:
        self._by_id: dict[str, Block] = {}
        self._by_uid: dict[str, Block] = {}
        # By version and length of the prefix, then by the prefix: a look-up takes one step for each length there is.
        self._by_network: dict[tuple[int, int], dict[int, Block]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def all(self, now: float) -> list[Block]:
        """A snapshot of the blocks that hold, in order of creation.

        :param now: seconds since the epoch.
        """
        self._drop_expired(now)
        return list(self._by_id.values())

    def add(self, block: Block, now: float) -> None:
        """Begins to block; a block of the same user id or network is replaced.

        :raises TooManyBlocks: there is no room.
        """
        former = self._same(block)
        if former is not None:
            self._drop(former)
        elif len(self._by_id) >= MAX_BLOCKS:
            self._drop_expired(now)
            if len(self._by_id) >= MAX_BLOCKS:
                raise TooManyBlocks
        self._by_id[block.id] = block
        if block.uid is not None:
            self._by_uid[block.uid] = block
        if block.network is not None:
            self._by_network.setdefault(_length(block.network), {})[_prefix(block.network)] = block

    def remove(self, block_id: str, now: float) -> Block | None:
        """Ends a block before its time; ``None`` if none of that id holds."""
        block = self._by_id.get(block_id)
        if block is None:
            return None
        self._drop(block)
        return block if now < block.until else None

    def check_uid(self, uid: str, now: float) -> None:
        """Lets those pass who are not blocked.

        :raises Blocked: this user id is.
        """
        block = self._by_uid.get(uid)
        if block is None:
            return
        if now < block.until:
            raise Blocked("Blocked by an administrator")
        self._drop(block)

    def holds_address(self, host: str, now: float) -> bool:
        """Whether a network address is blocked.

        :param host: the address without a port; what is none is never blocked.
        """
        if not self._by_network:
            return False
        address = read_address(host)
        if address is None:
            return False
        number, bits = int(address), address.max_prefixlen
        found = [
            blocks.get(number >> bits - length)
            for (version, length), blocks in self._by_network.items()
            if version == address.version
        ]
        for block in found:
            if block is not None and now < block.until:
                return True
            if block is not None:
                self._drop(block)
        return False

    def _same(self, block: Block) -> Block | None:
        if block.uid is not None:
            return self._by_uid.get(block.uid)
        assert block.network is not None
        return self._by_network.get(_length(block.network), {}).get(_prefix(block.network))

    def _drop_expired(self, now: float) -> None:
        for block in [block for block in self._by_id.values() if block.until <= now]:
            self._drop(block)

    def _drop(self, block: Block) -> None:
        del self._by_id[block.id]
        if block.uid is not None:
            del self._by_uid[block.uid]
        if block.network is not None:
            key = _length(block.network)
            blocks = self._by_network[key]
            del blocks[_prefix(block.network)]
            if not blocks:
                del self._by_network[key]


def read_address(host: str) -> Address | None:
    """A network address from its text; ``None`` where it is none, as with a Unix socket."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    # What comes in over IPv4 on a socket for both families (RFC 4291 section 2.5.5.2).
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def is_within(remote: str, network: Network) -> bool:
    """Whether a session's address, with its port where that is known, is in a network."""
    address = read_address(address_in(remote) or "")
    return address is not None and address in network


def _length(network: Network) -> tuple[int, int]:
    return network.version, network.prefixlen


def _prefix(network: Network) -> int:
    return int(network.network_address) >> network.max_prefixlen - network.prefixlen
