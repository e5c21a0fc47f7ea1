"""Tests of :mod:`jsongle_server.log_twistd`."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, ClassVar, cast

from twisted.logger import FileLogObserver, ILogObserver, Logger
from twisted.python.syslog import SyslogObserver
from twisted.python.usage import Options, UsageError
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.log_twistd import control_twistd_log, current_log_path, twistd_observer_factory
from jsongle_server.logs import AUDIT, LogControl

OURS = "jsongle_server.session"


class Subcommand(Options):
    """Options of a plugin that takes over the log as the tap does."""

    optParameters: ClassVar = [["format", None, "text"]]

    def postOptions(self) -> None:
        """Take over the log of twistd."""
        assert isinstance(self.parent, Twistd)
        control_twistd_log(self.parent, self.parent.control, format_name=self["format"])


class Twistd(ServerOptions):
    """twistd's own options, with that plugin alone."""

    def __init__(self) -> None:
        super().__init__()
        self.control = LogControl()

    @property
    def subCommands(self) -> list[tuple[str, None, type[Options], str]]:
        """The subcommands, which twistd itself finds as plugins."""
        return [("probe", None, Subcommand, "A probe.")]


def parsed(*arguments: str) -> Twistd:
    """The options of a command line, as twistd leaves them."""
    options = Twistd()
    options.parseOptions(arguments)
    return options


def chosen_observer() -> ILogObserver:
    """An observer such as a user names with --logger."""
    return FileLogObserver(sys.stdout, lambda event: f"chosen: {event['log_format']}\n")


def chosen_legacy_observer() -> Any:
    """An observer of the old kind."""
    return lambda event: sys.stdout.write(f"legacy: {event['format'] % event}\n")


class LogCase(SynchronousTestCase):
    """What comes out of twistd's observer."""

    def setUp(self) -> None:
        """Stand in for the console."""
        self.console = io.StringIO()
        self.patch(sys, "stdout", self.console)

    def observer(self, options: Options) -> ILogObserver:
        """The observer that twistd makes with these options when it starts."""
        observer = options["logger"]()
        self.assertTrue(ILogObserver.providedBy(observer))
        return cast(ILogObserver, observer)

    def logger(self, options: Options) -> Logger:
        """A logger of ours that writes through that observer."""
        return Logger(namespace=OURS, observer=self.observer(options))


class ControlTests(LogCase):
    """Taking over the log."""

    def test_console(self) -> None:
        """In the foreground the console has our format."""
        self.logger(parsed("--nodaemon", "probe")).info("hello")
        self.assertRegex(self.console.getvalue(), r"^\d{4}-\S+\.\d{3}Z \[jsongle_server\.session#info\] hello\n$")

    def test_json(self) -> None:
        """The other format reaches the console too."""
        self.logger(parsed("--nodaemon", "probe", "--format=json")).info("hello")
        self.assertEqual(json.loads(self.console.getvalue())["message"], "hello")

    def test_level_changes_at_once(self) -> None:
        """What the console shows follows the switch while it runs."""
        options = parsed("--nodaemon", "probe")
        logger = self.logger(options)
        logger.debug("one")
        options.control.set_level("debug")
        logger.debug("two")
        self.assertNotIn("one", self.console.getvalue())
        self.assertIn("two", self.console.getvalue())

    def test_audit(self) -> None:
        """What administrators do reaches the console and twistd's file at every level."""
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, signal.SIG_DFL))
        path = Path(self.mktemp()).absolute()
        for where in ("--nodaemon", f"--logfile={path}"):
            options = parsed(where, "probe")
            logger = self.logger(options)
            options.control.set_level("fatal")
            logger.error("an error")
            Logger(namespace=AUDIT, observer=logger.observer).info("a change")
        for text in (self.console.getvalue(), path.read_text()):
            self.assertTrue(text.endswith("[jsongle_server.audit#info] a change\n"), text)
            self.assertNotIn("an error", text)

    def test_logfile(self) -> None:
        """twistd's own --logfile has our format, and rotation on SIGUSR1 as twistd has it."""
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, signal.SIG_DFL))
        path = Path(self.mktemp()).absolute()
        self.logger(parsed(f"--logfile={path}", "probe")).info("hello")
        self.assertTrue(path.read_text().endswith(f"[{OURS}#info] hello\n"))
        self.assertTrue(callable(signal.getsignal(signal.SIGUSR1)))

    def test_device_is_never_rotated(self) -> None:
        """A device as --logfile, such as /dev/null, stays where it is, however much is written to it."""
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, signal.SIG_DFL))
        link = Path(self.mktemp()).absolute()
        link.symlink_to(os.devnull)
        logger = self.logger(parsed(f"--logfile={link}", "probe"))
        for _ in range(12):
            logger.info("x" * 100_000)
        self.assertEqual(os.readlink(link), os.devnull)
        self.assertEqual([path.name for path in link.parent.iterdir() if path.name.startswith(link.name)], [link.name])

    def test_syslog(self) -> None:
        """Syslog, whose observer is of the old kind, is filtered as well."""
        lines: list[str] = []
        self.patch(SyslogObserver, "openlog", lambda observer, *arguments: None)
        self.patch(SyslogObserver, "syslog", lambda observer, priority, line: lines.append(line))
        logger = self.logger(parsed("--syslog", "probe"))
        logger.debug("one")
        logger.info("two {name}", name="Jo###oe")
        self.assertEqual(lines, ["[-] two Jo###oe"])

    def test_chosen_observer_stays(self) -> None:
        """A --logger of the user's writes as it likes, behind the switch."""
        logger = self.logger(parsed("--nodaemon", f"--logger={__name__}.chosen_observer", "probe"))
        logger.debug("one")
        logger.info("two")
        self.assertEqual(self.console.getvalue(), "chosen: two\n")

    def test_chosen_legacy_observer_stays(self) -> None:
        """A --logger that was written for twisted.python.log works as it would without us."""
        logger = self.logger(parsed("--nodaemon", f"--logger={__name__}.chosen_legacy_observer", "probe"))
        logger.debug("one")
        logger.info("two")
        self.assertEqual(self.console.getvalue(), "legacy: two\n")

    def test_unknown_observer_is_still_reported(self) -> None:
        """A --logger that cannot be imported is the usage error that twistd makes of it."""
        self.assertRaises(UsageError, parsed, "--logger=no.such.thing", "probe")

    def test_nothing_is_opened_before_the_start(self) -> None:
        """Parsing options has no effect on files: twistd opens its log when it starts."""
        path = Path(self.mktemp()).absolute()
        parsed(f"--logfile={path}", "probe")
        self.assertFalse(path.exists())


