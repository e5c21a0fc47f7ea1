"""Sources of settings: which wins, how each is named, what is said of a bad env file, and what is shown."""

from __future__ import annotations

import dataclasses
import os
import socket
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config, ConfigError
from jsongle_server.config_sources import MASK, Loaded, describe, load
from jsongle_server.config_table import SETTINGS

TOKEN = "0123456789abcdef"


class SourceCase(SynchronousTestCase):
    """Helpers to load from an env file of given content."""

    def write(self, content: str | bytes) -> str:
        """Make an env file and give its path."""
        path = str(self.mktemp())
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load_file(self, content: str | bytes) -> Loaded:
        """Load from an env file alone."""
        self.path = self.write(content)
        return load(options={}, environ={}, env_file=self.path)

    def file_problems(self, content: str | bytes) -> tuple[str, ...]:
        """Give the problems of an env file that cannot be used."""
        error: ConfigError = self.assertRaises(ConfigError, self.load_file, content)
        return error.problems


class StrengthTests(SourceCase):
    """Options, then the environment, then the env file, then the defaults."""

    def test_each_source_in_turn(self) -> None:
        """The strongest source that gives a setting wins, and ``origins`` tells which it was."""
        path = self.write("wsPort=4\nrestPort=5\nid=six\n")
        loaded = load(
            options={"wsPort": "1", "restPort": None}, environ={"wsPort": "2", "restPort": "3"}, env_file=path
        )
        config = loaded.config
        self.assertEqual((config.ws_port, config.rest_port, config.id, config.log_format), (1, 3, "six", "text"))
        self.assertEqual(loaded.origins["wsPort"], "option")
        self.assertEqual(loaded.origins["restPort"], "environment")
        self.assertEqual(loaded.origins["id"], path)
        self.assertEqual(loaded.origins["logFormat"], "default")

    def test_origins_know_every_setting(self) -> None:
        """Every setting has an origin, in table order."""
        self.assertEqual(list(self.load_file("").origins), [setting.name for setting in SETTINGS])

    def test_strength_counts_before_names(self) -> None:
        """An alias in a stronger source wins over the name in a weaker one."""
        path = self.write("logLevel=fatal\n")
        loaded = load(options={"logDefaultLevel": "debug"}, environ={"logLevel": "error"}, env_file=path)
        self.assertEqual(loaded.config.log_level, "debug")
        loaded = load(options={}, environ={"logDefaultLevel": "warn"}, env_file=path)
        self.assertEqual((loaded.config.log_level, loaded.origins["logLevel"]), ("warn", "environment"))

    def test_name_before_alias_in_one_source(self) -> None:
        """Within a source the name wins, without a word."""
        loaded = self.load_file("logLevel=error\nlogDefaultLevel=debug\n")
        self.assertEqual((loaded.config.log_level, loaded.warnings), ("error", ()))

    def test_empty_text_is_a_text(self) -> None:
        """An empty variable in the environment turns off what the file sets."""
        loaded = load(options={}, environ={"adminToken": ""}, env_file=self.write(f"adminToken={TOKEN}\n"))
        self.assertEqual((loaded.config.admin_token, loaded.origins["adminToken"]), (None, "environment"))

    def test_only_what_wins_is_checked(self) -> None:
        """A bad text in a weaker source does no harm."""
        loaded = load(options={"wsPort": "1"}, environ={"wsPort": "x"}, env_file=self.write(""))
        self.assertEqual(loaded.config.ws_port, 1)

    def test_environment_names_are_exact(self) -> None:
        """Variables of other spellings are other programs' business."""
        loaded = load(options={}, environ={"WSPORT": "1", "WS_PORT": "2", "ID": "x"}, env_file=self.write(""))
        self.assertEqual((loaded.config, loaded.warnings), (Config(), ()))


