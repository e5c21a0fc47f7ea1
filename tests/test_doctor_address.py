"""Whether the server knows where the doctor comes from."""

from __future__ import annotations

from typing import Any, Final

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import doctor_address
from jsongle_server.config import Config
from jsongle_server.doctor_address import check_address, judge
from jsongle_server.doctor_findings import Finding, Level
from jsongle_server.doctor_subject import Subject
from jsongle_server.doctor_wire import HttpAnswer

OWN: Final = "203.0.113.9"

SEEN: Final = (
    (OWN, (), Level.OK, "where it does come from"),
    ("10.0.0.1", (), Level.WARNING, "trustedProxies=10.0.0.1"),
    ("127.0.0.1", ("10.0.0.0/8",), Level.WARNING, "trustedProxies=127.0.0.1"),
    ("::1", (), Level.WARNING, "trustedProxies=::1"),
    ("unix", (), Level.WARNING, "trustedProxies=unix"),
    ("10.0.0.1", ("10.0.0.0/8",), Level.PROBLEM, "X-Forwarded-For"),
    ("10.0.0.1", ("unix", "10.0.0.0/8"), Level.PROBLEM, "X-Forwarded-For"),
    ("unix", ("unix",), Level.PROBLEM, "X-Forwarded-For"),
    ("8.8.8.8", ("10.0.0.0/8",), Level.OK, "behind a router"),
    ("_hidden", ("10.0.0.0/8",), Level.WARNING, "trustedProxies=_hidden"),
)
"""What the server sees, whom it trusts, and a part of what is said."""


class JudgeTests(SynchronousTestCase):
    """One address against the other."""

    def test_addresses(self) -> None:
        """A proxy that is taken for the client is found, and what to do depends on whether it is trusted."""
        for seen, trusted, level, said in SEEN:
            finding = judge(seen, OWN, trusted)
            self.assertEqual((seen, trusted, finding.level), (seen, trusted, level))
            self.assertIn(said, finding.seen + finding.advice)
        self.assertEqual(judge(OWN, f"::ffff:{OWN}", ()).level, Level.OK)


class CheckTests(SynchronousTestCase):
    """The question to the REST side."""

    asked = ""

    def check(self, answer: Any = None, *, status: int = 200, **settings: Any) -> Finding:
        """What is found where REST answers so, or fails so."""

        def get(place: object, path: str, **options: object) -> HttpAnswer:
            self.asked = path
            if isinstance(answer, Exception):
                raise answer
            return HttpAnswer(status, {}, answer if isinstance(answer, bytes) else orjson.dumps(answer))

        self.patch(doctor_address, "http_get", get)
        config = Config(**{"admin_token": "an-administrators-token", **settings})
        (finding,) = check_address(Subject(config), "/me\r\n", OWN)
        return finding

    def test_own_session(self) -> None:
        """The host in the address of its own session counts; what has no port is all host."""
        for address in (f"{OWN}:4711", OWN):
            self.assertEqual(self.check({"id": "me", "address": address}).level, Level.OK)
        self.assertIn("trustedProxies=unix", self.check({"address": "unix"}).advice)
        self.assertEqual(self.asked, "/sessions/%2Fme%0D%0A")

    def test_another_machine(self) -> None:
        """What is not this machine for certain never sees the token."""
        for host in ("192.0.2.1", "2001:db8::1", "rest.example", "fe80::1"):
            finding = self.check({"address": OWN}, rest_host=host)
            self.assertEqual((finding.level, self.asked), (Level.SKIPPED, ""))
            self.assertIn("not an address of this machine", finding.seen)
        for host in ("127.0.0.9", "localhost", "0.0.0.0"):
            self.assertEqual(self.check({"address": OWN}, rest_host=host).level, Level.OK)

    def test_nobody_to_ask(self) -> None:
        """What cannot be asked is left out, and says why."""
        mine = {"address": f"{OWN}:1"}
        for finding, seen in (
            (self.check(mine, admin_token=None), "without adminToken nobody"),
            (self.check(mine, rest_port=0), "without restPort nobody"),
            (self.check(mine, admin_token=None, rest_port=0), "without adminToken and restPort nobody"),
            (self.check(ConnectionRefusedError(111, "Connection refused")), "does not answer: Connection refused"),
            (self.check(ValueError("the answer is not HTTP")), "does not know this session"),
            (self.check(b"<html>"), "does not know this session"),
            (self.check(mine, status=401), "does not know this session"),
            (self.check([]), "does not know this session"),
            (self.check({"address": None}), "does not know this session"),
        ):
            self.assertEqual(finding.level, Level.SKIPPED)
            self.assertIn(seen, finding.seen)
