"""Other settings while the server runs: what takes them, and what they cannot change."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import cast

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config, ConfigError
from jsongle_server.logs import LogControl
from jsongle_server.service import make_server

CONFIG = Config(ws_port=0, rest_port=0, ws_host="127.0.0.1", rest_host="127.0.0.1")


class ReloadTests(SynchronousTestCase):
    """``Server.reload``, which SIGHUP asks for."""

    def setUp(self) -> None:
        """Makes a server, and listens to what it logs."""
        self.control = LogControl("info")
        self.server = make_server(MemoryReactorClock(), CONFIG, self.control, log_file=None, log_path=None)
        for listener in self.server._listeners:
            self.addCleanup(listener.stop)
        self.lines: list[str] = []
        hear = cast(ILogObserver, self.hear)
        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)

    def hear(self, event: LogEvent) -> None:
        """Keeps a line."""
        self.lines.append(formatEvent(event))

    def test_taken(self) -> None:
        """Limits and the log level are taken at once, and named in the log."""
        other = replace(CONFIG, max_concurrent_users=7, log_level="debug")
        self.server.reload(lambda: other)
        self.assertEqual(self.server._factory.config.max_concurrent_users, 7)
        self.assertEqual(self.control.level, "debug")
        self.assertEqual(self.lines, ["reloaded; changed: maxConcurrentUsers, logLevel"])

    def test_level(self) -> None:
        """What changed is logged under the level that shows more, the old or the new one."""
        observer = self.control.filtered(cast(ILogObserver, self.hear))
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        for level in ("error", "debug", "warn"):
            self.lines.clear()
            self.server.reload(lambda level=level: replace(CONFIG, log_level=level))  # type: ignore[misc]
            # Heard twice: by the observer of every test, which takes all levels, and by this one.
            self.assertEqual((self.lines, self.control.level), (["reloaded; changed: logLevel"] * 2, level))

    def test_nothing(self) -> None:
        """That nothing has changed is said too."""
        self.server.reload(lambda: CONFIG)
        self.assertEqual(self.lines, ["reloaded; changed: nothing"])

    def test_restart(self) -> None:
        """What only a restart can change stays as it is, and is named."""
        self.server.reload(lambda: replace(CONFIG, id="barracuda"))
        self.assertEqual(self.server._factory.config.id, CONFIG.id)
        self.assertEqual(self.lines[1], "changed, but only a restart takes it: id")

    def test_mistake(self) -> None:
        """Settings with a mistake change nothing; each mistake is said."""

        def fail() -> Config:
            raise ConfigError(("wsPort: no", "id: no"))

        self.server.reload(fail)
        self.assertEqual(self.lines, ["not reloaded: wsPort: no", "not reloaded: id: no"])
        self.assertEqual(self.server._config, CONFIG)

    def test_operating_system(self) -> None:
        """What the operating system refuses is said in one line, and changes nothing."""

        def fail() -> Config:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/some/where")

        self.server.reload(fail)
        self.assertEqual(self.lines, ["not reloaded: [Errno 2] No such file or directory: '/some/where'"])
        self.assertEqual(self.server._config, CONFIG)

    def test_failure(self) -> None:
        """A failure in the server itself is logged as one, and changes nothing."""

        def fail() -> Config:
            raise ZeroDivisionError

        self.server.reload(fail)
        self.assertEqual(self.lines, ["not reloaded"])
        self.assertEqual(self.server._config, CONFIG)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failure_halfway(self) -> None:
        """Where a part fails to take the new settings, the others go back to the old ones."""
        other = replace(CONFIG, max_concurrent_users=7, log_level="debug")
        reconfigure = self.server._reconfigure

        def fail(config: Config) -> None:
            reconfigure(config)
            if config == other:
                raise ZeroDivisionError

        self.patch(self.server, "_reconfigure", fail)
        self.server.reload(lambda: other)
        self.assertEqual(self.lines, ["not reloaded"])
        self.assertEqual(self.server._factory.config, CONFIG)
        self.assertEqual((self.server._config, self.control.level), (CONFIG, "info"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_secret(self) -> None:
        """A token is taken and never shown."""
        self.server.reload(lambda: replace(CONFIG, admin_token="a-token-of-some-length"))
        self.assertEqual(self.lines, ["reloaded; changed: adminToken"])
