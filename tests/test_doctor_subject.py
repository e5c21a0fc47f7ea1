"""Whom the doctor looks at."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.doctor_subject import Subject, Target, read_url
from jsongle_server.doctor_wire import Place

URLS: Final = (
    ("ws://example.org", Target(Place("example.org", 80), "/"), "ws://example.org:80/"),
    ("wss://example.org", Target(Place("example.org", 443, is_secure=True), "/"), "wss://example.org:443/"),
    ("http://example.org:81/a", Target(Place("example.org", 81), "/a"), "ws://example.org:81/a"),
    ("https://EXAMPLE.org/", Target(Place("example.org", 443, is_secure=True), "/"), "wss://example.org:443/"),
    ("wss://[::1]:8443/ws?token=t", Target(Place("::1", 8443, is_secure=True), "/ws?token=t"), "wss://[::1]:8443/ws"),
)
"""Addresses, what they mean and how they are shown."""

BAD_URLS: Final = (
    "example.org",
    "ftp://example.org",
    "ws://",
    "ws:///path",
    "ws://example.org:0",
    "ws://example.org:65536",
    "ws://example.org:x",
    "ws://jon:hunter2@example.org",
    "ws://example.org/a b",
    "ws://example.org/\r\nX: y",
    "ws://exämple.org",
    "ws://[::1",
)


class SubjectTests(SynchronousTestCase):
    """Addresses from the command line and from settings."""

    def test_urls(self) -> None:
        """All four schemes are understood; what is shown has no query, in which tokens may stand."""
        for text, target, shown in URLS:
            self.assertEqual((read_url(text), str(read_url(text))), (target, shown))

    def test_bad_urls(self) -> None:
        """Whatever is no address is refused, and no password is repeated."""
        for text in BAD_URLS:
            error = self.assertRaises(ValueError, read_url, text)
            self.assertNotIn("hunter2", str(error))

    def test_target_of_settings(self) -> None:
        """Without an address, the settings say where to connect, as far as they do."""
        for config, target in (
            (Config(), Target(Place("127.0.0.1", 8080))),
            (Config(ws_host="0.0.0.0", use_https=True), Target(Place("127.0.0.1", 8080, is_secure=True))),
            (Config(ws_host="::", ws_port=9000), Target(Place("::1", 9000))),
            (Config(ws_host="192.0.2.7"), Target(Place("192.0.2.7", 8080))),
            (Config(ws_port=0), None),
            (Config(ws_endpoint="unix:/run/ws"), None),
        ):
            self.assertEqual(Subject(config).target, target)
            url = Target(Place("example.org", 443, is_secure=True))
            self.assertEqual(Subject(config, url=url).target, url)

    def test_rest_of_settings(self) -> None:
        """The REST side is where the settings say, as far as they do."""
        for config, place in (
            (Config(use_https=True), Place("127.0.0.1", 8081, is_secure=True)),
            (Config(rest_port=0), None),
            (Config(rest_endpoint="unix:/run/rest"), None),
        ):
            self.assertEqual(Subject(config).rest, place)
