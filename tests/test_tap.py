"""What ``twistd jsongle`` understands, says and refuses before it starts."""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.python.usage import UsageError
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import TestCase

import jsongle_server
from jsongle_server.config_table import SETTINGS
from jsongle_server.service import Server
from jsongle_server.tap import Options, makeService

reactor: Any = global_reactor  # a module to mypy
TOKEN = "a-token-of-enough-characters"
FREE_PORTS = ("--wsPort=0", "--restPort=0", "--wsHost=127.0.0.1", "--restHost=127.0.0.1")


class TapCase(TestCase):
    """A command line in an empty folder, with an empty environment."""

    def setUp(self) -> None:
        """Goes to the folder and listens to what is printed."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)
        self.environ: dict[str, str] = {}
        self.patch(os, "environ", self.environ)
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.when_running: list[Callable[[], None]] = []
        self.patch(reactor, "callWhenRunning", self.when_running.append)

    def parsed(self, *arguments: str) -> Options:
        """The options of a command line that is accepted."""
        options = Options()
        options.parseOptions(arguments)
        return options

    def refused(self, *arguments: str) -> str:
        """What a command line that is not accepted says; twistd prints it to stderr and ends with status 1."""
        with self.assertRaises(SystemExit) as raised:
            self.parsed(*arguments)
        code = raised.exception.code
        assert isinstance(code, str), code
        return code

    def started(self, *arguments: str, twistd: Sequence[str] | None = None) -> Server:
        """The server of a command line, running on free ports.

        :param twistd: twistd's own options; ``None`` where something else than twistd runs the server.
        """
        arguments = (*FREE_PORTS, *arguments)
        if twistd is None:
            options = self.parsed(*arguments)
        else:
            parent = ServerOptions()
            parent.parseOptions([*twistd, "jsongle", *arguments])
            options = parent.subOptions
        server = makeService(options)
        server.startService()
        self.addCleanup(server.stopService)
        return server


class SourceTests(TapCase):
    """Where settings come from."""

    def test_defaults(self) -> None:
        """With nothing given, everything has its default."""
        self.assertEqual(self.parsed().loaded.config.ws_port, 8080)

    def test_env_file(self) -> None:
        """``.env`` in the current folder is read without being named."""
        Path(".env").write_text("wsPort=1001\n")
        self.assertEqual(self.parsed().loaded.config.ws_port, 1001)

    def test_other_env_file(self) -> None:
        """``--env-file`` names another, which is then read alone."""
        Path(".env").write_text("wsPort=1001\nrestPort=2001\n")
        Path("other").write_text("wsPort=1002\n")
        config = self.parsed("--env-file=other").loaded.config
        self.assertEqual((config.ws_port, config.rest_port), (1002, 8081))

    def test_precedence(self) -> None:
        """An option wins over the environment, that over the file, that over the default."""
        Path(".env").write_text("wsPort=1001\nrestPort=1001\nid=file\nmaxConcurrentUsers=1\n")
        self.environ.update(wsPort="1002", restPort="1002", id="environment")
        config = self.parsed("--wsPort=1003").loaded.config
        self.assertEqual(
            (config.ws_port, config.rest_port, config.id, config.max_concurrent_users, config.hello_timeout),
            (1003, 1002, "environment", 1, 10),
        )

    def test_alias(self) -> None:
        """``logDefaultLevel`` is another name of ``logLevel``, in every source."""
        self.assertEqual(self.parsed("--logDefaultLevel=warn").loaded.config.log_level, "warn")
        self.environ["logDefaultLevel"] = "error"
        self.assertEqual(self.parsed().control.level, "error")

    def test_every_setting_is_an_option(self) -> None:
        """Each setting can be given, and is explained in the help with its default."""
        help_text = "".join(Options().getUsage().split())
        for setting in SETTINGS:
            for name in setting.names:
                self.assertIn(f"--{name}=", help_text)
            self.assertIn("".join(setting.help.split()), help_text)


class MistakeTests(TapCase):
    """Command lines that are not accepted."""

    def test_every_mistake_at_once(self) -> None:
        """All mistakes of all sources are listed, each with name, value and what is accepted."""
        Path(".env").write_text("maxMessageSize=12\n")
        self.environ["helloTimeout"] = "soon"
        text = self.refused("--wsPort=http", "--logLevel=loud")
        self.assertEqual(len(text.splitlines()), 5)
        for part in ("wsPort", "'http'", "0 to 65535", "logLevel", "'loud'", "trace", "helloTimeout", "'soon'"):
            self.assertIn(part, text)
        self.assertIn(".env, line 1", text)

    def test_secret_is_not_repeated(self) -> None:
        """A bad token is named, not shown."""
        text = self.refused("--adminToken=short1")
        self.assertIn("adminToken", text)
        self.assertNotIn("short1", text)

    def test_missing_env_file(self) -> None:
        """An env file that was named must be there."""
        self.assertIn("nowhere", self.refused("--env-file=nowhere"))

    def test_unknown_option(self) -> None:
        """An option that does not exist is named."""
        with self.assertRaises(UsageError) as raised:
            self.parsed("--wsPrt=1")
        self.assertIn("--wsPrt", str(raised.exception))

    def test_log_file_that_cannot_be_written(self) -> None:
        """A log file that cannot be opened stops the start, in one line."""
        Path("loop").symlink_to("loop")
        with self.assertRaises(SystemExit) as raised:
            self.started("--logPath=loop")
        text = str(raised.exception.code)
        self.assertIn("logPath", text)
        self.assertEqual(len(text.splitlines()), 1)

    def test_port_in_use(self) -> None:
        """A port in use stops the start, in one line."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaises(SystemExit) as raised:
                self.started(f"--wsPort={port}")
        expected = f"wsPort: cannot listen on 127.0.0.1 port {port}: Address already in use"
        self.assertEqual(raised.exception.code, expected)