class ProblemTests(SourceCase):
    """Problems name their source."""

    def test_sources_are_named(self) -> None:
        """Each bad setting says where it is from; all sources are reported at once, in table order."""
        path = self.write("# ports\n\nrestPort=\n")
        error = self.assertRaises(
            ConfigError, load, options={"id": ""}, environ={"wsPort": "abc", "logDefaultLevel": "x"}, env_file=path
        )
        self.assertEqual(
            [problem.split(": ")[0] for problem in error.problems],
            [
                "wsPort (from the environment)",
                f"restPort (from {path}, line 3)",
                "logDefaultLevel (from the environment)",
                "id (option --id)",
            ],
        )

    def test_clash_names_both_sources(self) -> None:
        """A clash between settings says where both come from."""
        error = self.assertRaises(
            ConfigError, load, options={"wsPort": "9"}, environ={"restPort": "9"}, env_file=self.write("")
        )
        self.assertIn("wsPort (option --wsPort) and restPort (from the environment): ", str(error))

    def test_file_and_values_together(self) -> None:
        """What is wrong with the file's form is reported along with bad values."""
        problems = self.file_problems("wsPort=abc\nrest Port=1\n")
        self.assertEqual(len(problems), 2)
        self.assertTrue(problems[0].startswith(f"{self.path}, line 2: "))


