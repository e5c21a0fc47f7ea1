"""Tests of :mod:`jsongle_server.webhook_signing`."""

from __future__ import annotations

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.webhook_signing import sign, signing_key
from tests.test_config import SettingCase

SECRET = "a-secret-of-enough-characters"


class KeyTests(SynchronousTestCase):
    """What a secret stands for."""

    def test_text(self) -> None:
        """A text is its own key."""
        self.assertEqual(signing_key(SECRET), SECRET.encode())

    def test_base64(self) -> None:
        """After ``whsec_`` stands the base64 of the key."""
        key = bytes(range(240, 256)) * 2
        self.assertEqual(signing_key(f"whsec_{b64encode(key).decode()}"), key)

    def test_mistakes(self) -> None:
        """What says that it is base64 and is not, or is too short, is refused in words that do not show it."""
        for text in ("", "not base64 at all", "AAAA", "QUJDREVGR0hJSktMTU5PUA=", "QUJDREVGR0hJSktMTU5P"):
            with self.assertRaises(ValueError) as raised:
                signing_key(f"whsec_{text}")
            self.assertEqual(str(raised.exception), "whsec_ and the base64 of at least 16 bytes is")


class SettingTests(SettingCase):
    """The setting ``webhookSecret``."""

    def test_accepted(self) -> None:
        """Both ways to write a secret are accepted, and so is none."""
        for text in (SECRET, "whsec_QUJDREVGR0hJSktMTU5PUA=="):
            config = Config.from_mapping({"webhookUrl": "https://a.example", "webhookSecret": text})
            self.assertEqual(config.webhook_secret, text)
        self.assertIsNone(Config.from_mapping({"webhookSecret": ""}).webhook_secret)

    def test_refused(self) -> None:
        """A mistake in the base64 stops the start, and the message does not have it."""
        self.assertEqual(
            self.problems(webhookUrl="https://a.example", webhookSecret="whsec_QUJDREVGR0hJSktMTU5PUA"),
            ("webhookSecret: its value is not accepted; whsec_ and the base64 of at least 16 bytes is",),
        )


class SignTests(SynchronousTestCase):
    """The signature."""

    def test_published_vector(self) -> None:
        """It is that of the example which comes with the libraries for Standard Webhooks."""
        signature = sign(
            signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1_614_265_330,
            body=b'{"test": 2432232314}',
        )
        self.assertEqual(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")

    def test_all_counts(self) -> None:
        """Another key, id, time or body has another signature."""
        found = {
            sign(b"k" * 16, message_id="m", timestamp=1, body=b"{}"),
            sign(b"l" * 16, message_id="m", timestamp=1, body=b"{}"),
            sign(b"k" * 16, message_id="n", timestamp=1, body=b"{}"),
            sign(b"k" * 16, message_id="m", timestamp=2, body=b"{}"),
            sign(b"k" * 16, message_id="m", timestamp=1, body=b"[]"),
        }
        self.assertEqual(len(found), 5)
