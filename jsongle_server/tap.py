"""What ``twistd jsongle`` runs: its options, and the service that they make.

Everything that can be wrong with a start is found and said here, in front of the operator, before the process becomes
a daemon. Nothing at import time may install a reactor, or ``twistd --reactor`` could not choose one. Layer 5.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from twisted.logger import Logger
from twisted.python.usage import Options as UsageOptions

from jsongle_server.checks import examine
from jsongle_server.config import ConfigError, default_text
from jsongle_server.config_addresses import OFF, ON
from jsongle_server.config_sources import Loaded, describe, load
from jsongle_server.config_table import SETTINGS
from jsongle_server.listening import CannotBind
from jsongle_server.log_file import LogFile, open_log_file
from jsongle_server.log_twistd import control_twistd_log, current_log_path
from jsongle_server.logs import LogControl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        [
            "dev",
            None,
            "For trying out: make an adminToken where there is none and print it; serve the demo; stop at once.",
        ],
    ]
    optParameters = [  # noqa: RUF012  (Twisted's way)
        ["env-file", "e", None, "File with settings, a line each. [default: ./.env where there is one]"],
        *(
            [name, None, None, f"{setting.help} [default: {default_text(setting) or 'empty'}]"]
            for setting in SETTINGS
            for name in setting.names
        ),
    ]

    loaded: Loaded
    control: LogControl

    def postOptions(self) -> None:
        """Reads the configuration; a mistake in it ends the start here."""
        try:
            loaded = _load(self, self["env-file"])
            problems, warnings = examine(loaded.config, time.time())
            if problems:
                raise ConfigError(tuple(problems))
        except ConfigError as error:
            _refuse("The configuration cannot be used:", *error.problems)
        self.loaded = replace(loaded, warnings=(*loaded.warnings, *warnings))
        if self["check-config"]:
            for warning in self.loaded.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            _show(describe(self.loaded))
            raise SystemExit(0)
        config = self.loaded.config
        self.control = LogControl(config.log_level)
        if self.parent is not None:
            control_twistd_log(self.parent, self.control, format_name=config.log_format)


def _show(text: str) -> None:
    """Prints something for whoever reads it to the end, or not."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Or Python would complain once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def makeService(options: Options) -> Server:
    """Makes the server that the options describe, its ports already bound.

    Prints both addresses and those of the pages, and whatever else the operator should see before the log takes over.
    """
    from twisted.internet import reactor  # noqa: PLC0415  (only now is it certain which reactor runs)

    from jsongle_server.service import make_server  # noqa: PLC0415  (imports Klein, which installs a reactor)

    config = options.loaded.config
    reread = _Reread(options)
    for warning in options.loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    _log_warnings(options.loaded)
    if options["dev"]:
        config = _for_dev(options.loaded, admin_token=secrets.token_urlsafe(DEV_TOKEN_BYTES))
    log_path = current_log_path(options.parent, log_path=config.log_path)
    try:
        server = make_server(
            reactor, config, options.control, log_file=_open_log_file(config, options.parent), log_path=log_path
        )
    except (CannotBind, ConfigError) as error:
        _refuse(str(error))
    if config.admin_token != options.loaded.config.admin_token:
        print(f"adminToken for this run: {config.admin_token}")
    _take_signals(reactor, server, lambda: reread(config))
    for kind, address in _places(server.addresses, config):
        print(f"{kind}: {address}", flush=True)
    return server


def _places(addresses: tuple[str, str], config: Config) -> Iterator[tuple[str, str]]:
    """What there is to reach and where: both ports, and the pages that are worth opening."""
    ws, rest = addresses
    yield from (("WebSocket", ws), ("REST", rest))
    # An endpoint is no address that a browser opens.
    if config.rest_endpoint is not None:
        return
    if config.demo != OFF:
        yield "Demo", f"{rest}/demo"
    if config.admin_token is not None:
        yield "Dashboard", f"{rest}/"


def _take_signals(reactor: Any, server: Server, read: Callable[[], Config]) -> None:
    """Has SIGHUP reload the settings, the first SIGTERM or SIGINT stop the reactor, and each later one hurry."""
    stops = {signal.SIGINT: reactor.sigInt, signal.SIGTERM: reactor.sigTerm}
    stopping = False

    def reload(number: int, frame: object) -> None:
        reactor.callFromThread(server.reload, read)

    def begin_to_stop() -> None:
        nonlocal stopping
        stopping = True

    def stop_or_hurry(number: int) -> None:
        if stopping:
            server.hurry()
        else:
            begin_to_stop()
            stops[signal.Signals(number)](number)

    def handle(number: int, frame: object) -> None:
        # Decided in the reactor's turn: one handler may interrupt another, and both would be the first.
        reactor.callFromThread(stop_or_hurry, number)

    def take_over() -> None:
        # Twisted answers a second signal with a traceback. It leaves alone what a debugger or a shell has set up.
        for number, stop in stops.items():
            if signal.getsignal(number) == stop:
                signal.signal(number, handle)

    # From now on, not only once the reactor runs: until they are handled, these end a process without a word.
    signal.signal(signal.SIGHUP, reload)
    for number, stop in stops.items():
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)
    # Not before: the reactor sets its own handlers when it begins to run.
    reactor.callWhenRunning(take_over)
    # A stop may begin without a signal.
    reactor.addSystemEventTrigger("before", "shutdown", begin_to_stop)


def _log_warnings(loaded: Loaded) -> None:
    log = Logger()
    for warning in loaded.warnings:
        log.warn("{text}", text=warning)  # "warning" means something to Twisted


def _load(
    options: Options, env_file: str | None, *, may_be_missing: bool = False, log_path: str | None = None
) -> Loaded:
    given = {name: options[name] for setting in SETTINGS for name in setting.names}
    if log_path is not None:
        given["logPath"] = log_path
    return load(options=given, environ=os.environ, env_file=env_file, may_be_missing=may_be_missing)


class _Reread:
    """Reads the settings again, as they were read at the start: a daemon may be in another folder by then.

    :param options: the options of the start.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._folder = os.getcwd()
        self._env_file = os.path.abspath(options["env-file"] or ".env")
        self._may_be_missing = not options.loaded.has_env_file

    def __call__(self, running: Config) -> Config:
        """Gives the settings as they are now.

        :param running: those of the start.
        :raises ConfigError: they cannot be used.
        """
        loaded = _load(self._options, self._env_file, may_be_missing=self._may_be_missing, log_path=self._log_path())
        if loaded.has_env_file:
            # Without it, the server would fall back to its defaults and not say so.
            self._may_be_missing = False
        _log_warnings(loaded)
        return _for_dev(loaded, admin_token=running.admin_token) if self._options["dev"] else loaded.config

    def _log_path(self) -> str | None:
        """What stands for ``logPath`` in another folder, where a relative one would mean another file."""
        try:
            is_elsewhere = os.getcwd() != self._folder
        except OSError as error:
            raise ConfigError((f"the folder that the server works in cannot be found: {error.strerror}",)) from None
        return self._options.loaded.config.log_path or "" if is_elsewhere else None


def _for_dev(loaded: Loaded, *, admin_token: str | None) -> Config:
    """The settings of ``--dev``: where nothing else is configured, a token, a stop at once, and the demo."""
    config = loaded.config
    if not config.admin_token:
        config = replace(config, admin_token=admin_token)
    if loaded.origins["drainTimeout"] == "default":
        config = replace(config, drain_timeout=0.0)
    if loaded.origins["demo"] == "default":
        config = replace(config, demo=ON)
    return config


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
