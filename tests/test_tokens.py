"""Tests of :mod:`jsongle_server.tokens`: which tokens are accepted, and what they allow."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.config_keys import SigningKey
from jsongle_server.errors import TokenRefused
from jsongle_server.keys import Keys
from jsongle_server.testing import START
from jsongle_server.tokens import EVERYTHING, MAX_PATTERNS, MAX_TOKEN, Grant, KeyMissing, Tokens
from tests.token_makers import APP_TOKEN, KEY, LATER, OTHER_KEY, SECRET, from_set, jwk, pem, shared, token


def check(
    config: Config, *, uid: str = "alice", presented: str | None = None, now: float = START, **hello: Any
) -> Grant:
    """What a client may do that presents this."""
    return Tokens(config, Keys(config)).check(uid, hello, presented, now)


class TokenCase(SynchronousTestCase):
    """Has tokens checked."""

    def assertRefused(self, reason: str, config: Config, **presented: Any) -> None:
        """A token is refused, for this reason and without being repeated."""
        error = self.assertRaises(TokenRefused, check, config, **presented)
        self.assertIn(reason, error.details)
        for secret in presented.values():
            if isinstance(secret, str) and len(secret) > 10:
                self.assertNotIn(secret, error.details)


class NoTokenTests(TokenCase):
    """A server that asks for no token."""

    def test_everything_is_allowed(self) -> None:
        """Whatever a client presents, it may do everything."""
        for hello in ({}, {"token": "x"}, {"appToken": 7}):
            self.assertIs(check(Config(), **hello), EVERYTHING)
        self.assertFalse(Tokens(Config(), Keys(Config())).are_needed)


class AppTokenTests(TokenCase):
    """The secret of an application."""

    config = Config(app_token=APP_TOKEN)

    def test_accepted(self) -> None:
        """In the hello, or with the handshake, the same text is right."""
        self.assertIs(check(self.config, appToken=APP_TOKEN), EVERYTHING)
        self.assertIs(check(self.config, presented=APP_TOKEN), EVERYTHING)

    def test_refused(self) -> None:
        """Anything else is not, of whatever type; what the hello says counts before the handshake."""
        self.assertRefused("Missing 'appToken'", self.config)
        self.assertRefused("Missing 'appToken'", self.config, presented="another-token")
        wrong: Any
        for wrong in ("", "another-token", 7, ["x"], {}, True, "ü" * 20):
            self.assertRefused("'appToken' is not accepted", self.config, appToken=wrong, presented=APP_TOKEN)

    def test_both_kinds(self) -> None:
        """Where both are asked for both must be there; the handshake can bring either."""
        config = shared(app_token=APP_TOKEN)
        good = token()
        self.assertEqual(check(config, appToken=APP_TOKEN, token=good), Grant())
        self.assertEqual(check(config, appToken=APP_TOKEN, presented=good), Grant())
        self.assertEqual(check(config, token=good, presented=APP_TOKEN), Grant())
        self.assertRefused("Missing 'token'", config, appToken=APP_TOKEN)
        self.assertRefused("Missing 'token'", config, presented=APP_TOKEN)
        self.assertRefused("Missing 'appToken'", config, token=good)


class SignatureTests(TokenCase):
    """Signatures, and attempts to do without one."""

    def test_each_kind_of_key(self) -> None:
        """Tokens of a shared secret, a public key and a key set are accepted."""
        public = Config(jwt_key=SigningKey("/key.pem", pem(), ("ES256",)))
        signed = token(secret=KEY, algorithm="ES256")
        self.assertEqual(check(shared(), token=token()), Grant())
        self.assertEqual(check(public, token=signed), Grant())
        self.assertEqual(check(from_set(jwk("a")), token=token(secret=KEY, algorithm="ES256", kid="a")), Grant())
        self.assertEqual(check(from_set(jwk("a")), token=signed), Grant())
        self.assertEqual(check(from_set(jwk(None)), token=token(secret=KEY, algorithm="ES256", kid="a")), Grant())

    def test_wrong_signature(self) -> None:
        """Another secret or key, and a token that was changed, are refused."""
        self.assertRefused("signature is not right", shared(), token=token(secret="x" * 32))
        head, body, signature = token().split(".")
        self.assertRefused("signature is not right", shared(), token=f"{head}.{body}.{'AAAA' + signature[4:]}")
        forged = base64.urlsafe_b64encode(b'{"sub":"root"}').rstrip(b"=").decode()
        self.assertRefused("signature is not right", shared(), uid="root", token=f"{head}.{forged}.{signature}")
        other = token(secret=OTHER_KEY, algorithm="ES256", kid="a")
        self.assertRefused("signature is not right", from_set(jwk("a")), token=other)

    def test_no_signature(self) -> None:
        """A token that says that it is not signed is none, however it writes that."""
        for name in ("none", "None", "NONE", "nOnE"):
            head, body = (
                base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()
                for part in ({"alg": name, "typ": "JWT"}, {"sub": "alice"})
            )
            for signature in ("", token().split(".")[2]):
                self.assertRefused("not accepted", shared(), token=f"{head}.{body}.{signature}")

    def test_key_confusion(self) -> None:
        """The public key, which everybody may know, is not a secret that a token can be signed with."""
        config = Config(jwt_key=SigningKey("/key.pem", pem(), ("ES256",)))
        head, body = token(secret="x" * 32).split(".")[:2]
        mac = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), pem())
        forged = f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        self.assertRefused("signed in a way that is not accepted", config, token=forged)
        self.assertRefused("signed in a way that is not accepted", from_set(jwk(None)), token=forged)

    def test_algorithms_may_be_fewer(self) -> None:
        """What the settings name is all that is accepted."""
        config = Config(
            jwt_key=SigningKey(SECRET * 2, SECRET.encode() * 2, ("HS256", "HS512")), jwt_algorithms=("HS512",)
        )
        self.assertEqual(check(config, token=token(secret=SECRET * 2, algorithm="HS512")), Grant())
        self.assertRefused("in a way that is not accepted", config, token=token(secret=SECRET * 2))

    def test_settings_never_widen_what_a_key_is_for(self) -> None:
        """A key that says for which algorithm it is is used with that alone."""
        config = from_set(jwk("a", alg="ES256"), jwt_algorithms=("RS256", "ES512"))
        self.assertRefused("in a way that is not accepted", config, token=token(secret=KEY, algorithm="ES256", kid="a"))

    def test_named_key_that_is_missing(self) -> None:
        """It is up to the caller whether there may be others."""
        for kid in ("b", None):
            unknown = token(secret=KEY, algorithm="ES256", kid=kid)
            self.assertRaises(KeyMissing, check, from_set(jwk("a"), jwk("c", OTHER_KEY)), token=unknown)

    def test_what_is_no_token(self) -> None:
        """Whatever is no token is refused in words."""
        wrong: Any
        for wrong in (
            "x",
            "a.b.c",
            "..",
            "e30.e30.e30",
            "[" * 4000,
            7,
            [],
            {},
            True,
            "ü",
            "x" * (MAX_TOKEN + 1),
        ):
            self.assertRefused("'token' is not accepted", shared(), token=wrong)
        for nothing in (None, ""):
            self.assertRefused("Missing 'token'", shared(), token=nothing)

    def test_longest(self) -> None:
        """A token may be as long as it may be."""
        good = token(pad="x" * 6000)
        self.assertLess(len(good), MAX_TOKEN + 1)
        check(shared(), token=good)
        self.assertRefused("at most 8192 characters", shared(), token=token(pad="x" * 6200))

    @given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.{}", max_size=200))
    def test_any_text(self, text: str) -> None:
        """No text that was not signed is accepted, and none breaks anything."""
        self.assertRaises(TokenRefused, check, shared(), token=text)

    @given(
        st.dictionaries(
            st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jku", "x5u", "jwk", "zip"]),
            st.none() | st.text() | st.integers(0, 9) | st.lists(st.text(), max_size=2) | st.booleans(),
        )
    )
    def test_any_header(self, header: dict[str, Any]) -> None:
        """Whatever the header asks for, a token that was not signed is not accepted."""
        head, body = (
            base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (header, {"sub": "alice"})
        )
        for config in (shared(), from_set(jwk("a"), jwk("b", OTHER_KEY))):
            self.assertRaises((TokenRefused, KeyMissing), check, config, token=f"{head}.{body}.AAAA")


class ClaimTests(TokenCase):
    """What a token says."""

    def test_subject_is_the_user(self) -> None:
        """Nobody can be somebody else than his token says."""
        self.assertRefused("'sub' must be the 'uid'", shared(), uid="bob", token=token("alice"))
        for claims in ({}, {"sub": None}, {"sub": 7}, {"sub": ["alice"]}):
            signed = jwt.encode(claims, SECRET)
            self.assertRefused("'sub' must be the 'uid'", shared(), token=signed)

    def test_times(self) -> None:
        """A token is good from its beginning until its end; the beginning may be a little ahead."""
        now = int(START)
        self.assertEqual(check(shared(), token=token(exp=LATER)).expires, LATER)
        self.assertRefused("it has expired", shared(), token=token(exp=now))
        self.assertRefused("it has expired", shared(), now=LATER, token=token(exp=LATER))
        check(shared(), token=token(nbf=now + 4))
        self.assertRefused("not good yet", shared(), token=token(nbf=now + 6))
        check(shared(), token=token(iat=LATER))

    def test_times_that_are_none(self) -> None:
        """What is no time is refused: it could mean anything."""
        value: Any
        for value in ("tomorrow", True, [], 1e300, -1e300, float("nan"), float("inf"), 10**40):
            for name in ("exp", "nbf"):
                self.assertRefused(f"'{name}' must be a time", shared(), token=_with(name, value))

    def test_issuer(self) -> None:
        """Only tokens of the issuer are accepted, where one is configured."""
        config = shared(jwt_issuer="me")
        check(config, token=token(iss="me"))
        self.assertRefused("another issuer", config, token=token(iss="you"))
        self.assertRefused("not say whom or by whom", config, token=token())
        check(shared(), token=token(iss="anybody"))

    def test_audience(self) -> None:
        """Only tokens for this audience are accepted, and those for nobody in particular where none is configured."""
        config = shared(jwt_audience="us")
        check(config, token=token(aud="us"))
        check(config, token=token(aud=["them", "us"]))
        self.assertRefused("another audience", config, token=token(aud="them"))
        self.assertRefused("not say whom or by whom", config, token=token())
        self.assertRefused("another audience", shared(), token=token(aud="them"))

    def test_name(self) -> None:
        """A name is passed on; what is none is refused."""
        self.assertEqual(check(shared(), token=token(name="Alice")).name, "Alice")
        for name in (7, "\ud83d"):
            self.assertRefused("'name' must be a string", shared(), token=token(name=name))

    def test_rooms(self) -> None:
        """Patterns are passed on, a bounded number of them; what is no list of texts is refused."""
        self.assertEqual(check(shared(), token=token(rooms=["a*", "b"])).rooms, ("a*", "b"))
        check(shared(), token=token(rooms=["x"] * MAX_PATTERNS))
        rooms: Any
        for rooms in ("a", [1], {}, ["x"] * (MAX_PATTERNS + 1)):
            self.assertRefused("'rooms' must be a list", shared(), token=token(rooms=rooms))


class GrantTests(SynchronousTestCase):
    """Which rooms a token allows."""

    def test_patterns(self) -> None:
        """A star stands for any characters and a question mark for one; capitals count."""
        grant = Grant(rooms=("team-*", "room?", "exact"))
        for rid in ("team-", "team-a/b", "room1", "exact"):
            self.assertTrue(grant.allows(rid), rid)
        for rid in ("Team-a", "xteam-a", "room", "room12", "exactly", ""):
            self.assertFalse(grant.allows(rid), rid)

    def test_brackets_are_brackets(self) -> None:
        """Nothing but the star and the question mark stands for anything else than itself."""
        grant = Grant(rooms=("team[1]", "a[!b]*", "\\d"))
        for rid in ("team[1]", "a[!b]x", "\\d"):
            self.assertTrue(grant.allows(rid), rid)
        for rid in ("team1", "ac", "acx", "d", "7"):
            self.assertFalse(grant.allows(rid), rid)

    def test_none_and_all(self) -> None:
        """Without patterns every room is allowed, with an empty list no room is."""
        self.assertTrue(EVERYTHING.allows("any"))
        self.assertFalse(Grant(rooms=()).allows("any"))

    def test_line_ends_do_not_hide_anything(self) -> None:
        """A pattern is for the whole of a room's id."""
        self.assertFalse(Grant(rooms=("a",)).allows("a\n"))
        self.assertTrue(Grant(rooms=("a*",)).allows("a\nb"))

    def test_many_stars_take_no_time(self) -> None:
        """A pattern that could be tried in very many ways is settled at once."""
        self.assertFalse(Grant(rooms=("*a" * 60 + "b",)).allows("a" * 256))


def _with(name: str, value: Any) -> str:
    """A token with a claim of a type that PyJWT would not write."""
    body = base64.urlsafe_b64encode(json.dumps({"sub": "alice", name: value}).encode()).rstrip(b"=").decode()
    head = token().split(".")[0]
    mac = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), SECRET.encode())
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