class CheckTests(TapCase):
    """``--check-config``."""

    def test_prints_and_ends_well(self) -> None:
        """The effective configuration is printed, and the exit status is 0."""
        with self.assertRaises(SystemExit) as raised:
            self.parsed("--check-config", "--wsPort=1234")
        self.assertEqual(raised.exception.code, 0)
        for setting in SETTINGS:
            self.assertRegex(self.out.getvalue(), rf"(?m)^{setting.name} = ")
        self.assertRegex(self.out.getvalue(), r"(?m)^wsPort = 1234 +# option$")

    def test_masks_secrets(self) -> None:
        """Secrets are masked, wherever they come from."""
        self.environ["adminToken"] = TOKEN
        with self.assertRaises(SystemExit):
            self.parsed("--check-config")
        self.assertNotIn(TOKEN, self.out.getvalue() + self.err.getvalue())
        self.assertRegex(self.out.getvalue(), r"(?m)^adminToken = \*+ +# environment$")

    def test_mistake(self) -> None:
        """With a mistake it says so and does not end well."""
        self.assertIn("wsPort", self.refused("--check-config", "--wsPort=x"))
        self.assertEqual(self.out.getvalue(), "")

    def test_warns(self) -> None:
        """A name in the env file that is probably mistyped is warned about, on stderr."""
        Path(".env").write_text("wsPrt=1\n")
        with self.assertRaises(SystemExit):
            self.parsed("--check-config")
        self.assertIn("did you mean 'wsPort'", self.err.getvalue())
        self.assertNotIn("wsPrt", self.out.getvalue())


class StartTests(TapCase):
    """What a start prints."""

    def test_addresses(self) -> None:
        """Both addresses are printed, as they can be used."""
        server = self.started()
        self.assertEqual(
            self.out.getvalue().splitlines(),
            [f"WebSocket: {server.addresses[0]}", f"REST: {server.addresses[1]}"],
        )
        self.assertRegex(server.addresses[0], r"^ws://127\.0\.0\.1:[1-9]\d*$")

    def test_pages(self) -> None:
        """``--dev`` serves the demo unless that is set, and prints both pages behind the addresses, to be opened."""
        for option, printed in (("", ["Demo", "Dashboard"]), ("--demo=off", ["Dashboard"])):
            self.out.truncate(self.out.seek(0))
            rest = self.started("--dev", *filter(None, (option,))).addresses[1]
            lines = self.out.getvalue().splitlines()[3:]
            pages = {"Demo": f"Demo: {rest}/demo", "Dashboard": f"Dashboard: {rest}/"}
            self.assertEqual(lines, [pages[name] for name in printed])

    def test_pages_that_no_browser_reaches(self) -> None:
        """On an endpoint there is no address to print, and without a token no dashboard to see."""
        self.started("--demo=on", f"--adminToken={TOKEN}", "--restEndpoint=unix:rest.sock")
        self.assertNotIn("Demo", self.out.getvalue())
        self.out.truncate(self.out.seek(0))
        self.started("--demo=ws://localhost:1")
        self.assertIn("/demo", self.out.getvalue())
        self.assertNotIn("Dashboard", self.out.getvalue())

    def test_warning(self) -> None:
        """The warning about a mistyped name is seen at a start too."""
        Path(".env").write_text("maxConcurentUsers=7\n")
        self.started()
        self.assertIn("maxConcurrentUsers", self.err.getvalue())

    def test_dev_makes_a_token(self) -> None:
        """``--dev`` makes a token for this run and prints it; the next run has another."""
        self.started("--dev")
        self.started("--dev")
        prefix = "adminToken for this run: "
        tokens = [line.removeprefix(prefix) for line in self.out.getvalue().splitlines() if line.startswith(prefix)]
        self.assertEqual(len(set(tokens)), 2)
        self.assertGreaterEqual(min(map(len, tokens)), 32)

    def test_dev_keeps_a_configured_token(self) -> None:
        """With a token configured ``--dev`` makes none, and nothing prints that one."""
        self.started("--dev", f"--adminToken={TOKEN}")
        self.assertNotIn("Token", self.out.getvalue())
        self.assertNotIn(TOKEN, self.out.getvalue() + self.err.getvalue())

    def test_dev_stops_at_once(self) -> None:
        """With ``--dev`` clients are sent away at once, so that Ctrl-C does not wait; a configured time counts."""
        self.assertEqual(self.started()._config.drain_timeout, 10)
        self.assertEqual(self.started("--dev")._config.drain_timeout, 0)
        self.assertEqual(self.started("--dev", "--drainTimeout=3")._config.drain_timeout, 3)

    def test_dev_prints_no_token_of_a_run_that_fails(self) -> None:
        """A token is printed once the ports are bound: with a port in use there is no run that it could be for."""
        with socket.create_server(("127.0.0.1", 0)) as taken, self.assertRaises(SystemExit):
            self.started("--dev", f"--wsPort={taken.getsockname()[1]}")
        self.assertEqual(self.out.getvalue(), "")

    def test_no_token_otherwise(self) -> None:
        """Without ``--dev`` no token is made."""
        self.started()
        self.assertNotIn("Token", self.out.getvalue())


