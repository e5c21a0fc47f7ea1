"""The keys that a server checks signed tokens with, now: those of its settings, or the last that were fetched.

Holds them, and the hellos that wait until keys have been fetched; must not know how that is done. Layer 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from jsongle_server.key_set import Key, read_key_set

if TYPE_CHECKING:
    from jsongle_server.config import Config


class Keys:
    """Keys by their names.

    :param config: the settings; where these name an address, there are no keys until somebody calls :meth:`replace`.

    :ivar fetch: has the keys fetched, soon, which ends in :meth:`replace` or :meth:`fail`; ``None`` where there is
        nowhere to fetch them from.
    :ivar have_failed: whether they could not be fetched the last time.
    """

    def __init__(self, config: Config) -> None:
        self.fetch: Callable[[], None] | None = None
        self.have_failed = False
        self._keys: dict[str | None, Key] = {}
        self._waiting: list[Callable[[], None]] = []
        self._url: str | None = None
        self.reconfigure(config)

    def __len__(self) -> int:
        return len(self._keys)

    def reconfigure(self, config: Config) -> None:
        """Takes the keys of other settings; those that were fetched stay where the address is the same."""
        url, self._url = self._url, config.jwks_url
        signing_key = config.jwt_key
        if signing_key is not None:
            material = signing_key.material
            key = Key(material if signing_key.is_secret else load_pem_public_key(material), signing_key.algorithms)
            self._keys = {None: key}
        elif config.jwks_path is not None:
            self._keys = read_key_set(config.jwks_path.content)
        elif config.jwks_url != url or url is None:
            self._keys = {}

    def find(self, kid: str | None) -> Key | None:
        """The key of that name; where there is just one, and it or the token has no name, that one."""
        key = self._keys.get(kid)
        if key is None and len(self._keys) == 1 and (kid is None or None in self._keys):
            (key,) = self._keys.values()
        return key

    def await_others(self, call: Callable[[], None]) -> None:
        """Has the keys fetched anew; there must be a way to.

        :param call: called once that has ended, well or not.
        """
        assert self.fetch is not None
        # Before: it may come to nothing at once.
        self._waiting.append(call)
        self.fetch()

    def replace(self, keys: dict[str | None, Key]) -> None:
        """Takes keys that have been fetched."""
        self._keys = keys
        self.have_failed = False
        self.go_on()

    def fail(self) -> None:
        """Takes note that no keys could be fetched: those that there are stay good."""
        self.have_failed = True
        self.go_on()

    def go_on(self) -> None:
        """Lets those go on who wait: nothing is fetched for them any more."""
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()
