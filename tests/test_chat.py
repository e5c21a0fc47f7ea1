"""The command ``chat``: its options, and in processes of its own against real servers."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
from argparse import ArgumentParser
from threading import Event, Thread
from typing import Any

import jwt
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import __main__, chat
from jsongle_server.chat import is_coloured, make_wishes
from jsongle_server.testing_certificates import make_certificate
from jsongle_server.vocabulary import RoomKind
from tests.daemons import DEADLINE, DaemonCase, SocketClient, port_of, wait_until
from tests.test_doctor import Terminal
from tests.wrong_proxy import WrongProxy

APP_TOKEN = "an-app-token-of-30-characters"


class OptionTests(SynchronousTestCase):
    """What the options mean."""

    def wishes(self, *arguments: str, token: str | None = None) -> Any:
        """What these options ask for."""
        parser = ArgumentParser()
        chat.add_arguments(parser)
        return make_wishes(parser.parse_args(["ws://localhost", *arguments]), token, is_script=True)

    def test_rooms(self) -> None:
        """Rooms of both kinds are joined in the order in which they are given."""
        wishes = self.wishes("--muc", "stage", "--room", "kitchen")
        self.assertEqual(wishes.rooms, (("stage", RoomKind.MUC), ("kitchen", RoomKind.ROOM)))

    def test_uid(self) -> None:
        """Without a uid each start has one of its own; a signed token says who it is for."""
        self.assertNotEqual(self.wishes().uid, self.wishes().uid)
        signed = jwt.encode({"sub": "user_7000"}, "x" * 32, algorithm="HS256")
        self.assertEqual(self.wishes(token=signed).uid, "user_7000")
        self.assertEqual(self.wishes("--uid", "eve", token=signed).uid, "eve")

    def test_token(self) -> None:
        """A token is signed, or may be of either kind; that of the options counts."""
        self.assertEqual(self.wishes("--token", "one", token="two").tokens, {"appToken": "one", "token": "one"})
        self.assertEqual(self.wishes(token="two").tokens, {"appToken": "two", "token": "two"})
        self.assertEqual(self.wishes(token="").tokens, {})
        signed = jwt.encode({"sub": "user_7000"}, "x" * 32, algorithm="HS256")
        self.assertEqual(self.wishes(token=signed).tokens, {"token": signed})

    def test_colours(self) -> None:
        """Colours are for terminals that have some, unless it is asked otherwise."""
        self.patch(os, "environ", {})
        for output, environ, colours in (
            (Terminal(), {}, True),
            (Terminal(), {"NO_COLOR": "1"}, False),
            (Terminal(), {"TERM": "dumb"}, False),
            (io.StringIO(), {}, False),
        ):
            self.patch(sys, "stdout", output)
            self.patch(os, "environ", environ)
            self.assertEqual(is_coloured("auto"), colours)
            self.assertEqual((is_coloured("always"), is_coloured("never")), (True, False))

    def test_wrong_use(self) -> None:
        """What cannot be used gives 2 and a line that says why."""
        errors = io.StringIO()
        self.patch(sys, "stderr", errors)
        self.assertEqual(__main__.main(["chat", "localhost:8080"]), 2)
        self.assertEqual(errors.getvalue(), "chat: an address begins with ws://, wss://, http:// or https://\n")
        for wrong in (["--uid", ""], ["--room", "x" * 257], ["--origin", "a\r\nb"], ["--color", "red"]):
            error = self.assertRaises(SystemExit, __main__.main, ["chat", "ws://localhost", *wrong])
            self.assertEqual(error.code, 2)


class ChatCase(DaemonCase):
    """Starts the command in a process of its own."""

    def chat(self, *arguments: str, **environ: str) -> dict[str, Any]:
        """What to start, for ``subprocess``."""
        command = self.command()
        command["args"] = (sys.executable, "-m", "jsongle_server", "chat", *arguments)
        command["env"] = {**command["env"], "TERM": "xterm-256color", **environ}
        return command

    def script(self, text: str, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Exit status, output and errors of the command with this as its input."""
        command = {**self.chat(*arguments, **environ), "stdin": None}
        done = subprocess.run(
            **{key: value for key, value in command.items() if key != "stdin"},
            input=text.encode(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        self.assertNotIn(b"Traceback", done.stderr)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def partner(self, address: str, rid: str) -> SocketClient:
        """Somebody who is in a room."""
        partner = SocketClient(address)
        self.addCleanup(partner.disconnect)
        partner.hello("bob")
        partner.ask("join", rid=rid)
        return partner


class ScriptTests(ChatCase):
    """In pipes."""

    def test_sends(self) -> None:
        """Lines are sent in order, and when all are acked it ends with 0 and a close frame."""
        address, _ = self.foreground().addresses
        partner = self.partner(address, "kitchen")
        status, output, errors = self.script("one\ntwo\nthree", address, "--uid", "alice", "--room", "kitchen")
        self.assertEqual((status, errors), (0, ""))
        messages = [partner.take_one()["jsongle"] for _ in range(5)]
        self.assertEqual([each["description"].get("content") for each in messages[1:4]], ["one", "two", "three"])
        self.assertEqual(messages[4]["event"], "left")
        self.assertIn("✓ the server has your text “three” to kitchen", output)
        self.assertNotIn("\x1b", output)

    def test_many(self) -> None:
        """More lines than may be sent at once all arrive: it slows down."""
        address, _ = self.foreground("--rateLimit=20", "--rateBurst=10").addresses
        partner = self.partner(address, "kitchen")
        lines = [str(number) for number in range(15)]
        status, _, errors = self.script("\n".join(lines), address, "--room", "kitchen")
        self.assertEqual((status, errors), (0, ""))
        messages = [partner.take_one()["jsongle"]["description"].get("content") for _ in range(16)]
        self.assertEqual(messages[1:], lines)

    def test_raw(self) -> None:
        """An envelope without an answer keeps nothing waiting; one with an answer is not left before it comes."""
        address, _ = self.foreground().addresses
        ignored = '/raw {"to": "jsongle-server", "jsongle": {"action": "session-event", "event": "ack"}}'
        status, output, _ = self.script(
            ignored + '\n/raw {"to": "nobody", "jsongle": {"action": "session-custom"}}\n', address
        )
        self.assertEqual(status, 1)
        self.assertIn('"errorCode": 404002', output)

    def test_refused_token(self) -> None:
        """A refused token ends it with 1 and says so, without the token."""
        address, _ = self.foreground(f"--appToken={APP_TOKEN}").addresses
        status, output, errors = self.script("hi\n", address, "--raw", JSONGLE_TOKEN="wrong but secret")
        self.assertEqual(status, 1)
        self.assertIn("the server does not accept the token, or wants one (401001:", errors)
        self.assertNotIn("secret", output + errors)
        self.assertEqual(self.script("/me\n", address, JSONGLE_TOKEN=APP_TOKEN)[0], 0)

    def test_wrong_places(self) -> None:
        """Each wrong address ends it with 1, in words of its own."""
        address, rest = self.foreground("--corsPolicyOrigin=https://example.org").addresses
        for url, words, *more in (
            (rest, "that is an HTTP server, and no WebSocket is there"),
            ("ws://127.0.0.1:1", "no connection to 127.0.0.1:1: Connection refused"),
            (f"{address}/socket.io/", "404"),
            (address, "403: the server does not let pages of this origin in", "--origin=https://example.net"),
        ):
            status, _, errors = self.script("hi\n", url, *more)
            self.assertEqual(status, 1)
            self.assertIn(words, errors)

    def test_tls(self) -> None:
        """A certificate that nobody vouches for is refused; one that is vouched for is taken."""
        made = make_certificate(name="example.org")
        made.write(self.folder)
        server = self.foreground("--useHTTPS=on", "--key=key.pem", "--cert=cert.pem")
        address, _ = server.addresses
        status, _, errors = self.script("/me\n", address)
        self.assertEqual(status, 1)
        self.assertIn("the certificate of the server is not trusted", errors)
        trusted = str(self.folder / "cert.pem")
        self.assertEqual(self.script("/me\n", address, SSL_CERT_FILE=trusted)[0], 0)
        status, _, errors = self.script("/me\n", address.replace("127.0.0.1", "localhost"), SSL_CERT_FILE=trusted)
        self.assertIn("the certificate is for another name", errors)

    def test_tls_for_nobody(self) -> None:
        """A certificate that is vouched for but does not say whom it is for is no server's."""
        make_certificate(is_named=False).write(self.folder)
        address, _ = self.foreground("--useHTTPS=on", "--key=key.pem", "--cert=cert.pem").addresses
        status, said, errors = self.script("/me\n", address, SSL_CERT_FILE=str(self.folder / "cert.pem"))
        self.assertEqual((status, said), (1, ""))
        self.assertIn("the certificate is for another name", errors)

    def test_reader_gone(self) -> None:
        """Where nobody reads the output any more it ends, and is not noisy about it."""
        address, _ = self.foreground().addresses
        reading, writing = os.pipe()
        os.close(reading)
        command = {**self.chat(address), "stdin": subprocess.PIPE}
        with subprocess.Popen(**command, stdout=writing, stderr=subprocess.PIPE) as process:
            os.close(writing)
            assert process.stderr is not None
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(DEADLINE), 1)


class Screenful:
    """The command on a terminal of its own.

    :param command: what to start.

    :ivar output: what it has written.
    :ivar master: our end of the terminal.
    """

    def __init__(self, command: dict[str, Any]) -> None:
        self.master, slave = pty.openpty()
        self.output = ""
        self._is_closed = Event()
        self.process = subprocess.Popen(
            **{**command, "stdin": slave}, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, text: str) -> None:
        """Types this."""
        os.write(self.master, text.encode())

    def sees(self, text: str) -> None:
        """Waits until this is to be seen."""
        try:
            wait_until(lambda: text in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.output), repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error} in {self.output!r}") from None

    def wait(self) -> int:
        """Waits for the end; the exit status."""
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status

    def close(self) -> None:
        """Makes sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._close_terminal()

    def hang_up(self) -> None:
        """Closes the terminal, of which the system tells whoever runs on it."""
        self._close_terminal()
        self.process.send_signal(signal.SIGHUP)

    def _close_terminal(self) -> None:
        self._is_closed.set()
        self._reader.join(DEADLINE)
        with contextlib.suppress(OSError):  # closed already
            os.close(self.master)

    def _read(self) -> None:
        # A terminal that somebody waits for is not closed by closing it.
        with contextlib.suppress(OSError):  # the other end is closed
            while not self._is_closed.is_set():
                if select.select([self.master], [], [], 0.02)[0]:
                    self.output += os.read(self.master, 65_536).decode("utf-8", "replace")


class TerminalCase(ChatCase):
    """Starts the command on a terminal."""

    def screen(self, *arguments: str, **environ: str) -> Screenful:
        """The command on a terminal."""
        screen = Screenful(self.chat(*arguments, **environ))
        self.addCleanup(screen.close)
        return screen


class TerminalTests(TerminalCase):
    """On a terminal."""

    def test_session(self) -> None:
        """One types, completes, reads and leaves with Ctrl-D, which gives 0 and no traceback."""
        address, _ = self.foreground().addresses
        partner = self.partner(address, "kitchen")
        screen = self.screen(address, "--uid", "alice", "--room", "kitchen")
        screen.sees("you are in kitchen, with bob")
        screen.sees("kitchen>")
        self.assertEqual(partner.take_one()["jsongle"]["event"], "joined")
        screen.type("Tea?\r")
        screen.sees("[kitchen] you: Tea?")
        self.assertEqual(partner.take_one()["jsongle"]["description"]["content"], "Tea?")
        partner.say("kitchen", "session-text", description={"content": "Yes \x1b[31m"})
        screen.sees(r"[kitchen] bob: Yes \x1b[31m")
        screen.type("/memb\t")
        screen.sees("ers")  # of what is on the screen already nothing is drawn again
        screen.type("\r")
        screen.sees("uid bob, identity")
        screen.type("\x04")
        self.assertEqual(screen.wait(), 0)
        self.assertEqual(partner.take_one()["jsongle"]["event"], "ack")
        self.assertEqual(partner.take_one()["jsongle"]["event"], "left")
        self.assertNotIn("Traceback", screen.output)
        self.assertIn("\x1b[1;38;5;", screen.output)
        self.assertNotIn("\x1b[6n", screen.output, "not every terminal can tell where its cursor stands")

    def test_interrupts(self) -> None:
        """Ctrl-C and signals leave cleanly; NO_COLOR keeps colours away."""
        address, _ = self.foreground().addresses
        for number in (None, signal.SIGINT, signal.SIGTERM):
            screen = self.screen(address, NO_COLOR="1")
            screen.sees("nobody>")
            if number is None:
                screen.type("\x03")
            else:
                screen.process.send_signal(number)
            self.assertEqual(screen.wait(), 0, screen.output)
            self.assertNotIn("Traceback", screen.output)
            self.assertNotIn("\x1b[2m", screen.output)

    def test_hangup(self) -> None:
        """A terminal that is closed ends it; nothing is left running."""
        address, _ = self.foreground().addresses
        screen = self.screen(address)
        screen.sees("nobody>")
        wait_until(lambda: screen.output.endswith("\x1b[?25h"), "the prompt")
        screen.hang_up()
        self.assertEqual(screen.process.wait(DEADLINE), 1)

    def test_resume(self) -> None:
        """A cut connection is noticed, told, and made again; the session goes on."""
        address, _ = self.foreground().addresses
        proxy = WrongProxy(port_of(address))
        self.addCleanup(proxy.stop)
        partner = self.partner(address, "kitchen")
        screen = self.screen(f"ws://127.0.0.1:{proxy.port}", "--uid", "alice", "--room", "kitchen")
        screen.sees("you are in kitchen, with bob")
        self.assertEqual(partner.take_one()["jsongle"]["event"], "joined")
        proxy.cut()
        screen.sees("the connection is lost; trying again in")
        screen.sees("back: the session goes on, nothing is lost")
        screen.type("still here\r")
        self.assertEqual(partner.take_one()["jsongle"]["description"]["content"], "still here")

    def test_server_stops(self) -> None:
        """A server that refuses for good ends it with 1, and the terminal is left as it was."""
        address, _ = self.foreground("--maxMessageSize=4096").addresses
        screen = self.screen(address)
        screen.sees("nobody>")
        screen.type('/raw {"to": "x", "jsongle": {"action": "session-text"}, "x": "' + "y" * 3000)
        os.write(screen.master, b"y" * 3000 + b'"}\r')
        screen.sees("that was larger than the server takes (1009")
        self.assertEqual(screen.wait(), 1)
