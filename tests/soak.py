"""The soak: a thousand clients on bad connections, and whether any message is lost or doubled.

``make soak`` runs it; it is no test of the default run. The server is a twistd in a process of its own. Half of the
clients are in rooms of five and say something each second; the others are in pairs and call each other, over and over,
from propose to terminate. Every second some connections are lost: reset, reset in the middle of a frame, or left open
while the client comes back over another. A flooder says far more than it may. Each message is numbered for its
recipients, so that every one that is lost, doubled or out of order shows.

Exits with 1 where a client that came back in time lost a message or had one twice, where a message is refused or
unreachable that must not be, or where the server's memory has not come back.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import treq
from twisted.internet.task import LoopingCall, deferLater, react

from tests.soak_users import ROOM_SIZE, Flooder, Ledger, User
from tests.witness import Conversation

CUTS_PER_SECOND: Final = 20
FLOOD_PER_SECOND: Final = 1000
STEPS_PER_SECOND: Final = 20
MEMORY_MARGIN: Final = 1.10
DEADLINE: Final = 60.0

WARM_UP: Final = 15.0
"""Seconds of traffic before memory is measured for the first time."""

# A collection is asked for by a signal. What Python has given back to the C library goes on to the system with it.
_SERVE: Final = """
import ctypes, gc, signal
from twisted.scripts.twistd import run
def collect(*_):
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
signal.signal(signal.SIGUSR2, collect)
run()
"""
_OPTIONS: Final = (
    "--wsPort=0", "--restPort=0", "--wsHost=127.0.0.1", "--restHost=127.0.0.1", "--logLevel=warn",
    "--maxConcurrentUsers=5000",
)  # fmt: skip


class Process:
    """The server in its process.

    :param folder: where it writes.
    """

    def __init__(self, folder: Path) -> None:
        self._console = folder / "console"
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        twistd = ("--nodaemon", "--pidfile=", "--logfile=server.log")
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                (sys.executable, "-c", _SERVE, *twistd, "jsongle", *_OPTIONS),
                cwd=folder, env=environ, stdout=console, stderr=subprocess.STDOUT,
            )  # fmt: skip
        end = time.monotonic() + DEADLINE
        while "REST: " not in self._console.read_text():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"the server did not start: {self._console.read_text()}")
            time.sleep(0.05)
        found = dict(line.split(": ", 1) for line in self._console.read_text().splitlines() if ": " in line)
        self.port = int(found["WebSocket"].rpartition(":")[2].rstrip("/"))
        self.rest = found["REST"].rstrip("/")

    @property
    def rss(self) -> float:
        """Its resident memory, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def collect(self) -> None:
        """Has it collect its garbage."""
        self._process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    async def figure(self, name: str) -> float:
        """The sum of one of its metrics over all labels."""
        text = await (await treq.get(f"{self.rest}/metrics")).text()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a round.

    :ivar late: the uids of those that came back too late.
    :ivar lost: how many messages did not come, those left out that those had a part in.
    :ivar troubles: what users were told that they should not have been.
    """

    users: list[User]
    flooder: Flooder
    ledger: Ledger
    late: set[str] = field(kw_only=True)
    lost: int = field(kw_only=True)
    troubles: Counter[str] = field(kw_only=True)


class Soak:
    """One run.

    :param seconds: how long there is traffic.
    :param clients: how many clients there are.
    """

    def __init__(self, reactor: Any, server: Process, *, seconds: float, clients: int) -> None:
        self._reactor = reactor
        self._server = server
        self._seconds = seconds
        self._clients = clients
        self._cuts: Counter[str] = Counter()
        self._peak = 0.0
        self._turn = 0

    async def run(self) -> bool:
        """Runs; whether all was well."""
        _begin("the first round", WARM_UP)
        await self._round(WARM_UP)
        start = await self._settled_memory()
        self._cuts.clear()
        _begin("the round that counts", self._seconds)
        result = await self._round(self._seconds)
        return await self._report(result, start=start, end=await self._settled_memory())

    async def _round(self, seconds: float) -> Result:
        """Has everybody come, talk for a while and go."""
        ledger = Ledger()
        users = await self._arrive(ledger)
        flooder = Flooder(self._reactor, self._server.port)
        await flooder.arrive()
        loops = LoopingCall(self._step, users, flooder), LoopingCall(self._cut, users)
        done = [loop.start(interval) for loop, interval in zip(loops, (1 / STEPS_PER_SECOND, 1.0), strict=True)]
        await self._sleep(seconds)
        for loop in loops:
            loop.stop()
        for each in done:
            await each
        late = {user.uid for user in users if user.client.began_anew}
        counted = [user for user in users if not late & {user.uid, *user.audience}]
        await self._until(
            lambda: all(user.client.is_live for user in users) and not any(map(ledger.missing, counted)),
            "everything to come",
            fatal=False,
        )
        lost = ledger.lost + sum(map(ledger.missing, counted))
        # Before they go: a call whose other party goes is rightly told to be unreachable.
        troubles = sum((user.troubles for user in users), Counter[str]())
        self._peak = max(self._peak, self._server.rss)
        flooder.leave()
        await self._depart(users)
        return Result(users, flooder, ledger, late=late, lost=lost, troubles=troubles)

    async def _arrive(self, ledger: Ledger) -> list[User]:
        half = self._clients // 2 // ROOM_SIZE * ROOM_SIZE
        half -= half % 2
        users = [
            User(self._reactor, self._server.port, ledger, index, in_room=index < half)
            for index in range(self._clients)
        ]
        for user in users:
            await user.arrive()
        return users

    async def _depart(self, users: list[User]) -> None:
        for user in users:
            user.client.leave()
        await self._until(lambda: all(user.client.wire is None for user in users), "everybody to be gone")

    async def _settled_memory(self) -> float:
        """The server's memory once nobody is connected, two seconds after a collection."""
        end = self._reactor.seconds() + DEADLINE
        while await self._server.figure("jsongle_sessions") or await self._server.figure("jsongle_connections"):
            if self._reactor.seconds() > end:
                raise RuntimeError("the server still has sessions")
            await self._sleep(0.2)
        self._server.collect()
        await self._sleep(2)
        return self._server.rss

    def _step(self, users: list[User], flooder: Flooder) -> None:
        self._turn += 1
        for user in users[self._turn % STEPS_PER_SECOND :: STEPS_PER_SECOND]:
            user.speak()
        flooder.flood(FLOOD_PER_SECOND // STEPS_PER_SECOND)

    def _cut(self, users: list[User]) -> None:
        self._peak = max(self._peak, self._server.rss)
        live = [user.client for user in users if user.client.is_live]
        for client in random.sample(live, min(CUTS_PER_SECOND, len(live))):
            kind = random.choice(("reset", "reset in mid-frame", "left open"))
            self._cuts[kind] += 1
            if kind == "left open":
                client.forsake()
            else:
                client.cut(mid_frame=kind == "reset in mid-frame")

    async def _report(self, result: Result, *, start: float, end: float) -> bool:
        users, flooder, ledger = result.users, result.flooder, result.ledger
        misnumbered = sum(user.client.misnumbered for user in users)
        closes = Counter(flooder.client.closes)
        cuts = ", ".join(f"{count} {kind}" for kind, count in sorted(self._cuts.items()))
        faults = Conversation.audit.faults
        rows = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "clients": f"{len(users)}, for {self._seconds:g} s",
            "cuts": f"{self._cuts.total()} ({cuts})",
            "resumes": str(sum(user.client.resumes for user in users)),
            "came back too late": str(len(result.late)),
            "messages sent": str(ledger.sent.total()),
            "messages delivered": str(ledger.delivered),
            "lost": str(result.lost),
            "duplicated or out of order": str(ledger.doubled),
            "wrong seq": str(misnumbered),
            "errors, unreachable, retracts": str(dict(result.troubles) or 0),
            "not as documented": f"{len(faults)} {faults[:1]}" if faults else "0",
            "sent again by the server": f"{await self._server.figure('jsongle_messages_replayed_total'):.0f}",
            "flooder sent": str(flooder.sent),
            "flooder accepted": str(flooder.accepted),
            "flooder refused": f"{flooder.sent - flooder.accepted} (told {flooder.told} times, closed {dict(closes)})",
            "server memory at the start": f"{start:.1f} MiB",
            "server memory, largest": f"{self._peak:.1f} MiB",
            "server memory at the end": f"{end:.1f} MiB ({end / start - 1:+.1%})",
        }
        for name, text in rows.items():
            print(f"{name + ':':32}{text}")
        is_well = not (result.lost or ledger.doubled or misnumbered or result.troubles or result.late or faults)
        is_limited = set(closes) == {1008} and flooder.accepted < flooder.sent
        return is_well and is_limited and end <= start * MEMORY_MARGIN

    async def _until(self, condition: Callable[[], object], what: str, *, fatal: bool = True) -> None:
        end = self._reactor.seconds() + DEADLINE
        while not condition():
            if self._reactor.seconds() > end:
                print(f"waited in vain for {what}")
                if fatal:
                    raise RuntimeError(what)
                return
            await self._sleep(0.1)

    async def _sleep(self, seconds: float) -> None:
        await deferLater(self._reactor, seconds)


def _begin(name: str, seconds: float) -> None:
    """Says that a round begins; at once, also into a pipe."""
    print(f"{name} begins: {seconds:g} s, and the time to come and go", flush=True)


async def main(reactor: Any, *arguments: str) -> None:
    """Runs the soak and exits with 1 where something was not well."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=1000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        server = Process(Path(folder))
        try:
            is_well = await Soak(reactor, server, seconds=asked.seconds, clients=asked.clients).run()
            log = (Path(folder) / "server.log").read_text()
        finally:
            server.stop()
    if "Traceback" in log:
        print(log)
        is_well = False
    print("well" if is_well else "NOT WELL")
    raise SystemExit(not is_well)


if __name__ == "__main__":
    react(main, sys.argv[1:])
