"""Tests of :mod:`jsongle_server.log_file`."""

from __future__ import annotations

import json
import os
import sys
from io import StringIO
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from jsongle_server.log_file import LogFile, open_log_file

HOUR = 3600
DAY = 24 * HOUR
NOON = 18_585 * DAY + 12 * HOUR
"""2020-11-19T12:00:00Z."""


class LogFileCase(SynchronousTestCase):
    """A folder, a clock at noon, and the means to open a log and to read it back."""

    def setUp(self) -> None:
        """Make a folder for the log."""
        self.clock = Clock()
        self.clock.advance(NOON)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "server.log"

    def open(self, *, path: Path | None = None, period: int = DAY, keep: int = 7, format_name: str = "text") -> LogFile:
        """Open the log, to be closed after the test."""
        log = open_log_file(
            str(path or self.path), period=period, keep=keep, format_name=format_name, clock=self.clock.seconds
        )
        self.addCleanup(log.close)
        return log

    def event(self, text: str) -> LogEvent:
        """An event of now."""
        return {
            "log_time": self.clock.seconds(),
            "log_level": LogLevel.info,
            "log_namespace": "jsongle_server.service",
            "log_format": "{text}",
            "text": text,
        }

    def messages(self, path: Path | None = None) -> list[str]:
        """The messages in a log file of text lines."""
        return [line.partition("] ")[2] for line in (path or self.path).read_text("utf-8").splitlines()]

    def archives(self) -> list[str]:
        """The names of everything in the folder but the log itself, sorted."""
        return sorted(entry.name for entry in self.folder.iterdir() if entry != self.path)

    def write_days(self, log: LogFile, days: int) -> None:
        """Write one line a day, from today on."""
        for day in range(days):
            log(self.event(f"day {day}"))
            self.clock.advance(DAY)


