"""What ``twistd jsongle`` runs: its options, and the service that they make.

Everything that can be wrong with a start is found and said here, in front of the operator, before the process becomes
a daemon. Nothing at import time may install a reactor, or ``twistd --reactor`` could not choose one. Layer 5.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from twisted.logger import Logger
from twisted.python.usage import Options as UsageOptions

from jsongle_server.config import SETTINGS, ConfigError
from jsongle_server.config_sources import Loaded, describe, load
from jsongle_server.listening import CannotBind
from jsongle_server.log_file import LogFile, open_log_file
from jsongle_server.log_twistd import control_twistd_log, current_log_path
from jsongle_server.logs import LogControl

if TYPE_CHECKING:
    from jsongle_server.config import Config
    from jsongle_server.service import Server

DEV_TOKEN_BYTES: Final = 24
"""Randomness of the admin token that ``--dev`` makes."""


class Options(UsageOptions):
    """The options of ``twistd jsongle``: every setting by its name, and a few that only make sense here."""

    synopsis = "[options]"
    longdesc = (
        "A WebRTC signaling server that speaks JSONgle over WebSocket, with REST for monitoring. "
        "Settings are taken from these options, the environment, an env file and the defaults, strongest first."
    )
    optFlags = [  # noqa: RUF012  (Twisted's way)
        ["check-config", None, "Print the effective configuration, with secrets masked, and exit."],
        ["dev", None, "For trying out: without an adminToken, make one for this run and print it."],
    ]
    optParameters = [  # noqa: RUF012  (Twisted's way)
        ["env-file", "e", None, "File with settings, a line each. [default: ./.env where there is one]"],
        *(
            [name, None, None, f"{setting.help} [default: {setting.default or 'empty'}]"]
            for setting in SETTINGS
            for name in setting.names
        ),
    ]

    loaded: Loaded
    control: LogControl

    def postOptions(self) -> None:
        """Reads the configuration; a mistake in it ends the start here."""
        given = {name: self[name] for setting in SETTINGS for name in setting.names}
        try:
            self.loaded = load(options=given, environ=os.environ, env_file=self["env-file"])
        except ConfigError as error:
            _refuse("The configuration cannot be used:", *error.problems)
        if self["check-config"]:
            for warning in self.loaded.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            print(describe(self.loaded))
            raise SystemExit(0)
        config = self.loaded.config
        self.control = LogControl(config.log_level)
        if self.parent is not None:
            control_twistd_log(self.parent, self.control, format_name=config.log_format)


def makeService(options: Options) -> Server:
    """Makes the server that the options describe, its ports already bound.

    Prints both addresses, and whatever else the operator should see before the log takes over.
    """
    from twisted.internet import reactor  # noqa: PLC0415  (only now is it certain which reactor runs)

    from jsongle_server.service import make_server  # noqa: PLC0415  (imports Klein, which installs a reactor)

    config = options.loaded.config
    log = Logger()
    for warning in options.loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
        log.warn("{text}", text=warning)  # "warning" means something to Twisted
    if options["dev"] and not config.admin_token:
        config = replace(config, admin_token=secrets.token_urlsafe(DEV_TOKEN_BYTES))
    log_path = current_log_path(options.parent, log_path=config.log_path)
    try:
        server = make_server(
            reactor, config, options.control, log_file=_open_log_file(config, options.parent), log_path=log_path
        )
    except CannotBind as error:
        _refuse(str(error))
    if config is not options.loaded.config:
        print(f"adminToken for this run: {config.admin_token}")
    reactor.addSystemEventTrigger("before", "shutdown", _ignore_more_signals)
    for kind, address in zip(("WebSocket", "REST"), server.addresses, strict=True):
        print(f"{kind}: {address}", flush=True)
    return server


def _ignore_more_signals() -> None:
    """Once stopping, the server stops: Twisted would answer a second signal with a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _open_log_file(config: Config, twistd: UsageOptions | None) -> LogFile | None:
    if config.log_path is None:
        return None
    if config.log_path == current_log_path(twistd, log_path=None):
        _refuse(f"logPath: {config.log_path} is twistd's own log already; another file, or none, is accepted")
    try:
        log_file = open_log_file(
            config.log_path,
            period=config.log_file_period,
            keep=config.log_files_number,
            format_name=config.log_format,
        )
        _give_away(config.log_path, twistd)
    except OSError as error:
        _refuse(f"logPath: cannot write to {config.log_path}: {error.strerror}")
    return log_file


def _give_away(path: str, twistd: UsageOptions | None) -> None:
    """Gives a file to whom ``twistd --uid`` and ``--gid`` will make of this process, who goes on writing it."""
    uid, gid = (twistd.get(name) if twistd is not None else None for name in ("uid", "gid"))
    if uid is not None or gid is not None:
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)


def _refuse(*lines: str) -> NoReturn:
    """Ends the start: twistd would print its whole help, or a traceback, for an exception."""
    raise SystemExit("\n  ".join(lines))
