"""Where settings come from: command line, environment, env file, defaults; and how they are shown.

Owns which source wins, how each is named in a problem, and the text of ``--check-config``. Must not know what a value
may be (:mod:`jsongle_server.config` does) nor how an env file is parsed (:mod:`jsongle_server.config_envfile` does).
Layer 0: called before the server is built, and for each reload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jsongle_server.config import Config, ConfigError
from jsongle_server.config_envfile import EnvFile, read_env_file
from jsongle_server.config_table import SETTINGS, Setting

MASK: Final = "******"
"""What stands for a secret. Too short to be accepted as one, should somebody read it back."""

_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.,:/@%+*-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where it comes from.

    :param config: the effective configuration.
    :param origins: the source of each setting, by its name: ``option``, ``environment``, ``default`` or the path of
        the env file.
    :param warnings: what the user probably did not mean, one line each, for the log.
    :param has_env_file: whether there was an env file to read.
    """

    config: Config
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    has_env_file: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A setting's text, under the name that its source uses, and how problems and users call it."""

    name: str
    text: str
    label: str
    origin: str


def load(
    *,
    options: Mapping[str, str | None],
    environ: Mapping[str, str],
    env_file: str | None,
    may_be_missing: bool = False,
) -> Loaded:
    """Read the configuration from all its sources, strongest first: options, environment, env file, defaults.

    A stronger source wins whichever of a setting's names it uses; within one source the name wins over an alias. Only
    the text that wins is checked. An empty text is a text: it is read as the setting's empty value where it has one.

    :param options: texts of command line options by setting name or alias; ``None`` means not given.
    :param environ: the environment variables, named exactly as the settings.
    :param env_file: the env file; ``None`` for ``./.env``, which may be missing.
    :param may_be_missing: whether another env file may be missing too.
    :raises ConfigError: with every problem of every source at once.
    """
    file = read_env_file(env_file, may_be_missing=may_be_missing)
    found = {setting: next(_candidates(setting, options, environ, file), None) for setting in SETTINGS}
    texts = [item for item in found.values() if item]
    try:
        config = Config.from_mapping(
            {item.name: item.text for item in texts}, labels={item.name: item.label for item in texts}
        )
    except ConfigError as error:
        raise ConfigError(file.problems + error.problems) from None
    if file.problems:
        raise ConfigError(file.problems)
    origins = {setting.name: item.origin if item else "default" for setting, item in found.items()}
    return Loaded(config, origins, file.warnings, file.exists)


def _candidates(
    setting: Setting, options: Mapping[str, str | None], environ: Mapping[str, str], file: EnvFile
) -> Iterator[_Found]:
    """Give every text of a setting, the strongest first."""
    for name in setting.names:
        text = options.get(name)
        if text is not None:
            yield _Found(name, text, f"{name} (option --{name})", "option")
    for name in setting.names:
        if name in environ:
            yield _Found(name, environ[name], f"{name} (from the environment)", "environment")
    entries = {entry.name: entry for entry in file.entries}
    for name in setting.names:
        if entry := entries.get(name):
            yield _Found(name, entry.text, f"{name} (from {file.path}, line {entry.line})", file.path)


def describe(loaded: Loaded) -> str:
    """Write the effective configuration, a line a setting, in the syntax of an env file, with secrets masked.

    Each line ends in a comment that names its source. All but the secrets can be read back.
    """
    return "\n".join(
        f"{setting.name} = {_written(setting, loaded.config)}   # {loaded.origins[setting.name]}"
        for setting in SETTINGS
    )


def _written(setting: Setting, config: Config) -> str:
    """Write a value for an env file, in quotes where it needs them."""
    text = setting.text_in(config)
    if setting.secret and text:
        return MASK
    if _UNQUOTED.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
