"""Other settings while the server runs: what takes them, and what they cannot change."""

from __future__ import annotations

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
        for bound in self.server._sockets:
            self.addCleanup(bound.close)
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

    def test_secret(self) -> None:
        """A token is taken and never shown."""
        self.server.reload(lambda: replace(CONFIG, admin_token="a-token-of-some-length"))
        self.assertEqual(self.lines, ["reloaded; changed: adminToken"])
