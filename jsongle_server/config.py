"""The server's settings: one frozen value.

Owns every setting's default. Must not know where a text comes from (:mod:`jsongle_server.config_sources` does), nor
what is done with a value. Layer 0: ``Config`` is built once at the start and handed down; nothing reads the environment
after that.

A setting is one field of :class:`Config`, which holds its default, and one row of
:data:`jsongle_server.config_table.SETTINGS`, which holds the rest; rules between settings are in
:mod:`jsongle_server.config_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jsongle_server.config_addresses import OFF
from jsongle_server.config_keys import KeySetFile, SigningKey
from jsongle_server.config_rules import clashes
from jsongle_server.config_table import SETTINGS, Setting
from jsongle_server.config_values import quoted

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
        "wsEndpoint",
        "restEndpoint",
        "useHTTPS",
    }
)
"""The settings that take effect when the server starts, and no reload changes."""

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
    app_token: str | None = field(default=None, repr=False)
    jwt_key: SigningKey | None = field(default=None, repr=False)
    jwks_url: str | None = None
    jwks_path: KeySetFile | None = None
    jwt_algorithms: tuple[str, ...] = ()
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    use_https: bool = False
    key: str | None = None
    cert: str | None = None
    ws_endpoint: str | None = None
    rest_endpoint: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str | None = field(default=None, repr=False)
    turn_ttl: int = _DAY
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    demo: str = OFF

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
        bad: set[str] = set()
        problems: list[str] = []
        for setting in SETTINGS:
            name = next((name for name in setting.names if name in values), None)
            if name is None:
                continue
            try:
                read[setting.attribute] = setting.parse(values[name])
            except ValueError as error:
                shown = "its value" if setting.secret else quoted(values[name])
                problems.append(f"{labels.get(name, name)}: {shown} is not accepted; {error}")
                bad.add(setting.attribute)
        config = cls(**read)
        problems += clashes(config, bad, lambda name: labels.get(name, name))
        if problems:
            raise ConfigError(tuple(problems))
        return config


def default_text(setting: Setting) -> str:
    """Write the default of a setting as a user would."""
    return setting.text_in(Config())
