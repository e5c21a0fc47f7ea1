"""The command ``doctor``: what it prints, and its exit status."""

from __future__ import annotations

import io
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import __main__, __version__, doctor, doctor_local
from jsongle_server.config import Config, ConfigError
from jsongle_server.config_sources import load
from jsongle_server.doctor import as_json, carry_out, examine, show, summary
from jsongle_server.doctor_findings import LONGEST_QUOTE, Finding, Findings, Level, Stop, ok, problem, skipped, warning
from jsongle_server.doctor_local import check_limits, check_ports
from jsongle_server.doctor_subject import Subject
from jsongle_server.listening import CannotBind

FOUND: Final = (
    ok("clock", "it ticks"),
    skipped("turn", "no servers"),
    warning("limits", "few files", "allow more"),
    problem("ports", "taken", "stop it"),
)


class Terminal(io.StringIO):
    """An output that somebody looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class CommandCase(SynchronousTestCase):
    """Runs the command in this process."""

    def setUp(self) -> None:
        """Works in an empty folder, without settings in the environment."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.env_file = self.folder / "env"
        self.output, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def settings(self, text: str) -> None:
        """Writes the env file."""
        self.env_file.write_text(text, encoding="utf-8")

    def run_doctor(self, *arguments: str) -> int:
        """The exit status with these arguments and the env file."""
        return __main__.main(["doctor", "--env-file", str(self.env_file), *arguments])


class StatusTests(CommandCase):
    """What scripts see."""

    def test_all_is_well(self) -> None:
        """Where nothing is wrong the status is 0, also where something is skipped or warned about."""
        self.settings("wsPort=0\nrestPort=0\n")
        self.assertEqual(self.run_doctor(), 0)
        self.assertIn("warning  settings    no tokens are asked for", self.output.getvalue())
        self.assertIn("skipped  connection  the settings name no port", self.output.getvalue())
        self.assertTrue(
            self.output.getvalue().endswith("0 problems, 1 warning, 3 ok, 5 skipped\n"), self.output.getvalue()
        )

    def test_bad_settings(self) -> None:
        """Every mistake in the settings is a problem with its place; what needs settings is listed as skipped."""
        self.settings("wsPort=x\nturnSecret=short\n")
        self.assertEqual(self.run_doctor("--json"), 1)
        report = json.loads(self.output.getvalue())
        seen = [finding["seen"] for finding in report["findings"]]
        levels = [finding["level"] for finding in report["findings"]]
        self.assertEqual((report["ok"], levels), (False, ["problem"] * 2 + ["skipped"] * 6))
        self.assertIn(f"wsPort (from {self.env_file}, line 1): 'x' is not accepted", seen[0])
        self.assertNotIn("short", seen[1])

    def test_bad_settings_and_an_address(self) -> None:
        """An address is looked at whatever the settings are."""
        self.settings("wsPort=x\n")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.assertEqual(self.run_doctor(f"ws://127.0.0.1:{port}"), 1)
        self.assertIn(f"connection  127.0.0.1:{port}: Connection refused", self.output.getvalue())

    def test_mistyped_settings(self) -> None:
        """What --check-config warns about, the doctor does too."""
        self.settings("wsPort=0\nrestPort=0\nlogLevl=info\n")
        self.assertEqual(self.run_doctor(), 0)
        self.assertIn("did you mean 'logLevel'?", self.output.getvalue())

    def test_usage(self) -> None:
        """Arguments that cannot be used give 2 and say why, in a line."""
        self.settings("")
        self.assertEqual(self.run_doctor("ftp://example.org"), 2)
        self.assertEqual(self.errors.getvalue(), "doctor: an address begins with ws://, wss://, http:// or https://\n")
        for arguments in (["doctor", "--idle", "-1"], ["doctor", "--idle", "x"], ["doctor", "--what"], [], ["surgeon"]):
            error = self.assertRaises(SystemExit, __main__.main, arguments)
            self.assertEqual(error.code, 2)

    def test_token_from_stdin(self) -> None:
        """A token can be kept out of the list of processes."""
        seen: dict[str, Any] = {}

        def look(**options: Any) -> Findings:
            seen.update(options)
            yield from ()

        self.patch(doctor, "examine", look)
        self.patch(sys, "stdin", io.StringIO("a-token\n"))
        self.run_doctor("--token", "-", "--idle", "2.5")
        self.assertEqual((seen["token"], seen["idle"]), ("a-token", 2.5))

    def test_version_and_help(self) -> None:
        """Both are answered."""
        self.assertEqual(self.assertRaises(SystemExit, __main__.main, ["--version"]).code, 0)
        self.assertEqual(self.assertRaises(SystemExit, __main__.main, ["doctor", "--help"]).code, 0)
        self.assertIn(__version__, self.output.getvalue())
        self.assertIn("wss://example.org", self.output.getvalue())

    def test_interrupted(self) -> None:
        """Ctrl-C ends it as it ends other programs, without a traceback."""

        def interrupt(arguments: object) -> int:
            raise KeyboardInterrupt

        self.patch(doctor, "run", interrupt)
        self.assertEqual(self.run_doctor(), 130)

    def test_reader_has_seen_enough(self) -> None:
        """An output that nobody reads any more ends it, and nothing is said of that."""
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as output:
            self.patch(sys, "stdout", output)
            self.settings("wsPort=0\nrestPort=0\n")
            self.assertEqual(self.run_doctor(), 1)
        self.assertEqual(self.errors.getvalue(), "")