class LogFileTests(TapCase):
    """The server's own log file beside twistd's log, which may change its user."""

    def setUp(self) -> None:
        """Notes which files are given to whom."""
        super().setUp()
        self.given: list[tuple[str, int, int]] = []
        self.patch(os, "chown", lambda path, uid, gid: self.given.append((path, uid, gid)))

    def test_log_of_twistd(self) -> None:
        """twistd's log cannot be the server's as well, however it is written: one line says so."""
        Path("folder").mkdir()
        for twistd, path in (
            (["--logfile=a.log"], "a.log"),
            (["--logfile=a.log"], os.path.abspath("a.log")),
            (["--logfile=folder/../a.log"], "./a.log"),
            ([], "twistd.log"),
            (["--logfile=folder/jsongle-server.log"], "folder"),
        ):
            with self.assertRaises(SystemExit) as raised:
                self.started(f"--logPath={path}", twistd=twistd)
            text = str(raised.exception.code)
            self.assertRegex(text, r"^logPath: /\S+\.log is twistd's own log already\b.*$")

    def test_other_log(self) -> None:
        """Any other file can, and so can that name when twistd does not write it."""
        self.started("--logPath=own.log", twistd=["--logfile=a.log"])
        self.started("--logPath=twistd.log", twistd=["--nodaemon"])
        self.assertTrue(Path("own.log").exists() and Path("twistd.log").exists())

    def test_given_to_whom_twistd_becomes(self) -> None:
        """The log file belongs to the user and group of ``--uid`` and ``--gid``; what is not given stays."""
        path = os.path.abspath("own.log")
        for twistd in (["--uid=4711", "--gid=4712"], ["--uid=4711"], ["--gid=4712"], [], None):
            self.started("--logPath=own.log", twistd=twistd)
        self.assertEqual(self.given, [(path, 4711, 4712), (path, 4711, -1), (path, -1, 4712)])

    def test_not_to_be_given(self) -> None:
        """One who may not give the file away is told in one line."""

        def refuse(path: str, uid: int, gid: int) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.patch(os, "chown", refuse)
        with self.assertRaises(SystemExit) as raised:
            self.started("--logPath=own.log", twistd=["--uid=4711"])
        self.assertRegex(str(raised.exception.code), r"^logPath: .*own\.log: Operation not permitted$")


class PluginTests(TestCase):
    """twistd's side."""

    def test_twistd_finds_the_command(self) -> None:
        """The command is among those of twistd, and described."""
        commands = {name: (parser, text) for name, _, parser, text in ServerOptions().subCommands}
        parser, text = commands["jsongle"]
        self.assertIsInstance(parser(), Options)
        self.assertIn("WebRTC", text)

    def test_reactor_can_still_be_chosen(self) -> None:
        """Reading the options installs no reactor, so that ``twistd --reactor`` can."""
        code = (
            "import sys\n"
            "from jsongle_server.tap import Options\n"
            "Options().parseOptions(['--wsPort=0'])\n"
            "sys.exit('twisted.internet.reactor' in sys.modules)\n"
        )
        root = str(Path(jsongle_server.__file__).parent.parent)
        done = subprocess.run([sys.executable, "-c", code], cwd="/", env={"PYTHONPATH": root}, check=False, timeout=20)
        self.assertEqual(done.returncode, 0)
