"""``python -m jsongle_server doctor``: looks at a server and at what is around it, and says what is wrong.

Owns the command: its options, the order of the checks, what is printed and the exit status. What is looked at stands in
``doctor_*.py``: each check is a function that gives findings. Layer 5: a process of its own, without a reactor.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TextIO

from jsongle_server.config import Config, ConfigError
from jsongle_server.config_sources import load
from jsongle_server.doctor_certificate import check_files
from jsongle_server.doctor_clock import check_clock
from jsongle_server.doctor_findings import Finding, Findings, Level, Stop, problem, skipped
from jsongle_server.doctor_local import check_limits, check_ports, describe_settings
from jsongle_server.doctor_subject import Subject, Target, read_url
from jsongle_server.doctor_talk import check_connection
from jsongle_server.doctor_turn import check_ice
from jsongle_server.doctor_wire import STEP_SECONDS
from jsongle_server.privacy import escaped

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

Check = Callable[[Subject], Findings]

HELP: Final = "look at a server and at what is around it, and say what is wrong and what to do"

HERE: Final[tuple[tuple[str, Check], ...]] = (
    ("ports", check_ports),
    ("limits", check_limits),
    ("certificate", lambda subject: check_files(subject, time.time())),
)
"""What is looked at on the machine of the server."""

ANYWHERE: Final[tuple[tuple[str, Check], ...]] = (
    ("connection", check_connection),
    ("turn", check_ice),
    ("clock", lambda subject: check_clock(time.time())),
)
"""What is looked at wherever the server is."""

LONGEST_IDLE: Final = 3600
"""Longest time to be silent for, in seconds."""

_COLOURS: Final = {Level.OK: "32", Level.SKIPPED: "2", Level.WARNING: "33", Level.PROBLEM: "31;1"}


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Looks at the configuration of this machine and the server that runs by it or, with URL, at a server as its "
        "clients see it, through every proxy. The exit status is 0 if nothing is wrong, even if there are warnings, "
        "1 if something is, and 2 if the options cannot be used."
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="the address that clients use, such as wss://example.org")
    parser.add_argument(
        "-e", "--env-file", metavar="PATH", help="file with settings, by default ./.env if there is one"
    )
    parser.add_argument("--token", help="what to say hello with: an appToken or a signed token; - reads it from stdin")
    parser.add_argument("--idle", type=_seconds, default=0.0, metavar="SECONDS", help="be silent for so long, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def run(arguments: Namespace) -> int:
    """Does all of it; the exit status."""
    try:
        url = read_url(arguments.url) if arguments.url else None
    except ValueError as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    token = sys.stdin.readline().strip() if arguments.token == "-" else arguments.token
    findings = examine(url=url, env_file=arguments.env_file, token=token, idle=arguments.idle)
    found = list(findings) if arguments.json else show(findings, sys.stdout)
    if arguments.json:
        print(as_json(found))
    return 1 if any(finding.level is Level.PROBLEM for finding in found) else 0


def examine(
    *,
    url: Target | None = None,
    env_file: str | None = None,
    token: str | None = None,
    idle: float = 0.0,
    seconds: float = STEP_SECONDS,
) -> Findings:
    """Looks at everything there is to look at.

    :param url: the address that the operator gave.
    :param env_file: the env file; ``None`` for ``./.env``, which may be missing.
    :param token: what to say hello with.
    :param idle: for how many seconds to be silent.
    :param seconds: how long a step may take.
    """
    config = Config()
    try:
        loaded = load(options={}, environ=os.environ, env_file=env_file)
    except ConfigError as error:
        for text in error.problems:
            yield problem("settings", escaped(text), "correct it; a server with these settings does not start")
        if url is None:
            for name, _ in (*HERE, *ANYWHERE):
                yield skipped(name, "needs settings that are accepted")
            return
    else:
        config = loaded.config
        yield from describe_settings(loaded, is_elsewhere=url is not None)
    subject = Subject(config, url=url, token=token, idle=idle, seconds=seconds)
    yield from carry_out(ANYWHERE if url is not None else (*HERE, *ANYWHERE), subject)


def carry_out(checks: Iterable[tuple[str, Check]], subject: Subject) -> Findings:
    """Carries out checks one after the other; none keeps the next from being carried out.

    :param checks: what they are called, and what they do.
    """
    for name, check in checks:
        try:
            yield from check(subject)
        except Stop as stop:
            yield stop.finding
        except Exception as error:
            # Whatever servers answer: the operator gets a report and no traceback.
            yield problem(name, f"the doctor itself failed, of {type(error).__name__}", "report this")


def show(findings: Iterable[Finding], output: TextIO) -> list[Finding]:
    """Prints findings as they come, for people; gives them all in the end.

    :param output: gets colours if it is a terminal, unless ``NO_COLOR`` is set.
    """
    is_coloured = output.isatty() and not os.environ.get("NO_COLOR")
    found = []
    for finding in findings:
        found.append(finding)
        level = f"{finding.level.value:<8}"
        if is_coloured:
            level = f"\x1b[{_COLOURS[finding.level]}m{level}\x1b[0m"
        print(f"{level} {finding.check:<11} {finding.seen}", file=output, flush=True)
        if finding.advice:
            print(f"{'':<20} {finding.advice}", file=output, flush=True)
    print(summary(found), file=output)
    return found


def summary(found: Iterable[Finding]) -> str:
    """How many findings of which kind there are, in a line."""
    counts = Counter(finding.level for finding in found)
    parts = [_count(counts[level], level.value) for level in (Level.PROBLEM, Level.WARNING)]
    return f"{', '.join(parts)}, {counts[Level.OK]} ok, {counts[Level.SKIPPED]} skipped"


def as_json(found: Iterable[Finding]) -> str:
    """The findings for a script: whether there are problems, and each finding."""
    listed = [asdict(finding) for finding in found]
    return json.dumps({"ok": all(each["level"] != Level.PROBLEM for each in listed), "findings": listed}, indent=2)


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_IDLE:
        raise ValueError(text)
    return seconds
