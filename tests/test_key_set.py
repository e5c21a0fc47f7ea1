"""Tests of :mod:`jsongle_server.key_set`: which keys of a set are taken, and what for."""

from __future__ import annotations

import json

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.key_set import MAX_KEYS, SYMMETRIC, read_key_set
from tests.token_makers import KEY, OTHER_KEY, jwk, key_set

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "k", "d", "alg", "use", "kid", "key_ops"])
VALUES = st.sampled_from(["EC", "RSA", "oct", "OKP", "P-256", "Ed25519", "sig", "enc", "AQAB", "ES256", "none"]) | JSON


class KeySetTests(SynchronousTestCase):
    """What is read of a key set."""

    def test_names(self) -> None:
        """Keys are found by their names; one may have none."""
        keys = read_key_set(key_set(jwk("a"), jwk("b", OTHER_KEY), jwk(None)))
        self.assertEqual(set(keys), {"a", "b", None})
        self.assertEqual(keys["b"].material.public_numbers(), OTHER_KEY.public_key().public_numbers())

    def test_first_of_a_name_counts(self) -> None:
        """A second key of the same name does not take the place of the first."""
        keys = read_key_set(key_set(jwk("a"), jwk("a", OTHER_KEY)))
        self.assertEqual(keys["a"].material.public_numbers(), KEY.public_key().public_numbers())

    def test_algorithms(self) -> None:
        """A key is good for what its kind is good for, and for less where it says so."""
        numbers = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 2048).public_key()))
        keys = read_key_set(key_set(jwk("ec"), {**numbers, "kid": "rsa"}, {**numbers, "kid": "one", "alg": "PS256"}))
        self.assertEqual(keys["ec"].algorithms, ("ES256",))
        self.assertEqual(keys["rsa"].algorithms, ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
        self.assertEqual(keys["one"].algorithms, ("PS256",))

    def test_what_is_left_out(self) -> None:
        """Secrets, private keys, weak ones, those for other uses or of unknown kinds are no keys for tokens."""
        private = json.loads(ECAlgorithm.to_jwk(OTHER_KEY))
        weak = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 1024).public_key()))
        bad = [
            {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "secret"},
            {**private, "kid": "private"},
            {**weak, "kid": "weak"},
            jwk("encryption", use="enc"),
            jwk("wrong", alg="RS256"),
            jwk("none", alg="none"),
            {"kty": "XX", "kid": "unknown"},
            {"kid": "empty"},
            {**jwk("list"), "kid": ["a"]},
        ]
        self.assertEqual(set(read_key_set(orjson.dumps({"keys": [*bad, "text", None, jwk("good")]}))), {"good"})

    def test_what_is_no_set(self) -> None:
        """What holds no key that can be used is refused, saying what is wanted."""
        for content in (b"", b"{", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', key_set({"kty": "oct", "k": "AA"})):
            error = self.assertRaises(ValueError, read_key_set, content)
            self.assertTrue(str(error).startswith("a key set "), content)

    def test_bound(self) -> None:
        """No more keys are looked at than a set may sensibly have."""
        keys = read_key_set(key_set(*(jwk(str(number)) for number in range(MAX_KEYS + 1))))
        self.assertEqual(len(keys), MAX_KEYS)

    @given(st.lists(st.dictionaries(FIELDS, VALUES) | JSON, max_size=4))
    def test_anything(self, entries: list[object]) -> None:
        """Whatever is in a set, it is refused in words, or gives public keys alone."""
        try:
            content = orjson.dumps({"keys": entries})
        except (orjson.JSONEncodeError, TypeError):
            return
        try:
            keys = read_key_set(content)
        except ValueError:
            return
        for key in keys.values():
            self.assertEqual(set(key.algorithms) & {*SYMMETRIC, "none"}, set())
