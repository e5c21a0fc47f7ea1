"""Who is here: every live session by its identity and its uid.

Layer 2: keeps and finds members; knows nothing of rooms or of what is said.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from jsongle_server.member import Member

FORMER_IDENTITIES: Final = 4096
"""Identities that are remembered after their sessions have ended, the latest ones."""

MAX_ALIASES: Final = 16
"""Most further identities that lead to one session, the latest ones."""

M = TypeVar("M", bound=Member)


class Registry(Generic[M]):
    """Finds identified sessions; a session that has not said hello cannot be found by anybody."""

    def __init__(self) -> None:
        self._by_identity: dict[str, M] = {}
        # Nearly everybody has one device, for which a dictionary is a lot.
        self._by_uid: dict[str, M | dict[M, None]] = {}
        self._former: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self.all())

    def all(self) -> list[M]:
        """A snapshot of every identified session, in order of arrival."""
        return [member for identity, member in self._by_identity.items() if identity == member.identity]

    def add(self, member: M) -> None:
        """Makes a session findable by its identity and uid, which must not change from now on."""
        self._by_identity[member.identity] = member
        devices = self._by_uid.setdefault(member.uid, member)
        if isinstance(devices, dict):
            devices[member] = None
        elif devices is not member:
            self._by_uid[member.uid] = {devices: None, member: None}

    def remove(self, member: M) -> None:
        """Forgets a session; one that is not known is fine."""
        if self._by_identity.pop(member.identity, None) is None:
            return
        for alias in member.aliases:
            del self._by_identity[alias]
        self._former[member.identity] = None
        if len(self._former) > FORMER_IDENTITIES:
            del self._former[next(iter(self._former))]
        devices = self._by_uid[member.uid]
        if isinstance(devices, dict):
            del devices[member]
        if not isinstance(devices, dict) or not devices:
            del self._by_uid[member.uid]

    def add_alias(self, member: M, alias: str) -> None:
        """Makes a member findable by another identity as well, one of its ``aliases`` from now on; the oldest goes."""
        self._by_identity[alias] = member
        member.aliases[alias] = None
        if len(member.aliases) > MAX_ALIASES:
            oldest = next(iter(member.aliases))
            del member.aliases[oldest]
            del self._by_identity[oldest]

    def find(self, identity: str) -> M | None:
        """The session of that identity, if there is one."""
        return self._by_identity.get(identity)

    def is_former(self, name: str) -> bool:
        """Whether a name was the identity of a session that ended not long ago."""
        return name in self._former

    def devices(self, uid: str) -> list[M]:
        """A snapshot of the sessions of that user, in order of arrival."""
        devices = self._by_uid.get(uid)
        if isinstance(devices, dict):
            return list(devices)
        return [] if devices is None else [devices]
