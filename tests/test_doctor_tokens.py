"""Who the doctor says it is, and with which tokens."""

from __future__ import annotations

import base64
from typing import Any, Final

import jwt
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.doctor_subject import Subject
from jsongle_server.doctor_tokens import LIFETIME, present
from jsongle_server.testing_certificates import make_certificate

NOW: Final = 1795356548.5
SECRET: Final = "a-secret-of-more-than-thirty-two-characters"
APP_TOKEN: Final = "token-of-the-application"


class TokensTests(SynchronousTestCase):
    """What it presents."""

    def present(self, *, token: str | None = None, **settings: str) -> dict[str, Any]:
        """The answer to a hello, under settings, after a check of what is always the same."""
        description = present(Subject(Config.from_mapping(settings), token=token), NOW)
        self.assertEqual(description.pop("dn"), "Doctor")
        return description

    def test_nothing_is_asked_for(self) -> None:
        """Without tokens it has a name that nobody else has."""
        first, second = self.present(), self.present()
        self.assertEqual((set(first), set(second)), ({"uid"}, {"uid"}))
        self.assertRegex(first["uid"], "^doctor-[0-9a-f]{8}$")
        self.assertNotEqual(first, second)

    def test_app_token(self) -> None:
        """The token of the application is that of the settings, unless the operator gives another."""
        self.assertEqual(self.present(appToken=APP_TOKEN)["appToken"], APP_TOKEN)
        self.assertEqual(self.present(appToken=APP_TOKEN, token="another-token")["appToken"], "another-token")

    def test_makes_signed_tokens(self) -> None:
        """With a shared secret it makes a token for itself, with all that the settings ask for."""
        description = self.present(jwtKey=SECRET, jwtIssuer="us", jwtAudience="them", jwtAlgorithms="HS256")
        claims = jwt.decode(
            description["token"],
            SECRET,
            ["HS256"],
            audience="them",
            issuer="us",
            options={"verify_iat": False, "verify_exp": False},
        )
        expected = {"sub": description["uid"], "iat": int(NOW), "exp": int(NOW) + LIFETIME, "iss": "us", "aud": "them"}
        self.assertEqual(claims, expected)
        bare = jwt.decode(
            self.present(jwtKey=SECRET)["token"], SECRET, ["HS256"], options={"verify_iat": False, "verify_exp": False}
        )
        self.assertEqual(set(bare), {"sub", "iat", "exp"})

    def test_signed_token_of_the_operator(self) -> None:
        """A signed token that is given says who the doctor is, and none is made."""
        given = jwt.encode({"sub": "user_7000"}, "k" * 32, algorithm="HS256")
        description = self.present(token=given, jwtKey=SECRET, appToken=APP_TOKEN)
        self.assertEqual(description, {"uid": "user_7000", "token": given, "appToken": APP_TOKEN})

    def test_signed_token_for_nobody(self) -> None:
        """A token without a subject may be one of the application's, or a signed one to be refused for that."""
        head, claims, signature = jwt.encode({}, "k" * 32, algorithm="HS256").split(".")
        numbered = base64.urlsafe_b64encode(b'{"sub": 7} ').decode().rstrip("=")
        for given in (f"{head}.{claims}.{signature}", f"{head}.{numbered}.{signature}"):
            description = self.present(token=given)
            self.assertEqual((description["appToken"], description["token"]), (given, given))

    def test_public_key(self) -> None:
        """With a public key there is nothing to make a token with."""
        path = self.mktemp() + ".pem"
        with open(path, "wb") as file:
            file.write(make_certificate().cert_pem)
        self.assertEqual(set(self.present(jwtKey=path)), {"uid"})