class WritingTests(LogFileCase):
    """Lines and the file they are in."""

    def test_text_lines(self) -> None:
        """An event is one line, there as soon as it was logged."""
        self.open()(self.event("hé"))
        line = "2020-11-19T12:00:00.000Z [jsongle_server.service#info] hé\n"
        self.assertEqual(self.path.read_text("utf-8"), line)

    def test_percent_signs_are_text(self) -> None:
        """Nothing in a line is taken for a format of the standard library."""
        self.open()(self.event("100%s"))
        self.assertEqual(self.messages(), ["100%s"])

    def test_json_lines(self) -> None:
        """In the other format an event is one JSON object a line."""
        log = self.open(format_name="json")
        log(self.event("one"))
        log(self.event("two"))
        lines = self.path.read_text("utf-8").splitlines()
        self.assertEqual([json.loads(line)["message"] for line in lines], ["one", "two"])

    def test_silent_event_writes_nothing(self) -> None:
        """An event with nothing to say leaves no line."""
        self.open()({"log_format": ""})
        self.assertEqual(self.path.read_text("utf-8"), "")

    def test_restart_appends(self) -> None:
        """A log that is there is gone on with."""
        for text in ("before", "after"):
            log = self.open()
            log(self.event(text))
            log.close()
        self.assertEqual(self.messages(), ["before", "after"])

    def test_path_is_absolute(self) -> None:
        """A relative path means the folder of the start, wherever the daemon goes later."""
        self.assertEqual(self.open(path=self.path.relative_to(Path.cwd())).path, str(self.path))

    def test_unwritable_path_raises_at_once(self) -> None:
        """A path that cannot be opened is the caller's to report, before anything is logged."""
        self.assertRaises(OSError, self.open, path=self.folder / "missing" / "server.log")
        self.assertRaises(OSError, self.open, path=self.folder)

    def test_mode_is_for_owner_and_group(self) -> None:
        """Every file it makes has mode 0640, whatever the umask of the moment, that of a daemon for one."""
        former = os.umask(0o022)
        self.addCleanup(os.umask, former)
        log = self.open()
        log(self.event("one"))
        os.umask(0o077)
        self.clock.advance(DAY)
        log(self.event("two"))
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in self.folder.iterdir()}
        self.assertEqual(modes, {"server.log": 0o640, "server.log.2020-11-19_00-00-00": 0o640})

    def test_mode_of_an_existing_file_is_left(self) -> None:
        """What an administrator set stays."""
        self.path.touch()
        self.path.chmod(0o600)
        self.open()(self.event("one"))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_close_lets_go_of_the_file(self) -> None:
        """A closed log holds no descriptor."""
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
        if before is None:
            raise SkipTest("no /proc here")
        log = self.open()
        log(self.event("one"))
        log.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class RotationTests(LogFileCase):
    """A new file each period."""

    def test_same_period_same_file(self) -> None:
        """Until a period is over nothing is turned: a day lasts until midnight UTC."""
        log = self.open()
        log(self.event("noon"))
        self.clock.advance(12 * HOUR - 1)
        log(self.event("a second to midnight"))
        self.assertEqual(self.archives(), [])

    def test_next_period_begins_a_file(self) -> None:
        """The first line of a period begins a file; the old one is named for when its period began."""
        log = self.open()
        log(self.event("thursday"))
        self.clock.advance(12 * HOUR)
        log(self.event("friday"))
        self.assertEqual(self.archives(), ["server.log.2020-11-19_00-00-00"])
        self.assertEqual(self.messages(self.folder / "server.log.2020-11-19_00-00-00"), ["thursday"])
        self.assertEqual(self.messages(), ["friday"])

    def test_archives_sort_by_time(self) -> None:
        """In the order of their names the archives tell the story in order."""
        log = self.open(period=60)
        for minute in range(4):
            log(self.event(str(minute)))
            self.clock.advance(60)
        told = [self.messages(self.folder / name) for name in self.archives()]
        self.assertEqual(told, [["0"], ["1"], ["2"]])

    def test_quiet_periods_leave_no_archive(self) -> None:
        """Periods without a line are skipped, and the next turn is at the end of the current one."""
        log = self.open()
        log(self.event("thursday"))
        self.clock.advance(3 * DAY)
        log(self.event("sunday"))
        self.clock.advance(12 * HOUR)
        log(self.event("monday"))
        self.assertEqual(self.archives(), ["server.log.2020-11-19_00-00-00", "server.log.2020-11-22_00-00-00"])

    def test_restart_within_a_period_keeps_its_end(self) -> None:
        """A restart does not lengthen the period: the file of the morning still ends at midnight."""
        self.path.write_text("")
        os.utime(self.path, (NOON - 6 * HOUR, NOON - 6 * HOUR))
        log = self.open()
        log(self.event("noon"))
        self.assertEqual(self.archives(), [])
        self.clock.advance(12 * HOUR)
        log(self.event("midnight"))
        self.assertEqual(self.archives(), ["server.log.2020-11-19_00-00-00"])

    def test_restart_after_the_period_turns(self) -> None:
        """A file that was last written in an earlier period is archived under that one."""
        self.path.write_text("old\n")
        os.utime(self.path, (NOON - DAY, NOON - DAY))
        self.open()(self.event("noon"))
        self.assertEqual(self.archives(), ["server.log.2020-11-18_00-00-00"])

    def test_keeps_the_newest(self) -> None:
        """As many old files are kept as configured, the newest ones."""
        self.write_days(self.open(keep=2), 5)
        self.assertEqual(self.archives(), ["server.log.2020-11-21_00-00-00", "server.log.2020-11-22_00-00-00"])

    def test_keeping_none_keeps_none(self) -> None:
        """With 0 no old file stays, nor those that an earlier configuration kept."""
        log = self.open(keep=7)
        self.write_days(log, 3)
        log.close()
        os.utime(self.path, (self.clock.seconds() - DAY, self.clock.seconds() - DAY))
        self.open(keep=0)(self.event("last"))
        self.assertEqual(self.archives(), [])
        self.assertEqual(self.messages(), ["last"])

    def test_deletes_only_its_own(self) -> None:
        """Files of other logs, and what somebody made of an archive, are not touched."""
        others = [
            "other.log.2020-01-01_00-00-00",
            "server.log-old.2020-01-01_00-00-00",
            "server.log.2020-01-01_00-00-00.gz",
            "server.log.copy",
        ]
        for name in others:
            (self.folder / name).touch()
        (self.folder / "server.log.2020-01-01_00-00-00").touch()
        self.write_days(self.open(keep=0), 3)
        self.assertEqual(self.archives(), others)

    def test_archive_that_cannot_be_deleted_costs_no_line(self) -> None:
        """A failing deletion neither stops the log nor loses a line."""
        (self.folder / "server.log.2020-01-01_00-00-00").mkdir()
        self.write_days(self.open(keep=1), 3)
        self.assertEqual(self.messages(), ["day 2"])
        self.assertEqual(self.messages(self.folder / "server.log.2020-11-20_00-00-00"), ["day 1"])

    def test_file_that_cannot_be_turned_is_gone_on_with(self) -> None:
        """Where the archive cannot be made the log goes on in the same file, and turns when it can again."""
        log = self.open()
        log(self.event("thursday"))
        (self.folder / "server.log.2020-11-19_00-00-00").mkdir()
        self.clock.advance(DAY)
        log(self.event("friday"))
        log(self.event("friday evening"))
        self.assertEqual(self.messages(), ["thursday", "friday", "friday evening"])
        self.clock.advance(DAY)
        log(self.event("saturday"))
        self.assertEqual(self.messages(), ["saturday"])

    def test_device_is_never_turned(self) -> None:
        """A log into a device or a pipe has no archives."""
        log = self.open(path=Path(os.devnull), period=60)
        log(self.event("one"))
        self.clock.advance(120)
        log(self.event("two"))
        self.assertFalse(os.path.isfile(log.path))