class ShownTests(SynchronousTestCase):
    """How findings are shown."""

    def test_lines(self) -> None:
        """A finding is a line, and advice another; the last line counts."""
        output = io.StringIO()
        self.assertEqual(show(FOUND, output), list(FOUND))
        self.assertEqual(
            output.getvalue().splitlines(),
            [
                "ok       clock       it ticks",
                "skipped  turn        no servers",
                "warning  limits      few files",
                "                     allow more",
                "problem  ports       taken",
                "                     stop it",
                "1 problem, 1 warning, 1 ok, 1 skipped",
            ],
        )

    def test_colours(self) -> None:
        """A terminal gets colours, unless its user wants none."""
        terminal = Terminal()
        show(FOUND, terminal)
        self.assertIn("\x1b[31;1mproblem \x1b[0m ports", terminal.getvalue())
        self.patch(os, "environ", {**os.environ, "NO_COLOR": "1"})
        plain = Terminal()
        show(FOUND, plain)
        self.assertNotIn("\x1b", plain.getvalue())

    def test_json(self) -> None:
        """Scripts get all of it, and whether there is a problem."""
        report = json.loads(as_json(FOUND))
        self.assertFalse(report["ok"])
        self.assertEqual(
            report["findings"][2], {"check": "limits", "level": "warning", "seen": "few files", "advice": "allow more"}
        )
        self.assertTrue(json.loads(as_json(FOUND[:3]))["ok"])

    def test_summary(self) -> None:
        """Numbers and their words agree."""
        self.assertEqual(summary([]), "0 problems, 0 warnings, 0 ok, 0 skipped")


class CarryOutTests(SynchronousTestCase):
    """The checks, one after the other."""

    def test_none_stops_the_next(self) -> None:
        """A check that stops, or fails in a way that nobody thought of, is one finding; the next is carried out."""

        def stop(subject: Subject) -> Findings:
            yield FOUND[0]
            raise Stop(FOUND[3])

        def fail(subject: Subject) -> Findings:
            yield from ()
            raise LookupError("a secret")

        def last(subject: Subject) -> Findings:
            yield FOUND[1]

        found = list(carry_out((("a", stop), ("b", fail), ("c", last)), Subject(Config())))
        self.assertEqual([finding.level for finding in found], [Level.OK, Level.PROBLEM, Level.PROBLEM, Level.SKIPPED])
        self.assertEqual(
            found[2], Finding("b", Level.PROBLEM, "the doctor itself failed, of LookupError", "report this")
        )

    def test_order(self) -> None:
        """With an address, the machine itself is not looked at."""
        path = self.mktemp()
        Path(path).write_text("wsPort=0\nrestPort=0\n", encoding="utf-8")
        checks = [finding.check for finding in examine(env_file=path)]
        self.assertEqual(
            list(dict.fromkeys(checks)), ["settings", "ports", "limits", "certificate", "connection", "turn", "clock"]
        )

    def test_wrong_settings(self) -> None:
        """Their problems are shown whole, and what cannot be looked at without settings is listed as skipped."""
        path = self.mktemp()
        Path(path).write_text(f"wsHost={'x' * 300}!\nwsPort=many\njwksPath=/{'x' * 300}\n", encoding="utf-8")
        found = list(examine(env_file=path))
        problems = [finding.seen for finding in found if finding.level is Level.PROBLEM]
        with self.assertRaises(ConfigError) as caught:
            load(options={}, environ=os.environ, env_file=path)
        self.assertEqual(problems, list(caught.exception.problems))
        self.assertGreater(max(map(len, problems)), LONGEST_QUOTE)
        self.assertEqual(
            [finding.check for finding in found if finding.level is Level.SKIPPED],
            ["ports", "limits", "certificate", "connection", "turn", "clock"],
        )


class MachineTests(SynchronousTestCase):
    """Ports and limits of this machine, without a server."""

    def test_ports(self) -> None:
        """A port is free, or taken by somebody else, or none is named."""
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
            port, free = taken.getsockname()[1], other.getsockname()[1]
            other.close()
            taken.settimeout(0)
            config = Config(ws_host="127.0.0.1", rest_host="127.0.0.1", ws_port=port, rest_port=free)
            ws, rest = check_ports(Subject(config, seconds=0.1))
        self.assertEqual((ws.level, rest.level), (Level.PROBLEM, Level.OK))
        self.assertIn(f"wsPort: cannot listen on 127.0.0.1 port {port}: Address already in use", ws.seen)
        self.assertIn(f"ss -ltnp 'sport = :{port}'", ws.advice)
        unused = list(check_ports(Subject(Config(ws_endpoint="unix:/run/ws", rest_port=0))))
        self.assertEqual([finding.level for finding in unused], [Level.SKIPPED] * 2)

    def test_low_ports(self) -> None:
        """A port that only root may have is said to be one."""

        def refuse(host: str, port: int, *, setting: str) -> socket.socket:
            raise CannotBind(f"{setting}: cannot listen on any interface port {port}: Permission denied")

        self.patch(doctor_local, "bind", refuse)
        finding, _ = check_ports(Subject(Config(ws_port=443, rest_port=0)))
        self.assertIn("CAP_NET_BIND_SERVICE", finding.advice)

    def test_limits(self) -> None:
        """Each user takes a file, and those that come back another."""
        for users, limit, level in (
            (1000, 2600, Level.OK),
            (1000, 2599, Level.WARNING),
            (1000, 1600, Level.WARNING),
            (1000, 1599, Level.PROBLEM),
            (1000, resource.RLIM_INFINITY, Level.OK),
        ):
            self.patch(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
            (finding,) = check_limits(Subject(Config(max_concurrent_users=users, rest_port=0)))
            self.assertEqual((limit, finding.level), (limit, level))
            self.assertEqual("allow 2600" in finding.advice, level is not Level.OK)