class EnvFileTests(SourceCase):
    """Finding, decoding and parsing the env file."""

    def enter_directory(self) -> None:
        """Work in an empty directory until the test is over."""
        self.addCleanup(os.chdir, os.getcwd())
        directory = self.mktemp()
        os.makedirs(directory)
        os.chdir(directory)

    def test_default_file(self) -> None:
        """Without a name, ``.env`` of the current directory is read."""
        self.enter_directory()
        Path(".env").write_text("wsPort=1\n", encoding="utf-8")
        loaded = load(options={}, environ={}, env_file=None)
        self.assertEqual((loaded.config.ws_port, loaded.origins["wsPort"]), (1, ".env"))

    def test_default_file_may_be_missing(self) -> None:
        """Without ``.env`` the defaults hold."""
        self.enter_directory()
        self.assertEqual(load(options={}, environ={}, env_file=None).config, Config())

    def test_named_file_may_be_missing(self) -> None:
        """So do they without a file that was named, where its absence is allowed."""
        loaded = load(options={}, environ={}, env_file=self.mktemp(), may_be_missing=True)
        self.assertEqual(loaded.config, Config())

    def test_whether_there_is_a_file(self) -> None:
        """It is known whether there was a file to read, empty or not."""
        self.assertTrue(self.load_file("").has_env_file)
        self.enter_directory()
        self.assertFalse(load(options={}, environ={}, env_file=None).has_env_file)

    def test_link_that_leads_nowhere(self) -> None:
        """A link to a file that is missing, or to itself, is a mistake where a file that is missing is none."""
        self.enter_directory()
        for target in ("nowhere", ".env"):
            Path(".env").symlink_to(target)
            error = self.assertRaises(ConfigError, load, options={}, environ={}, env_file=None)
            self.assertTrue(error.problems[0].startswith(".env cannot be read: "))
            Path(".env").unlink()

    def test_default_file_is_a_directory(self) -> None:
        """A ``.env`` that cannot be read is not passed over."""
        self.enter_directory()
        os.mkdir(".env")
        error = self.assertRaises(ConfigError, load, options={}, environ={}, env_file=None)
        self.assertTrue(error.problems[0].startswith(".env cannot be read: "))

    def test_named_file_is_missing(self) -> None:
        """A file that was asked for has to be there, and other problems are still listed."""
        error = self.assertRaises(ConfigError, load, options={"wsPort": "x"}, environ={}, env_file="no/such/file")
        self.assertEqual(error.problems[0], "no/such/file cannot be read: No such file or directory")
        self.assertEqual(len(error.problems), 2)

    def test_what_is_no_file(self) -> None:
        """Empty names and names that no file can have are problems, not tracebacks."""
        for name in ("", "a\x00b", "\ud800"):
            error = self.assertRaises(ConfigError, load, options={}, environ={}, env_file=name)
            self.assertIn("cannot be read: ", error.problems[0])

    def test_not_a_file(self) -> None:
        """Directories, devices, sockets and pipes are refused; nothing waits for somebody to write to a pipe."""
        self.enter_directory()
        os.mkfifo("pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket")
        for name in (os.curdir, os.devnull, "socket", "pipe"):
            error = self.assertRaises(ConfigError, load, options={}, environ={}, env_file=name)
            self.assertEqual(error.problems, (f"{name} cannot be read: it is not a file",))

    def test_not_utf8(self) -> None:
        """Bytes that are not UTF-8 are a problem of the file."""
        self.assertEqual(self.file_problems(b"id=caf\xe9\n"), (f"{self.path} cannot be read: it is not UTF-8 text",))

    def test_byte_order_mark(self) -> None:
        """What some editors put before the text does not hide the first setting."""
        self.assertEqual(self.load_file(b"\xef\xbb\xbfwsPort=1\r\n").config.ws_port, 1)

    def test_syntax(self) -> None:
        """Comments, ``export``, blanks, quotes and Windows line ends are understood."""
        config = self.load_file(
            "# ports\r\nexport wsPort = 1 # first\r\n\r\nrestPort='2'\r\nid=\"a #1\"\r\nwsHost= # all\r\n"
        ).config
        self.assertEqual((config.ws_port, config.rest_port, config.id, config.ws_host), (1, 2, "a #1", ""))

    def test_no_interpolation(self) -> None:
        """What is written is the value."""
        self.assertEqual(self.load_file("id=${HOME}-x\n").config.id, "${HOME}-x")

    def test_malformed_lines(self) -> None:
        """Every line that cannot be read is a problem with its own number, and does not show what it holds."""
        problems = self.file_problems(f"\n\nws port=1\nid=fine\n\nadminToken='{TOKEN}\n")
        expected = "not of the form NAME=VALUE, or a quote is not closed"
        self.assertEqual(problems, (f"{self.path}, line 3: {expected}", f"{self.path}, line 6: {expected}"))

    def test_setting_without_a_value(self) -> None:
        """A known name alone on its line, or before a colon, is a problem; an unknown one is not."""
        expected = "has no value; NAME=VALUE gives it one"
        self.assertEqual(
            self.file_problems("wsPort\nother\nid:x\n"),
            (f"{self.path}, line 1: 'wsPort' {expected}", f"{self.path}, line 3: 'id' {expected}"),
        )

    def test_set_twice(self) -> None:
        """Of a setting given twice the last counts, and a warning says so."""
        loaded = self.load_file("wsPort=1\nid=x\nwsPort=2\n")
        self.assertEqual(loaded.config.ws_port, 2)
        self.assertEqual(
            loaded.warnings, (f"{self.path} line 3: 'wsPort' is already set on line 1; the last one counts",)
        )

    @settings(deadline=None)
    @given(st.binary() | st.text().map(str.encode))
    def test_any_content(self, content: bytes) -> None:
        """Any file gives a configuration or a ConfigError."""
        path = self.mktemp()
        Path(path).write_bytes(content)
        try:
            load(options={}, environ={}, env_file=path)
        except ConfigError as error:
            self.assertTrue(error.problems)