class BadDiskTests(LogFileCase):
    """A log that cannot be written."""

    def full(self, *, format_name: str = "text") -> LogFile:
        """Open a log on a disk that is full from the start."""
        if not os.path.exists("/dev/full"):
            raise SkipTest("no /dev/full here")
        self.path.symlink_to("/dev/full")
        return self.open(format_name=format_name)

    def test_full_disk_never_raises(self) -> None:
        """Whoever logs does not learn that the disk is full, nor does stderr, which is a log itself under twistd."""
        stderr = StringIO()
        self.patch(sys, "stderr", stderr)
        log = self.full()
        for _ in range(3):
            log(self.event("lost"))
        self.assertEqual(stderr.getvalue(), "")

    def test_lines_go_on_when_the_disk_is_back(self) -> None:
        """The first line that can be written again comes after a notice of how many are missing, and why."""
        log = self.full()
        log(self.event("lost"))
        log(self.event("lost too"))
        self.path.unlink()
        log(self.event("back"))
        log(self.event("again"))
        notice, *rest = self.messages()
        self.assertEqual(notice, "events lost before this one: 2 ([Errno 28] No space left on device)")
        self.assertEqual(rest, ["back", "again"])

    def test_notice_is_json_too(self) -> None:
        """The notice keeps the format of the log."""
        log = self.full(format_name="json")
        log(self.event("lost"))
        self.path.unlink()
        log(self.event("back"))
        entries = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]
        self.assertEqual([(entry["level"], entry.get("lost")) for entry in entries], [("warn", 1), ("info", None)])

    def test_deleted_file_is_made_again(self) -> None:
        """A log that somebody deleted or moved away is begun again with the next line."""
        log = self.open()
        log(self.event("one"))
        self.path.rename(self.folder / "moved")
        log(self.event("two"))
        self.assertEqual(self.messages(), ["two"])
        self.assertEqual(self.messages(self.folder / "moved"), ["one"])

    def test_path_that_cannot_be_looked_at_costs_no_line(self) -> None:
        """Where the path no longer leads anywhere (here: in circles), the file that is open goes on being written."""
        log = self.open()
        log(self.event("one"))
        self.path.rename(self.folder / "moved")
        self.path.symlink_to(self.path)
        log(self.event("two"))
        self.assertEqual(self.messages(self.folder / "moved"), ["one", "two"])

    def test_file_deleted_across_a_period_begins_in_the_new_one(self) -> None:
        """A log that begins again in a later period belongs to that one, and turns at its end."""
        log = self.open()
        log(self.event("thursday"))
        self.path.unlink()
        self.clock.advance(DAY)
        log(self.event("friday"))
        log(self.event("friday evening"))
        self.assertEqual((self.messages(), self.archives()), (["friday", "friday evening"], []))

    def test_deleted_folder_loses_lines_until_it_is_back(self) -> None:
        """A folder that is gone is waited for."""
        log = self.open()
        log(self.event("one"))
        self.path.unlink()
        self.folder.rmdir()
        log(self.event("lost"))
        self.folder.mkdir()
        log(self.event("back"))
        self.assertEqual(self.messages()[-1], "back")
        self.assertIn("lost before this one: 1", self.messages()[0])
