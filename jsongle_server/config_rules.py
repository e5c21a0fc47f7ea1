"""What settings that are fine by themselves may not be together.

A rule looks at some settings and says what is wrong with them; it is left out where one of them cannot be read at all,
since that is said already. Layer 0: called once all texts are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import TYPE_CHECKING, Final

from jsongle_server.certificates import read_pair
from jsongle_server.config_addresses import hosts_overlap
from jsongle_server.key_set import ASYMMETRIC

if TYPE_CHECKING:
    from jsongle_server.config import Config

Name = Callable[[str], str]
"""Gives what a problem calls a setting."""

Rule = Callable[["Config", Name], "str | None"]
"""Says what is wrong with the settings, if anything is."""


def clashes(config: Config, bad: Set[str], name: Name) -> list[str]:
    """Give the problems between settings.

    :param config: the settings, with defaults for those that cannot be read.
    :param bad: the fields of those.
    :param name: gives what a problem calls a setting.
    """
    return list(_problems(config, bad, name))


def _problems(config: Config, bad: Set[str], name: Name) -> Iterator[str]:
    for fields, rule in _RULES:
        if bad.isdisjoint(fields) and (problem := rule(config, name)):
            yield problem


def _ports(config: Config, name: Name) -> str | None:
    port = config.ws_port
    if config.ws_endpoint or config.rest_endpoint or not port or port != config.rest_port:
        return None
    if not hosts_overlap(config.ws_host, config.rest_host):
        return None
    ws, rest = name("wsPort"), name("restPort")
    return f"{ws} and {rest}: both being {port} is not accepted; two ports, or hosts that do not overlap, are"


def _one_key(config: Config, name: Name) -> str | None:
    given = [name(setting) for setting, value in _keys(config) if value]
    if len(given) < 2:
        return None
    return f"{' and '.join(given)}: more than one is not accepted; one source of keys for signed tokens is"


def _needed_keys(config: Config, name: Name) -> str | None:
    wanted = {
        "jwtAlgorithms": config.jwt_algorithms,
        "jwtIssuer": config.jwt_issuer,
        "jwtAudience": config.jwt_audience,
    }
    given = [name(setting) for setting, value in wanted.items() if value]
    if not given or any(value for _, value in _keys(config)):
        return None
    sources = ", ".join(setting for setting, _ in _keys(config))
    return f"{' and '.join(given)}: not accepted without a key to check tokens with; one of {sources} is"


def _algorithms(config: Config, name: Name) -> str | None:
    # A public key is no secret: a token that is "signed" with it by HMAC must never be looked at.
    fitting = config.jwt_key.algorithms if config.jwt_key else ASYMMETRIC
    unfit = [algorithm for algorithm in config.jwt_algorithms if algorithm not in fitting]
    if not unfit or not any(value for _, value in _keys(config)):
        return None
    return f"{name('jwtAlgorithms')}: {', '.join(unfit)} does not fit the key; of {', '.join(fitting)} any is accepted"


def _tls(config: Config, name: Name) -> str | None:
    if not config.use_https:
        return None
    if config.key and config.cert:
        try:
            read_pair(config.cert, config.key, name)
        except ValueError as error:
            return str(error)
        return None
    missing = " and ".join(setting for setting, value in (("key", config.key), ("cert", config.cert)) if not value)
    return f"{name('useHTTPS')}: 'on' is not accepted without {missing}; on with both files, or off, is"


def _turn(config: Config, name: Name) -> str | None:
    if bool(config.turn_urls) == bool(config.turn_secret):
        return None
    given, missing = ("turnUrls", "turnSecret") if config.turn_urls else ("turnSecret", "turnUrls")
    return f"{name(given)}: not accepted without {missing}; both, or neither, are"


def _webhook(config: Config, name: Name) -> str | None:
    if bool(config.webhook_url) == bool(config.webhook_secret):
        return None
    given, missing = ("webhookUrl", "webhookSecret") if config.webhook_url else ("webhookSecret", "webhookUrl")
    return f"{name(given)}: not accepted without {missing}; both, or neither, are"


def _keys(config: Config) -> tuple[tuple[str, object], ...]:
    return ("jwtKey", config.jwt_key), ("jwksUrl", config.jwks_url), ("jwksPath", config.jwks_path)


_KEY_FIELDS: Final = ("jwt_key", "jwks_url", "jwks_path")

_RULES: Final[tuple[tuple[tuple[str, ...], Rule], ...]] = (
    (("ws_port", "rest_port", "ws_host", "rest_host", "ws_endpoint", "rest_endpoint"), _ports),
    (_KEY_FIELDS, _one_key),
    ((*_KEY_FIELDS, "jwt_algorithms", "jwt_issuer", "jwt_audience"), _needed_keys),
    ((*_KEY_FIELDS, "jwt_algorithms"), _algorithms),
    (("use_https", "key", "cert"), _tls),
    (("turn_urls", "turn_secret"), _turn),
    (("webhook_url", "webhook_secret"), _webhook),
)
"""The rules, each with the fields that it looks at."""
