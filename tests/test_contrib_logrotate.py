"""``contrib/logrotate``: a real rotation under a real daemon, and why it is as it is."""

from __future__ import annotations

import grp
import os
import pwd
import re
from pathlib import Path

from tests.contrib_support import CONTRIB, replaced, run, tool
from tests.daemons import DaemonCase, SocketClient, wait_until


class LogrotateTests(DaemonCase):
    """A daemon with twistd's own log file, whose line it is that a client said hello."""

    def setUp(self) -> None:
        """Starts it, and writes the configuration for its folder and this test's user."""
        super().setUp()
        self.program = tool("logrotate", package="logrotate")
        os.chmod(self.folder, 0o755)
        self.server = self.daemon("--drainTimeout=0")
        names = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
        self.config = self.folder / "rotation"
        text = replaced(
            (CONTRIB / "logrotate/jsongle").read_text(),
            ("/run/jsongle/twistd.pid", str(self.server.pid_file)),
            ("/var/log/jsongle", str(self.folder)),
            ("twistd.log", "server.log"),
            ("jsongle jsongle", names),
        )
        self.config.write_text(text)
        self.config.chmod(0o644)

    def rotate(self, *options: str) -> str:
        """Has logrotate do it, as its timer does."""
        state = str(self.folder / "state")
        status, said = run(self.program, "--state", state, *options, str(self.config))
        self.assertEqual(status, 0, said)
        self.assertNotIn("error", said)
        return said

    def hello(self, uid: str) -> None:
        """Has a client say hello, which the log tells."""
        client = SocketClient(self.server.addresses[0])
        self.addCleanup(client.disconnect)
        client.hello(uid)

    def old(self) -> list[Path]:
        """The files that logrotate made, in order."""
        return sorted(path for path in self.folder.glob("server.log-*"))

    def test_dry_run(self) -> None:
        """logrotate understands every word of it, and finds the file."""
        said = self.rotate("--debug", "--force")
        self.assertIn(f"rotating log {self.folder}/server.log", said)
        self.assertNotIn("unknown", said)

    def test_rotation(self) -> None:
        """What was logged before is in the old file, what comes after in the new one, and neither is lost."""
        self.hello("before-it")
        wait_until(lambda: "be###it" in self.server.log, "the first hello")
        self.rotate("--force")
        wait_until(self.begun, "a new file")
        self.hello("after-it")
        wait_until(lambda: "af###it" in self.server.log, "the second hello")
        (old,) = self.old()
        self.assertIn("be###it", old.read_text())
        self.assertNotIn("be###it", self.server.log)
        self.assertNotIn("af###it", old.read_text())

    def test_what_is_left(self) -> None:
        """After the next time the one before is compressed, and no empty files have piled up."""
        for count in range(3):
            for path in self.old():  # names are a second apart, which is longer than this takes
                path.rename(path.with_name(re.sub(r"-1\d{9}", f"-{count:010}", path.name)))
            self.hello("someone")
            self.rotate("--force")
            wait_until(self.begun, "a new file")
        self.assertLessEqual(len(list(self.folder.glob("server.log.[0-9]*"))), 1)
        self.assertTrue(any(path.suffix == ".gz" for path in self.old()))

    def begun(self) -> bool:
        """Whether the daemon has opened the file that is there."""
        wanted = self.folder / "server.log"
        for descriptor in Path(f"/proc/{self.server.pid}/fd").iterdir():
            try:
                if os.path.samefile(descriptor, wanted):
                    return True
            except FileNotFoundError:
                continue
        return False
