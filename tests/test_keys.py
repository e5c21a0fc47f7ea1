"""Tests of :mod:`jsongle_server.keys`: which keys there are, and hellos that wait for others."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.key_set import Key, read_key_set
from jsongle_server.keys import Keys
from tests.token_makers import KEY, OTHER_KEY, SECRET, from_set, jwk, key_set, shared

URL = "https://keys.example/jwks"
FETCHED = read_key_set(key_set(jwk("fetched")))


class KeysTests(SynchronousTestCase):
    """What is found."""

    def test_shared_secret(self) -> None:
        """The one key is found under any name."""
        keys = Keys(shared())
        for kid in (None, "a"):
            self.assertEqual(keys.find(kid), Key(SECRET.encode(), ("HS256",)))

    def test_only_key_of_a_set(self) -> None:
        """A token without a name for its key means the only one; one with another name does not."""
        keys = Keys(from_set(jwk("a")))
        found = keys.find(None)
        assert found is not None
        self.assertEqual(found.material.public_numbers(), KEY.public_key().public_numbers())
        self.assertIsNone(keys.find("b"))

    def test_several(self) -> None:
        """Where there are several, a name must say which."""
        keys = Keys(from_set(jwk("a"), jwk("b", OTHER_KEY)))
        self.assertIsNone(keys.find(None))
        self.assertIsNot(keys.find("a"), None)

    def test_reconfigured(self) -> None:
        """Other settings bring other keys; fetched ones stay as long as their address does."""
        keys = Keys(Config(jwks_url=URL))
        self.assertEqual(len(keys), 0)
        keys.replace(FETCHED)
        keys.reconfigure(Config(jwks_url=URL, max_concurrent_users=7))
        self.assertIsNotNone(keys.find("fetched"))
        keys.reconfigure(Config(jwks_url=URL + "2"))
        self.assertEqual(len(keys), 0)
        keys.replace(FETCHED)
        for config, count in ((shared(), 1), (Config(jwks_url=URL), 0), (from_set(jwk("a")), 1), (Config(), 0)):
            keys.reconfigure(config)
            self.assertEqual(len(keys), count)


class WaitingTests(SynchronousTestCase):
    """Who waits for other keys."""

    def setUp(self) -> None:
        """Keys that can be fetched."""
        self.keys = Keys(Config(jwks_url=URL))
        self.fetched = 0
        self.keys.fetch = self.fetch
        self.called: list[str] = []

    def fetch(self) -> None:
        """Counts."""
        self.fetched += 1

    def await_as(self, name: str) -> None:
        """Somebody waits."""
        self.keys.await_others(lambda: self.called.append(name))

    def test_all_go_on_together(self) -> None:
        """Whoever waits goes on once keys are there, in order and once."""
        for name in ("a", "b"):
            self.await_as(name)
        self.assertEqual((self.called, self.fetched), ([], 2))
        self.keys.replace(FETCHED)
        self.assertEqual(self.called, ["a", "b"])
        self.keys.replace(FETCHED)
        self.assertEqual(self.called, ["a", "b"])

    def test_go_on_without(self) -> None:
        """They go on as well when there are none to be had; the keys that there are stay."""
        self.keys.replace(FETCHED)
        self.await_as("a")
        self.keys.fail()
        self.assertEqual((self.called, self.keys.have_failed), (["a"], True))
        self.assertIsNotNone(self.keys.find("fetched"))
        self.keys.replace(FETCHED)
        self.assertFalse(self.keys.have_failed)

    def test_at_once(self) -> None:
        """Where fetching comes to nothing at once, whoever waits has gone on by then."""
        self.keys.fetch = self.keys.fail
        self.await_as("a")
        self.assertEqual(self.called, ["a"])

    def test_waiting_again(self) -> None:
        """Who goes on and finds that it must wait again waits for the next time."""
        self.keys.await_others(lambda: self.await_as("again"))
        self.keys.replace(FETCHED)
        self.assertEqual(self.called, [])
        self.keys.replace(FETCHED)
        self.assertEqual(self.called, ["again"])
