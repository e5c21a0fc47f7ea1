"""Tests of :mod:`jsongle_server.tls`: certificates that change while the server runs."""

from __future__ import annotations

import os

from jsongle_server import tls as tls_module
from jsongle_server.certificates import Pair
from jsongle_server.config import Config
from jsongle_server.testing_certificates import DAY, make_certificate
from jsongle_server.testing_websocket import masked_frame, parse_frame
from jsongle_server.tls import WATCH_INTERVAL
from tests.tls_support import REQUEST, TlsCase, der


class ChangeTests(TlsCase):
    """Certificates that change."""

    def replace(self, name: str, content: bytes) -> None:
        """Puts another file in the place of one, in one step."""
        other = self.folder / "new"
        other.write_bytes(content)
        os.replace(other, self.folder / name)

    def test_renewed(self) -> None:
        """Soon after both files were replaced new connections get the new certificate; open ones go on."""
        self.start()
        self.assertEqual(len(self.lines()), 1)
        open_one = self.wire()
        open_one.send(REQUEST)
        renewed = make_certificate(expires_in=2 * DAY)
        renewed.write(self.folder)
        self.assertEqual(self.served(), der(self.made))
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))
        self.assertEqual(
            self.lines(), [f"TLS with a certificate that is good until {renewed.certificate.not_valid_after_utc}"]
        )
        open_one.read()
        open_one.send(masked_frame(9, b"still there?"))
        self.assertEqual(parse_frame(open_one.read()), (10, b"still there?", b""))
        self.assertEqual(open_one.certificate, der(self.made))

    def test_link(self) -> None:
        """A link that leads to other files is a change, too: that is how certbot renews."""
        for number, made in enumerate((self.made, renewed := make_certificate())):
            folder = self.folder / str(number)
            folder.mkdir()
            made.write(folder)
        live = self.folder / "live"
        live.symlink_to("0")
        self.config = Config(use_https=True, cert=str(live / "cert.pem"), key=str(live / "key.pem"))
        self.start()
        live.unlink()
        live.symlink_to("1")
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_one_file_after_the_other(self) -> None:
        """With one file replaced the old pair serves on, which is said once; the other file completes the new one."""
        self.start()
        self.lines()
        renewed = make_certificate()
        self.replace("cert.pem", renewed.cert_pem)
        for _ in range(5):
            self.clock.advance(WATCH_INTERVAL)
        (line,) = self.lines()
        self.assertRegex(
            line, "^TLS goes on with the certificate that it has: key: '/.*key.pem' is not accepted; the key that"
        )
        self.assertEqual(self.served(), der(self.made))
        self.replace("key.pem", renewed.key_pem)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_gone_and_back(self) -> None:
        """Files that are gone for a while, or hold nonsense, change nothing, and are read when they are back."""
        self.start()
        self.lines()
        (self.folder / "cert.pem").unlink()
        self.clock.advance(WATCH_INTERVAL)
        (self.folder / "cert.pem").write_text("half a certif")
        self.clock.advance(WATCH_INTERVAL)
        gone, nonsense = self.lines()
        self.assertIn("(No such file or directory)", gone)
        self.assertIn("a file with a certificate in PEM is", nonsense)
        self.assertEqual(self.served(), der(self.made))
        renewed = make_certificate(key=self.made.key)
        self.replace("cert.pem", renewed.cert_pem)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_readable_later(self) -> None:
        """A pair that becomes readable later is taken then, whether or not that shows, and meanwhile is one line."""
        self.start()
        self.lines()
        renewed = make_certificate()
        renewed.write(self.folder)

        def deny(cert: str, key: str) -> Pair:
            raise ValueError("not for you")

        patched = self.patch(tls_module, "read_pair", deny)
        for _ in range(3):
            self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.lines(), ["TLS goes on with the certificate that it has: not for you"])
        (self.folder / "key.pem").chmod(0o640)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(len(self.lines()), 1)
        patched.restore()
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_same_content(self) -> None:
        """Files that were written again as they were are no news."""
        self.start()
        self.lines()
        self.made.write(self.folder)
        os.utime(self.folder / "cert.pem", ns=(1, 1))
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.lines(), [])

    def test_reload(self) -> None:
        """A reload reads them at once, also where others are configured; with a mistake it keeps what it has."""
        tls = self.start()
        self.lines()
        renewed = make_certificate()
        renewed.write(self.folder)
        tls.reconfigure(self.config)
        self.assertEqual(self.served(), der(renewed))
        other = self.folder / "other"
        other.mkdir()
        self.made.write(other)
        tls.reconfigure(Config(use_https=True, cert=str(other / "cert.pem"), key=str(other / "key.pem")))
        self.assertEqual(self.served(), der(self.made))
        self.assertEqual(len(self.lines()), 2)
        tls.reconfigure(Config(use_https=True, cert=str(other / "cert.pem"), key=self.config.key))
        self.assertIn("TLS goes on with the certificate that it has", self.lines()[0])
        self.assertEqual(self.served(), der(self.made))

    def test_reload_without_files(self) -> None:
        """Where ``useHTTPS`` was taken away, which only a restart takes, the files of the start are the ones."""
        tls = self.start()
        tls.reconfigure(Config())
        renewed = make_certificate()
        renewed.write(self.folder)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))

    def test_not_valid_now(self) -> None:
        """A certificate that clients refuse is served all the same, with a warning."""
        for made, words in (
            (make_certificate(begins_in=-3 * DAY, expires_in=-2 * DAY), "expired at"),
            (make_certificate(begins_in=2 * DAY, expires_in=3 * DAY), "is not valid before"),
        ):
            made.write(self.folder)
            self.clock.rightNow = made.certificate.not_valid_before_utc.timestamp() + (
                2 * DAY.total_seconds() if words == "expired at" else -1
            )
            self.start()
            (line,) = self.lines()
            self.assertIn(words, line)
            self.assertEqual(self.served(), der(made))

    def test_stop(self) -> None:
        """A server that stops watches nothing; stopping twice does no harm."""
        tls = self.start()
        tls.stop()
        tls.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """A failure in the server itself is logged as one, and does not end the watch."""
        self.start()
        self.lines()

        def fail(cert: str, key: str) -> Pair:
            raise ZeroDivisionError

        renewed = make_certificate()
        renewed.write(self.folder)
        patched = self.patch(tls_module, "read_pair", fail)
        self.clock.advance(WATCH_INTERVAL)
        self.clock.advance(WATCH_INTERVAL)
        patched.restore()
        self.assertEqual(self.lines(), ["TLS goes on with the certificate that it has"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(WATCH_INTERVAL)
        self.assertEqual(self.served(), der(renewed))
