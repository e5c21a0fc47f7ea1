"""Tests of :mod:`jsongle_server.ice`: what clients are told of STUN and TURN servers."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.ice import has_ice, ice_servers, renewal_delay, turn_credentials

STUN = ("stun:stun.example.org",)
TURN = ("turn:turn.example.org?transport=udp", "turns:turn.example.org:443?transport=tcp")


class ServerTests(SynchronousTestCase):
    """The list of servers."""

    def test_none(self) -> None:
        """Nothing configured is nothing told."""
        self.assertEqual(ice_servers(Config(), "alice", 1000.0), ([], 0))
        self.assertFalse(has_ice(Config()))

    def test_stun_needs_no_credentials(self) -> None:
        """STUN servers are told as they are, and for ever."""
        config = Config(stun_urls=STUN)
        self.assertTrue(has_ice(config))
        self.assertEqual(ice_servers(config, "alice", 1000.0), ([{"urls": list(STUN)}], 0))

    def test_turn_with_credentials(self) -> None:
        """TURN servers come with a name that says until when, and the password that goes with it."""
        config = Config(stun_urls=STUN, turn_urls=TURN, turn_secret="north", turn_ttl=600)
        servers, ttl = ice_servers(config, "alice", 1000.7)
        self.assertEqual(ttl, 600)
        self.assertEqual(servers[0], {"urls": list(STUN)})
        self.assertEqual((servers[1]["urls"], servers[1]["username"]), (list(TURN), "1600:alice"))
        self.assertEqual(set(servers[1]), {"urls", "username", "credential"})


class CredentialTests(SynchronousTestCase):
    """Names and passwords by the convention of the TURN REST interface."""

    @given(
        st.text(min_size=1, max_size=256),
        st.integers(0, 2**40),
        st.text(st.characters(min_codepoint=33, max_codepoint=126)),
    )
    def test_password_is_the_hash_of_the_name(self, uid: str, expires: int, secret: str) -> None:
        """Whoever knows the secret can tell that the name is good: HMAC-SHA1 over all of it."""
        username, credential = turn_credentials(secret, uid, expires=expires)
        self.assertEqual(
            b64decode(credential, validate=True), hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
        )
        self.assertEqual(int(username.partition(":")[0]), expires)
        self.assertLessEqual(len(username.encode()), 508)

    def test_long_names_are_hashed(self) -> None:
        """A user id that is too long for a TURN server is told by its hash, and others keep their own."""
        self.assertEqual(turn_credentials("s", "ü" * 240, expires=5)[0], "5:" + "ü" * 240)
        names = {turn_credentials("s", "🙂" * 255 + last, expires=5)[0] for last in "ab"}
        self.assertEqual({len(name) for name in names}, {2 + 64})
        self.assertEqual(len(names), 2)

    def test_renewal(self) -> None:
        """New ones are given out while the former are good, a quarter of their time or five minutes before the end."""
        self.assertEqual([renewal_delay(ttl) for ttl in (60, 1200, 86_400)], [45, 900, 86_100])
