"""The servers that are measured, and how each is started and ended."""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.raised_limits import RAISED_LIMITS
from jsongle_server.testing_certificates import make_certificate

OWN: Final = "jsongle"
"""The contender that all others are compared with: this server."""

ROOT: Final = Path(__file__).parent.parent
PATIENCE: Final = 20.0
"""Seconds after which a server that does not start, or end, is given up."""

_BARE: Final = ROOT / "benchmarks" / "bare"
NODE_MODULES: Final = _BARE / "node_modules"
_TWISTD: Final = Path(sys.executable).with_name("twistd")
_READY: Final = re.compile(r"^(?:ready |WebSocket: wss?://.*:)(\d+)$", re.MULTILINE)


class NotStarted(Exception):
    """A server does not start."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to be measured.

    :ivar name: what it is called in options and reports.
    :ivar title: what it is.
    :ivar command: what starts it on a free port.
    :ivar wire: what it speaks, one of :data:`benchmarks.load.opening.WIRES`.
    :ivar modules: the Python modules that it needs beyond those of this server.
    :ivar packages: the Node packages that it needs.
    """

    name: str
    title: str
    command: tuple[str, ...]
    wire: str = "plain"
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        found = [module for module in self.modules if importlib.util.find_spec(module) is None]
        if self.packages and shutil.which("node") is None:
            found.append("node")
        return found + [name for name in self.packages if not (NODE_MODULES / name).is_dir()]


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments, "0")


_TWISTD_JSONGLE: Final = (
    sys.executable, str(_TWISTD), "--nodaemon", "--pidfile=", "jsongle",
    "--wsPort=0", "--restPort=0", "--wsHost=127.0.0.1", "--restHost=127.0.0.1",
    *(f"--{name}={value}" for name, value in RAISED_LIMITS.items()),
)  # fmt: skip

CONTENDERS: Final = (
    Contender(OWN, "JSONgle-Server in its default configuration", _TWISTD_JSONGLE),
    Contender(
        "jsongle-tls", "the same with TLS",
        (*_TWISTD_JSONGLE, "--useHTTPS=on", "--cert=cert.pem", "--key=key.pem"),
        wire="tls",
    ),
    Contender("autobahn", "bare relay on stock Autobahn", _python(str(_BARE / "autobahn_relay.py"))),
    Contender(
        "picows", "bare relay on picows and uvloop", _python(str(_BARE / "picows_relay.py")),
        modules=("picows", "uvloop"),
    ),
    Contender("ws", "bare relay on Node's ws", ("node", str(_BARE / "ws_relay.mjs"), "0"), packages=("ws",)),
    Contender(
        "socketio", "bare relay on Node's Socket.IO", ("node", str(_BARE / "socketio_relay.mjs"), "0"),
        wire="socketio", packages=("socket.io",),
    ),
)  # fmt: skip
"""In the order of the reports."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs.

    :ivar pid: its process.
    :ivar port: where it listens.
    """

    pid: int
    port: int


@contextmanager
def started(contender: Contender, *, core: int) -> Iterator[Running]:
    """A server in a process of its own, in a folder with nothing but a certificate; it is ended in the end.

    :param core: the core that it has to keep to.
    :raises NotStarted: it does not.
    """
    with TemporaryDirectory(prefix="benchmark-") as folder, (Path(folder) / "console").open("w+") as console:
        make_certificate().write(Path(folder))
        process = subprocess.Popen(
            contender.command, cwd=folder, env=environment(),
            preexec_fn=lambda: confine(core),  # noqa: PLW1509  (there are no threads here)
            stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield Running(process.pid, _await_port(process, Path(console.name)))
        finally:
            _end(process)


def environment() -> dict[str, str]:
    """The environment of servers and generators: nothing in it configures them."""
    return {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")}


def confine(core: int) -> None:
    """Has this process keep to one core, and have as many connections as it may."""
    os.sched_setaffinity(0, {core})
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def _await_port(process: subprocess.Popen[bytes], console: Path) -> int:
    end = time.monotonic() + PATIENCE
    while not (ready := _READY.search(console.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > end:
            raise NotStarted(f"it does not start: {console.read_text(errors='replace').strip()}")
        time.sleep(0.02)
    return int(ready[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
