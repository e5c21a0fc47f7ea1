"""TURN credentials against a real TURN server: what clients are given opens it, and nothing else does."""

from __future__ import annotations

import re
import time
from typing import Final

from jsongle_server import doctor_turn
from jsongle_server.config import Config
from jsongle_server.doctor_findings import Finding, Level
from jsongle_server.doctor_subject import Subject
from jsongle_server.doctor_turn import check_ice
from jsongle_server.ice import ice_servers, turn_credentials
from tests.coturn import SECRET, CoturnCase
from tests.daemons import wait_until

REFUSED: Final = "refuses credentials made from turnSecret (401)"


class CredentialTests(CoturnCase):
    """What the credentials of the TURN REST convention are good for."""

    def check(self, *, secret: str = SECRET, stun: bool = False) -> list[Finding]:
        """What the doctor finds over UDP, and over TCP."""
        place = f"127.0.0.1:{self.port}"
        urls = tuple(f"turn:{place}?transport={transport}" for transport in ("udp", "tcp"))
        config = Config(turn_urls=urls, turn_secret=secret, stun_urls=(f"stun:{place}",) if stun else ())
        return list(check_ice(Subject(config)))

    def assertRefused(self, findings: list[Finding]) -> None:
        """Both ways are refused, and for the credentials."""
        self.assertEqual([finding.level for finding in findings], [Level.PROBLEM] * 2)
        for finding in findings:
            self.assertIn(REFUSED, finding.seen)

    def test_credentials_open_a_relay(self) -> None:
        """Credentials made from the shared secret get a relay over UDP and over TCP."""
        findings = self.check()
        self.assertEqual([finding.level for finding in findings], [Level.OK] * 2, findings)
        for finding in findings:
            self.assertIn("takes the credentials, relays at 127.0.0.1", finding.seen)

    def test_what_clients_are_given(self) -> None:
        """What stands in the answer to a hello is taken by the server, whoever the user is."""
        for uid in ("user_7000", "name:with:colons", "マトリックス", "u" * 256, "é" * 256):
            config = Config(turn_urls=(f"turn:127.0.0.1:{self.port}",), turn_secret=SECRET)
            (server,), _ = ice_servers(config, uid, time.time())
            given = server["username"], server["credential"]
            self.patch(doctor_turn, "turn_credentials", lambda *_, given=given, **__: given)
            (finding,) = check_ice(Subject(config))
            self.assertEqual(finding.level, Level.OK, finding)

    def test_wrong_secret(self) -> None:
        """Credentials made from another secret are refused."""
        self.assertRefused(self.check(secret="another-secret-altogether"))

    def test_expired(self) -> None:
        """Credentials whose time is over are refused, though they were made from the right secret."""

        def expired(secret: str, uid: str, *, expires: int) -> tuple[str, str]:
            return turn_credentials(secret, uid, expires=int(time.time()) - 5)

        self.patch(doctor_turn, "turn_credentials", expired)
        self.assertRefused(self.check())

    def test_stun(self) -> None:
        """The same server tells clients their address, without credentials."""
        finding = self.check(stun=True)[0]
        self.assertEqual((finding.level, finding.check), (Level.OK, "stun"))
        self.assertIn("sees this machine at 127.0.0.1", finding.seen)


class QuotaTests(CoturnCase):
    """A server that gives each user one relay."""

    quota = 1

    def relays(self) -> bool:
        """Whether it gives one."""
        config = Config(turn_urls=(f"turn:127.0.0.1:{self.port}",), turn_secret=SECRET)
        (finding,) = check_ice(Subject(config))
        # 486: the quota is used up; 437: by chance this comes from the port that the last one came from.
        self.assertTrue(finding.level is Level.OK or re.search("error (486|437)$", finding.seen), finding)
        return finding.level is Level.OK

    def test_relay_is_given_back(self) -> None:
        """What the doctor was given is free again at once, not only when its ten minutes are over."""
        self.assertTrue(self.relays())
        wait_until(self.relays, "the relay to be free again")
