"""What SIGHUP, SIGINT and SIGTERM do to a server that ``twistd jsongle`` runs, in the process of the tests."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from tests.test_tap import TapCase, reactor


class ReloadTests(TapCase):
    """SIGHUP: what is read again, and what of it is not accepted."""

    def setUp(self) -> None:
        """Listens to what is logged."""
        super().setUp()
        self.lines: list[str] = []
        hear = cast(ILogObserver, self.hear)
        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)

    def hear(self, event: LogEvent) -> None:
        """Keeps a line with its level."""
        self.lines.append(f"{event['log_level'].name} {formatEvent(event)}")

    async def hup(self) -> list[str]:
        """Sends the signal; what is logged of it."""
        self.lines.clear()
        signal.raise_signal(signal.SIGHUP)
        await deferLater(reactor, 0, lambda: None)
        return list(self.lines)

    async def test_file_that_came_later_and_has_gone(self) -> None:
        """A file that was read once must be there from then on, also where there was none at the start."""
        server = self.started()
        self.assertEqual(await self.hup(), ["info reloaded; changed: nothing"])
        path = Path(".env").absolute()
        path.write_text("maxRoomsPerUser=7\n")
        self.assertEqual(await self.hup(), ["info reloaded; changed: maxRoomsPerUser"])
        path.unlink()
        gone = f"error not reloaded: {path} cannot be read: No such file or directory"
        self.assertEqual((await self.hup(), await self.hup()), ([gone], [gone]))
        self.assertEqual(server._config.max_rooms_per_user, 7)

    async def test_link_that_leads_nowhere(self) -> None:
        """A link to nothing, or to itself, is a mistake, also where there was no file at the start."""
        self.started()
        path = Path(".env").absolute()
        for target, reason in (
            ("nowhere", "No such file or directory"),
            (".env", "Too many levels of symbolic links"),
        ):
            path.symlink_to(target)
            self.assertEqual(await self.hup(), [f"error not reloaded: {path} cannot be read: {reason}"])
            path.unlink()

    async def test_pipe(self) -> None:
        """A pipe in the place of the file is refused; the server does not wait for somebody to write to it."""
        path = Path(".env").absolute()
        path.write_text("")
        self.started()
        path.unlink()
        os.mkfifo(path)
        self.assertEqual(await self.hup(), [f"error not reloaded: {path} cannot be read: it is not a file"])

    async def test_folder_that_has_gone(self) -> None:
        """Where the folder has gone in which the server works, one line says so, and nothing changes."""
        server = self.started()
        shutil.rmtree(os.getcwd())
        (line,) = await self.hup()
        self.assertEqual(
            line, "error not reloaded: the folder that the server works in cannot be found: No such file or directory"
        )
        self.assertTrue(server.running)

    async def test_mistyped(self) -> None:
        """A name that is probably mistyped is warned about each time that the file is read."""
        self.started()
        path = Path(".env").absolute()
        path.write_text("maxRoomPerUser=7\n")
        warning = f"warn {path} line 1: 'maxRoomPerUser' is not a setting; did you mean 'maxRoomsPerUser'?"
        for _ in range(2):
            self.assertEqual(await self.hup(), [warning, "info reloaded; changed: nothing"])


class StopSignalTests(TapCase):
    """SIGINT and SIGTERM, from the moment on in which the reactor runs."""

    def setUp(self) -> None:
        """Notes what becomes of the signals instead of stopping the reactor of the tests."""
        super().setUp()
        self.happened: list[str] = []
        for number, name in ((signal.SIGINT, "sigInt"), (signal.SIGTERM, "sigTerm")):
            note = self.noting(name)
            self.patch(reactor, name, note)
            signal.signal(number, note)
        self.waiting: list[Callable[[], None]] = []
        self.patch(reactor, "callFromThread", lambda call, *given: self.waiting.append(lambda: call(*given)))

    def noting(self, name: str) -> Callable[..., None]:
        """Something to call, which notes that it was called."""

        def note(*arguments: object) -> None:
            self.happened.append(name)

        return note

    def start(self) -> None:
        """Starts a server, and the reactor as far as signals are concerned."""
        self.patch(self.started(), "hurry", self.noting("hurry"))
        for call in self.when_running:
            call()

    def turn(self) -> None:
        """Has the reactor do what it was asked to do from outside."""
        while self.waiting:
            self.waiting.pop(0)()

    def test_before_the_reactor_runs(self) -> None:
        """From the moment on in which the addresses are printed, they stop the server rather than end the process."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.started()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(self.happened, ["sigInt", "sigTerm"])

    def test_first_and_later(self) -> None:
        """The first is the reactor's to handle, and each later one has the server hurry, whichever they are."""
        self.start()
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
            self.turn()
        self.assertEqual(self.happened, ["sigTerm", "hurry", "hurry"])

    def test_at_once(self) -> None:
        """Which one is the first is decided where no signal interrupts, and so not in a handler."""
        self.start()
        for number in (signal.SIGTERM, signal.SIGTERM):
            signal.raise_signal(number)
        self.assertEqual(self.happened, [])
        self.turn()
        self.assertEqual(self.happened, ["sigTerm", "hurry"])

    def test_stop_without_a_signal(self) -> None:
        """Once the reactor stops for another reason, the first has the server hurry too."""
        triggers: list[tuple[str, str, Callable[[], None]]] = []
        self.patch(reactor, "addSystemEventTrigger", lambda *trigger: triggers.append(trigger))
        self.start()
        for phase, event, call in triggers:
            self.assertEqual((phase, event), ("before", "shutdown"))
            call()
        signal.raise_signal(signal.SIGINT)
        self.turn()
        self.assertEqual(self.happened, ["hurry"])

    def test_what_others_have_set_up(self) -> None:
        """A signal that the reactor leaves to others is left to them here as well."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.start()
        self.assertEqual(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
