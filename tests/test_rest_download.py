"""Tests of :mod:`jsongle_server.rest_download`, through ``GET /logs``."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import rest_logs
from jsongle_server.rest_download import CHUNK, STALL_LIMIT, open_regular
from tests.rest_support import TOKEN, RestServer, Wire, parse

REQUEST = f"GET /logs HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
LARGE = bytes(range(256)) * (CHUNK // 64)


class LogTests(SynchronousTestCase):
    """Downloading the log file."""

    def setUp(self) -> None:
        """Make a server with a log file of four chunks."""
        self.path = self.mktemp()
        self.write(LARGE)
        self.server = RestServer(admin_token=TOKEN, log_path=self.path)

    def write(self, content: bytes, mode: str = "wb") -> None:
        """Change the log file."""
        with open(self.path, mode) as file:
            file.write(content)

    def asked(self) -> Wire:
        """A connection that has asked and got the first chunk; it is full from then on, as a slow client's would be."""
        wire = self.server.open_wire()
        write = wire.transport.write

        def write_and_be_full(data: bytes) -> None:
            write(data)
            wire.channel.pauseProducing()

        self.patch(wire.transport, "write", write_and_be_full)
        wire.send(REQUEST)
        return wire

    def watch_files(self) -> list[BinaryIO]:
        """The files that are opened from now on."""
        opened: list[BinaryIO] = []

        def spying(path: str) -> tuple[BinaryIO, int]:
            file, size = open_regular(path)
            opened.append(file)
            return file, size

        self.patch(rest_logs, "open_regular", spying)
        return opened

    def take(self, wire: Wire) -> None:
        """Take what is there, again and again, until nothing comes."""
        for _ in range(len(LARGE) // CHUNK + 1):
            wire.channel.resumeProducing()
            wire.work()

    def test_the_file_is_downloaded_whole(self) -> None:
        """Byte for byte, with its true length, as a file to save."""
        answer = self.server.get("/logs")
        self.assertEqual((answer.status, answer.body), (200, LARGE))
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="jsongle-server.log"')

    def test_an_empty_file_is_downloaded(self) -> None:
        """Right after a rotation there is nothing in it."""
        self.write(b"")
        answer = self.server.get("/logs")
        self.assertEqual((answer.status, answer.body, answer.headers["Content-Length"]), (200, b"", "0"))

    def test_a_log_in_json_says_so(self) -> None:
        """One object a line has a type of its own."""
        server = RestServer(admin_token=TOKEN, log_path=self.path, log_format="json")
        self.assertEqual(server.get("/logs").headers["Content-Type"], "application/x-ndjson")

    def test_without_a_file_it_is_not_found(self) -> None:
        """Logging to the console, the file gone, or something else in its place: which setting makes one is told."""
        pipe, missing = self.mktemp(), self.mktemp()
        os.mkfifo(pipe)
        for path in (None, missing, os.path.join(self.path, "x"), pipe, os.getcwd()):
            answer = RestServer(admin_token=TOKEN, log_path=path).get("/logs")
            self.assertEqual((answer.status, answer.json["errorCode"]), (404, 404000))
            self.assertIn("logPath", answer.json["errorMsg"])

    def test_a_file_that_cannot_be_read_is_an_error(self) -> None:
        """The answer says why; that is the operator's to mend, so that the log has no traceback."""
        for error, reason in (
            (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
            (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        ):

            def fail(path: str, error: OSError = error) -> None:
                raise error

            self.patch(rest_logs, "open_regular", fail)
            answer = self.server.get("/logs")
            self.assertEqual(answer.status, 500)
            self.assertEqual(answer.json, {"errorCode": 500001, "errorMsg": f"The log file cannot be read: {reason}"})
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_loop_of_links_is_an_error(self) -> None:
        """The same with a file that the system really cannot open."""
        os.unlink(self.path)
        os.symlink(os.path.basename(self.path), self.path)
        answer = self.server.get("/logs")
        self.assertEqual((answer.status, answer.json["errorCode"]), (500, 500001))
        self.assertRegex(answer.json["errorMsg"], "^The log file cannot be read: .")

    def test_a_file_that_grows_meanwhile_keeps_its_announced_length(self) -> None:
        """What is logged after the request is for the next one."""
        wire = self.asked()
        self.write(b"more", "ab")
        self.take(wire)
        self.assertEqual(parse(wire.read()).body, LARGE)

    def test_a_file_that_is_renamed_meanwhile_is_sent_to_its_end(self) -> None:
        """A rotation takes nothing away from a download."""
        wire = self.asked()
        os.rename(self.path, self.path + ".old")
        self.write(b"new")
        self.take(wire)
        self.assertEqual(parse(wire.read()).body, LARGE)

    def test_a_file_that_is_cut_short_meanwhile_breaks_the_connection(self) -> None:
        """The client would wait for ever for the rest, or take the next answer for it."""
        wire = self.asked()
        self.write(b"")
        self.take(wire)
        self.assertIsNotNone(wire.transport.lost)

    def test_a_file_that_cannot_be_read_on_breaks_the_connection(self) -> None:
        """A disk fails in the middle: the log has it, the client sees that something is missing."""
        opened = self.watch_files()
        wire = self.asked()
        folder = os.open(os.getcwd(), os.O_RDONLY)
        os.dup2(folder, opened[0].fileno())
        os.close(folder)
        self.take(wire)
        self.assertIsNotNone(wire.transport.lost)
        self.assertTrue(opened[0].closed)
        self.assertEqual(len(self.flushLoggedErrors(IsADirectoryError)), 1)

    def test_a_slow_client_is_waited_for(self) -> None:
        """Nothing is read ahead while its connection is full."""
        wire = self.asked()
        sent = len(wire.transport.value())
        self.server.clock.advance(STALL_LIMIT - 1)
        self.assertEqual(len(wire.transport.value()), sent)
        self.assertLess(sent, 2 * CHUNK)
        self.take(wire)
        self.assertEqual(parse(wire.read()).body, LARGE)

    def test_a_client_that_takes_nothing_is_cut_off(self) -> None:
        """After a minute its file and connection are given back."""
        wire = self.asked()
        self.server.clock.advance(STALL_LIMIT)
        wire.work()
        self.assertIsNotNone(wire.transport.lost)

    def test_a_client_that_vanishes_leaves_nothing(self) -> None:
        """Neither a timer nor a word in the log."""
        wire = self.asked()
        wire.channel.stopProducing()
        wire.transport.cut()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_the_connection_goes_on_after_a_download(self) -> None:
        """The next request is answered on it."""
        wire = self.server.open_wire()
        wire.send(REQUEST)
        wire.read()
        wire.send(b"GET /ping HTTP/1.1\r\n\r\n")
        self.assertEqual(parse(wire.read()).json, {"status": "OK"})

    def test_every_file_is_closed(self) -> None:
        """However the download ends: in full, with HEAD, or with the client gone."""
        opened = self.watch_files()
        self.server.get("/logs")
        self.server.open_wire().send(REQUEST.replace(b"GET", b"HEAD"))
        wire = self.asked()
        wire.transport.cut()
        self.assertEqual([file.closed for file in opened], [True, True, True])
