"""What the doctor looks at on this machine: settings, ports, and how many files the server may open.

Must not know the network beyond this machine. Layer 5.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

import orjson

from jsongle_server.doctor_findings import Finding, Findings, ok, problem, quoted, skipped, warning
from jsongle_server.doctor_subject import Subject
from jsongle_server.doctor_wire import http_get
from jsongle_server.listening import CannotBind, bind

if TYPE_CHECKING:
    from jsongle_server.config_sources import Loaded

SPARE_FILES: Final = 600
"""Descriptors for REST, files and the rest (docs/settings.md)."""

NAME: Final = "JSONgle-Server"
"""What ``GET /about`` has as the name of this program."""

_MAX_FDS: Final = b"process_max_fds "


def describe_settings(loaded: Loaded, *, is_elsewhere: bool) -> Findings:
    """Says where the settings come from, and what in them is probably not meant.

    :param is_elsewhere: whether the server is one that may have other settings than this machine.
    """
    given = [name for name, origin in loaded.origins.items() if origin != "default"]
    yield ok("settings", f"{len(given)} of {len(loaded.origins)} settings are given, all are accepted")
    for text in loaded.warnings:
        yield warning("settings", quoted(text), "correct the name or the line in the env file")
    config = loaded.config
    if not is_elsewhere and not any((config.app_token, config.jwt_key, config.jwks_url, config.jwks_path)):
        advice = "set appToken, jwtKey, jwksUrl or jwksPath, unless something in front of the server knows its users"
        yield warning("settings", "no tokens are asked for: anybody may claim any user id", advice)


def check_ports(subject: Subject) -> Findings:
    """Whether both ports are free, or have this server on them."""
    config = subject.config
    about = _about(subject)
    for setting, host, port, endpoint in (
        ("wsPort", config.ws_host, config.ws_port, config.ws_endpoint),
        ("restPort", config.rest_host, config.rest_port, config.rest_endpoint),
    ):
        if endpoint or not port:
            yield skipped("ports", f"{setting} is not used: {'an endpoint' if endpoint else 'any free port'} is")
            continue
        yield _judge_port(setting, host, port, about)


def check_limits(subject: Subject) -> Findings:
    """Whether the server may open as many files as it may need: each connection takes one."""
    wanted = subject.config.max_concurrent_users
    running = _max_files_of_server(subject)
    limit = running or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    whose = "the running server" if running else "what is started from here"
    seen = f"{whose} may open {limit} files, for up to {wanted} users"
    advice = f"allow {2 * wanted + SPARE_FILES}: ulimit -n, or LimitNOFILE in a unit of systemd"
    if limit == resource.RLIM_INFINITY or limit >= 2 * wanted + SPARE_FILES:
        yield ok("limits", seen)
    elif limit >= wanted + SPARE_FILES:
        yield warning("limits", seen, f"{advice}, so that clients that come back find a place")
    else:
        yield problem("limits", seen, advice)


def _judge_port(setting: str, host: str, port: int, about: dict[str, object] | None) -> Finding:
    where = f"{setting} {port}"
    ports = about.get("ports") if about else None
    mine = ports.get(setting.removesuffix("Port")) if isinstance(ports, dict) else None
    if about is not None and mine == port:
        return ok("ports", f"{where}: {NAME} {quoted(str(about.get('version')))} runs there")
    try:
        bind(host, port, setting=setting).close()
    except CannotBind as error:
        advice = f"find out who has it (ss -ltnp 'sport = :{port}') and stop it, or set another {setting}"
        if port < 1024:
            advice += "; ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE"
        return problem("ports", quoted(str(error)), advice)
    return ok("ports", f"{where}: free, no server runs there")


def _about(subject: Subject) -> dict[str, object] | None:
    """What the server on this machine says of itself, if it is one of ours."""
    try:
        rest = subject.rest
        about = orjson.loads(http_get(rest, "/about", seconds=subject.seconds).body) if rest else None
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("name") == NAME else None


def _max_files_of_server(subject: Subject) -> int | None:
    """How many files the running server may open, as its metrics have it."""
    try:
        rest = subject.rest
        lines = http_get(rest, "/metrics", seconds=subject.seconds).body.splitlines() if rest else []
    except (OSError, ValueError):
        return None
    found = next((line for line in lines if line.startswith(_MAX_FDS)), None)
    return int(float(found.removeprefix(_MAX_FDS))) if found else None
