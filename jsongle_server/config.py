"""The server's settings: one table, one frozen value.

Owns every setting's name, default, bounds and meaning, and the rules between settings. Must not know where a text
comes from (:mod:`jsongle_server.config_sources` does), nor what is done with a value. Layer 0: ``Config`` is built once
at the start and handed down; nothing reads the environment after that.

A setting is one field of :class:`Config`, which holds its default, and one row of :data:`SETTINGS`, which holds the
rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jsongle_server.config_addresses import hosts_overlap, interface, origins
from jsongle_server.config_values import (
    ValueKind,
    integer,
    log_file,
    one_of,
    period,
    rate,
    seconds,
    secret,
    server_name,
    switch,
)

NEEDS_RESTART: Final = frozenset(
    {
        "wsPort",
        "restPort",
        "wsHost",
        "restHost",
        "id",
        "logPath",
        "logFilesNumber",
        "logFilePeriod",
        "logFormat",
    }
)
"""The settings that take effect when the server starts, and no reload changes."""

_LONGEST_SHOWN: Final = 100
_DAY: Final = 86_400


class ConfigError(ValueError):
    """One setting or more cannot be used.

    :param problems: what is wrong, each a line that names the setting, its value and what is accepted.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Config:
    """What the server was told; ``Config()`` is the default configuration.

    Times are in seconds, sizes in bytes. Fields are not checked here: texts from users go through :meth:`from_mapping`.
    """

    ws_port: int = 8080
    rest_port: int = 8081
    ws_host: str = ""
    rest_host: str = ""
    cors_policy_origin: tuple[str, ...] = ()
    max_concurrent_users: int = 50
    log_level: str = "info"
    id: str = "jsongle-server"
    log_path: str | None = None
    log_files_number: int = 7
    log_file_period: int = _DAY
    log_format: str = "text"
    max_message_size: int = 65_536
    hello_timeout: float = 10
    ping_interval: float = 25
    ping_timeout: float = 20
    max_members_per_room: int = 0
    max_members_per_multi_room: int = 0
    max_rooms_per_user: int = 50
    rate_limit: float = 50
    rate_burst: int = 200
    candidate_rate: float = 50
    candidate_burst: int = 200
    max_connections_per_address: int = 0
    handshake_rate: float = 0
    handshake_burst: int = 20
    drain_timeout: float = 10
    ring_timeout: float = 60
    resume_window: float = 30
    resume_buffer_messages: int = 1024
    resume_buffer_bytes: int = 1_048_576
    max_detached_bytes: int = 67_108_864
    max_send_queue: int = 524_288
    per_message_deflate: bool = False
    fast_frames: bool = True
    admin_token: str | None = field(default=None, repr=False)

    def reloaded(self, other: Config) -> tuple[Config, list[str], list[str]]:
        """This configuration with those settings of another that can change while the server runs.

        :returns: the result; the names of the settings that changed; and of those that would need a restart.
        """
        differing = [each for each in SETTINGS if getattr(self, each.attribute) != getattr(other, each.attribute)]
        changed = [each for each in differing if each.name not in NEEDS_RESTART]
        result = replace(self, **{each.attribute: getattr(other, each.attribute) for each in changed})
        return result, [each.name for each in changed], [each.name for each in differing if each not in changed]

    @classmethod
    def from_mapping(cls, values: Mapping[str, str], *, labels: Mapping[str, str] | None = None) -> Config:
        """Read a configuration from texts by setting name or alias; where both are given, the name counts.

        :param values: the texts. What is missing has its default; names that are no setting are ignored.
        :param labels: how problems call a setting, by the name in ``values``; the name itself where it is missing.
        :raises ConfigError: with every problem at once.
        """
        labels = labels or {}
        read: dict[str, Any] = {}
        problems: list[str] = []
        for setting in SETTINGS:
            name = next((name for name in setting.names if name in values), None)
            if name is None:
                continue
            try:
                read[setting.attribute] = setting.parse(values[name])
            except ValueError as error:
                shown = "its value" if setting.secret else _shorten(values[name])
                problems.append(f"{labels.get(name, name)}: {shown} is not accepted; {error}")
                read[setting.attribute] = None
        problems += _clashes(read, labels)
        if problems:
            raise ConfigError(tuple(problems))
        return cls(**read)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as users know it.

    :param name: its camelCase name, in every source.
    :param kind: what its text may be.
    :param help: what it is for, one sentence with its unit.
    :param aliases: other names that are understood.
    :param secret: whether its value may never be shown.
    """

    name: str
    kind: ValueKind[Any]
    help: str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The name, then the aliases."""
        return (self.name, *self.aliases)

    @property
    def attribute(self) -> str:
        """The field of :class:`Config` that holds its value."""
        return re.sub(r"(?=[A-Z])", "_", self.name).lower()

    @property
    def accepts(self) -> str:
        """What is accepted, as a noun phrase."""
        return self.kind.accepts

    @property
    def default(self) -> str:
        """The default, as a user would write it."""
        return self.text_in(Config())

    def parse(self, text: str) -> Any:
        """Give the value of a text; raises :exc:`ValueError`, whose text says what is accepted."""
        return self.kind.read(text)

    def text_in(self, config: Config) -> str:
        """Write this setting's value in a configuration as a user would."""
        return self.kind.write(getattr(config, self.attribute))


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("wsPort", integer(0, 65_535), "TCP port of the WebSocket server; 0 takes any free port."),
    Setting("restPort", integer(0, 65_535), "TCP port of the REST monitoring server; 0 takes any free port."),
    Setting("wsHost", interface(), "Interface on which the WebSocket server listens; empty means all."),
    Setting("restHost", interface(), "Interface on which the REST server listens; empty means all."),
    Setting(
        "corsPolicyOrigin",
        origins(),
        "Web origins, parted by commas or spaces, that alone may use REST from a page and open WebSockets; "
        "empty allows any origin to open a WebSocket and sends no CORS headers.",
    ),
    Setting("maxConcurrentUsers", integer(1), "Number of WebSocket connections open at a time."),
    Setting(
        "logLevel",
        one_of("trace", "debug", "info", "warn", "error", "fatal"),
        "Least severe level that is logged.",
        aliases=("logDefaultLevel",),
    ),
    Setting("id", server_name(), "Identity of this server in the messages it sends."),
    Setting(
        "logPath",
        log_file(),
        "Log file, or an existing directory for jsongle-server.log in it; empty means no log file.",
    ),
    Setting("logFilesNumber", integer(0), "Number of old log files that are kept."),
    Setting("logFilePeriod", period(), "Time after which a new log file is begun, in minutes, hours, days or weeks."),
    Setting(
        "logFormat",
        one_of("text", "json"),
        "Format of the logs, on the console and in files; json gives one JSON object a line.",
    ),
    Setting("maxMessageSize", integer(1_024, 16_777_216), "Largest message that a client may send, in bytes."),
    Setting("helloTimeout", seconds(longest=_DAY), "Time in which a new client must have said hello, in seconds."),
    Setting(
        "pingInterval",
        seconds(longest=_DAY, zero="off"),
        "Time between two pings to a client, in seconds; 0 sends none.",
    ),
    Setting("pingTimeout", seconds(longest=_DAY), "Time in which a client must have answered a ping, in seconds."),
    Setting("maxMembersPerRoom", integer(0, note="0 = no limit"), "Number of members of a room; 0 means no limit."),
    Setting(
        "maxMembersPerMultiRoom",
        integer(0, note="0 = no limit"),
        "Number of members of a multi-user room; 0 means no limit.",
    ),
    Setting(
        "maxRoomsPerUser",
        integer(0, note="0 = no limit"),
        "Number of rooms a session may be in at a time; 0 means no limit.",
    ),
    Setting(
        "rateLimit",
        rate(),
        "Messages a second that one client may send; 0 is no limit.",
    ),
    Setting("rateBurst", integer(1, 1_000_000), "Messages that one client may send at once."),
    Setting(
        "candidateRate",
        rate(),
        "Candidates a second that one client may send; 0 is no limit.",
    ),
    Setting("candidateBurst", integer(1, 1_000_000), "Candidates that one client may send at once."),
    Setting(
        "maxConnectionsPerAddress",
        integer(0, note="0 = no limit"),
        "Number of connections from one network address; 0 means no limit, as whole offices share an address.",
    ),
    Setting(
        "handshakeRate",
        rate(),
        "Connections a second that one network address may open; 0 is no limit.",
    ),
    Setting("handshakeBurst", integer(1, 1_000_000), "Connections that one network address may open at once."),
    Setting(
        "drainTimeout",
        seconds(longest=_DAY, zero="at once"),
        "Time over which clients are sent away when the server stops, in seconds; 0 sends them at once.",
    ),
    Setting(
        "ringTimeout",
        seconds(longest=_DAY, zero="off"),
        "Time after which a call that nobody has answered ends, in seconds; 0 lets it ring.",
    ),
    Setting("resumeWindow", seconds(longest=_DAY), "Time for which a session waits for its client, in seconds."),
    Setting("resumeBufferMessages", integer(1, 1_048_576), "Number of messages that are kept for a client's return."),
    Setting(
        "resumeBufferBytes", integer(1_024, 1_073_741_824), "Bytes of messages that are kept for a client's return."
    ),
    Setting(
        "maxDetachedBytes",
        integer(1_024, 1_099_511_627_776),
        "Bytes of messages that are kept for all clients together that have lost their connection.",
    ),
    Setting(
        "maxSendQueue",
        integer(1_024, 1_073_741_824),
        "Bytes that may wait for a client that reads too slowly, the socket's own buffer not counted.",
    ),
    Setting(
        "perMessageDeflate",
        switch(),
        "Whether messages are compressed (RFC 7692) for clients that offer it: fewer bytes, far more work.",
    ),
    Setting(
        "fastFrames",
        switch(),
        "Whether whole text frames take the short way; off has Autobahn read all of them, as a way out of trouble.",
    ),
    Setting(
        "adminToken",
        secret(),
        "Bearer token of at least 16 characters that opens the administration over REST; empty keeps it closed.",
        secret=True,
    ),
)
"""Every setting, in the order in which users see them."""


def _clashes(read: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Give the problems between settings that are fine by themselves; a bad one (``None``) clashes with nothing."""
    defaults = Config()
    ws_port, ws_host, rest_port, rest_host = (
        read.get(name, getattr(defaults, name)) for name in ("ws_port", "ws_host", "rest_port", "rest_host")
    )
    if not ws_port or ws_port != rest_port or ws_host is None or rest_host is None:
        return []
    if not hosts_overlap(ws_host, rest_host):
        return []
    ws, rest = (labels.get(name, name) for name in ("wsPort", "restPort"))
    return [f"{ws} and {rest}: both being {ws_port} is not accepted; two ports, or hosts that do not overlap, are"]


def _shorten(text: str) -> str:
    """Quote a text for a message, all of it only where it is short."""
    return repr(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r}…"