class TypoTests(SourceCase):
    """Unknown names in the env file that were probably meant for a setting."""

    def meant(self, name: str) -> str | None:
        """Give the setting that a warning proposes for a name, if there is a warning."""
        loaded = self.load_file(f"{name}=1\n")
        self.assertEqual(loaded.config, Config())
        if not loaded.warnings:
            return None
        (warning,) = loaded.warnings
        start = f"{self.path} line 1: {name!r} is not a setting; did you mean '"
        self.assertTrue(warning.startswith(start) and warning.endswith("'?"), warning)
        return warning.removeprefix(start).removesuffix("'?")

    def test_other_spellings(self) -> None:
        """Case, underscores, hyphens and the product's name before it do not hide what is meant."""
        for name, meant in {
            "wsport": "wsPort",
            "WS_PORT": "wsPort",
            "rest-port": "restPort",
            "JSONGLE_WS_PORT": "wsPort",
            "JSONGLE_SERVER_ID": "id",
            "LOG_DEFAULT_LEVEL": "logDefaultLevel",
        }.items():
            self.assertEqual(self.meant(name), meant, name)

    def test_mistyped(self) -> None:
        """A letter missing, doubled, wrong or in the wrong place."""
        for name, meant in {
            "wsprt": "wsPort",
            "wsPortt": "wsPort",
            "wsProt": "wsPort",
            "lgoLevel": "logLevel",
            "maxConcurentUsers": "maxConcurrentUsers",
            "adminTokn": "adminToken",
            "crosPolicyOrigin": "corsPolicyOrigin",
        }.items():
            self.assertEqual(self.meant(name), meant, name)

    def test_names_of_other_tools(self) -> None:
        """A file shared with other tools gives no warnings for theirs."""
        for name in ("DATABASE_URL", "PORT", "HOST", "uid", "NODE_ENV", "REDIS_HOST", "DEBUG", "JSONGLE", "x"):
            self.assertIsNone(self.meant(name), name)


class DescribeTests(SourceCase):
    """The text of ``--check-config``."""

    def test_lines(self) -> None:
        """One line a setting, in table order, with value and source; quotes where a value needs them."""
        loaded = load(options={"id": "it's #1"}, environ={"logFilePeriod": "24h"}, env_file=self.write("wsPort=80\n"))
        lines = describe(loaded).splitlines()
        self.assertEqual([line.split(" = ")[0] for line in lines], [setting.name for setting in SETTINGS])
        self.assertEqual(lines[0], f"wsPort = 80   # {loaded.origins['wsPort']}")
        self.assertEqual(lines[1], "restPort = 8081   # default")
        self.assertIn("wsHost = ''   # default", lines)
        self.assertIn("id = 'it\\'s #1'   # option", lines)
        self.assertIn("logFilePeriod = 1d   # environment", lines)

    def test_secrets_are_masked(self) -> None:
        """A token is shown as a mask, and none as empty."""
        text = describe(load(options={"adminToken": TOKEN}, environ={}, env_file=self.write("")))
        self.assertNotIn(TOKEN, text)
        self.assertIn(f"adminToken = {MASK}   # option", text)
        self.assertIn("adminToken = ''   # default", describe(self.load_file("")))

    def test_mask_is_not_accepted_back(self) -> None:
        """A mask that was copied into an env file does not become the token."""
        self.assertEqual(len(self.file_problems(f"adminToken={MASK}\n")), 1)

    def test_path_stays_on_its_line(self) -> None:
        """A strange name of an env file cannot break a line in two."""
        path = self.mktemp() + "\nwsPort = 1"
        Path(path).write_text("id=x\n", encoding="utf-8")
        self.assertEqual(len(describe(load(options={}, environ={}, env_file=path)).splitlines()), len(SETTINGS))

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from([setting.name for setting in SETTINGS if not setting.secret]), st.text()))
    def test_read_back(self, texts: dict[str, str]) -> None:
        """Whatever is accepted is described in a form that gives the same configuration."""
        try:
            loaded = load(options=texts, environ={}, env_file=self.write(""))
        except ConfigError:
            return
        path = self.write(describe(loaded))
        self.assertEqual(load(options={}, environ={}, env_file=path).config, loaded.config)

    def test_read_back_by_example(self) -> None:
        """The same, with values that all need care."""
        options = {
            "id": "a\\'\"# ${b} ü\\n",
            "logPath": self.mktemp() + " #'x",
            "corsPolicyOrigin": "http://[::1]:81 https://a.example",
            "helloTimeout": "0.00001",
            "wsHost": "::1",
        }
        os.makedirs(os.path.dirname(options["logPath"]), exist_ok=True)
        loaded = load(options=options, environ={}, env_file=self.write(""))
        back = load(options={}, environ={}, env_file=self.write(describe(loaded)))
        self.assertEqual(dataclasses.asdict(back.config), dataclasses.asdict(loaded.config))