class CurrentLogPathTests(SynchronousTestCase):
    """The file that an administrator is shown."""

    def path(self, *arguments: str, log_path: str | None = None) -> str | None:
        """The path after a command line."""
        return current_log_path(parsed(*arguments, "probe"), log_path=log_path)

    def test_configured_file_comes_first(self) -> None:
        """A configured log file is the answer, whatever twistd logs to."""
        self.assertEqual(self.path("--logfile=t.log", log_path="/var/log/j.log"), "/var/log/j.log")

    def test_configured_file_is_absolute(self) -> None:
        """A relative path is one in the folder of the start."""
        self.assertEqual(current_log_path(None, log_path="j.log"), os.path.abspath("j.log"))

    def test_logfile_of_twistd(self) -> None:
        """Without a configured file it is twistd's, in the foreground too."""
        self.assertEqual(self.path("--logfile=t.log"), os.path.abspath("t.log"))
        self.assertEqual(self.path("--nodaemon", "--logfile=t.log"), os.path.abspath("t.log"))

    def test_default_of_a_daemon(self) -> None:
        """A daemon that was told nothing logs to twistd.log."""
        self.assertEqual(self.path(), os.path.abspath("twistd.log"))

    def test_console_is_no_file(self) -> None:
        """What goes to the console cannot be shown."""
        self.assertEqual([self.path("--nodaemon"), self.path("--nodaemon", "--logfile=-")], [None, None])

    def test_syslog_is_no_file(self) -> None:
        """What goes to syslog cannot be shown, even where a --logfile is named: twistd does not use it."""
        self.assertIsNone(self.path("--syslog", "--logfile=t.log"))

    def test_chosen_observer_is_no_file(self) -> None:
        """Where an observer of the user's writes to is not known."""
        self.assertIsNone(self.path(f"--logger={__name__}.chosen_observer", "--logfile=t.log"))

    def test_device_is_no_file(self) -> None:
        """A --logfile that is a device has nothing to show."""
        self.assertIsNone(self.path(f"--logfile={os.devnull}"))

    def test_without_twistd(self) -> None:
        """Run by something else, only a configured file is known."""
        self.assertIsNone(current_log_path(None, log_path=None))


class FactoryTests(LogCase):
    """The factory alone."""

    def test_works_on_parsed_options(self) -> None:
        """Options that are parsed already can be given a factory directly."""
        options = ServerOptions()
        options["nodaemon"] = True
        options["logger"] = twistd_observer_factory(options, LogControl(), format_name="text")
        self.logger(options).info("hello")
        self.assertIn("hello", self.console.getvalue())
